--- The tools of an MCP server as tools of this library.

local core = require("claude.core")
local errors = require("claude.errors")
local tools = require("claude.tools")

local M = {}

local MOST_PAGES = 1000 -- of a list of tools: one that goes on has no end

---@param server claude.mcp.Server
---@param name string the server's own
---@return claude.ToolFunction
local function caller(server, name)
  return function(input)
    local result, _, err = server:call(name, input)
    -- The model gets what went wrong; what the server wrote elsewhere is for people.
    if not result then return nil, err.message end
    if not result.is_error then return result.content end
    if #result.content == 0 then return nil, "the tool failed, and did not say why" end
    return nil, result.content
  end
end

---@param server claude.mcp.Server
---@param text string
---@return claude.Error
local function unusable(server, text)
  return errors.new({
    kind = "protocol",
    message = ("the MCP server %s: %s"):format(server.options.command[1], text),
  })
end

---@param server claude.mcp.Server
---@param json string of a tool
---@return claude.Tool? tool
---@return claude.Error? err
local function as_tool(server, json)
  local parts = core.split(json) or {}
  local given = core.decode(json)
  if type(given) ~= "table" or type(given.name) ~= "string" then
    return nil, unusable(server, "a tool has no name")
  end
  if not (parts.inputSchema or ""):find("^{") then
    return nil, unusable(server, ("the tool %s has no inputSchema"):format(given.name))
  end
  local made, tool = pcall(tools.new, {
    name = (server.options.prefix or "") .. given.name:gsub("[^%w_-]", "_"),
    description = type(given.description) == "string" and given.description or given.title,
    input_schema = assert(core.raw(parts.inputSchema)),
    run = caller(server, given.name),
  })
  if made then return tool end
  return nil,
    unusable(server, ("the tool %s cannot be used: %s"):format(given.name, tostring(tool)))
end

---@param server claude.mcp.Server
---@param session claude.mcp.Session
---@param cursor? string JSON text
---@return string? result JSON text
---@return claude.Error? err
local function page(server, session, cursor)
  local params = cursor and ('{"cursor":%s}'):format(cursor)
  return session:request("tools/list", params, server.options.timeout)
end

---@param server claude.mcp.Server
---@param session claude.mcp.Session
---@return string[]? list JSON texts of tools
---@return claude.Error? err
local function all_tools(server, session)
  local list, seen, cursor, pages = {}, {}, nil, 0
  repeat
    pages = pages + 1
    local result, err = page(server, session, cursor)
    if not result then return nil, err end
    local parts = core.split(result)
    local is_list = parts and parts.tools and parts.tools:find("^%[")
    local tools_here = is_list and core.split(parts.tools)
    if not tools_here then return nil, unusable(server, "tools/list gave no list of tools") end
    for _, json in ipairs(tools_here) do
      list[#list + 1] = json
    end
    cursor = parts.nextCursor
    if cursor == "null" then cursor = nil end
    if cursor and (seen[cursor] or pages == MOST_PAGES) then
      return nil, unusable(server, "its list of tools has no end")
    end
    if cursor then seen[cursor] = true end
  until not cursor
  return list
end

---@param texts string[] JSON of each tool
---@param names string[]
---@return string[] texts of those that are named
---@return string? problem
local function chosen(texts, names)
  local by_name, all, list = {}, {}, {}
  for i, json in ipairs(texts) do
    local tool = core.decode(json)
    local name = type(tool) == "table" and tool.name
    if type(name) ~= "string" then name = "one without a name" end
    by_name[name], all[i] = json, name
  end
  for i, name in ipairs(names) do
    if not by_name[name] then
      local form = "it has no tool %s; it has %s"
      return list, form:format(tostring(name), table.concat(all, ", "))
    end
    list[i] = by_name[name]
  end
  return list
end

---@param server claude.mcp.Server
---@param texts string[] JSON of each tool
---@return claude.Tool[]? list
---@return claude.Error? err
local function as_tools(server, texts)
  local list = {}
  for i, json in ipairs(texts) do
    local tool, err = as_tool(server, json)
    if not tool then return nil, err end
    list[i] = tool
  end
  local _, problem = tools.by_name(list)
  if problem then return nil, unusable(server, problem) end
  return list
end

--- Asks for the tools: all, or those that are named.
---@param server claude.mcp.Server
---@param session claude.mcp.Session
---@param names? string[] the server's own
---@return claude.Tool[]? list
---@return claude.Error? err
function M.list(server, session, names)
  if not session.server.capabilities.tools then
    return nil, unusable(server, "it offers no tools")
  end
  local texts, err = all_tools(server, session)
  local problem
  if texts and names then
    texts, problem = chosen(texts, names)
  end
  if problem then return nil, unusable(server, problem) end
  if not texts then return nil, err end
  return as_tools(server, texts)
end

return M
