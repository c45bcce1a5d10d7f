local claude = require("claude")
local core = require("claude.core")
local message_views = require("claude.message")
local request = require("claude.request")

local client = claude.new({ api_key = "k", base_url = "https://example.com" })

local function whole(params, options)
  local frame = assert(request.frame(client, params, options))
  return frame.before .. frame.after, frame
end

describe("request.frame", function()
  it("puts sorted keys around the messages", function()
    local text = whole({ model = "m", max_tokens = 5, system = "s", cache_control = {}, zeta = 1 })
    assert.equal(
      '{"cache_control":{},"max_tokens":5,"messages":[],"model":"m","system":"s","zeta":1}',
      text
    )
  end)

  it("works when nothing stands on one side", function()
    assert.equal('{"messages":[],"model":"m"}', whole({ model = "m" }))
    assert.equal('{"max_tokens":5,"messages":[]}', whole({ max_tokens = 5 }))
    assert.equal('{"messages":[]}', whole({}))
  end)

  it("sorts names that are nearly messages by their bytes", function()
    local text = whole({ message = 1, messages_too = 2, messageS = 3, Z = 4 })
    assert.equal('{"Z":4,"message":1,"messageS":3,"messages":[],"messages_too":2}', text)
  end)

  it("leaves out what is for this library, and the messages", function()
    local text, frame = whole({ betas = { "b" }, messages = { {} }, stream = false })
    assert.equal('{"messages":[]}', text)
    assert.same({ "b" }, frame.betas)
  end)

  it(
    "asks for a stream when told to",
    function()
      assert.equal('{"messages":[],"stream":true}', whole({ stream = false }, { stream = true }))
    end
  )

  it("leaves out what does not count when counting", function()
    local params = { max_tokens = 5, model = "m" }
    assert.equal('{"messages":[],"model":"m"}', whole(params, { counting = true }))
    assert.equal(5, params.max_tokens)
  end)

  it("sends a tool without its function, and leaves the table alone", function()
    local tool = { name = "t", input_schema = { type = "object" }, run = print }
    local text = whole({ tools = { tool } })
    local expected = '{"messages":[],"tools":[{"input_schema":{"type":"object"},"name":"t"}]}'
    assert.equal(expected, text)
    assert.equal(print, tool.run)
    assert.equal(expected, whole({ tools = claude.array({ tool }) }))
  end)

  it("sends JSON text as it is", function()
    local tools = claude.json('[ {"name": "t"} ]')
    assert.equal('{"messages":[],"tools":[ {"name": "t"} ]}', whole({ tools = tools }))
  end)

  it("writes what a table says now, however often it said something else", function()
    local params = { model = "m", tools = { { name = "t", input_schema = { type = "object" } } } }
    local texts = {}
    for i = 1, 4 do
      texts[i] = whole(params)
    end
    for i = 2, 4 do
      assert.equal(texts[1], texts[i])
    end
    params.tools[1].input_schema.type = "string"
    assert.equal(texts[1]:gsub('"object"', '"string"'), (whole(params)))
    params.tools[1].input_schema.type = nil
    assert.equal(texts[1]:gsub('{"type":"object"}', "{}"), (whole(params)))
  end)

  it("tells apart what is written in two ways, however often it came in one", function()
    local ways = {
      { { metadata = {} }, { metadata = core.array() } },
      { { temperature = 1 }, { temperature = 1.5 } },
      { { model = "m" }, { model = "m", top_k = 1 } },
      { { model = "m", top_k = 1 }, { model = "m" } },
      { { stop_sequences = { "a" } }, { stop_sequences = { "a", "b" } } },
      { { system = core.raw('"a"') }, { system = core.raw('"b"') } },
    }
    for _, way in ipairs(ways) do
      for _ = 1, 3 do
        whole(way[1])
      end
      local own = claude.new({ api_key = "k", base_url = "https://example.com" })
      local fresh = assert(request.frame(own, way[2]))
      assert.equal(fresh.before .. fresh.after, (whole(way[2])))
      assert.not_equal(whole(way[1]), (whole(way[2])))
    end
  end)

  it("writes tables that hide their metatables, however often they come", function()
    local metadata = setmetatable({ user_id = "a" }, { __metatable = "hidden" })
    local params = { metadata = metadata, system = setmetatable({}, { __metatable = false }) }
    for _ = 1, 4 do
      assert.equal('{"messages":[],"metadata":{"user_id":"a"},"system":[]}', (whole(params)))
    end
    metadata.user_id = "b"
    assert.equal('{"messages":[],"metadata":{"user_id":"b"},"system":[]}', (whole(params)))
  end)

  it("asks for a stream after a request that did not, and the other way round", function()
    for _ = 1, 3 do
      assert.equal('{"messages":[],"model":"m"}', (whole({ model = "m" })))
    end
    for _ = 1, 3 do
      assert.equal(
        '{"messages":[],"model":"m","stream":true}',
        (whole({ model = "m" }, { stream = true }))
      )
    end
    assert.equal('{"messages":[],"model":"m"}', (whole({ model = "m" })))
  end)

  it("names the path of what cannot be written", function()
    local frame, err = request.frame(client, { metadata = { user_id = 0 / 0 } })
    assert.is_nil(frame)
    assert.equal("metadata.user_id", err.path)
    assert.equal("invalid", err.kind)
  end)
end)

