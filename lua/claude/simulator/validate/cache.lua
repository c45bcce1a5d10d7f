--- Cache breakpoints: how many, in which order, and on what.
local M = {}

--- Every breakpoint in the order of the prompt: tools, system, messages.
local function breakpoints(request)
  local found = {}
  local function add(control, path)
    if control then found[#found + 1] = { ttl = control.ttl or "5m", path = path } end
  end
  for index, tool in ipairs(request.tools or {}) do
    add(tool.cache_control, ("tools.%d"):format(index - 1))
  end
  if type(request.system) == "table" then
    for index, block in ipairs(request.system) do
      add(block.cache_control, ("system.%d"):format(index - 1))
    end
  end
  for at, message in ipairs(request.messages) do
    for index, block in ipairs(message.content) do
      local path = ("messages.%d.content.%d"):format(at - 1, index - 1)
      add(block.cache_control, path)
      if block.type == "tool_result" and type(block.content) == "table" then
        for place, part in ipairs(block.content) do
          add(part.cache_control, ("%s.content.%d"):format(path, place - 1))
        end
      end
    end
  end
  if request.cache_control then add(request.cache_control, "cache_control") end
  return found
end

function M.at_most_four(request)
  local count = #breakpoints(request)
  if count > 4 then
    return ("A maximum of 4 blocks with cache_control may be provided. Found %d."):format(count)
  end
end

function M.longer_first(request)
  local short = false
  for _, point in ipairs(breakpoints(request)) do
    if point.ttl == "5m" then
      short = true
    elseif short then
      return (
        "%s.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' "
        .. "cache_control block. Note that blocks are processed in the following order: `tools`, "
        .. "`system`, `messages`."
      ):format(point.path)
    end
  end
end

function M.not_on_empty_text(request)
  for at, message in ipairs(request.messages) do
    for index, block in ipairs(message.content) do
      if block.type == "text" and block.text == "" and block.cache_control then
        return (
          "messages.%d.content.%d.text: "
          .. "cache_control cannot be set for empty text blocks"
        ):format(at - 1, index - 1)
      end
    end
  end
end

function M.not_on_deferred_tools(request)
  for index, tool in ipairs(request.tools or {}) do
    if tool.defer_loading and tool.cache_control then
      return ("tools.%d: Tools with defer_loading=true cannot use prompt caching"):format(index - 1)
    end
  end
end

M.rules = { M.at_most_four, M.longer_first, M.not_on_empty_text, M.not_on_deferred_tools }

return M
