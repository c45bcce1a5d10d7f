local core = require("claude.core")

local function user(text) return '{"role":"user","content":"' .. text .. '"}' end
local function assistant(text) return '{"role":"assistant","content":"' .. text .. '"}' end

local function rendered(transcript) return core.body({ "[", transcript, "]" }):tostring() end

describe("core.transcript", function()
  local transcript

  before_each(function()
    transcript = core.transcript()
    assert(transcript:append(user("one")))
    assert(transcript:append(assistant("two")))
  end)

  it("keeps the exact bytes of a message, blanks and odd numbers included", function()
    local odd = ' { "content" : [ {"n": 1.0e+2, "m":12345678901234567890} ],\n"role":"user" } '
    assert(transcript:append(odd))
    assert.equal(odd, transcript:get(3))
    local before = user("one") .. "," .. assistant("two")
    assert.equal("[" .. before .. "," .. odd .. "]", rendered(transcript))
  end)

  it("counts messages and bytes", function()
    assert.equal(2, transcript:count())
    assert.equal(#user("one") + #assistant("two"), transcript:bytes())
    assert.equal("user", transcript:role(1))
    assert.equal("assistant", transcript:role(2))
    assert.equal(0, core.transcript():count())
  end)

  it("knows the first message of a role", function()
    assert.equal(1, transcript:first("user"))
    assert.equal(2, transcript:first("assistant"))
    assert.is_nil(transcript:first("system"))
    assert(transcript:append('{"role":"system","content":"three"}'))
    assert.equal(3, transcript:first("system"))
    assert.has_error(function() transcript:first("robot") end)
  end)

  it("refuses what is no message and stays as it was", function()
    for _, text in ipairs({
      "",
      "[]",
      "{}",
      '{"role":"user"}',
      '{"role":"robot","content":""}',
      user("one") .. ",",
      user("\255"),
      user("\\ud800"),
    }) do
      local done, problem = transcript:append(text)
      assert.is_nil(done, text)
      assert.truthy(problem:find("at byte %d+"), problem)
    end
    assert.equal(2, transcript:count())
  end)

  it("gives the exact bytes of each block", function()
    assert(transcript:append('{"content":[1],"role":"user","content":[ {"b": 1.50,"a":[]} ,\n{}]}'))
    assert.same({ '{"b": 1.50,"a":[]}', "{}" }, transcript:blocks(3))
    assert.same({}, transcript:blocks(1))
  end)

  it("undoes from the end", function()
    assert.equal(assistant("two"), transcript:pop())
    assert.equal("[" .. user("one") .. "]", rendered(transcript))
    transcript:truncate(5)
    assert.equal(1, transcript:count())
    transcript:truncate(0)
    assert.is_nil(transcript:pop())
    assert.equal("[]", rendered(transcript))
  end)

  it("forks into two that do not see each other", function()
    local fork = transcript:fork()
    assert(fork:append(user("fork")))
    transcript:pop()
    assert(transcript:append(assistant("base")))
    local shared = user("one") .. "," .. assistant("two")
    assert.equal("[" .. shared .. "," .. user("fork") .. "]", rendered(fork))
    assert.equal("[" .. user("one") .. "," .. assistant("base") .. "]", rendered(transcript))
  end)

  it("leaves bodies made before as they were", function()
    local body = core.body({ transcript })
    transcript:truncate(0)
    transcript = nil
    collectgarbage()
    assert.equal(user("one") .. "," .. assistant("two"), body:tostring())
  end)

  it("raises for a message that is not there", function()
    for _, index in ipairs({ 0, 3, -1 }) do
      assert.has_error(function() transcript:get(index) end)
      assert.has_error(function() transcript:role(index) end)
    end
    assert.has_error(function() transcript:truncate(-1) end)
  end)
end)
