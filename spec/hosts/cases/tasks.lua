-- Many things at once, in one thread.
local ask = require("spec.hosts.ask")
local call = require("claude.tasks").call
local check = require("spec.hosts.check")
local claude = require("claude")
local texts = require("spec.hosts.texts")
local with_limit = require("spec.helpers").with_limit

local MANY = 50

-- Reads a stream piece by piece and lets the others run after each.
local function read_along(client, seen, i)
  local stream = client.messages:stream(ask.params("Take your time"))
  local text, _, err = stream:next_text()
  while text do
    seen[i] = (seen[i] or 0) + 1
    assert(claude.sleep(0))
    text, _, err = stream:next_text()
  end
  if err then error(err, 0) end
  return assert(stream:final_message()):text()
end

return function()
  return {
    {
      "tasks sleep side by side",
      function()
        local order, tasks = {}, {}
        for i, place in ipairs({ 3, 1, 2 }) do
          tasks[i] = claude.spawn(function()
            repeat
              assert(claude.sleep(0.002))
            until #order == place - 1
            order[place] = i
            return i
          end)
        end
        for i, task in ipairs(tasks) do
          check.equal(i, (task:wait()))
        end
        check.list({ 2, 3, 1 }, order)
      end,
    },
    {
      "map asks many at once, keeps its limit, and gives results as they finish",
      function(env)
        local client, running, most, answered = ask.client(env), 0, 0, false
        local map = claude.map({ 2, 3, 4, 5, 6, 7 }, function(n)
          running = running + 1
          most = math.max(most, running)
          -- However slow the host is: the third may begin only after the others have waited.
          while most < 3 do
            assert(claude.sleep(0.001))
          end
          while n == 2 and not answered do
            assert(claude.sleep(0.002))
          end
          local message =
            assert(client.messages:create(ask.params(("What is %d * 100?"):format(n))))
          running, answered = running - 1, true
          return message:text():match("= (%d+)")
        end, { limit = 3 })
        local order, n, text = {}, map:next()
        while n do
          check.equal(("%d"):format(n * 100), text)
          order[#order + 1] = n
          n, text = map:next()
        end
        check.equal(6, #order)
        check.equal(3, most)
        assert(order[1] ~= 2, "the first to finish comes first")
      end,
    },
    {
      "many streams at once all get on",
      function(env)
        local client, seen, starved = ask.client(env), {}, nil
        local tasks = {}
        for i = 1, MANY do
          tasks[i] = claude.spawn(function()
            local text = read_along(client, seen, i)
            for k = 1, MANY do
              if not seen[k] then starved = k end
            end
            return text
          end)
        end
        for _, task in ipairs(tasks) do
          local text, problem = task:wait()
          assert(text, problem)
          check.equal(texts.PACED, select(2, text:gsub("word", "")))
        end
        check.equal(nil, starved, "a stream without a piece when another had ended")
      end,
    },
    {
      "a task that fails says what and where, with a traceback",
      function()
        local task = claude.spawn(function()
          assert(claude.sleep(0.005))
          error("unlucky")
        end)
        local value, text, raised = task:wait()
        check.equal(nil, value)
        check.contains("unlucky", text)
        check.contains("cases/tasks", text)
        check.contains("traceback", text)
        check.contains("unlucky", raised)
      end,
    },
    {
      "an error object is handed on as it is",
      function(env)
        local client = ask.client(env)
        local ok, raised = call(function()
          local params = ask.params("Hi")
          params.model = "claude-none-1"
          local message, _, err = client.messages:create(params)
          error(message or err, 0)
        end)
        check.equal(false, ok)
        check.equal(404, raised.status)
      end,
    },
    {
      "a task that is cancelled in a request stops it",
      function(env)
        local client, begun = ask.faulty(env, "stall_before_headers"), false
        local task = claude.spawn(function()
          begun = true
          return client.messages:create(ask.params("Hi"))
        end)
        while not begun do
          assert(claude.sleep(0.002))
        end
        assert(claude.sleep(0.05))
        task:cancel()
        local value, text, err = task:wait()
        check.equal(nil, value)
        check.equal("string", type(text))
        check.equal("cancelled", err.kind)
      end,
    },
    {
      "cancelling reaches the children",
      function()
        local begun, ended = 0, {}
        local parent = claude.spawn(function()
          for i = 1, 2 do
            claude.spawn(function()
              begun = begun + 1
              local _, _, err = claude.sleep(60)
              ended[i] = err and err.kind
            end)
          end
          return claude.sleep(60)
        end)
        while begun < 2 do
          assert(claude.sleep(0.002))
        end
        parent:cancel()
        local _, _, err = parent:wait()
        check.equal("cancelled", err.kind)
        while not (ended[1] and ended[2]) do
          assert(claude.sleep(0.002))
        end
        check.list({ "cancelled", "cancelled" }, ended)
      end,
    },
    {
      "a task that is late is cancelled by its timeout, and who waits may give up before",
      function()
        local task = claude.spawn(function() return claude.sleep(60) end)
        local value, _, err = task:wait(0.02)
        check.equal(nil, value)
        check.equal("timeout", err.kind)
        check.equal(false, task:is_done())
        task:set_timeout(0.02)
        value, _, err = task:wait()
        check.equal(nil, value)
        check.equal("timeout", err.kind)
      end,
    },
    {
      "an element of a map that is late ends with kind timeout, and stops nobody else",
      function()
        local map
        with_limit(0.1, function(limit)
          map = claude.map({ 60, 0.001 }, claude.sleep, { timeout = limit })
          local item, slept = map:next()
          if item == 0.001 and slept then return true end
          while item do
            item = map:next()
          end
        end)
        local late, value, _, err = map:next()
        check.equal(60, late)
        check.equal(nil, value)
        check.equal("timeout", err.kind)
        check.equal(nil, (map:next()))
      end,
    },
    {
      "a client has no more requests under way than max_concurrency says",
      function(env)
        local client = ask.faulty(env, "stall_in_event", { max_concurrency = 2 })
        local heard, streams, readers = 0, {}, {}
        for i = 1, 4 do
          readers[i] = claude.spawn(function()
            streams[i] = client.messages:stream(ask.params("Hi"))
            if streams[i]:next_text() then heard = heard + 1 end
          end)
        end
        while heard < 2 do
          assert(claude.sleep(0.002))
        end
        assert(claude.sleep(0.05))
        check.equal(2, heard)
        for i = 1, 4 do
          if readers[i]:is_done() then streams[i]:cancel() end
        end
        while heard < 4 do
          assert(claude.sleep(0.002))
        end
        for i = 1, 4 do
          streams[i]:cancel()
        end
      end,
    },
    {
      "a loop inside a task is a call",
      function()
        local a, b = claude.loop(function(x) return x, claude.sleep(0.001) end, 7)
        check.equal(7, a)
        check.equal(true, b)
      end,
    },
    {
      "waiting in a coroutine of one's own raises or waits, and yields nothing foreign",
      function()
        local co = coroutine.create(function() return claude.sleep(0.001) end)
        local resumed, value = coroutine.resume(co)
        check.equal("dead", coroutine.status(co))
        if not resumed then check.contains("claude.spawn", tostring(value)) end
        if resumed then check.equal(true, value) end
      end,
    },
  }
end
