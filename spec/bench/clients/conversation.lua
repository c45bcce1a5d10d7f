--- The conversation that the clients of the rows `turns` and `sending` have.
local M = {}

local TOOL = {
  name = "write_file",
  description = ("Writes a file. "):rep(20),
  input_schema = {
    type = "object",
    properties = {
      path = { type = "string", description = "Where it is" },
      content = { type = "string", description = "What is in it" },
    },
    required = { "path", "content" },
  },
}

--- With what is said first.
---@param client claude.Client
---@return claude.Conversation
function M.begin(client)
  local chat = client:conversation({
    model = "claude-sonnet-4-6",
    max_tokens = 16000,
    system = ("You are exact. "):rep(100),
    thinking = { type = "adaptive", display = "summarized" },
    tools = { TOOL },
  })
  chat:user("Go on")
  return chat
end

-- With characters that JSON escapes, as what tools return has them.
local LINE = 'a line of text with "quotes"\n'

--- What a tool returns.
---@param bytes integer at least
---@return string
function M.result(bytes) return LINE:rep(math.ceil(bytes / #LINE)) end

return M
