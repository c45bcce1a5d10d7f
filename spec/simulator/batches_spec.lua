local cases = require("spec.support.api_cases")
local claude = require("claude")
local raw = require("spec.support.raw_http")
local simulator = require("claude.simulator")

describe("claude.simulator's batches", function()
  local sim
  after_each(function() sim:close() end)

  local function use(batches, more)
    local options = { batches = batches }
    for name, value in pairs(more or {}) do
      options[name] = value
    end
    sim = assert(simulator.start(options))
  end

  local function request(id, changes)
    local params = cases.body(changes or {})
    return { custom_id = id, params = params }
  end

  local function create(requests, headers)
    return raw.post(sim, "/v1/messages/batches", { requests = requests }, headers)
  end

  local function show(id) return raw.get(sim, "/v1/messages/batches/" .. id) end

  -- Waits until it has ended.
  local function ended(id)
    local batch
    raw.wait(function()
      batch = show(id).json
      return batch.processing_status == "ended"
    end)
    return batch
  end

  local function results(id)
    local answer = raw.get(sim, "/v1/messages/batches/" .. id .. "/results")
    local found = {}
    for line in answer.body:gmatch("([^\n]*)\n") do
      local entry = assert(require("claude.core").decode(line))
      found[#found + 1] = entry
      found[entry.custom_id] = entry.result
    end
    return found, answer
  end

  it("are in progress, and end after a while", function()
    use({ seconds = 0.05 })
    local answer = create({ request("a"), request("b") })
    local batch = answer.json
    assert.equal(200, answer.status)
    assert.matches("^msgbatch_01", batch.id)
    assert.same({ "message_batch", "in_progress", 2, 0 }, {
      batch.type,
      batch.processing_status,
      batch.request_counts.processing,
      batch.request_counts.succeeded,
    })
    assert.is_nil(batch.results_url)
    batch = ended(batch.id)
    assert.same({ 0, 2 }, { batch.request_counts.processing, batch.request_counts.succeeded })
    assert.matches("^http://127%.0%.0%.1/v1/messages/batches/" .. batch.id, batch.results_url)
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", batch.ended_at)
  end)

  it("have a result for each request, in another order, as messages are", function()
    use({ seconds = 0 }, { script = { "one", "two" } })
    local id = create({ request("a"), request("b") }).json.id
    local found, answer = results(id)
    assert.equal("application/x-jsonl", answer.headers["content-type"])
    assert.same({ "b", "a" }, { found[1].custom_id, found[2].custom_id })
    assert.equal("succeeded", found.a.type)
    assert.same(
      { "one", "two" },
      { found.a.message.content[1].text, found.b.message.content[1].text }
    )
    assert.equal("end_turn", found.a.message.stop_reason)
  end)

  it("have the API's error for a request that it would refuse", function()
    use({ seconds = 0 }, { script = { { error = { status = 529 } } } })
    local id = create({
      request("a", { model = "none" }),
      request("b", { max_tokens = 1e7 }),
      request("c"),
    }).json.id
    local found = results(id)
    assert.same({ "errored", "error", "not_found_error", "model: none" }, {
      found.a.type,
      found.a.error.type,
      found.a.error.error.type,
      found.a.error.error.message,
    })
    assert.equal("invalid_request_error", found.b.error.error.type)
    assert.equal("overloaded_error", found.c.error.error.type)
    assert.equal(3, show(id).json.request_counts.errored)
  end)

  it("refuse null where the API does", function()
    use({ seconds = 0 })
    local null = require("claude.core").null
    local batch = create({ request("a", { system = null }), request("b", { container = null }) })
    ended(batch.json.id)
    local found = results(batch.json.id)
    assert.equal("system: Input should be a valid list", found.a.error.error.message)
    assert.equal("succeeded", found.b.type)
  end)

  it("that are canceled end soon, and what was not reached is canceled", function()
    use({ seconds = 1000 })
    local id = create({ request("a"), request("b") }).json.id
    local answer = raw.post(sim, "/v1/messages/batches/" .. id .. "/cancel", "")
    assert.same({ 200, "canceling" }, { answer.status, answer.json.processing_status })
    assert.is_string(answer.json.cancel_initiated_at)
    local batch = ended(id)
    assert.equal(2, batch.request_counts.canceled)
    assert.equal("canceled", results(id).a.type)
  end)

  it("that expire have reached a part of their requests", function()
    use({ seconds = 0.2, expires = 0.1 })
    local list = {}
    for i = 1, 4 do
      list[i] = request("r" .. i)
    end
    local batch = ended(create(list).json.id)
    assert.same({ 2, 2 }, { batch.request_counts.succeeded, batch.request_counts.expired })
    local found = results(batch.id)
    assert.same({ "succeeded", "expired" }, { found.r1.type, found.r4.type })
  end)

  it("end as they are told", function()
    use({ seconds = 0, outcome = function(id) return id ~= "succeeded" and id or nil end })
    local list = {}
    for i, kind in ipairs({ "succeeded", "errored", "canceled", "expired" }) do
      list[i] = request(kind)
    end
    local found = results(create(list).json.id)
    for _, entry in ipairs(found) do
      assert.equal(entry.custom_id, entry.result.type)
    end
    assert.equal(4, #found)
  end)

  it("are listed, newest first, page by page, and are gone when deleted", function()
    use({ seconds = 0 })
    local ids = {}
    for i = 1, 3 do
      ids[i] = create({ request("a") }).json.id
    end
    local page = raw.get(sim, "/v1/messages/batches?limit=2").json
    assert.same({ ids[3], ids[2], true }, { page.data[1].id, page.data[2].id, page.has_more })
    page = raw.get(sim, "/v1/messages/batches?limit=2&after_id=" .. page.last_id).json
    assert.same({ ids[1], false }, { page.data[1].id, page.has_more })
    local answer = raw.delete(sim, "/v1/messages/batches/" .. ids[2])
    assert.same({ ids[2], "message_batch_deleted" }, { answer.json.id, answer.json.type })
    assert.equal(404, show(ids[2]).status)
  end)

  it("have no results and cannot be deleted before they have ended", function()
    use({ seconds = 1000 })
    local path = "/v1/messages/batches/" .. create({ request("a") }).json.id
    assert.equal(400, raw.get(sim, path .. "/results").status)
    assert.equal(400, raw.delete(sim, path).status)
    for _, unknown in ipairs({ "", "/results" }) do
      assert.equal(404, raw.get(sim, "/v1/messages/batches/msgbatch_none" .. unknown).status)
    end
  end)

  it("let a model write longer answers with the beta", function()
    use({ seconds = 0 })
    local long = { request("a", { model = "claude-opus-4-8", max_tokens = 300000 }) }
    local beta = { ["anthropic-beta"] = "output-300k-2026-03-24" }
    assert.equal("errored", results(create(long).json.id).a.type)
    assert.equal("succeeded", results(create(long, beta).json.id).a.type)
    assert.equal(400, raw.post(sim, "/v1/messages", long[1].params, beta).status)
  end)

  for name, case in pairs({
    ["no list"] = { {}, "requests: Field required" },
    ["an empty list"] = { { requests = claude.array({}) }, "requests: List should have 1 to" },
    ["a custom_id with blanks"] = {
      { requests = { { custom_id = "a b", params = {} } } },
      "requests%.0%.custom_id: String should match",
    },
    ["a custom_id twice"] = {
      { requests = { { custom_id = "a", params = {} }, { custom_id = "a", params = {} } } },
      "Duplicate custom_id: a",
    },
    ["what is no params"] = {
      { requests = { { custom_id = "a", params = 1 } } },
      "requests%.0%.params: Input should be a valid dictionary",
    },
    ["another member"] = {
      { requests = { { custom_id = "a", params = {}, model = "x" } } },
      "requests%.0%.model: Extra inputs",
    },
    ["a stream"] = {
      { requests = { { custom_id = "a", params = { stream = true } } } },
      "requests%.0%.params%.stream: not supported",
    },
  }) do
    it("refuse " .. name, function()
      use({})
      local answer = raw.post(sim, "/v1/messages/batches", case[1])
      assert.equal(400, answer.status)
      assert.matches(case[2], answer.error.message)
    end)
  end

  it("take bodies that are too large for a message", function()
    use({})
    local http = require("claude.simulator.http")
    local function failure(path, length)
      local parser = http.parser()
      local head = "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
      parser:feed(head:format(path, length))
      local _, problem = parser:next()
      return problem and problem.status
    end
    assert.equal(413, failure("/v1/messages", 40e6))
    assert.is_nil(failure("/v1/messages/batches?beta=true", 40e6))
    assert.equal(413, failure("/v1/messages/batches", 300e6))
  end)

  it("know their options", function()
    use({})
    for _, wrong in ipairs({ 1, { seconds = -1 }, { expires = "x" }, { secnds = 1 } }) do
      assert.has_error(function() simulator.start({ batches = wrong }) end)
    end
  end)
end)

describe("claude.simulator with this library", function()
  local sim
  setup(function()
    sim = assert(simulator.start({
      batches = {
        seconds = 0.05,
        outcome = function(id) return id:match("^%a+$") end,
      },
    }))
  end)
  teardown(function() sim:close() end)

  it("serves a batch from its creation to its end, and models by page", function()
    local client = claude.new({ api_key = "k", base_url = sim.url })
    local batches = client.messages.batches
    local list = {}
    for i, id in ipairs({ "r_1", "errored", "canceled", "expired" }) do
      list[i] = {
        custom_id = id,
        params = {
          model = "claude-opus-4-8",
          max_tokens = 100,
          messages = { { role = "user", content = "What is 2 * 3?" } },
        },
      }
    end
    local id = assert(batches:create({ requests = list })).id
    assert(batches:wait(id, { interval = 0.02 }))
    local seen = {}
    for entry in batches:results(id) do
      seen[entry.custom_id] = entry.result.type
      if entry.result.message then assert.matches("6", entry.result.message:text()) end
    end
    assert.same({
      r_1 = "succeeded",
      errored = "errored",
      canceled = "canceled",
      expired = "expired",
    }, seen)
    for batch in batches:list({ limit = 1 }) do
      assert.equal(id, batch.id)
    end
    assert.equal("message_batch_deleted", assert(batches:delete(id)).type)
    local count = 0
    for _ in client.models:list({ limit = 4 }) do
      count = count + 1
    end
    assert.is_true(count > 8)
  end)
end)
