-- The rules on thinking that show in replies, each under its number and name; those
-- about parameters are in thinking_spec.lua.
local api = require("spec.support.api_server")
local claude = require("claude")
local environment = require("spec.support.environment")

local PARAMS = {
  model = "claude-opus-4-8",
  max_tokens = 16000,
  thinking = { type = "adaptive" },
  messages = { { role = "user", content = "What is 127 * 389?" } },
}
local CALL = {
  { type = "tool_use", id = "toolu_1", name = "calculator", input = {} },
  { type = "input_json_delta", partial_json = '{"expression": "127*389"}' },
}
local REDACTED = { { type = "redacted_thinking", data = "b3BhcXVl" } }

local function with(changes)
  local params = {}
  for name, value in pairs(PARAMS) do
    params[name] = value
  end
  for name, value in pairs(changes) do
    params[name] = value
  end
  return params
end

describe("thinking rule", function()
  local server, warnings
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  before_each(function()
    environment.set({})
    warnings = {}
  end)
  after_each(function()
    environment.restore()
    if server then server:close() end
    server = nil
  end)

  local function client_for(answers)
    server = api.start(answers)
    return claude.new({
      api_key = "k",
      base_url = server.url,
      max_retries = 0,
      on_warning = function(text, code) warnings[#warnings + 1] = { code = code, text = text } end,
    })
  end

  local function reply(...) return api.stream(api.reply({ ... })) end
  local omitted = api.thinking("", "c2lnbmF0dXJl")

  describe("3: display", function()
    it(
      "gives one warning for the first thinking that arrives empty though it was not set",
      function()
        local client = client_for({ reply(omitted, api.text("x")) })
        for _ = 1, 2 do
          assert(client.messages:create(PARAMS))
        end
        assert.equal(1, #warnings)
        assert.equal("empty_thinking", warnings[1].code)
        assert.truthy(warnings[1].text:find('display = "summarized"', 1, true))
      end
    )

    it("gives it behind the block's end where pieces are read, and loses none", function()
      local client = client_for({ reply(api.text("x"), omitted, api.text("y")) })
      local pieces = {}
      for kind in client.messages:stream(PARAMS):deltas() do
        pieces[#pieces + 1] = kind .. " " .. #warnings
      end
      local expected = "message_start 0 block_start 0 text 0 block_stop 0 "
        .. "block_start 0 signature 0 block_stop 0 "
        .. "block_start 1 text 1 block_stop 1 message_delta 1 message_stop 1"
      assert.equal(expected, table.concat(pieces, " "))
    end)

    it("gives it where the model thinks without being asked to, too", function()
      local client = client_for({ reply(omitted, api.text("x")) })
      local params = with({ model = "claude-opus-5" })
      params.thinking = nil
      assert(client.messages:create(params))
      assert.equal("empty_thinking", warnings[1].code)
    end)

    it("gives none when display was set, or cannot be", function()
      local client = client_for({ reply(omitted, api.text("x")) })
      for _, thinking in ipairs({
        { type = "adaptive", display = "omitted" },
        { type = "adaptive", display = "summarized" },
      }) do
        assert(client.messages:create(with({ thinking = thinking })))
      end
      local between = { model = "claude-sonnet-5-5", thinking = { type = "between_tools" } }
      assert(client.messages:create(with(between)))
      assert.same({}, warnings)
    end)

    it("gives none when thinking came, in deltas or at once", function()
      local at_once = { { type = "thinking", thinking = "Hm", signature = "s" } }
      local shown = reply(api.thinking("Hm", "s"), api.text("x"))
      local client = client_for({ shown, reply(at_once, api.text("x")) })
      for _ = 1, 2 do
        assert(client.messages:create(PARAMS))
      end
      assert.same({}, warnings)
    end)

    it("lets omitted blocks go back as they came", function()
      local client = client_for({ reply(omitted, api.text("x")) })
      local message = assert(client.messages:create(PARAMS))
      assert.equal("", message.content[1].thinking)
      assert.equal("", message:thinking())
      assert(client.messages:create(with({
        messages = {
          PARAMS.messages[1],
          { role = "assistant", content = message.content },
          { role = "user", content = "More" },
        },
      })))
      local expected = '{"signature":"c2lnbmF0dXJl","thinking":"","type":"thinking"}'
      assert.truthy(server.requests[2].body:find('"content":[' .. expected, 1, true))
    end)
  end)

  describe("7: thinking and redacted blocks", function()
    it("go back unmodified, in place, with the whole reply around them", function()
      local client = client_for({
        api.stream(api.reply({
          api.thinking("First", "c2ln"),
          api.text("So"),
          REDACTED,
          api.thinking("Second", "c2ln"),
          CALL,
        }, "tool_use")),
        reply(api.text("49403")),
      })
      local message = assert(client.messages:create(PARAMS))
      assert(client.messages:create(with({
        messages = {
          PARAMS.messages[1],
          message,
          { role = "user", content = { { type = "tool_result", tool_use_id = "toolu_1" } } },
        },
      })))
      local types = {}
      for i, block in ipairs(server.requests[2].json.messages[2].content) do
        types[i] = block.type
        assert.same(message.content[i], block)
      end
      assert.same({ "thinking", "text", "redacted_thinking", "thinking", "tool_use" }, types)
      assert.truthy(server.requests[2].body:find('"input":{"expression": "127*389"}', 1, true))
    end)

    it("are refused when they were changed, or lost their place to another's content", function()
      local client = client_for({ reply(api.thinking("First", "c2ln"), REDACTED, api.text("So")) })
      local message = assert(client.messages:create(PARAMS))
      message.content[2].data = "b3RoZXI="
      local params = with({
        messages = { PARAMS.messages[1], message, { role = "user", content = "More" } },
      })
      local _, _, err = client.messages:create(params)
      assert.equal("thinking_changed", err.rule)
      assert.equal("messages[2].content[2]", err.path)
      assert.equal(1, #server.requests)
    end)
  end)

  describe("9: an unsigned block of an interrupted stream", function()
    it("is in err.partial, and is refused when it is sent back", function()
      local events = api.reply({ api.thinking("Half a thou", "c2ln") })
      local client = client_for({ api.stream({ events[1], events[2], events[3] }) })
      local _, _, err = client.messages:create(PARAMS)
      assert.equal("incomplete", err.kind)
      assert.equal("Half a thou", err.partial:thinking())
      local content = err.partial.content
      content[2] = { type = "text", text = "x" }
      local _, _, refused = client.messages:create(with({
        messages = {
          PARAMS.messages[1],
          { role = "assistant", content = content },
          { role = "user", content = "More" },
        },
      }))
      assert.equal("thinking_unsigned", refused.rule)
      assert.equal("messages[2].content[1]", refused.path)
    end)
  end)

  describe("in conversations", function()
    local BYTES = '{"signature":"c2lnbmF0dXJl","thinking":"","type":"thinking"}'
    local TOOL = {
      name = "calculator",
      input_schema = { type = "object" },
      run = function() return "49403" end,
    }

    local function begin(answers, changes)
      local params = with({ thinking = { type = "adaptive", display = "omitted" } })
      params.messages = nil
      for name, value in pairs(changes or {}) do
        params[name] = value
      end
      return client_for(answers):conversation(params)
    end

    -- Whether the last request had the block as it came, in its place.
    local function assert_sent_back()
      local body = server.requests[#server.requests].body
      assert.truthy(body:find('{"content":[' .. BYTES .. ",", 1, true), body)
    end

    it("3: omitted blocks survive send, undo, fork, dump and load", function()
      local chat = begin({ reply(omitted, api.text("x")) })
      chat:user("One")
      assert(chat:send())
      chat:user("Two")
      assert(chat:send())
      assert_sent_back()
      assert.is_true(chat:undo())
      chat:user("Three")
      assert(chat:send())
      assert_sent_back()
      local fork = chat:fork()
      fork:user("Four")
      assert(fork:send())
      assert_sent_back()
      local loaded = assert(chat.client:load(assert(chat:dump())))
      loaded:user("Five")
      assert(loaded:send())
      assert_sent_back()
    end)

    it("3: omitted blocks survive a tool loop", function()
      local call = api.stream(api.reply({ omitted, CALL }, "tool_use"))
      local chat = begin({ call, reply(omitted, api.text("49403")) }, { tools = { TOOL } })
      chat:user("127 * 389?")
      assert.equal("49403", assert(chat:run():final_message()):text())
      assert_sent_back()
      local result = server.requests[2].json.messages[3].content[1]
      assert.equal("toolu_1", result.tool_use_id)
    end)

    it("9: an unsigned block is left out of what chat:keep keeps", function()
      local events = api.reply({ api.text("So far"), api.thinking("Half", "s") })
      local cut = {}
      for i = 1, 6 do
        cut[i] = events[i]
      end
      local chat = begin({ api.stream(cut), reply(api.text("x")) })
      chat:user("One")
      local _, _, err = chat:send()
      assert.equal("Half", err.partial:thinking())
      assert(chat:keep(err.partial))
      chat:user("Go on")
      assert(chat:send())
      local kept = server.requests[2].json.messages[2].content
      assert.same({ { type = "text", text = "So far" } }, kept)
    end)

    it(
      "11: changed thinking is allowed at a turn's end, and the warning says what is lost",
      function()
        local chat = begin({ reply(api.text("x")) }, { model = "claude-sonnet-4-6" })
        chat:user("One")
        assert(chat:send())
        chat:user("Two")
        assert(chat:send({ thinking = { type = "enabled", budget_tokens = 2048 } }))
        assert.equal("thinking_changed", warnings[1].code)
        assert.truthy(warnings[1].text:find("tools and system stay", 1, true))
        assert.equal("enabled", server.requests[2].json.thinking.type)
      end
    )

    it("11: changed thinking is refused while tool calls are open", function()
      local chat = begin(
        { api.stream(api.reply({ omitted, CALL }, "tool_use")) },
        { tools = { TOOL } }
      )
      chat:user("127 * 389?")
      assert(chat:send())
      chat:answer("toolu_1", "49403")
      local _, _, err = chat:send({ thinking = { type = "disabled" } })
      assert.equal("thinking_in_turn", err.rule)
      assert.equal(1, #server.requests)
    end)
  end)

  describe("10: what streams", function()
    it("comes in order, each with its block index", function()
      local client = client_for({
        api.stream(api.reply({
          api.thinking("One", "czE="),
          api.text("A"),
          api.thinking("Two", "czI="),
          CALL,
        }, "tool_use")),
      })
      local seen = {}
      for kind, text, index in client.messages:stream(PARAMS):deltas() do
        if index and kind ~= "block_start" and kind ~= "block_stop" then
          seen[#seen + 1] = { kind, text, index }
        end
      end
      assert.same({
        { "thinking", "One", 0 },
        { "signature", "czE=", 0 },
        { "text", "A", 1 },
        { "thinking", "Two", 2 },
        { "signature", "czI=", 2 },
        { "input_json", '{"expression": "127*389"}', 3 },
      }, seen)
    end)
  end)
end)
