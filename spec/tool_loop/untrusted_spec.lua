--- What a tool makes is as much from outside as what a server sends: a run bounds it, and
--- keeps the client's secrets out of it.
local claude = require("claude")
local support = require("spec.support.chat")

local call = support.call

describe("A run with tools that nobody vouches for", function()
  local bench, sim

  local function begin(script, run, fields)
    bench = support.bench({ script = script })
    sim = bench.sim
    local tool = { name = "t", run = run, input_schema = { type = "object" } }
    for name, value in pairs(fields or {}) do
      tool[name] = value
    end
    return bench.client:conversation(support.params({ tools = { tool } })):user("go")
  end

  after_each(function()
    if sim then sim:close() end
    sim = nil
  end)

  local function results(number)
    local messages = sim.requests[number].request.messages
    return messages[#messages].content
  end

  local function calls_of(count)
    local content = {}
    for i = 1, count do
      content[i] = call("t", "x" .. i)
    end
    return { content = content }
  end

  describe("bounds the size of results:", function()
    local function two_megabytes() return ("x"):rep(2 * 1024 * 1024) end

    it("one over 1 MiB is answered as failed, with its size, and the run goes on", function()
      local chat = begin({ calls_of(1), "smaller, then" }, two_megabytes)
      assert.equal("smaller, then", assert(chat:run():final_message()):text())
      local result = results(2)[1]
      assert.is_true(result.is_error)
      assert.equal(
        "Error: the tool ran, but its result was left out: 2097152 bytes, and one result may"
          .. " have at most 1048576; ask for less of it, such as a part or a summary",
        result.content
      )
      assert.same({ "tool_result_size" }, support.codes(bench))
    end)

    it("the run says how large one may be, and a tool for itself", function()
      local chat = begin({ calls_of(1), "ok" }, two_megabytes)
      assert(chat:run({ max_result_bytes = false }):final_message())
      assert.equal(2 * 1024 * 1024, #results(2)[1].content)
      sim:close()
      chat = begin({ calls_of(1), "ok" }, function() return "abcdef" end)
      assert(chat:run({ max_result_bytes = 5 }):final_message())
      assert.matches("6 bytes, and one result may have at most 5", results(2)[1].content)
      sim:close()
      chat = begin({ calls_of(1), "ok" }, function() return "abcdef" end, { max_result_bytes = 6 })
      assert(chat:run({ max_result_bytes = 5 }):final_message())
      assert.equal("abcdef", results(2)[1].content)
    end)

    it("all results of a turn share a limit of 24 MiB", function()
      local block = { type = "text", text = ("y"):rep(500 * 1024) }
      local image = {
        type = "image",
        source = { type = "base64", media_type = "image/png", data = ("A"):rep(400 * 1024) },
      }
      local chat = begin(
        { calls_of(4), "ok" },
        function() return claude.content({ block, image }) end,
        { max_result_bytes = 600 * 1024 }
      )
      assert(chat:run({ max_turn_bytes = 2 * 1024 * 1024 }):final_message())
      local sizes, refused = 0, 0
      for _, result in ipairs(results(2)) do
        if result.is_error then
          refused = refused + 1
          assert.matches("results of a turn may have at most 2097152 together", result.content)
        else
          sizes = sizes + 1
        end
      end
      assert.same({ 2, 2 }, { sizes, refused })
    end)

    it("a person's answer as well", function()
      local chat = begin({ calls_of(1), "ok" })
      assert(chat:run():final_message())
      chat:answer(chat:pending()[1].id, two_megabytes())
      assert(chat:run():final_message())
      assert.matches("2097152 bytes, and one result", results(2)[1].content)
    end)

    it("limits that are none are refused where they are given", function()
      local chat = begin({ "ok" })
      for _, name in ipairs({ "max_result_bytes", "max_turn_bytes" }) do
        for _, wrong in ipairs({ 0, -1, 1.5, 0 / 0, "1", true }) do
          assert.error_matches(
            function() chat:run({ [name] = wrong }) end,
            "chat:run: " .. name .. " must be an? "
          )
        end
      end
      assert.error_matches(
        function()
          claude.tool({ name = "t", input_schema = { type = "object" }, max_result_bytes = 0 })
        end,
        "tool.max_result_bytes must be an integer from 1"
      )
    end)
  end)

  describe("bounds recursion:", function()
    it("a run inside the tools of eight others is refused before it asks", function()
      local deepest, refusal = 0, nil
      -- Each reply calls the tool, and the tool makes a run of its own, and so on.
      local script = {}
      for i = 1, 40 do
        script[i] = calls_of(1)
      end
      local function run()
        deepest = deepest + 1
        local tool = { name = "t", run = run, input_schema = { type = "object" } }
        local inner = bench.client:conversation(support.params({ tools = { tool } }))
        local _, text = inner:user("go"):run({ max_requests = 2 }):final_message()
        refusal = refusal or text
        if text then return nil, text end
        return "not reached"
      end
      local chat = begin(script, run)
      assert(chat:run({ max_requests = 2 }):final_message())
      assert.equal(9, deepest)
      assert.matches("the run stands inside 9 tools, each in a run of the one before", refusal)
    end)

    it("a conversation cannot be asked by a tool of its own run", function()
      local told
      local chat
      chat = begin({ calls_of(1), "ok" }, function()
        local ok, problem = pcall(chat.user, chat, "again")
        told = not ok and problem
        return "done"
      end)
      assert(chat:run():final_message())
      assert.matches("chat:user while a reply is arriving", told)
    end)
  end)

  describe("keeps the client's secrets:", function()
    local KEY = "key-of-the-spec"

    local function assert_nowhere(chat, run_error)
      for i = 2, #sim.requests do
        assert.is_nil(sim.requests[i].body:find(KEY, 1, true), sim.requests[i].body)
      end
      assert.is_nil(assert(chat:dump()):find(KEY, 1, true))
      for _, warning in ipairs(bench.warnings) do
        assert.is_nil(warning.text:find(KEY, 1, true), warning.text)
      end
      assert.is_nil(tostring(run_error):find(KEY, 1, true))
    end

    local raised = {
      ["a text"] = function() error("refused with " .. KEY) end,
      ["a table"] = function() error({ message = "refused with " .. KEY }) end,
      ["a table that tells itself"] = function()
        error(setmetatable({}, { __tostring = function() return "headers: x-api-key=" .. KEY end }))
      end,
      ["nil and a problem"] = function() return nil, "x-api-key: " .. KEY end,
      ["content"] = function() return nil, claude.content({ "it said", KEY }) end,
      ["JSON in JSON"] = function() error(('{"a":"{\\"k\\":\\"%s\\"}"}'):format(KEY)) end,
    }
    for what, run in pairs(raised) do
      it(("an error that is %s goes out without the key"):format(what), function()
        local chat = begin({ calls_of(1), "ok" }, run)
        local run_of_chat, seen = chat:run(), nil
        local kind, text, _, about = run_of_chat:next()
        while kind do
          if kind == "tool_end" then
            assert.is_nil(text:find(KEY, 1, true), text)
            assert.is_nil((about.traceback or ""):find(KEY, 1, true), about.traceback)
            seen = about.is_error
          end
          kind, text, _, about = run_of_chat:next()
        end
        assert.is_true(seen)
        assert.truthy(sim.requests[2].body:find("[redacted]", 1, true))
        assert_nowhere(chat)
      end)
    end

    it("a reason to decline or to cancel goes out without it, too", function()
      local chat = begin({ calls_of(1), "ok" }, function() return "never" end)
      assert(chat:run({ approve = function() return false, KEY end }):final_message())
      assert.equal("declined: [redacted]", results(2)[1].content)
      chat = begin({ calls_of(1), "ok" }, function() return "never" end)
      assert(chat:run({ approve = function() error("no, " .. KEY) end }):final_message())
      assert_nowhere(chat)
    end)

    it("what a call of a run is sent with is one of them", function()
      local chat = begin({ calls_of(1), "ok" }, function() error("gate: open-sesame-please") end)
      local headers = { ["x-gate"] = "open-sesame-please" }
      assert(chat:run({}, { headers = headers }):final_message())
      assert.matches("gate: %[redacted%]", results(2)[1].content)
    end)
  end)
end)
