local cases = require("spec.support.api_cases")
local raw = require("spec.support.raw_http")
local simulator = require("claude.simulator")

local body, user = cases.body, cases.user

describe("claude.simulator.validate refuses", function()
  local sim
  setup(function()
    sim = assert(simulator.start({ script = function() return "ok" end }))
  end)
  teardown(function() sim:close() end)

  it("a model that is not there, as not found", function()
    local answer = raw.post(sim, "/v1/messages", body({ model = "claude-does-not-exist" }))
    assert.same(
      { 404, "not_found_error", "model: claude-does-not-exist" },
      { answer.status, answer.error.type, answer.error.message }
    )
  end)

  it("a body that is no JSON, and invalid UTF-8", function()
    for _, bytes in ipairs({ "{", "", '{"a":"\255"}', "{} x" }) do
      local answer = raw.post(sim, "/v1/messages", bytes)
      assert.equal(400, answer.status)
      assert.matches("^The request body is not valid JSON: ", answer.error.message)
    end
  end)

  it("a body that is no JSON, with the place, once", function()
    local answer = raw.post(sim, "/v1/messages", "[1,x]")
    assert.equal(
      "The request body is not valid JSON: a value was expected at byte 4",
      answer.error.message
    )
  end)

  it("a body that is no object", function()
    assert.equal(400, raw.post(sim, "/v1/messages", "[]").status)
    assert.equal(400, raw.post(sim, "/v1/messages", "5").status)
  end)

  it("a prompt beyond the model's context", function()
    local answer = raw.post(
      sim,
      "/v1/messages",
      body({ model = "claude-sonnet-4-5", messages = { user(("word "):rep(170000)) } })
    )
    assert.equal(400, answer.status)
    assert.matches("^prompt is too long: %d+ tokens > 200000 maximum$", answer.error.message)
  end)

  it("what is behind a beta, but not under ?beta=true without a beta header", function()
    local fields = body({ context_management = { edits = {} }, max_tokens = 1024 })
    assert.equal(400, raw.post(sim, "/v1/messages", fields).status)
    assert.equal(200, raw.post(sim, "/v1/messages?beta=true", fields).status)
    local named = { ["anthropic-beta"] = "compact-2026-09-04" }
    assert.equal(400, raw.post(sim, "/v1/messages?beta=true", fields, named).status)
    -- Interleaving changes what a budget means, so it has to be named.
    fields = body({ max_tokens = 1024, thinking = cases.MANUAL, tools = { cases.TOOL } })
    assert.equal(400, raw.post(sim, "/v1/messages?beta=true", fields).status)
  end)

  it("a compressed body, with the code that says so", function()
    local answer = raw.post(sim, "/v1/messages", body({}), { ["content-encoding"] = "gzip" })
    assert.equal(400, answer.status)
    assert.equal("request_body_encoding_unsupported", answer.error.details.error_code)
  end)
end)
