--- A conversation with signed thinking, to be sent on, or to be tampered with first.
local assert = require("luassert")
local cases = require("spec.support.api_cases")
local raw = require("spec.support.raw_http")
local simulator = require("claude.simulator")

local M = {}

local assistant, result, user = cases.assistant, cases.result, cases.user

local TOOLS = {
  { name = "t", description = "First", input_schema = { type = "object" } },
  { name = "u", description = "Second", input_schema = { type = "object" } },
}

local function thinking(words) return { type = "thinking", thinking = words } end
local function call(id, input) return { type = "tool_use", id = id, name = "t", input = input } end

-- What the model says in the conversation that is tampered with.
local TURNS = {
  { content = { thinking("I need the tool."), "Let me look.", call("toolu_1", { n = 1 }) } },
  {
    content = {
      thinking("The tool helped."),
      { type = "redacted_thinking", thinking = "Secret." },
      "It is one.",
    },
  },
  {
    content = {
      thinking("Another question."),
      "So,",
      thinking("And a second thought."),
      call("toolu_2", { n = 2, deep = { a = { 1, 2 } } }),
    },
  },
}

--- A deep copy, in which a row may change what it likes.
local function copy(value)
  if type(value) ~= "table" then return value end
  local made = setmetatable({}, getmetatable(value))
  for name, item in pairs(value) do
    made[name] = copy(item)
  end
  return made
end

local function say(sim, request, headers)
  local all = copy(request)
  local answer = raw.post(sim, "/v1/messages", all, headers)
  return answer, answer.json
end

--- Talks to a simulator until every turn was said; returns the request to send next.
local function converse(sim, fields)
  local request = {
    model = "claude-sonnet-4-6",
    max_tokens = 2000,
    system = "Be brief.",
    tools = copy(TOOLS),
    thinking = { type = "adaptive" },
    messages = { user("What is it?") },
  }
  for name, value in pairs(fields or {}) do
    request[name] = value
  end
  local replies = { { result("toolu_1") }, "And the next?", { result("toolu_2") } }
  for _, reply in ipairs(replies) do
    local answer, message = say(sim, request)
    assert.equal(200, answer.status, answer.body)
    request.messages[#request.messages + 1] = assistant(message.content)
    request.messages[#request.messages + 1] = user(reply)
  end
  return request
end

local function content_of(request, at) return request.messages[at].content end

--- A simulator that says the conversation's turns, unless it has another script.
local function start(options)
  local said = 0
  options = options or {}
  options.script = options.script
    or function()
      said = said + 1
      return TURNS[said] or "Done."
    end
  return assert(simulator.start(options))
end

M.thinking, M.copy, M.say, M.converse = thinking, copy, say, converse
M.content_of, M.start = content_of, start

return M
