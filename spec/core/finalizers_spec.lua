local child = require("spec.support.child")
local core = require("claude.core")
local s = require("spec.support.stream")

-- Calls work with a collector that hardly rests, and finalizers that call meanwhile.
local function while_finalizers_run(meanwhile, work)
  local newproxy = rawget(_G, "newproxy") -- 5.1: only a userdata has __gc
  local armed, busy, ran = true, false, 0
  local function drop_one()
    local meta = newproxy and getmetatable(newproxy(true)) or {}
    meta.__gc = function()
      if not armed or busy then return end
      busy, ran = true, ran + 1
      meanwhile()
      busy = false
      drop_one()
    end
    return not newproxy and setmetatable({}, meta) and nil
  end
  -- The collector of 5.1 would do nothing else.
  local pause = collectgarbage("setpause", newproxy and 100 or 0)
  local multiplier = collectgarbage("setstepmul", newproxy and 400 or 1000)
  local ok, problem = pcall(function()
    for _ = 1, 10000 do
      drop_one()
      work()
      if ran >= 50 then break end
    end
  end)
  armed = false
  collectgarbage("setpause", pause)
  collectgarbage("setstepmul", multiplier)
  assert(ok, problem)
  assert.is_true(ran > 0)
end

describe("a finalizer that runs in the middle", function()
  local function reply()
    local blocks = {}
    for i = 1, 20 do
      local text = ("text "):rep(500) .. i
      blocks[i] = { '{"type":"text","text":""}', '{"type":"text_delta","text":"' .. text .. '"}' }
    end
    return s.read(s.stream(s.reply(blocks)))
  end

  it("takes nothing from a message that becomes tables", function()
    local response = reply()
    local wanted, raws = response:message()
    while_finalizers_run(function() response:message() end, function()
      local message, exact = response:message()
      assert.equal(wanted.content[20].text, message.content[20].text)
      assert.equal(raws[20], exact[20])
      assert.equal(wanted.id, response:head().id)
    end)
  end)

  it("takes nothing from a turn that is sealed", function()
    local blocks = {}
    for i = 1, 20 do
      blocks[i] = { '{"type":"text","text":""}', [[{"type":"text_delta","text":"a\ud83d"}]] }
    end
    local response = s.read(s.stream(s.reply(blocks)))
    local bytes, changes = response:seal()
    assert.equal(20, #changes)
    while_finalizers_run(function() response:seal() end, function()
      local turn, now = response:seal()
      assert.equal(bytes, turn)
      assert.equal(20, #now)
      assert.same(changes[20], now[20])
    end)
  end)

  it("takes nothing from a message whose outline is made", function()
    local transcript = core.transcript()
    local function fill()
      local message = '{"role":"user","content":[%s{"type":"text","text":"%d"}]}'
      for i = 1, 3 do
        transcript:append(message:format(('{"type":"text","text":"hi"},'):rep(100), i))
      end
    end
    local function fill_anew()
      transcript:truncate(0)
      fill()
    end
    fill()
    while_finalizers_run(
      fill_anew,
      function() assert.equal("3", transcript:outline(3).content[101].text) end
    )
  end)

  it("writes nothing into a value that is being encoded", function()
    local long, list = ("long"):rep(100), {}
    for i = 1, 20 do
      list[i] = { name = "n" .. i, text = "text" }
    end
    local wanted = core.encode(list)
    while_finalizers_run(function() core.encode(long) end, function()
      assert.equal(wanted, core.encode(list))
      assert.equal('"' .. long .. '"', core.encode(long))
    end)
  end)

  it("encodes as ever while the state is closed", function()
    local program = [[
      local core = require("claude.core")
      local function close() io.write((core.encode({ "closed" }))) end
      kept = rawget(_G, "newproxy") and newproxy(true) or setmetatable({}, { __gc = close })
      getmetatable(kept).__gc = close
      core.encode({ "open" })
    ]]
    local ran = child.run(child.lua .. " -", program)
    assert.same({ 0, '["closed"]' }, { ran.status, ran.out })
  end)

  it("read nothing from a response whose own has run", function()
    local response = core.response()
    local read_plain = response:plain_reader()
    getmetatable(response).__gc(response)
    response:open_short_cut(true)
    assert.is_nil(read_plain())
    if not core.deltas then return end
    local loop = core.deltas(function() return "text", "a", 0, response end)
    assert.same({ "text", "text" }, { (loop()), (loop()) })
  end)
end)
