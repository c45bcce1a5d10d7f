--- Tasks that loop over the deltas of streams, over real connections: where C can call what waits,
--- the engine resumes them by itself (`engine:give_turns`), and their tasks are none the wiser.
local claude = require("claude")
local core = require("claude.core")
local hub = require("claude.loop")
local s = require("spec.support.stream")
local scheduler = require("claude.tasks.scheduler")
local tasks = require("claude.tasks")
local uv = require("luv")
local with_limit = require("spec.helpers").with_limit

require("spec.support.sigpipe").survive()

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")
local LIMIT = 20 -- seconds; a hang fails the spec instead of the run
local HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
local PARAMS = {
  model = "claude-opus-4-8",
  max_tokens = 100,
  messages = { { role = "user", content = "Go on" } },
}

local function delta(text)
  return s.stream({ s.delta(0, ('{"type":"text_delta","text":"%s"}'):format(text)) })
end

local FRAMES = s.reply({ { '{"type":"text","text":""}', '{"type":"text_delta","text":"first"}' } })
local BEGINNING = HEAD .. s.stream({ FRAMES[1], FRAMES[2], FRAMES[3] })
local ENDING = s.stream({ FRAMES[4], FRAMES[5], FRAMES[6] })

-- On PUC 5.1 nothing can wait in an iterator.
local function deltas_of(stream)
  if not scheduler.ITERATORS_CANNOT_WAIT then return stream:deltas() end
  return function()
    local kind, text, failure = stream:next()
    if not kind and failure then error(failure, 0) end
    return kind, text
  end
end

