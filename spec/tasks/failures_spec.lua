-- What a task raised and nobody looked at is told once: raised, or handed to on_error.
local claude = require("claude")
local hub = require("claude.loop")
local scheduler = require("claude.tasks.scheduler")
local tasks = require("claude.tasks")
local wait_until = require("spec.helpers").wait_until

local CAN_YIELD_ANYWHERE = not (_VERSION == "Lua 5.1" and not rawget(_G, "jit"))

local function first_line(value) return (tostring(value):match("[^\n]*")) end

for _, driver in ipairs({ "blocking", "luv", CAN_YIELD_ANYWHERE and "hosted" or nil }) do
  local hosted = driver == "hosted"
  describe("failures that nobody looks at, driver " .. driver .. ":", function()
    local on_error, told
    setup(function()
      on_error = scheduler.on_error
      if hosted then return tasks.use(require("spec.support.coroutine_host")) end
      hub.use(driver)
    end)
    before_each(function()
      told = {}
      scheduler.on_error = function(text) told[#told + 1] = first_line(text) end
    end)
    teardown(function()
      scheduler.on_error = on_error
      if hosted then return tasks.use(nil) end
      hub.use("blocking")
    end)

    local function failing(text)
      return claude.spawn(function() error(text, 0) end)
    end

    it("claude.loop raises the first and tells the others", function()
      local ok, raised = pcall(tasks.loop, function()
        failing("first")
        failing("second")
        failing("third")
      end)
      assert.is_false(ok)
      assert.equal("first", first_line(raised))
      assert.same({ "second", "third" }, told)
    end)

    it("claude.loop tells all when it raises what its own function raised", function()
      local begun
      local ok, raised = pcall(tasks.loop, function()
        claude.spawn(function()
          begun = true
          error("child", 0)
        end)
        wait_until(function() return begun end)
        error("root", 0)
      end)
      assert.is_false(ok)
      assert.equal("root", first_line(raised))
      assert.same({ "child" }, told)
      tasks.loop(function() end)
      assert.same({ "child" }, told)
    end)

    it("whatever was raised", function()
      local things =
        { {}, setmetatable({}, { __tostring = error }), coroutine.create(function() end), false }
      for _, thing in ipairs(things) do
        claude.spawn(error, thing)
        local ok, raised = pcall(tasks.loop, function() error(thing) end)
        assert.is_false(ok)
        assert.equal(thing, raised)
        tasks.sleep(0.01)
      end
      assert.equal(#things, #told)
      assert.is_nil((select(2, pcall(tasks.loop, function() error(nil) end))))
    end)

    it("outside loops they are told while other things are waited for", function()
      failing("lost")
      local limit = tasks.now() + 30
      while not told[1] and tasks.now() < limit do
        tasks.sleep(0.01)
      end
      assert.same({ "lost" }, told)
    end)

    -- A loop that others use, too, is never known to be idle: only our own is.
    if driver == "blocking" then
      it("claude.loop tells all when what it waits for can never happen", function()
        local task
        local ok, raised = pcall(tasks.loop, function()
          failing("lost")
          task = tasks.running()
          tasks.signal():wait()
        end)
        assert.is_false(ok)
        assert.is_truthy(raised:find("can never happen", 1, true))
        assert.same({ "lost" }, told)
        tasks.loop(function() end)
        assert.is_true(task:is_done())
      end)
    end

    if not hosted then
      it("claude.step raises one and tells the others, and goes on", function()
        local ran = 0
        failing("first")
        failing("second")
        local task = claude.spawn(function()
          while ran < 3 do
            ran = ran + 1
            tasks.sleep(0)
          end
        end)
        local raised = {}
        repeat
          local ok, what = pcall(claude.step, 1000)
          if not ok then raised[#raised + 1] = first_line(what) end
        until task:is_done()
        assert.same({ "first" }, raised)
        assert.same({ "second" }, told)
        assert.equal(3, ran)
      end)
    end
  end)
end

describe("an adapter that is not whole", function()
  local coroutine_host = require("spec.support.coroutine_host")

  it("is told which function it lacks", function()
    for name, value in pairs(coroutine_host) do
      if type(value) == "function" then
        local lacking = setmetatable({ [name] = false }, { __index = coroutine_host })
        local ok, text = pcall(tasks.use, lacking)
        assert.is_false(ok)
        assert.matches("claude.tasks.use: the adapter has no function `" .. name .. "`", text)
      end
    end
  end)

  it("is no adapter when it is no table", function()
    local ok, text = pcall(tasks.use, 1)
    assert.is_false(ok)
    assert.matches("a name or an adapter", text)
  end)
end)

describe("a host that starts no task", function()
  if not CAN_YIELD_ANYWHERE then return end
  local coroutine_host = require("spec.support.coroutine_host")
  local full = setmetatable({ name = "full" }, { __index = coroutine_host })
  local refuses
  function full.spawn(fn)
    if refuses then return nil, "no more" end
    return coroutine_host.spawn(fn)
  end
  setup(function() tasks.use(full) end)
  teardown(function() tasks.use(nil) end)

  it("fails what was to be started, one by one, and nobody waits for ever", function()
    refuses = true
    local outcomes = tasks.parallel(
      { function() end, function() end, function() end },
      { limit = 1 }
    )
    local ok, raised = tasks.call(function() end)
    refuses = false
    assert.equal(3, #outcomes)
    assert.equal("no more", outcomes[3].raised)
    assert.is_false(ok)
    assert.equal("no more", raised)
  end)
end)

describe("a program that ends", function()
  local child = require("spec.support.child")

  it("is told what its last round of tasks raised", function()
    local script = child.temporary()
    local file = assert(io.open(script, "w"))
    file:write([[
      local claude = require("claude")
      claude.spawn(function() error("at the very end") end)
      claude.sleep(0)
    ]])
    file:close()
    local result = child.run(child.lua .. " " .. script)
    os.remove(script)
    assert.same({ 0, "" }, { result.status, result.out })
    assert.matches("error in a task: .*at the very end", result.err)
    assert.equal(1, select(2, result.err:gsub("at the very end", "")))
  end)
end)
