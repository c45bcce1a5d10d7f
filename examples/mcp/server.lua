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

local function roll(input)
  local sum = 0
  for _ = 1, input.count do
    sum = sum + math.random(input.sides)
  end
  return { content = { { type = "text", text = tostring(sum) } } }
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
  ["tools/call"] = function(params) return roll(params.arguments) end,
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
