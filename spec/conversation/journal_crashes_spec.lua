--- A conversation with two tools that run at once, opened from every record on and run to its
--- end: what is in the journal is not asked for again, and no tool whose result is there runs.
local claude = require("claude")
local core = require("claude.core")
local support = require("spec.support.chat")

-- The model asks for both tools, then for one, then is done: whatever was said before.
local function script(request)
  local said = #request.messages
  if said == 1 then
    return { content = { "Two.", support.call("echo", "a", "a"), support.call("echo", "b", "b") } }
  end
  if said == 3 then return { content = { support.call("echo", "c", "c") } } end
  return "All done."
end

describe("a conversation that ends with its program", function()
  local bench, ran

  local function tool(name)
    return support.tool(name, function(input)
      ran[input.text] = (ran[input.text] or 0) + 1
      return "echo of " .. input.text
    end)
  end

  local function open(bytes)
    return assert(bench.client:conversation(support.params({
      journal = claude.journal.memory(bytes),
      tools = { tool("echo") },
    })))
  end

  before_each(function()
    bench, ran = support.bench({ script = script }), {}
  end)

  after_each(function() bench.sim:close() end)

  local function has(list, what)
    for _, item in ipairs(list) do
      if item == what then return true end
    end
    return false
  end

  -- What the records up to one say: requests that were answered, calls that had begun, results.
  local function known(records, last)
    local replies, begun, results = 0, {}, {}
    for i = 1, last do
      local payload = records[i].payload
      local _, count = payload:gsub('"role":"assistant"', "")
      replies = replies + count
      for id in payload:gmatch('"id":"(%l)","name":"echo"}') do
        begun[#begun + 1] = id
      end
      for id in payload:gmatch('"tool_use_id":"(%l)"') do
        results[#results + 1] = id
      end
    end
    return replies, begun, results
  end

  local function go_on(bytes)
    local chat = open(bytes)
    local requests = #bench.sim.requests
    ran = {}
    for _, call in ipairs(chat:pending()) do
      if call.uncertain then assert(chat:answer(call.id, "found out")) end
    end
    if #chat:messages() == 0 then chat:user("go") end
    local run = chat:run()
    local message, _, err = run:final_message()
    return message, err, #bench.sim.requests - requests
  end

  local function check_every_record(options)
    local storage = claude.journal.memory()
    local chat = assert(bench.client:conversation(support.params({
      journal = storage,
      tools = { tool("echo") },
    })))
    chat:user("go")
    assert(chat:run(options):final_message())
    local bytes = storage:read()
    local records = assert(core.journal_read(bytes))
    assert.is_true(#records > 10)
    for i = 1, #records do
      local replies, begun, results = known(records, i)
      local last = records[i + 1] and records[i + 1].offset or #bytes
      local message, err, requests = go_on(bytes:sub(1, last))
      assert.equal(3 - replies, requests, i)
      if replies == 3 then
        assert.equal("there is nothing to send: the last reply is complete", err.message)
      else
        assert.equal("All done.", message:text(), i)
      end
      for _, id in ipairs({ "a", "b", "c" }) do
        -- What began before its reply was whole belongs to a reply that is asked for again.
        local lost = replies == 0
        local runs = (lost or not has(begun, id) and not has(results, id)) and 1 or 0
        assert.equal(runs, ran[id] or 0, ("%s from record %d on"):format(id, i))
      end
    end
  end

  it("goes on from every record", function() check_every_record() end)

  it(
    "goes on from every record where one tool ran after the other",
    function() check_every_record({ max_parallel = 1 }) end
  )

  it("warns of a call that began early and was lost with its reply", function()
    local storage, at_run = claude.journal.memory(), nil
    local early = support.tool("echo", function()
      at_run = at_run or storage:read()
      return "x"
    end)
    local chat = assert(bench.client:conversation(support.params({
      journal = storage,
      tools = { early },
    })))
    chat:user("go")
    for _ in chat:run({ eager = true }):deltas() do
      claude.sleep(0)
    end
    local again = open(at_run)
    assert.same({ "early_call_dropped" }, support.codes(bench))
    assert.same({}, again:pending())
    assert.equal("All done.", assert(again:run():final_message()):text())
  end)

  it("uses the result of a call that began early, once its reply is there", function()
    local storage = claude.journal.memory()
    local chat = assert(bench.client:conversation(support.params({
      journal = storage,
      tools = { tool("echo") },
    })))
    chat:user("go")
    for _ in chat:run({ eager = true }):deltas() do
      claude.sleep(0)
    end
    assert.same({ a = 1, b = 1, c = 1 }, ran)
    local bytes = storage:read()
    local records = assert(core.journal_read(bytes))
    local used = 0
    for i, record in ipairs(records) do
      local replies, _, results = known(records, i)
      if record.payload:find('"role":"assistant"', 1, true) and replies == 1 and results[1] then
        local last = records[i + 1].offset
        local message = go_on(bytes:sub(1, last))
        assert.equal("All done.", message:text())
        for _, id in ipairs(results) do
          assert.is_nil(ran[id])
          used = used + 1
        end
      end
    end
    assert.is_true(used > 0)
  end)

  it("tells the model of an uncertain call that nobody looked into", function()
    local storage, at_run = claude.journal.memory(), nil
    local slow = support.tool("echo", function()
      at_run = at_run or storage:read()
      return "x"
    end)
    local chat = assert(bench.client:conversation(support.params({
      journal = storage,
      tools = { slow },
    })))
    chat:user("go")
    assert(chat:run():final_message())
    local again = open(at_run)
    assert(again:send())
    local sent = bench.sim.requests[#bench.sim.requests].body
    assert.truthy(sent:find("whether it came to its end is not known", 1, true))
  end)

  it("keeps what is uncertain in forks, dumps and copies", function()
    local storage, at_run = claude.journal.memory(), nil
    local slow = support.tool("echo", function()
      at_run = at_run or storage:read()
      return "x"
    end)
    local chat = assert(bench.client:conversation(support.params({
      journal = storage,
      tools = { slow },
    })))
    chat:user("go")
    assert(chat:run():final_message())
    local again = open(at_run)
    local loaded = assert(bench.client:load(assert(again:dump()), { tools = { slow } }))
    local copy = assert(bench.client:load(at_run, { tools = { slow } }))
    for _, other in ipairs({ again, again:fork(), loaded, loaded:fork(), copy }) do
      assert.is_true(other:pending()[1].uncertain)
      assert.truthy(other:dump():find('\ncall 24\n{"id":"b","name":"echo"}\n', 1, true))
      local err = select(3, other:run():final_message())
      assert.equal("uncertain_call", err.rule)
    end
  end)
end)
