local cases = require("spec.support.api_cases")
local raw = require("spec.support.raw_http")
local simulator = require("claude.simulator")

describe("claude.simulator's endpoints", function()
  local sim
  setup(function() sim = assert(simulator.start()) end)
  teardown(function() sim:close() end)

  it("list the models with what each can do", function()
    local page = raw.get(sim, "/v1/models?limit=1000").json
    assert.is_false(page.has_more)
    assert.equal(page.data[1].id, page.first_id)
    assert.equal(page.data[#page.data].id, page.last_id)
    local found = {}
    for _, model in ipairs(page.data) do
      found[model.id] = model
    end
    local sonnet = found["claude-sonnet-5-5"]
    assert.same(
      { "model", 1000000, 128000 },
      { sonnet.type, sonnet.max_input_tokens, sonnet.max_tokens }
    )
    local types = sonnet.capabilities.thinking.types
    assert.same({ true, true, false, false }, {
      types.adaptive.supported,
      types.between_tools.supported,
      types.disabled.supported,
      types.enabled.supported,
    })
  end)

  it("list models page by page, forward and back", function()
    local all = raw.get(sim, "/v1/models?limit=1000").json.data
    local seen, after = {}, nil
    repeat
      local page =
        raw.get(sim, "/v1/models?limit=4" .. (after and "&after_id=" .. after or "")).json
      for _, model in ipairs(page.data) do
        seen[#seen + 1] = model.id
      end
      after = page.last_id
    until not page.has_more
    assert.equal(#all, #seen)
    local page = raw.get(sim, "/v1/models?limit=2&before_id=" .. all[4].id).json
    assert.same({ all[2].id, all[3].id, true }, { page.data[1].id, page.data[2].id, page.has_more })
    page = raw.get(sim, "/v1/models?limit=4&after_id=" .. all[#all].id).json
    assert.same({ 0, false }, { #page.data, page.has_more })
    assert.is_nil(page.first_id)
    assert.equal(400, raw.get(sim, "/v1/models?limit=0").status)
  end)

  it("show a model by id and by alias", function()
    local model = raw.get(sim, "/v1/models/claude-sonnet-4-5").json
    assert.same(
      { "claude-sonnet-4-5-20250929", "deprecated", 64000 },
      { model.id, model.lifecycle, model.max_tokens }
    )
    assert.is_false(model.capabilities.effort.supported)
    assert.is_true(model.capabilities.thinking.types.enabled.supported)
    local answer = raw.get(sim, "/v1/models/claude-none")
    assert.same(
      { 404, "not_found_error", "model: claude-none" },
      { answer.status, answer.error.type, answer.error.message }
    )
  end)

  it("count tokens without max_tokens, by the same rules", function()
    local body = { model = "claude-sonnet-4-6", messages = { cases.user("Hello") } }
    local short = raw.post(sim, "/v1/messages/count_tokens", body)
    assert.equal(200, short.status)
    body.system = ("word "):rep(100)
    local long = raw.post(sim, "/v1/messages/count_tokens", body)
    assert.is_truthy(long.json.input_tokens > short.json.input_tokens + 100)
    body.thinking = { type = "between_tools" }
    assert.equal(400, raw.post(sim, "/v1/messages/count_tokens", body).status)
  end)

  it("count the same tokens that a reply then reports", function()
    local body =
      cases.body({ system = "Be brief.", tools = { cases.TOOL }, max_tokens = cases.ABSENT })
    local counted = raw.post(sim, "/v1/messages/count_tokens", body).json.input_tokens
    body.max_tokens = 100
    assert.equal(counted, raw.post(sim, "/v1/messages", body).json.usage.input_tokens)
    assert.equal(
      "max_tokens: Extra inputs are not permitted",
      raw.post(sim, "/v1/messages/count_tokens", body).error.message
    )
  end)

  it("answer unknown paths with 404 and wrong methods with 405", function()
    local answer = raw.get(sim, "/v1/nothing")
    assert.same(
      { 404, "not_found_error", "Not Found" },
      { answer.status, answer.error.type, answer.error.message }
    )
    assert.equal(405, raw.get(sim, "/v1/messages").status)
    assert.equal(405, raw.post(sim, "/v1/models", "{}").status)
  end)

  it("answer HEAD without a body", function()
    local text = raw.exchange(sim.port, raw.request("HEAD", "/v1/nothing", {}))
    assert.matches("^HTTP/1%.1 404 ", text)
    assert.matches("\r\n\r\n$", text)
  end)

  it("let a client look whether they are there, without a key", function()
    local text = raw.exchange(sim.port, raw.request("HEAD", "/", {}))
    assert.matches("^HTTP/1%.1 200 ", text)
    assert.matches("\r\n\r\n$", text)
    assert.equal(405, raw.get(sim, "/").status)
    assert.equal("hello", raw.get(sim, "/api/hello", { ["x-api-key"] = false }).json.message)
  end)

  it("take a query", function()
    assert.equal(200, raw.post(sim, "/v1/messages?beta=true", cases.body({})).status)
    assert.equal("beta=true", sim.requests[#sim.requests].query)
  end)

  it("want a key and a version for the models as well", function()
    assert.equal(401, raw.get(sim, "/v1/models", { ["x-api-key"] = false }).status)
    assert.equal(400, raw.get(sim, "/v1/models", { ["anthropic-version"] = false }).status)
  end)

  it("give each answer an id of its own, in header and error body", function()
    local a, b = raw.get(sim, "/x"), raw.get(sim, "/x")
    assert.matches("^req_01%w+$", a.headers["request-id"])
    assert.equal(a.headers["request-id"], a.json.request_id)
    assert.are_not.equal(a.json.request_id, b.json.request_id)
  end)
end)