describe("a task that loops over the deltas of a stream", function()
  local listener, connections, client, begun, listener_of_engine
  local listen = hub.listen

  -- Lets the server work, and tasks.
  local function rest()
    uv.run("nowait")
    tasks.sleep(0.001)
  end

  local function wait_until(is_true, what)
    local late = tasks.now() + LIMIT
    while not is_true() do
      assert(tasks.now() < late, what)
      rest()
    end
  end

  -- How a task ends.
  local function outcome_of(task)
    wait_until(function() return task:is_done() end, "a task does not end")
    return task:result()
  end

  local function answer(connection)
    local socket, asked = uv.new_tcp(), ""
    listener:accept(socket)
    connection.socket = socket
    socket:read_start(function(problem, bytes)
      if problem or not bytes then
        connection.closed = true
        return socket:is_closing() or socket:close()
      end
      asked = asked .. bytes
      if asked:find("Go on", 1, true) and not connection.asked then
        connection.asked = true
        socket:write(BEGINNING)
      end
    end)
  end

  before_each(function()
    connections, begun = {}, {}
    function hub.listen(id, who)
      listener_of_engine = who or listener_of_engine
      listen(id, who)
    end
    listener = uv.new_tcp()
    assert(listener:bind("127.0.0.1", 0))
    listener:listen(64, function()
      local connection = {}
      connections[#connections + 1] = connection
      answer(connection)
    end)
    local url = ("http://127.0.0.1:%d"):format(listener:getsockname().port)
    client = claude.new({ api_key = "k", base_url = url, max_retries = 0 })
  end)

  after_each(function()
    hub.listen = listen
    for _, task in ipairs(begun) do
      task:cancel()
      outcome_of(task)
    end
    rest()
    for _, connection in ipairs(connections) do
      if connection.socket and not connection.socket:is_closing() then connection.socket:close() end
    end
    listener:close()
    wait_until(function() return hub.engine():counts() == 0 end, "a transfer is left")
    uv.run("nowait") -- what is closed ends with its loop's next turn
  end)

  -- A stream that a task reads, and what the server can do with it. `with` is called for each text;
  -- what it returns ends the loop, and is the task's result.
  local function read(with, options)
    local number = #connections + 1
    local stream = { texts = {} }
    stream.task = claude.spawn(function()
      local next_delta = deltas_of(client.messages:stream(PARAMS, options))
      local kind, text = next_delta()
      while kind do
        if kind == "text" then
          stream.texts[#stream.texts + 1] = text
          local result = with and with(text, stream)
          if result ~= nil then return result, "left" end
        end
        kind, text = next_delta()
      end
      return "ended"
    end)
    stream.task:result() -- a failure that somebody looks at
    begun[#begun + 1] = stream.task
    wait_until(
      function() return stream.texts[1] == "first" or stream.task:is_done() end,
      "the stream does not begin"
    )
    stream.connection = connections[number]
    function stream.bring(...)
      stream.connection.socket:write(table.concat({ ... }))
      uv.run("nowait")
    end
    return stream
  end

  local function wait_for(stream, text)
    wait_until(function() return stream.texts[#stream.texts] == text end, text .. " does not come")
  end

  -- How often a listener of the engine hears that there is more, while `run` runs.
  local function count_of_told(run)
    local told = 0
    local on_more = listener_of_engine.on_more
    function listener_of_engine.on_more(...)
      told = told + 1
      return on_more(...)
    end
    local ok, raised = pcall(run)
    listener_of_engine.on_more = nil -- its class has one
    assert(ok, raised)
    return told
  end

  -- How often tasks have their turns while `run` runs.
  local function count_rounds(run)
    local give_turns, count = hub.give_turns, 0
    function hub.give_turns(...)
      count = count + 1
      return give_turns(...)
    end
    local ok, raised = pcall(run)
    hub.give_turns = give_turns
    assert(ok, raised)
    return count
  end

  it("is woken by each arrival, by the engine where it can be", function()
    local stream = read()
    stream.bring(delta("0"))
    wait_for(stream, "0")
    local told = count_of_told(function()
      for i = 1, 100 do
        stream.bring(delta("" .. i))
        wait_for(stream, "" .. i)
      end
    end)
    assert.equal(102, #stream.texts)
    if core.deltas then
      assert.equal(0, told)
    else
      assert.equal(100, told)
    end
    stream.bring(ENDING)
    assert.same({ "ended" }, { stream.task:wait() })
  end)

  it("is the task that runs, and what it starts is its child", function()
    local seen, children = {}, {}
    local stream = read(function(_, stream)
      seen[#seen + 1] = tasks.running() == stream.task
      children[#children + 1] = claude.spawn(tasks.sleep, 100)
    end)
    for i = 1, 5 do
      stream.bring(delta("" .. i))
      wait_for(stream, "" .. i)
    end
    assert.same({ true, true, true, true, true, true }, seen)
    assert.is_nil(tasks.running())
    stream.task:cancel()
    outcome_of(stream.task)
    for _, child in ipairs(children) do
      assert.is_true(child:is_done())
    end
  end)

  it("may wait for anything else in between", function()
    local slept = 0
    local stream = read(function()
      local began = tasks.now()
      tasks.sleep(0.005)
      slept = slept + (tasks.now() - began >= 0.005 and 1 or 0)
    end)
    for i = 1, 20 do
      stream.bring(delta("" .. i), delta(i .. "b"))
    end
    wait_for(stream, "20b")
    assert.equal(41, #stream.texts)
    wait_until(function() return slept == 41 end, "a sleep was cut short")
  end)

  it("ends with what it returns in its turn", function()
    local stream = read(function(text)
      if text == "2" then return { "a result" } end
    end)
    stream.bring(delta("1"))
    wait_for(stream, "1")
    stream.bring(delta("2"))
    assert.same({ { "a result" }, "left" }, { stream.task:wait() })
    wait_until(function()
      collectgarbage()
      return stream.connection.closed
    end, "the connection stays open")
  end)

  it("fails with what it raises in its turn, and others go on", function()
    local other = read()
    local stream = read(function(text)
      if text == "2" then error("this one") end
    end)
    for i = 1, 3 do
      stream.bring(delta("" .. i))
      other.bring(delta("" .. i))
      wait_for(other, "" .. i)
    end
    local result = outcome_of(stream.task)
    assert.is_false(result.ok)
    assert.truthy(result.raised:find("this one", 1, true))
    assert.truthy(result.text:find("turns_spec", 1, true)) -- its traceback
    other.bring(ENDING)
    assert.same({ "ended" }, { other.task:wait() })
  end)

  it("is cancelled by another that has its turn before it", function()
    local victim
    local stream = read(function(text)
      if text == "now" then victim.task:cancel() end
    end)
    victim = read()
    stream.bring(delta("1"))
    victim.bring(delta("1"))
    wait_for(stream, "1")
    wait_for(victim, "1")
    stream.bring(delta("now"))
    victim.bring(delta("late"))
    local result = outcome_of(victim.task)
    assert.is_true(result.cancelled)
    wait_for(stream, "now")
    stream.bring(delta("on"))
    wait_for(stream, "on")
    wait_until(function() return victim.connection.closed end, "the connection stays open")
  end)

  it("reads what came with the end of its connection", function()
    local stream = read()
    stream.bring(delta("1"))
    wait_for(stream, "1")
    stream.bring(delta("2"))
    stream.connection.socket:shutdown()
    local result = outcome_of(stream.task)
    assert.same({ "first", "1", "2" }, stream.texts)
    assert.is_false(result.ok)
    assert.equal("incomplete", result.raised.kind)
  end)

  it("reads one stream behind the other", function()
    local texts, first_of = {}, {}
    local task = claude.spawn(function()
      for i = 1, 5 do
        local next_delta = deltas_of(client.messages:stream(PARAMS))
        local kind, text = next_delta()
        while kind do
          if text == "first" then first_of[i] = true end
          if kind == "text" then texts[#texts + 1] = text end
          kind, text = next_delta()
        end
      end
    end)
    for i = 1, 5 do
      wait_until(function() return first_of[i] end, "a stream does not begin")
      for _, text in ipairs({ "a", "b", ENDING }) do
        connections[i].socket:write(text == ENDING and text or delta(text))
        rest()
      end
    end
    task:wait()
    assert.equal("first a b first a b first a b first a b first a b", table.concat(texts, " "))
  end)

  it("is let go of when it has left its loop, and what it returned as well", function()
    local stream = read(function(text)
      if text == "2" then return {} end
    end)
    stream.bring(delta("1"))
    wait_for(stream, "1")
    stream.bring(delta("2"))
    local held = setmetatable({ outcome_of(stream.task)[1] }, { __mode = "v" })
    assert.is_table(held[1])
    stream.task, begun = nil, {}
    wait_until(function()
      collectgarbage()
      return held[1] == nil
    end, "it is kept")
  end)

  it("has turns of its own beside tasks that always have something to do", function()
    local stop, rounds = false, 0
    local busy = claude.spawn(function()
      while not stop do
        rounds = rounds + 1
        tasks.give_way(0)
      end
    end)
    local stream = read()
    for i = 1, 20 do
      local before = rounds
      stream.bring(delta("" .. i))
      wait_for(stream, "" .. i)
      wait_until(function() return rounds > before end, "the other has no turn")
    end
    stop = true
    busy:wait()
  end)

  it("has its turn in one of two rounds beside tasks that fill each, as all others have", function()
    local stop, streams, tasks_at_work = false, {}, {}
    for i = 1, 12 do
      streams[i] = read()
      streams[i].bring(delta("1"))
      wait_for(streams[i], "1")
    end
    for i = 1, 6 do
      tasks_at_work[i] = claude.spawn(function()
        while not stop do
          tasks.give_way()
        end
      end)
    end
    rest()
    for _, stream in ipairs(streams) do
      stream.connection.socket:write(delta("2"))
    end
    uv.run("nowait")
    local rounds = count_rounds(function()
      for _, stream in ipairs(streams) do
        wait_for(stream, "2")
      end
    end)
    stop = true
    for _, task in ipairs(tasks_at_work) do
      task:wait()
    end
    assert.is_true(rounds < #streams, rounds .. " rounds")
  end)

  it("ends, and says why, where there was no memory to hear what its turn came to", function()
    if not core.deltas then return end
    local stream = read(function(text)
      if text == "2" then return "a result" end
    end)
    stream.bring(delta("1"))
    wait_for(stream, "1")
    local engine = getmetatable(hub.engine()).__index
    local read_on, give_turns = engine.read, engine.give_turns
    local function refuse(turns, ...)
      if type((...)) ~= "table" and type((select(2, ...))) ~= "table" then return turns, ... end
      engine.read, engine.give_turns = read_on, give_turns
      error("not enough memory", 0)
    end
    function engine.read(...) return refuse(read_on(...)) end
    function engine.give_turns(...) return refuse(give_turns(...)) end
    stream.bring(delta("2"))
    local ok, raised = pcall(wait_for, stream, "3")
    engine.read, engine.give_turns = read_on, give_turns
    assert.same({ false, "not enough memory" }, { ok, raised })
    assert.is_nil(tasks.running())
    assert.equal("not enough memory", outcome_of(stream.task).raised)
  end)

  it("has ended where its results are too many to be handed on", function()
    local many = claude.spawn(function() return unpack({}, 1, 450000) end)
    many:result()
    pcall(outcome_of, many) -- the loop raises that there was no room
    assert.is_false(outcome_of(many).ok)
  end)

  it("may fail with what is no text", function()
    local stream = read(function(text, stream)
      if text == "2" then
        error(setmetatable({ stream }, { __tostring = function() return "it" end }))
      end
    end)
    stream.bring(delta("1"))
    wait_for(stream, "1")
    stream.bring(delta("2"))
    local result = outcome_of(stream.task)
    assert.equal(stream, result.raised[1])
    assert.truthy(result.text:find("it", 1, true))
  end)

  -- Whose every turn has the server bring the next delta: from now on there is always more to read,
  -- until `with` returns something.
  local function read_endlessly(with)
    local goes = false
    local stream = read(function(_, stream)
      local result
      if goes then
        result = with and with(stream)
        stream.bring(delta("more"))
      end
      return result
    end)
    goes = true
    stream.bring(delta("more"))
    return stream
  end

  describe("that has always more to read", function()
    it("is resumed without coming back to Lua each time, where it can be", function()
      local engine = getmetatable(hub.engine()).__index
      local wait = engine.read and "read" or "turn"
      local wait_for_events, waits = engine[wait], 0
      engine[wait] = function(...)
        waits = waits + 1
        return wait_for_events(...)
      end
      local stream = read_endlessly(function(stream)
        if #stream.texts == 200 then return true end
      end)
      local began = waits
      stream.task:wait()
      engine[wait] = wait_for_events
      if core.deltas then assert.is_true(waits - began < 20, waits - began .. " waits") end
    end)

    it("holds up nobody who sleeps, outside tasks or inside", function()
      local stream = read_endlessly()
      local slept = claude.spawn(function()
        for _ = 1, 5 do
          tasks.sleep(0.01)
        end
        return #stream.texts
      end)
      local before = #stream.texts
      tasks.sleep(0.01)
      assert.is_true(#stream.texts > before)
      before = #stream.texts
      assert.is_true(slept:wait() > before)
    end)

    it("wakes who waits outside tasks for what it does in its turn", function()
      local signal = tasks.signal()
      local stream = read_endlessly(function(stream)
        if #stream.texts == 50 then signal:set() end
      end)
      assert.is_true(signal:wait(LIMIT))
      assert.is_false(stream.task:is_done())
    end)

    it("sets timers in its turn that come due in time, and forgets them", function()
      local signal, forgotten, late, forgot = tasks.signal(), nil, false, false
      read_endlessly(function(stream)
        if #stream.texts < 20 or forgot then return end
        if not forgotten or late then -- it had come due between two turns: once more
          late, forgotten = false, hub.at(hub.now() + 0.005, function() late = true end)
        else
          forgot = true
          hub.forget(forgotten)
          hub.at(hub.now() + 0.01, function() signal:set() end)
        end
      end)
      assert.is_true(signal:wait(LIMIT))
      assert.is_false(late)
    end)

    it("begins a request in its turn that goes out at once", function()
      local other
      read_endlessly(function(stream)
        if #stream.texts == 20 then
          other = claude.spawn(function() return client.messages:stream(PARAMS):next() end)
          begun[#begun + 1] = other
        end
        if other and other:is_done() then return true end
      end).task:wait()
      assert.equal("message_start", (other:wait()))
    end)

    it("does not keep a silent one from its limit", function()
      local stream = read_endlessly()
      local silent
      with_limit(0.05, function(idle)
        silent = read(nil, { limits = { idle = idle } })
        return silent.texts[1] == "first"
      end)
      pcall(silent.task.wait, silent.task)
      assert.equal("timeout", silent.task:result().raised.kind)
      assert.is_false(stream.task:is_done())
    end)

    it("has what it drops in its turn closed", function()
      local dropped = read()
      local connection = dropped.connection
      read_endlessly(function(stream)
        if #stream.texts == 20 then dropped.task:cancel() end
        if connection.closed then return true end
      end).task:wait()
      assert.is_true(connection.closed)
    end)
  end)

  it("cannot choose another driver", function()
    local ok, raised = claude.spawn(function() return pcall(hub.use, "luv") end):wait()
    assert.is_false(ok)
    assert.truthy(raised:find("not inside a task", 1, true))
    assert.equal("blocking", hub.adapter_name())
    tasks.sleep(0.001)
  end)
end)
