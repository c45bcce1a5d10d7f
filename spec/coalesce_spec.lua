--- Adjacent deltas as one string: `coalesce` and `budget`.
local api = require("spec.support.api_server")
local claude = require("claude")
local core = require("claude.core")
local each_chunking = require("spec.helpers").each_chunking
local environment = require("spec.support.environment")
local sse = require("spec.support.stream")
local tasks = require("claude.tasks")

local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 16000,
  messages = { { role = "user", content = "What is 127 * 389?" } },
}
local JOINED = { coalesce = true }

local function text_delta(text) return { type = "text_delta", text = text } end

local function words(count)
  local block = { { type = "text", text = "" } }
  for i = 1, count do
    block[i + 1] = text_delta(("word %d "):format(i))
  end
  return block
end

-- The same bytes in one piece: what has arrived is all there when it is read.
local function at_once(answer)
  answer.pieces = { table.concat(answer.pieces) }
  return answer
end

describe("core.response:next_joined", function()
  local function read(response, name)
    local pieces = {}
    local kind, text, index = response[name](response)
    while kind do
      pieces[#pieces + 1] = { kind, text or false, index or false }
      kind, text, index = response[name](response)
    end
    return pieces, text
  end

  -- What was told, with adjacent deltas of one block and kind put together.
  local MERGED = { text = true, thinking = true, input_json = true }
  local function merged(pieces)
    local list = {}
    for _, piece in ipairs(pieces) do
      local last = list[#list]
      if last and MERGED[piece[1]] and last[1] == piece[1] and last[3] == piece[3] then
        last[2] = last[2] .. piece[2]
      else
        list[#list + 1] = { piece[1], piece[2], piece[3] }
      end
    end
    return list
  end

  local function response_of(bytes)
    local response = core.response()
    response:feed(bytes)
    response:finish()
    return response
  end

  local EVENTS = sse.stream(sse.reply({
    {
      '{"type":"thinking","thinking":"","signature":""}',
      '{"type":"thinking_delta","thinking":"So"}',
      '{"type":"thinking_delta","thinking":" \\u00e9\\ud83d"}',
      '{"type":"thinking_delta","thinking":"\\udc4d!"}',
      '{"type":"signature_delta","signature":"c2ln"}',
    },
    {
      '{"type":"text","text":""}',
      '{"type":"text_delta","text":"a\\n"}',
      '{"type":"text_delta","text":"\\ud83d"}',
      '{"type":"text_delta","text":"\\ud83d\\ud83d"}',
      '{"text":"as another server spells it","type":"text_delta"}',
      '{"type":"text_delta","text":"é"}',
      '{"type":"text_delta","text":"\\ud83d"}',
    },
    {
      '{"type":"tool_use","id":"toolu_1","name":"f","input":{}}',
      '{"type":"input_json_delta","partial_json":""}',
      '{"type":"input_json_delta","partial_json":"{\\"a\\":\\"\\ud83d"}',
      '{"type":"input_json_delta","partial_json":"\\udc4d\\"}"}',
    },
  }))

  it(
    "puts together what is adjacent, and keeps the order",
    function()
      assert.same(
        merged((read(response_of(EVENTS), "next"))),
        (read(response_of(EVENTS), "next_joined"))
      )
    end
  )

  it("looks at what ends a piece, and leaves it for the next call", function()
    local response = response_of(EVENTS)
    local kind, text = response:next_joined()
    while kind ~= "text" do
      kind, text = response:next_joined()
    end
    assert.is_truthy(text:find("^a\n"))
    repeat
      assert.is_false(response:block(2).stopped)
      assert.is_nil(response:block(3))
      kind = response:next_joined()
    until kind ~= "text"
    assert.equal("block_stop", kind)
    assert.is_true(response:block(2).stopped)
  end)

  it("says the same bytes however they are cut, and keeps the same message", function()
    local one = response_of(EVENTS)
    local expected = merged((read(one, "next")))
    local message = one:message_json()
    each_chunking(EVENTS, function(chunks, how)
      local response, pieces = core.response(), {}
      for _, chunk in ipairs(chunks) do
        response:feed(chunk)
        for _, piece in ipairs((read(response, "next_joined"))) do
          pieces[#pieces + 1] = piece
        end
      end
      response:finish()
      assert.same({}, (read(response, "next_joined")), how)
      assert.same(expected, merged(pieces), how)
      assert.equal(message, response:message_json(), how)
    end)
  end)

  it("takes turns with next, next_plain and event", function()
    local response = core.response()
    response:feed(sse.stream(sse.reply({
      {
        '{"type":"text","text":""}',
        '{"type":"text_delta","text":"a"}',
        '{"type":"text_delta","text":"b"}',
      },
    })))
    assert.equal("message_start", (response:next_joined()))
    assert.equal("block_start", (response:next_joined()))
    response:open_short_cut(true)
    assert.same({ "text", "a", 0 }, { response:next_plain() })
    assert.same({ "text", "b", 0 }, { response:next_joined() })
    assert.equal("block_stop", (response:next()))
  end)

  it("does not join across what is told in between, nor blocks that take turns", function()
    local function delta(index, text)
      return sse.frame(sse.delta(index, ('{"type":"text_delta","text":"%s"}'):format(text)))
    end
    local function start(index)
      return sse.frame(sse.block_start(index, '{"type":"text","text":""}'))
    end
    local response = core.response()
    response:feed(sse.frame(sse.START) .. start(0) .. start(1))
    response:feed(delta(0, "a") .. delta(0, "b") .. delta(1, "c") .. delta(0, "d"))
    response:feed(sse.frame('{"type":"news"}') .. delta(0, "e"))
    local pieces, why = read(response, "next_joined")
    assert.equal("more", why)
    assert.same({
      { "message_start", false, false },
      { "block_start", "text", 0 },
      { "block_start", "text", 1 },
      { "text", "ab", 0 },
      { "text", "c", 1 },
      { "text", "d", 0 },
      { "unknown", '{"type":"news"}', false },
      { "text", "e", 0 },
    }, pieces)
  end)

  it("hands out what came before an error first", function()
    local response = core.response()
    response:feed(sse.stream({
      sse.START,
      sse.block_start(0, '{"type":"text","text":""}'),
      sse.delta(0, '{"type":"text_delta","text":"a"}'),
      sse.delta(0, '{"type":"text_delta","text":"b"}'),
    }))
    response:feed("event: content_block_delta\ndata: {broken\n\n")
    response:next()
    response:next()
    assert.same({ "text", "ab", 0 }, { response:next_joined() })
    assert.same({ nil, "error" }, { response:next_joined() })
    assert.equal("protocol", response:failure().kind)
  end)

  it("ends a piece at 64 KiB, so that none takes long", function()
    local deltas = { '{"type":"text","text":""}' }
    for _ = 1, 200 do
      deltas[#deltas + 1] = ('{"type":"text_delta","text":"%s"}'):format(("x"):rep(1000))
    end
    local response = response_of(sse.stream(sse.reply({ deltas })))
    local longest, total = 0, 0
    for _, piece in ipairs((read(response, "next_joined"))) do
      if piece[1] == "text" then
        longest, total = math.max(longest, #piece[2]), total + #piece[2]
      end
    end
    assert.equal(200000, total)
    assert.is_true(longest >= 65536 and longest < 66536 + 1000, longest)
  end)
end)

describe("a stream that is read with coalesce", function()
  local server
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  before_each(function() environment.set({}) end)
  after_each(function()
    environment.restore()
    if server then server:close() end
    server = nil
  end)

  local function open(answers)
    server = api.start(answers)
    local client = claude.new({ api_key = "k", base_url = server.url, max_retries = 0 })
    return client.messages:stream(PARAMS)
  end

  local function all_words(count)
    local list = {}
    for i = 1, count do
      list[i] = ("word %d "):format(i)
    end
    return table.concat(list)
  end

  it("gives in few pieces what arrived in few reads, and the same text", function()
    local stream = open({ at_once(api.stream(api.reply({ words(1000) }))) })
    local said, pieces = {}, 0
    for kind, text in stream:deltas(JOINED) do
      if kind == "text" then
        said[#said + 1], pieces = text, pieces + 1
      end
    end
    assert.equal(all_words(1000), table.concat(said))
    assert.is_true(pieces < 200, pieces)
    assert.equal(all_words(1000), stream:final_message():text())
  end)

  it("gives the text alone, joined", function()
    local stream = open({ at_once(api.stream(api.reply({ words(1000) }))) })
    local said, pieces = {}, 0
    for text in stream:text_stream(JOINED) do
      said[#said + 1], pieces = text, pieces + 1
    end
    assert.equal(all_words(1000), table.concat(said))
    assert.is_true(pieces < 200, pieces)
  end)

  it("may be left and gone on with in any way", function()
    local stream = open({ at_once(api.stream(api.reply({ words(300), words(300) }))) })
    local said = {}
    for kind, text in stream:deltas(JOINED) do
      if kind == "text" then
        said[1] = text
        break
      end
    end
    local event = assert(stream:next_event())
    while event.type ~= "content_block_start" or event.index ~= 1 do
      if event.type == "content_block_delta" then said[#said + 1] = event.delta.text end
      event = assert(stream:next_event())
    end
    assert.equal(all_words(300), table.concat(said))
    local _, first = assert(stream:next())
    assert.equal("word 1 ", first)
    said = { first }
    for text in stream:text_stream(JOINED) do
      said[#said + 1] = text
    end
    assert.equal(all_words(300), table.concat(said))
  end)

  it("has step functions that do the same", function()
    local stream = open({ at_once(api.stream(api.reply({ words(50) }))) })
    local said = {}
    local text = assert(stream:next_text(JOINED))
    while text do
      said[#said + 1] = text
      text = stream:next_text({ coalesce = true, budget = 0.001 })
    end
    assert.equal(all_words(50), table.concat(said))
    assert.is_true(#said < 50, #said)
  end)

  it("raises an error in the middle after what was there", function()
    local events = api.reply({ words(20) })
    local kept = {}
    for i = 1, 12 do
      kept[i] = events[i]
    end
    kept[13] = { type = "error", error = { type = "overloaded_error", message = "Overloaded" } }
    local stream, said = open({ at_once(api.stream(kept)) }), {}
    local ok, err = pcall(function()
      for kind, text in stream:deltas(JOINED) do
        if kind == "text" then said[#said + 1] = text end
      end
    end)
    assert.is_false(ok)
    assert.equal("overloaded_error", err.type)
    assert.equal(all_words(10), table.concat(said))
    assert.equal(all_words(10), err.partial:text())
  end)

  it("is cancelled by another task between two pieces", function()
    local stream = open({ at_once(api.stream(api.reply({ words(300) }))) })
    tasks.loop(function()
      assert(stream:next(JOINED))
      claude.spawn(function() stream:cancel() end)
      tasks.sleep(0)
      local kind, _, err = stream:next(JOINED)
      assert.is_nil(kind)
      assert.equal("cancelled", err.kind)
    end)
  end)

  it("serves runs, too", function()
    server = api.start({ at_once(api.stream(api.reply({ words(300) }))) })
    local client = claude.new({ api_key = "k", base_url = server.url, max_retries = 0 })
    local chat = client:conversation({ model = "claude-sonnet-4-6", max_tokens = 100 })
    chat:user("Go on")
    local said, pieces = {}, 0
    for kind, text in chat:run():deltas(JOINED) do
      if kind == "text" then
        said[#said + 1], pieces = text, pieces + 1
      end
    end
    assert.equal(all_words(300), table.concat(said))
    assert.is_true(pieces < 100, pieces)
  end)

  it("lets others have their turn when its budget is spent", function()
    local answer = at_once(api.stream(api.reply({ words(200) })))
    local function turns_with(options)
      local stream, turns, wanted = open({ answer }), 0, true
      tasks.loop(function()
        local other = claude.spawn(function()
          while wanted and tasks.sleep(0) do
            turns = turns + 1
          end
        end)
        repeat
          local kind = stream:next()
        until kind == "block_start"
        local before = turns
        repeat
          local kind = stream:next(options)
          local stop = os.clock() + 0.0005
          while os.clock() < stop do
          end
        until kind == "block_stop"
        turns, wanted = turns - before, false
        other:cancel()
      end)
      server:close()
      return turns
    end
    -- A long budget has only the turns that waits bring.
    local short, long = turns_with({ budget = 0.0001 }), turns_with({ budget = 3600 })
    assert.is_true(short >= 20, short)
    assert.is_true(long < short, long)
  end)

  it("takes no other options, and says so at the caller's line", function()
    local stream = open({ at_once(api.stream(api.reply({ words(1) }))) })
    local chat = claude.new({ api_key = "k", base_url = server.url }):conversation({
      model = "claude-sonnet-4-6",
      max_tokens = 100,
    })
    chat:user("Go on")
    local run = chat:run()
    local WRONG = {
      { "x", "options must be a table" },
      { { coalesc = true }, "there is no option coalesc" },
      { { coalesce = 1 }, "coalesce must be a boolean" },
      { { budget = "2" }, "budget must be seconds, more than 0" },
      { { budget = 0 }, "budget must be seconds, more than 0" },
      { { budget = 0 / 0 }, "budget must be seconds, more than 0" },
    }
    for _, object in ipairs({ { "stream", stream }, { "run", run } }) do
      for _, method in ipairs({ "deltas", "text_stream", "next", "next_text" }) do
        for _, case in ipairs(WRONG) do
          local ok, text = pcall(function()
            local result = object[2][method](object[2], case[1])
            return result
          end)
          assert.is_false(ok)
          assert.truthy(text:find("coalesce_spec.lua:%d+: " .. object[1] .. ":" .. method), text)
          assert.truthy(text:find(case[2], 1, true), text)
        end
      end
    end
    stream:cancel()
    run:cancel()
  end)
end)