describe("request.encode_messages", function()
  it("gives the elements without brackets", function()
    local text = request.encode_messages({
      { role = "user", content = "a" },
      { role = "assistant", content = { { type = "text", text = "b" } } },
    })
    assert.equal(
      '{"content":"a","role":"user"},{"content":[{"text":"b","type":"text"}],"role":"assistant"}',
      text
    )
  end)

  it(
    "gives nothing for an empty list",
    function() assert.equal("", request.encode_messages({})) end
  )

  it("writes an empty content as a list, and an empty input as an object", function()
    local text = request.encode_messages({
      { role = "assistant", content = { { type = "tool_use", id = "t", name = "f", input = {} } } },
      { role = "user", content = { { type = "tool_result", tool_use_id = "t", content = {} } } },
    })
    assert.truthy(text:find('"input":{}', 1, true))
    assert.truthy(text:find('"content":[],"tool_use_id"', 1, true))
  end)

  it("takes JSON text for a message, a content or a block", function()
    local raw = claude.json('{"role": "user"}')
    assert.equal('{"role": "user"}', request.encode_messages({ raw }))
    local content = claude.json("[ 1 ]")
    local text = request.encode_messages({ { role = "user", content = content } })
    assert.equal('{"content":[ 1 ],"role":"user"}', text)
    text = request.encode_messages({ { role = "user", content = { raw } } })
    assert.equal('{"content":[{"role": "user"}],"role":"user"}', text)
  end)

  it("sends an unchanged view as its bytes, wherever it stands", function()
    local raw = '{"type": "text","text":"\\u0061"}'
    local block = message_views.remember(core.decode(raw), raw)
    local text = request.encode_messages({
      { role = "user", content = { { type = "text", text = "x" }, block } },
    })
    assert.equal('{"content":[{"text":"x","type":"text"},' .. raw .. '],"role":"user"}', text)
  end)

  it("sends an unchanged view inside a tool_result as its bytes", function()
    local raw = '{"type":"text","text":"a","n":1.0}'
    local block = message_views.remember(core.decode(raw), raw)
    local result = { type = "tool_result", tool_use_id = "t", content = { block } }
    local list = { { role = "user", content = { result } } }
    local sent = '{"content":[{"content":[%s],"tool_use_id":"t","type":"tool_result"}],'
      .. '"role":"user"}'
    assert.equal(sent:format(raw), request.encode_messages(list))
    assert.equal(block, result.content[1])
    result.content = { result }
    local text, err = request.encode_messages(list)
    assert.is_nil(text)
    assert.truthy(err.message:find("contains itself", 1, true))
  end)

  it("refuses a changed signed view, also when its type was changed", function()
    for _, kind in ipairs({ "thinking", "redacted_thinking" }) do
      local raw = ('{"type":"%s","data":"d","signature":"s"}'):format(kind)
      local block = message_views.remember(core.decode(raw), raw)
      block.type = "text"
      block.text = "x"
      local text, err = request.encode_messages({ { role = "user", content = { block } } })
      assert.is_nil(text)
      assert.equal("thinking_changed", err.rule)
      assert.equal("messages[1].content[1]", err.path)
    end
  end)

  it("notices a change at any depth, and of raw numbers", function()
    local raw = '{"type":"tool_use","input":{"a":[1,{"b":12345678901234567890}]}}'
    local function changed(change)
      local block = message_views.remember(core.decode(raw), raw)
      change(block)
      return not message_views.unchanged(block)
    end
    assert.is_false(changed(function() end))
    assert.is_true(changed(function(block) block.input.a[1] = 2 end))
    assert.is_true(changed(function(block) block.input.a[2].b = 5 end))
    assert.is_true(changed(function(block) block.input.a[2].b = claude.json("1") end))
    assert.is_true(changed(function(block) block.input.a[3] = 1 end))
    assert.is_true(changed(function(block) block.input.a = nil end))
    assert.is_true(changed(function(block) block.extra = true end))
    assert.is_false(
      changed(function(block) block.input.a[2].b = claude.json("12345678901234567890") end)
    )
  end)

  it("leaves the user's tables as they were", function()
    local raw = '{"type":"text","text":"a"}'
    local block = message_views.remember(core.decode(raw), raw)
    local list = { { role = "user", content = { block } } }
    assert(request.encode_messages(list))
    assert.equal(block, list[1].content[1])
  end)
end)
