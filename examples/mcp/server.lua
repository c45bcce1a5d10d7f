--- A small MCP server: one tool, over standard input and output. Each line is a message.
local json = require("cjson")

local TOOL = {
  name = "dice",
  description = "Roll dice: the sum of `count` dice with `sides` sides each",
  inputSchema = {
    type = "object",
    properties = { count = { type = "integer" }, sides = { type = "integer" } },
    required = { "count", "sides" },
  },
}

local function text(said, is_error)
  return { content = { { type = "text", text = said } }, isError = is_error }
end

-- A model may write anything: what is wrong with its input it is told.
local function roll(input)
  local count, sides = tonumber(input.count), tonumber(input.sides)
  if not (count and sides and count >= 1 and count <= 1000 and sides >= 1 and sides <= 1000) then
    return text("count and sides must be numbers from 1 to 1000", true)
  end
  local sum = 0
  for _ = 1, count do
    sum = sum + math.random(math.floor(sides))
  end
  return text(tostring(sum))
end

local METHODS = {
  initialize = function(params)
    return {
      protocolVersion = params.protocolVersion,
      capabilities = { tools = { listChanged = false } },
      serverInfo = { name = "dice", version = "1" },
    }
  end,
  ["tools/list"] = function() return { tools = { TOOL } } end,
  ["tools/call"] = function(params)
    if params.name ~= TOOL.name then return text("there is no tool " .. params.name, true) end
    return roll(params.arguments or {})
  end,
}

for line in io.lines() do
  local message = json.decode(line)
  local method = METHODS[message.method]
  -- What has no id wants no answer.
  if message.id then
    local answer = { jsonrpc = "2.0", id = message.id }
    if method then
      answer.result = method(message.params)
    else
      answer.error = { code = -32601, message = "there is no method " .. message.method }
    end
    io.stdout:write(json.encode(answer), "\n")
    io.stdout:flush()
  end
end
