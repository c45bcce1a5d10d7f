--- The calls of one reply, over every way that tasks run: on a loop of our own, on one that
--- a host lends, and on a host's coroutines.
local claude = require("claude")
local core = require("claude.core")
local helpers = require("spec.helpers")
local hub = require("claude.loop")
local new_calls = require("claude.tool_loop.calls").new
local tasks = require("claude.tasks")
local tools = require("claude.tools")

local wait_until = helpers.wait_until

local CAN_YIELD_ANYWHERE = not (_VERSION == "Lua 5.1" and not rawget(_G, "jit"))

for _, driver in ipairs({ "blocking", "luv", CAN_YIELD_ANYWHERE and "hosted" or nil }) do
  local hosted = driver == "hosted"

  describe("Calls, driver " .. driver .. ":", function()
    local chat, warnings

    setup(function()
      if hosted then return tasks.use(require("spec.support.coroutine_host")) end
      hub.use(driver)
    end)
    teardown(function()
      if hosted then return tasks.use(nil) end
      hub.use("blocking")
    end)

    before_each(function() warnings = {} end)

    -- What a conversation is for them.
    local function begin(run, options)
      local tool = claude.tool({ name = "t", input_schema = { type = "object" }, run = run })
      chat = {
        tool_list = tools.list({ tool }, 1),
        draft = { results = {} },
        begun = {},
        at_work = {},
      }
      function chat.client() end
      function chat:_warner() -- luacheck: ignore 212
        return function(code) warnings[#warnings + 1] = code end
      end
      local function scrub(text) return text end
      return new_calls(chat, options or {}, {}, chat.tool_list, scrub)
    end

    local function call(id, text)
      local input = { text = text }
      return { id = id, name = "t", input = input, index = 0 }
    end

    -- Adds calls, settles them and reads every event, in a task.
    local function work(calls, list, on_event)
      claude.loop(function()
        for _, one in ipairs(list) do
          calls:add(one)
        end
        calls:settle(list, "")
        local event = calls:next()
        while event do
          if on_event then on_event(event) end
          event = calls:next()
        end
      end)
    end

    local function result(id)
      local block = chat.draft.results[id]
      return block and core.decode(block).content
    end

    it("run at once, and each has its result", function()
      local running, most = 0, 0
      local calls = begin(function(input)
        running = running + 1
        most = math.max(most, running)
        wait_until(function() return most == 3 end)
        running = running - 1
        return input.text
      end)
      work(calls, { call("a", "1"), call("b", "2"), call("c", "3") })
      assert.equal(3, most)
      assert.same({ "1", "2", "3" }, { result("a"), result("b"), result("c") })
    end)

    it("run at most so many at once", function()
      local running, most = 0, 0
      local calls = begin(function()
        running = running + 1
        most = math.max(most, running)
        wait_until(function() return most == 2 end)
        running = running - 1
      end, { max_parallel = 2 })
      work(calls, { call("a"), call("b"), call("c"), call("d") })
      assert.equal(2, most)
    end)

    it("end in time, and their function where it waits", function()
      local told, seconds
      helpers.with_limit(0.01, function(limit)
        local begun
        seconds = limit
        local calls = begin(function()
          begun = true
          local _, _, err = claude.sleep(60)
          told = err and err.kind
        end, { tool_timeout = limit })
        work(calls, { call("a") })
        return begun
      end)
      assert.equal(("Error: Tool 't' timed out after %s s"):format(tostring(seconds)), result("a"))
      assert.equal("cancelled", told)
    end)

    it("are cancelled one by one", function()
      local calls = begin(function(input)
        if input.text == "slow" then claude.sleep(60) end
        return "done"
      end)
      work(calls, { call("a", "slow"), call("b", "quick") }, function(event)
        if event.kind == "tool_end" and event.call.id == "b" then calls:stop("a", "why not") end
      end)
      assert.same({ "cancelled: why not", "done" }, { result("a"), result("b") })
    end)

    it("keep what their function had returned when they are cancelled", function()
      local calls = begin(function(input) return input.text end)
      local run = calls._run_tool
      function calls:_run_tool(item, input)
        run(self, item, input)
        if item.id == "b" then self:cancel() end
      end
      work(calls, { call("b", "done") })
      assert.equal("done", result("b"))
    end)

    it("keep why their function had failed, too", function()
      local calls = begin(function() return nil, "no such file" end)
      local run = calls._run_tool
      function calls:_run_tool(item, input)
        run(self, item, input)
        self:cancel()
      end
      work(calls, { call("a") })
      assert.equal("Error: no such file", result("a"))
    end)

    it("do not begin once the journal has failed", function()
      local ran = 0
      local calls = begin(function() ran = ran + 1 end)
      local note = calls._note_begin
      function calls:_note_begin(item)
        local goes_on = note(self, item)
        self.failure = "no space"
        return goes_on
      end
      claude.loop(function()
        calls:add(call("a"))
        calls:settle({ call("a") }, "")
        while not calls.failure do
          claude.sleep(0.001)
        end
        claude.sleep(0.01)
      end)
      assert.equal(0, ran)
    end)

    it("begin before their reply is whole, and are dropped with it", function()
      local begun, told
      local calls = begin(function()
        begun = true
        local _, _, err = claude.sleep(60)
        told = err and err.kind
      end)
      claude.loop(function()
        calls:add(call("a"))
        wait_until(function() return calls:event() end)
        wait_until(function() return begun end)
        calls:abandon({}, "its reply failed")
        wait_until(function() return told end)
      end)
      assert.equal("cancelled", told)
      assert.same({ "early_call_dropped" }, warnings)
      assert.same({}, chat.draft.results)
    end)

    it("that raise are answered with what they raised", function()
      local calls = begin(function()
        claude.sleep(0.001)
        error("broken", 0)
      end)
      local traceback
      work(calls, { call("a") }, function(event) traceback = event.call.traceback end)
      assert.equal("Error: broken", result("a"))
      assert.truthy(traceback)
    end)
  end)
end
