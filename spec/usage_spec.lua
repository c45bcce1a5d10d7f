--- What a reply used: usage as it arrives, put together without the usual mistakes, and
--- added up for turns, conversations and clients.
local api_server = require("spec.support.api_server")
local claude = require("claude")
local core = require("claude.core")
local s = require("spec.support.stream")
local support = require("spec.support.chat")
local usage = require("claude.usage")

local LONG = ("Careful and brief. "):rep(400)

--- A message_start with that usage.
local function start_with(json)
  return (s.START:gsub('"usage":{[^}]*}', function() return '"usage":' .. json end))
end

--- Events of a reply of one text, with the usage of its start and of each message_delta.
local function events(first, ...)
  local list = {
    start_with(first),
    s.block_start(0, '{"type":"text","text":""}'),
    s.delta(0, '{"type":"text_delta","text":"Hi"}'),
    s.block_stop(0),
  }
  for _, json in ipairs({ ... }) do
    list[#list + 1] = s.message_delta("end_turn", json)
  end
  list[#list + 1] = s.STOP
  return list
end

--- The numbers of a streamed reply.
local function read_stream(...)
  local response = s.read(s.stream(events(...)))
  return usage.read(core.decode(response:head_json()).usage)
end

describe("usage of a stream", function()
  it("takes the last count of tokens, and adds none", function()
    local counts = read_stream(
      '{"input_tokens":25,"output_tokens":1}',
      '{"output_tokens":10}',
      '{"output_tokens":15}'
    )
    assert.same({ 25, 15 }, { counts.input_tokens, counts.output_tokens })
  end)

  it("keeps what null does not take back", function()
    local counts = read_stream(
      '{"input_tokens":25,"cache_read_input_tokens":7,"output_tokens":1}',
      '{"input_tokens":null,"cache_read_input_tokens":null,"output_tokens":15,'
        .. '"server_tool_use":null,"output_tokens_details":null}'
    )
    assert.same({ 25, 7, 15 }, {
      counts.input_tokens,
      counts.cache_read_input_tokens,
      counts.output_tokens,
    })
  end)

  it("takes totals that the end tells anew", function()
    local counts = read_stream(
      '{"input_tokens":25,"cache_read_input_tokens":7,"output_tokens":1}',
      '{"input_tokens":40,"cache_read_input_tokens":9,"output_tokens":15,'
        .. '"server_tool_use":{"web_search_requests":2},'
        .. '"output_tokens_details":{"thinking_tokens":9}}'
    )
    assert.same({ 40, 9, 9, 2 }, {
      counts.input_tokens,
      counts.cache_read_input_tokens,
      counts.thinking_tokens,
      counts.server_tool_use.web_search_requests,
    })
  end)

  it("gives cache writes that have grown to the one time to live there is", function()
    local start = '{"input_tokens":1,"output_tokens":1,"cache_creation_input_tokens":100,'
      .. '"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":100}}'
    local counts = read_stream(start, '{"output_tokens":2,"cache_creation_input_tokens":150}')
    assert.equal(150, counts.cache_creation.ephemeral_1h_input_tokens)
    assert.equal(0, usage.unsplit(counts))
  end)

  it("does not say of which of two times to live cache writes are", function()
    local start = '{"input_tokens":1,"output_tokens":1,"cache_creation_input_tokens":100,'
      .. '"cache_creation":{"ephemeral_5m_input_tokens":40,"ephemeral_1h_input_tokens":60}}'
    local counts = read_stream(start, '{"output_tokens":2,"cache_creation_input_tokens":150}')
    assert.equal(150, counts.cache_creation_input_tokens)
    assert.equal(150, usage.unsplit(counts))
  end)
end)

describe("usage.read", function()
  it("makes zeros of what is missing or no number", function()
    local zero = usage.zero()
    zero.requests = 1
    local odd = { input_tokens = "7", output_tokens = -1 }
    for _, value in ipairs({ {}, 5, "x", odd, claude.null }) do
      assert.same(zero, usage.read(value))
    end
    assert.same(zero, usage.read(nil))
  end)
end)

describe("usage.parts", function()
  local MESSAGE = {
    model = "fallback",
    usage = {
      input_tokens = 5,
      output_tokens = 6,
      output_tokens_details = { thinking_tokens = 3 },
      iterations = {
        { type = "message", input_tokens = 10, output_tokens = 1 },
        { type = "compaction", input_tokens = 20, output_tokens = 2 },
        { type = "fallback_message", model = "fallback", input_tokens = 30, output_tokens = 4 },
      },
    },
  }

  it("are the iterations, whose sum is billed, each of its own model", function()
    local parts = usage.parts(MESSAGE, "asked")
    local total = usage.zero()
    local models = {}
    for i, part in ipairs(parts) do
      models[i] = part.model
      usage.add(total, part.counts)
    end
    assert.same({ "asked", "asked", "fallback" }, models)
    assert.same({ 1, 60, 7, 3 }, {
      total.requests,
      total.input_tokens,
      total.output_tokens,
      total.thinking_tokens,
    })
  end)

  it("are one without iterations", function()
    local parts = usage.parts({ model = "m", usage = { input_tokens = 5 } }, "asked")
    assert.same({ 1, "m", 5 }, { #parts, parts[1].model, parts[1].counts.input_tokens })
  end)
end)

describe("the ledger", function()
  local bench, client, sim

  local function start(script, fields)
    bench = support.bench({ script = script })
    client, sim = bench.client, bench.sim
    return client:conversation(support.params(fields))
  end

  after_each(function() sim:close() end)

  local function numbers(counts)
    return {
      counts.requests,
      counts.input_tokens,
      counts.output_tokens,
      counts.thinking_tokens,
      counts.cache_read_input_tokens,
      counts.cache_creation.ephemeral_5m_input_tokens,
      counts.cache_creation.ephemeral_1h_input_tokens,
      counts.server_tool_use.web_search_requests,
    }
  end

  it("has every turn of a conversation, and their sum", function()
    local chat = start(
      function(_, info)
        return { content = { support.thought(("t"):rep(40)), "answer " .. info.count } }
      end,
      { system = LONG, cache = "auto" }
    )
    local messages = {}
    for i = 1, 3 do
      messages[i] = assert(chat:user("turn " .. i):send())
    end
    local used, total = chat:usage(), usage.zero()
    for i, message in ipairs(messages) do
      assert.same(numbers(usage.read(message.usage)), numbers(used.turns[i]))
      assert.equal(message.id, used.turns[i].id)
      usage.add(total, usage.read(message.usage))
    end
    assert.same(numbers(total), numbers(used))
    assert.is_true(used.cache_read_input_tokens > 0 and used.thinking_tokens == 30)
  end)

  it("counts the requests of a run, one for each", function()
    local chat = start(
      function(_, info)
        return info.count == 0 and { content = { support.call("t", "x") } } or "done"
      end,
      { tools = { support.tool("t", function() return "y" end) } }
    )
    assert(chat:user("a"):run():final_message())
    assert.equal(2, chat:usage().requests)
    assert.equal(2, #chat:usage().turns)
  end)

  it("has for a client what all its requests used, by model", function()
    local chat = start(function() return "ok" end)
    assert(chat:user("a"):send())
    local params = { model = "claude-sonnet-5-5", max_tokens = 100 }
    params.messages = { { role = "user", content = "Hi" } }
    assert(client.messages:create(params))
    assert(client.messages:stream(params):final_message())
    assert(client.messages:count_tokens(params))
    local used = client:usage()
    assert.same({ 3, 1, 2 }, {
      used.requests,
      used.models[support.MODEL].requests,
      used.models["claude-sonnet-5-5"].requests,
    })
    assert.is_nil(used.turns)
  end)

  it("counts a stream that nobody asked for its message", function()
    start(function() return "one two three" end)
    local stream = client.messages:stream({
      model = support.MODEL,
      max_tokens = 100,
      messages = { { role = "user", content = "Hi" } },
    })
    for _ in stream:text_stream() do
      assert.equal(0, client:usage().requests)
    end
    assert.equal(1, client:usage().requests)
    assert(stream:final_message())
    assert.equal(1, client:usage().requests)
  end)

  it("counts what a reply that broke off had told", function()
    local chat = start({ { content = { "one two three four" }, cut = { after_event = 4 } } })
    local message = chat:user("a"):send()
    assert.is_nil(message)
    local used = chat:usage()
    assert.same({ 1, 1, 1 }, { used.requests, used.incomplete, used.turns[1].incomplete })
    assert.is_true(used.input_tokens > 0)
    assert.equal(1, client:usage().models[support.MODEL].incomplete)
  end)

  it("counts a cancelled reply once", function()
    local chat = start({ { content = { ("word "):rep(100) } } })
    local stream = chat:user("a"):stream()
    assert(stream:next_text())
    stream:cancel()
    stream:close()
    assert.same({ 1, 1 }, { chat:usage().requests, chat:usage().incomplete })
  end)

  it("counts no error that was no reply", function()
    local chat = start({ { error = { status = 529 } } })
    assert.is_nil((chat:user("a"):send()))
    assert.equal(0, chat:usage().requests)
  end)

  it("keeps what turns cost that were undone; a fork counts its own", function()
    local chat = start(function() return "ok" end)
    assert(chat:user("a"):send())
    local fork = chat:fork()
    assert(chat:undo())
    assert.equal(1, chat:usage().requests)
    assert(fork:user("b"):send())
    assert.same({ 1, 1, 2 }, {
      chat:usage().requests,
      fork:usage().requests,
      client:usage().requests,
    })
  end)

  it("counts the reply of a batch once a conversation keeps it", function()
    local chat = start(function() return "ok" end)
    chat:user("a")
    local batches = client.messages.batches
    local list = { { custom_id = "c", params = chat } }
    local batch = assert(batches:create({ requests = list }))
    assert(batches:wait(batch.id))
    local message = assert(batches:results(batch.id):next()).result.message
    assert.equal(0, client:usage().requests)
    assert(chat:keep(message))
    assert.same(numbers(usage.read(message.usage)), numbers(chat:usage()))
    assert.same({ 1, 0 }, { client:usage().requests, client:usage().incomplete })
  end)

  it("counts an interrupted reply that is kept no second time", function()
    local chat = start({ { content = { "one two three four" }, cut = { after_event = 5 } } })
    local _, _, err = chat:user("a"):send()
    assert(chat:keep(err.partial))
    assert.equal(1, chat:usage().requests)
  end)

  it("is told as a copy", function()
    local chat = start(function() return "ok" end)
    assert(chat:user("a"):send())
    local used = chat:usage()
    used.requests, used.turns[1].requests, used.models = 99, 99, nil
    assert.same({ 1, 1 }, { chat:usage().requests, chat:usage().turns[1].requests })
  end)

  it("goes on in another process where the sums stood", function()
    local chat = start(function() return "ok" end, { model = "claude-sonnet-5-5" })
    assert(chat:user("a"):send())
    local loaded = assert(client:load(assert(chat:dump())))
    assert.same(numbers(chat:usage()), numbers(loaded:usage()))
    assert(loaded:user("b"):send())
    local used = loaded:usage()
    assert.same({ 2, 2, 1 }, {
      used.requests,
      used.models["claude-sonnet-5-5"].requests,
      #used.turns,
    })
    assert.is_true(used.cost > chat:usage().cost)
  end)
end)

describe("sums that were saved", function()
  local ledger = require("claude.ledger")

  it("count for what in them is a number", function()
    local odd = {
      requests = 3,
      input_tokens = "many",
      output_tokens = -5,
      cache_creation = "x",
      server_tool_use = { web_search_requests = 2, [1] = 9 },
      cost = "free",
      models = { m = { requests = 1, cost = 0.5 }, [1] = {} },
    }
    local used = ledger.restore(odd):usage()
    assert.same({ 3, 0, 0, 2 }, {
      used.requests,
      used.input_tokens,
      used.output_tokens,
      used.server_tool_use.web_search_requests,
    })
    assert.is_nil(used.cost)
    assert.equal("the cost was not saved", used.no_cost)
    assert.equal(0.5, used.models.m.cost)
  end)

  it("are none in files from before there were any", function()
    for _, nothing in ipairs({ "x", 5, false }) do
      assert.same({ 0, 0 }, {
        ledger.restore(nothing):usage().requests,
        ledger.restore(nothing):usage().cost,
      })
    end
    assert.equal(0, ledger.restore(nil):usage().requests)
  end)
end)

describe("the cost", function()
  local COUNTS = {
    input_tokens = 1000,
    output_tokens = 200,
    cache_read_input_tokens = 3000,
    cache_creation_input_tokens = 5000,
    cache_creation = { ephemeral_5m_input_tokens = 4000, ephemeral_1h_input_tokens = 1000 },
    service_tier = "standard",
    inference_geo = "global",
    speed = "standard",
  }

  local function cost(model, changes, prices)
    local used = {}
    for name, value in pairs(COUNTS) do
      used[name] = value
    end
    for name, value in pairs(changes or {}) do
      used[name] = value
    end
    local client = claude.new({ api_key = "k", prices = prices })
    return client:cost({ model = model, usage = used })
  end

  local function about(expected, got)
    assert.is_true(type(got) == "number" and math.abs(expected - got) < 1e-12, tostring(got))
  end

  it("is tokens times price, with what reading and writing the cache costs", function()
    -- $2 and $10 a million; reads a tenth, writes 1.25 and 2 times the input.
    local expected = (1000 * 2 + 200 * 10 + 3000 * 0.2 + 4000 * 2.5 + 1000 * 4) / 1e6
    about(expected, (cost("claude-sonnet-5-5")))
    about(2 * expected, (cost("claude-opus-5-5")))
  end)

  it("is the same for a dated name and one of a platform", function()
    assert.equal(cost("claude-sonnet-5-5"), (cost("claude-sonnet-5-5-20260928")))
    assert.equal(cost("claude-sonnet-5-5"), (cost("anthropic.claude-sonnet-5-5-v1:0")))
  end)

  it("is nil, with the reason, for a model whose price is not known", function()
    local dollars, why = cost("claude-haiku-5-5")
    assert.is_nil(dollars)
    assert.equal("the price of claude-haiku-5-5 is not known", why)
    assert.equal("the price of llama is not known", select(2, cost("llama")))
  end)

  it("goes by the user's own prices, whole or in part", function()
    local own = { ["claude-haiku-5-5"] = { input = 1, output = 5, cache_write_1h = 3 } }
    about(
      (1000 + 200 * 5 + 3000 * 0.1 + 4000 * 1.25 + 1000 * 3) / 1e6,
      (cost("claude-haiku-5-5", nil, own))
    )
    local part = { ["claude-sonnet-5-5"] = { output = 0 } }
    about(cost("claude-sonnet-5-5") - 200 * 10 / 1e6, (cost("claude-sonnet-5-5", nil, part)))
  end)

  it("is nil where reads are cheaper and nobody knows by how much", function()
    for _, model in ipairs({ "claude-fable-5-1", "claude-mythos-5-2" }) do
      local dollars, why = cost(model)
      assert.is_nil(dollars)
      assert.equal(("the price of cache reads of %s is not known"):format(model), why)
      assert.is_number((cost(model, { cache_read_input_tokens = 0 })))
      assert.is_number((cost(model, nil, { [model] = { cache_read = 0.4 } })))
    end
  end)

  it("is nil for what is priced apart, until its price is given", function()
    for field, value in pairs({ service_tier = "batch", speed = "fast", inference_geo = "us" }) do
      local changes = { [field] = value }
      local dollars, why = cost("claude-sonnet-5-5", changes)
      assert.is_nil(dollars)
      assert.equal(("the price of claude-sonnet-5-5 with %s is not known"):format(value), why)
      local own = { ["claude-sonnet-5-5"] = { [value] = { input = 1, output = 5 } } }
      about(cost("claude-sonnet-5-5") / 2, (cost("claude-sonnet-5-5", changes, own)))
    end
  end)

  it("counts web searches, whose price the user gives", function()
    local searched = { server_tool_use = { web_search_requests = 3 } }
    local _, why = cost("claude-sonnet-5-5", searched)
    assert.equal("the price of web searches of claude-sonnet-5-5 is not known", why)
    local own = { ["claude-sonnet-5-5"] = { web_search = 10 } }
    about(cost("claude-sonnet-5-5") + 0.03, (cost("claude-sonnet-5-5", searched, own)))
  end)

  it("is nil where the time to live of a cache write was not told", function()
    local dollars, why = cost("claude-sonnet-5-5", { cache_creation = claude.null })
    assert.is_nil(dollars)
    assert.truthy(why:find("time to live was not told", 1, true))
  end)

  it("is the sum over iterations, each at its model's price", function()
    local used = {
      input_tokens = 1,
      output_tokens = 1,
      iterations = {
        { type = "message", input_tokens = 1000, output_tokens = 100 },
        { type = "fallback_message", model = "claude-opus-5-5", input_tokens = 1000 },
      },
    }
    local client = claude.new({ api_key = "k" })
    local dollars = client:cost({ model = "claude-sonnet-5-5", usage = used })
    about((1000 * 2 + 100 * 10 + 1000 * 4) / 1e6, dollars)
  end)

  it("of a conversation is nil once one turn has none", function()
    local bench = support.bench({ script = function() return "ok" end })
    local chat = bench.client:conversation({ model = "claude-sonnet-5-5", max_tokens = 100 })
    assert.equal(0, chat:usage().cost)
    assert(chat:user("a"):send())
    local one = chat:usage().cost
    assert.is_true(one > 0)
    assert(chat:user("b"):send({ model = "claude-haiku-5-5" }))
    assert(chat:user("c"):send())
    local used = chat:usage()
    assert.is_nil(used.cost)
    assert.equal("the price of claude-haiku-5-5 is not known", used.no_cost)
    assert.is_true(used.models["claude-sonnet-5-5"].cost > one)
    assert.is_nil(used.models["claude-haiku-5-5"].cost)
    bench.sim:close()
  end)

  it("goes by the name that was asked for where a server calls its model otherwise", function()
    local events_of = events('{"input_tokens":1000,"output_tokens":1}', '{"output_tokens":100}')
    local server = api_server.start({ { body = s.stream(events_of) } })
    local client = claude.new({
      api_key = "k",
      base_url = server.url,
      on_warning = function() end,
      prices = { ["my-model"] = { input = 1, output = 2 } },
    })
    local params = { model = "my-model", max_tokens = 100 }
    params.messages = { { role = "user", content = "Hi" } }
    assert(client.messages:create(params))
    about((1000 + 200) / 1e6, client:usage().cost)
    server:close()
  end)

  it("takes prices that are some, and raises at the caller's line for others", function()
    for _, case in ipairs({
      { { m = 5 }, 'claude.new: prices["m"] must be a table of prices' },
      { { m = { input = "2" } }, 'claude.new: prices["m"].input must be a number of dollars' },
      { { m = { input = -1 } }, 'claude.new: prices["m"].input must be a number of dollars' },
      { { m = { inputs = 2 } }, 'claude.new: prices["m"].inputs is no price that there is' },
      { { { input = 1 } }, "claude.new: prices must be a table of prices by model" },
    }) do
      local ok, problem = pcall(claude.new, { api_key = "k", prices = case[1] })
      assert.is_false(ok)
      assert.truthy(problem:find(case[2], 1, true), problem)
    end
    local _, problem = pcall(function() claude.new({ prices = { m = { input = "2" } } }) end)
    assert.truthy(problem:find("usage_spec.lua:%d+: claude.new: prices"), problem)
  end)

  it("is asked of a message", function()
    local client = claude.new({ api_key = "k" })
    local _, problem = pcall(client.cost, client, {})
    assert.truthy(tostring(problem):find("client:cost takes a message", 1, true))
  end)
end)
