local core = require("claude.core")
local replay = require("claude.command.replay")
local s = require("spec.support.stream")

local names = {}

local function file_with(bytes)
  local name = os.tmpname()
  local file = assert(io.open(name, "wb"))
  file:write(bytes)
  file:close()
  names[#names + 1] = name
  return name
end

local function run(files, chunk)
  local lines = {}
  local out = { write = function(_, ...) lines[#lines + 1] = table.concat({ ... }) end }
  local readable = replay.run({ files = files, chunk = chunk, out = out })
  return table.concat(lines), readable
end

-- The one line for these bytes, without what differs: the file's name.
local function line_for(bytes, chunk)
  local name = file_with(bytes)
  local line = run({ name }, chunk)
  local head = '{"file":' .. core.encode(name) .. ","
  assert.equal(head, line:sub(1, #head))
  assert.equal("}\n", line:sub(-2))
  assert(core.decode(line))
  return line:sub(#head + 1, -3)
end

local HELLO = s.stream(s.reply({
  {
    '{"type":"thinking","thinking":"","signature":""}',
    '{"type":"thinking_delta","thinking":"h\\u00e9"}',
    '{"type":"signature_delta","signature":"s="}',
  },
  { '{"type":"text","text":""}', '{"type":"text_delta","text":"\\"\\n"}' },
  {
    '{"type":"tool_use","id":"t","name":"f","input":{}}',
    '{"type":"input_json_delta","partial_json":"{}"}',
  },
}, "tool_use"))

describe("replay", function()
  after_each(function()
    for i = #names, 1, -1 do
      os.remove(names[i])
      names[i] = nil
    end
  end)

  it(
    "prints the message from its exact bytes, and its deltas in order",
    function()
      assert.equal(
        '"complete":true,"message":{"id":"msg_1","type":"message","role":"assistant","model":"m",'
          .. '"content":[{"type":"thinking","thinking":"h\\u00e9","signature":"s="},'
          .. '{"type":"text","text":"\\"\\n"},{"type":"tool_use","id":"t","name":"f","input":{}}],'
          .. '"stop_reason":"tool_use","stop_sequence":null,'
          .. '"usage":{"input_tokens":7,"output_tokens":5}},"error":null,'
          .. '"deltas":[["thinking",0,"h\195\169"],["signature",0,"s="],["text",1,"\\"\\n"],'
          .. '["input_json",2,"{}"]]',
        line_for(HELLO)
      )
    end
  )

  it("prints the same whatever the size of the pieces", function()
    local whole = line_for(HELLO)
    for size = 1, 40 do
      assert.equal(whole, line_for(HELLO, size))
      assert.equal(whole, line_for(HELLO, { seed = size }))
    end
  end)

  it("prints what there is of a message that broke off, and the error", function()
    local line = line_for(s.stream({
      s.START,
      s.block_start(0, '{"type":"text","text":""}'),
      s.delta(0, '{"type":"text_delta","text":"so f"}'),
      '{"type":"error","error":{"type":"overloaded_error","message":"busy"}}',
    }))
    assert.matches('"content":[{"type":"text","text":"so f"}]', line, 1, true)
    assert.matches(
      '"error":{"kind":"api","type":"overloaded_error","message":"busy"},'
        .. '"deltas":[["text",0,"so f"]]',
      line,
      1,
      true
    )
    assert.matches('^"complete":false,', line)
  end)

  it(
    "prints null where there is no message",
    function()
      assert.equal(
        '"complete":false,"message":null,"error":{"kind":"incomplete","type":null,'
          .. '"message":"the stream ended before a message began"},"deltas":[]',
        line_for("")
      )
    end
  )

  it("keeps to one line when the stream's JSON does not", function()
    local line = line_for((HELLO:gsub('"id":"msg_1",', '"id":"msg_1",\ndata: ')))
    assert.matches('"id":"msg_1", "type"', line, 1, true)
  end)

  it("says that an error is no UTF-8 with characters that are", function()
    local line = line_for("event: error\ndata: a\255b\n\n")
    assert.matches('"message":"a\239\191\189b"', line, 1, true)
  end)

  it("has a line for every file, in order, also for those it cannot read", function()
    local first, last = file_with(HELLO), file_with("")
    local lines, readable = run({ first, "/nowhere/at all", last })
    assert.is_false(readable)
    local seen = {}
    for line in lines:gmatch("[^\n]+") do
      seen[#seen + 1] = core.decode(line)
    end
    assert.same({ first, "/nowhere/at all", last }, { seen[1].file, seen[2].file, seen[3].file })
    assert.equal("file", seen[2].error.kind)
    assert.matches("No such file", seen[2].error.message)
  end)

  it("says that a folder is no file", function()
    local lines, readable = run({ "spec" })
    assert.is_false(readable)
    local failure = core.decode(lines).error
    assert.equal("file", failure.kind)
    assert.matches("^spec: Is a directory", failure.message)
  end)
end)
