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

  it("takes a message in pieces", function()
    assert(transcript:append({ '{"role":"user","content":', '"th', 'ree"}' }))
    assert.equal(user("three"), transcript:get(3))
    local done, problem = transcript:append({ '{"role":"user"', "}" })
    assert.is_nil(done)
    assert.truthy(problem:find("content", 1, true), problem)
    assert.has_error(function() transcript:append({ '{"role":', {} }) end)
    assert.equal(3, transcript:count())
  end)

  it("tells whether messages have left it", function()
    local before = transcript:removals()
    assert(transcript:append(user("three")))
    assert.equal(before, transcript:removals())
    transcript:pop()
    assert.not_equal(before, transcript:removals())
  end)

  it("finds bytes in a message", function()
    assert.is_true(transcript:contains(1, '"one"'))
    assert.is_false(transcript:contains(1, "two"))
    assert.has_error(function() transcript:contains(3, "one") end)
  end)

  describe("in outline", function()
    local function outline(text)
      assert(transcript:append({ '{"content":[', text, '],"role":"user"}' }))
      return transcript:outline(transcript:count()).content[1]
    end

    it("says what it says, but for long texts", function()
      local long = ("abc\\n"):rep(500)
      local block = outline('{"id":"' .. ("i"):rep(2000) .. '","text":"' .. long .. '","n":[1,{}]}')
      assert.equal(("i"):rep(2000), block.id)
      assert.same({ 1, core.decode("{}") }, block.n)
      assert.is_true(#block.text > 100 and #block.text < 300)
      assert.equal(1, (("abc\n"):rep(500)):find(block.text, 1, true))
    end)

    it("cuts no character and no escape in two", function()
      for _, part in ipairs({ "\\u00e9", "é", "\\\\", "\\ud83d\\ude00", "😀" }) do
        for before = 0, 12 do
          local text = ("x"):rep(before) .. part:rep(1200)
          local whole = core.decode('"' .. text .. '"')
          local cut = outline('{"text":"' .. text .. '"}').text
          assert.is_true(#cut > 20 and core.utf8_valid(cut), part)
          assert.equal(cut, whole:sub(1, #cut))
        end
      end
    end)

    it("keeps a text whose beginning is blank", function()
      local text = (" "):rep(2000) .. "x"
      assert.equal(text, outline('{"text":"' .. text .. '"}').text)
    end)

    it("keeps what is no text's", function()
      local long = ("y"):rep(2000)
      assert.equal(long, outline('{"name":"' .. long .. '"}').name)
      assert.equal(long, outline('["' .. long .. '"]')[1])
    end)
  end)
end)
