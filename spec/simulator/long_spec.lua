local cases = require("spec.support.api_cases")
local raw = require("spec.support.raw_http")
local simulator = require("claude.simulator")

local TURNS = 200

--- Thinks and calls a tool in every other turn, and answers in between.
local function turn_of(at)
  local thought = { type = "thinking", thinking = ("Thought %d. "):format(at):rep(3) }
  if at % 2 == 0 then return { content = { thought, "Answer " .. at } } end
  return {
    content = { thought, { type = "tool_use", name = "t", input = { n = at, half = at / 2 } } },
  }
end

local function reply_to(message)
  local last = message.content[#message.content]
  if last.type ~= "tool_use" then return cases.user("Go on.") end
  return cases.user({ cases.result(last.id) })
end

describe("claude.simulator in a long conversation", function()
  it("of 200 turns with tools in pieces of one byte accepts every signature", function()
    local sim = assert(simulator.start({
      chunk = 1,
      script = function(_, info) return turn_of(info.count + 1) end,
    }))
    local request = {
      model = "claude-opus-5-5",
      max_tokens = 2000,
      stream = true,
      tools = { cases.TOOL },
      thinking = { type = "adaptive", display = "summarized" },
      messages = { cases.user("Begin.") },
    }
    local signed = 0
    for _ = 1, TURNS do
      local answer = raw.post(sim, "/v1/messages", request)
      assert.equal(200, answer.status, answer.body)
      local message = raw.message(raw.events(answer.body))
      if #message.content[1].signature > 100 then signed = signed + 1 end
      table.insert(request.messages, cases.assistant(message.content))
      table.insert(request.messages, reply_to(message))
    end
    assert.equal(TURNS, signed)
    assert.equal(TURNS, #sim.requests)
    -- And after all of them, one changed word in the first question is noticed.
    request.messages[1].content = "Start."
    assert.equal(400, raw.post(sim, "/v1/messages", request).status)
    sim:close()
  end)
end)
