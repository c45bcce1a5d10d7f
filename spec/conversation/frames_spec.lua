--- What stands around the messages of a conversation, and what its requests are sent with.
local support = require("spec.support.chat")

local INTERLEAVED = "interleaved-thinking-2025-05-14"
local MANUAL = { type = "enabled", budget_tokens = 2000 }

describe("The requests of a conversation", function()
  local bench

  after_each(function() bench.sim:close() end)

  local function begin(fields)
    bench = support.bench({ script = { "one", "two", "three" } })
    fields.model = "claude-sonnet-4-5"
    return bench.client:conversation(support.params(fields)):user("hi")
  end

  local function betas()
    local list = {}
    for i, request in ipairs(bench.sim.requests) do
      list[i] = request.beta or "none"
    end
    return list
  end

  it("name the beta for manual thinking between the calls of its tools", function()
    local chat = begin({ thinking = MANUAL, tools = { support.tool("look") } })
    assert(chat:send())
    assert(chat:user("again"):send())
    assert(chat:user("again"):send({ thinking = { type = "disabled" } }))
    assert.same({ INTERLEAVED, INTERLEAVED, "none" }, betas())
  end)

  it("name no such beta without tools", function()
    assert(begin({ thinking = MANUAL }):send())
    assert.same({ "none" }, betas())
  end)
end)
