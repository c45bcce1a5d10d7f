local core = require("claude.core")

local CONTROL = '{"type":"ephemeral"}'

local function user(content) return ('{"role":"user" , "content" : %s }'):format(content) end

local function rendered(messages, marks)
  local transcript = core.transcript()
  for _, message in ipairs(messages) do
    assert(transcript:append(message))
  end
  return core.body({ "[", transcript, "]" }, marks):tostring(), transcript
end

describe("core.mark", function()
  it("puts a breakpoint into one block and leaves every other byte as it was", function()
    local list = ' [ {"b":1.50, "a":[]} ,\n{"type":"text","text":"x" } ] '
    assert.equal(
      ' [ {"b":1.50, "a":[]} ,\n{"type":"text","text":"x" ,"cache_control":' .. CONTROL .. "} ] ",
      core.mark(list, 2, CONTROL)
    )
  end)

  it(
    "makes the block that a text stands for",
    function()
      assert.equal(
        '[{"text":"a \\u00e9","type":"text","cache_control":' .. CONTROL .. "}]",
        core.mark('"a \\u00e9"', 1, CONTROL)
      )
    end
  )

  it("knows no block that is not there, and none without members", function()
    for _, case in ipairs({
      { '[{"a":1}]', 2 },
      { '[{"a":1}]', 0 },
      { "[{}]", 1 },
      { "[1]", 1 },
      { '"x"', 2 },
      { "{}", 1 },
      { "", 1 },
      { '[{"a":1}', 1 },
    }) do
      local json, problem = core.mark(case[1], case[2], CONTROL)
      assert.is_nil(json, case[1])
      assert.equal("there is no such block", problem)
    end
  end)
end)

describe("a body of a transcript with marks", function()
  it("has the breakpoints, and the transcript has not", function()
    local one, two = user('"a"'), user('[{"type":"text","text":"b"},{"type":"image"}]')
    local body, transcript = rendered({ one, two, one }, {
      { message = 1, block = 1, control = "{}" },
      { message = 2, block = 2, control = CONTROL },
    })
    local text = '[{"text":"a","type":"text","cache_control":{}}]'
    local list = '[{"type":"text","text":"b"},{"type":"image","cache_control":' .. CONTROL .. "}]"
    assert.equal("[" .. user(text) .. "," .. user(list) .. "," .. one .. "]", body)
    assert.equal(
      "[" .. one .. "," .. two .. "," .. one .. "]",
      core.body({ "[", transcript, "]" }):tostring()
    )
  end)

  it("puts them into the content that counts when a message has two", function()
    local twice = '{"content":"no","role":"user","content":"yes"}'
    local body = rendered({ twice }, { { message = 1, block = 1, control = "{}" } })
    local text = '[{"text":"yes","type":"text","cache_control":{}}]'
    assert.equal('[{"content":"no","role":"user","content":' .. text .. "}]", body)
  end)

  it("refuses marks that name nothing, and what is no mark", function()
    local message = user('"a"')
    for _, marks in ipairs({
      { { message = 2, block = 1, control = "{}" } },
      { { message = 1, block = 2, control = "{}" } },
      { { message = 0, block = 1, control = "{}" } },
      { { message = 1, block = 1, control = 5 } },
      { { message = 1, block = 1 } },
      { 5 },
      { {}, {}, {}, {}, {} },
      "x",
    }) do
      assert.is_false((pcall(rendered, { message }, marks)))
    end
  end)
end)

describe("transcript:block_count", function()
  it("counts blocks, a text as one", function()
    local transcript = core.transcript()
    for i, case in ipairs({ { '"a"', 1 }, { "[]", 0 }, { '[ {"a":[1,2]}, {} ]', 2 } }) do
      assert(transcript:append(user(case[1])))
      assert.equal(case[2], transcript:block_count(i))
    end
  end)
end)
