--- Tools that come and go in the middle of a conversation.
local claude = require("claude")
local support = require("spec.support.chat")

local call = support.call
local CHANGES = "mid-conversation-tool-changes-2026-07-01"
local INLINE = "inline-tools-2026-09-15"

describe("Tools that come and go", function()
  local bench, sim, ran

  local function tool(name, result)
    return support.tool(name, function()
      ran[#ran + 1] = name
      return result or ("ok from " .. name)
    end)
  end

  local function begin(script, tools)
    ran = {}
    bench = support.bench({ script = script })
    sim = bench.sim
    return bench.client:conversation(support.params({ tools = tools })):user("go")
  end

  after_each(function() sim:close() end)

  local function calling(name) return { content = { call(name, "x") } } end

  -- The last messages of a request: roles, and what system messages hold.
  local function last(number)
    local messages = sim.requests[number].request.messages
    return messages[#messages], messages[#messages - 1], #messages
  end

  local function definition(name)
    return {
      name = name,
      description = "For specs",
      input_schema = {
        type = "object",
        properties = { text = { type = "string" } },
        required = { "text" },
      },
    }
  end

  local function addition(name)
    local by_value = { type = "tool_definition", definition = definition(name) }
    return { type = "tool_addition", tool = by_value }
  end

  local function removal(name)
    return { type = "tool_removal", tool = { type = "tool_reference", name = name } }
  end

  local function result_texts(number)
    local messages, texts = sim.requests[number].request.messages, {}
    for i = #messages, 1, -1 do
      if messages[i].role == "user" then
        for k, block in ipairs(messages[i].content) do
          texts[k] = block.content
        end
        return texts
      end
    end
  end

  describe("in a conversation", function()
    it("are told behind what the user says, and tools stays as it is", function()
      local chat = begin({ "one", "two", calling("added"), "three" }, { tool("first") })
      assert(chat:send())
      assert.equal(chat, chat:add_tools({ tool("added") }))
      assert(chat:user("and?"):send())
      local system, user = last(2)
      assert.equal("user", user.role)
      assert.same({ role = "system", content = { addition("added") } }, system)
      assert.same(sim.requests[1].request.tools, sim.requests[2].request.tools)
      assert.is_nil(sim.requests[1].beta)
      assert.equal(CHANGES .. "," .. INLINE, sim.requests[2].beta)
      assert(chat:user("use it"):run():final_message())
      assert.same({ "added" }, ran)
    end)

    it("are answered as not there once they were removed", function()
      local chat = begin({ "one", calling("first"), "two" }, { tool("first") })
      assert(chat:send())
      chat:remove_tools({ "first" })
      assert(chat:user("and?"):run():final_message())
      assert.same({}, ran)
      assert.same({ removal("first") }, sim.requests[2].request.messages[4].content)
      assert.same({ "Error: Tool 'first' not found" }, result_texts(3))
      -- Removing names what the conversation began with: no definition is sent.
      assert.equal(CHANGES, sim.requests[3].beta)
    end)

    it("are one message when several changes are made in a turn", function()
      local chat = begin({ "one" }, { tool("first"), tool("second") })
      chat:add_tools({ tool("third"), tool("fourth") })
      chat:remove_tools({ "first" })
      chat:add_tools({ "first" })
      assert(chat:send())
      local by_name = { type = "tool_reference", name = "first" }
      assert.same({
        addition("third"),
        addition("fourth"),
        removal("first"),
        { type = "tool_addition", tool = by_name },
      }, (last(1)).content)
    end)

    it("come from those that were declared to be loaded later, by name", function()
      local later = claude.tool({
        name = "later",
        input_schema = { type = "object" },
        defer_loading = true,
        run = function() ran[#ran + 1] = "later" end,
      })
      local chat = begin({ calling("later"), "two" }, { tool("first"), later })
      chat:add_tools({ "later" })
      assert(chat:run():final_message())
      assert.same({ "later" }, ran)
      assert.equal("tool_reference", sim.requests[1].request.messages[2].content[1].tool.type)
    end)

    it("leave with the turn that is undone", function()
      local chat = begin({ "one", "two", calling("added"), "three" }, { tool("first") })
      assert(chat:send())
      chat:user("and?"):add_tools({ tool("added") })
      assert(chat:send())
      assert.is_true(chat:undo())
      assert(chat:user("use it"):run():final_message())
      assert.same({}, ran)
      assert.same({ "Error: Tool 'added' not found" }, result_texts(4))
      assert.is_nil(sim.requests[4].beta)
    end)

    it("are a fork's own from where it begins", function()
      local chat = begin({ "one", calling("added"), "two", calling("added"), "three" }, {
        tool("first"),
      })
      assert(chat:send())
      local fork = chat:fork()
      fork:add_tools({ tool("added") })
      assert(fork:user("use it"):run():final_message())
      assert.same({ "added" }, ran)
      assert(chat:user("use it"):run():final_message())
      assert.same({ "added" }, ran)
    end)

    it("survive dump and load, with their functions given again", function()
      local chat = begin({ "one", calling("added"), "two", calling("first"), "three" }, {
        tool("first"),
      })
      assert(chat:send())
      chat:user("and?"):add_tools({ tool("added") }):remove_tools({ "first" })
      local dump = assert(chat:dump())
      local loaded = assert(bench.client:load(dump, { tools = { tool("first"), tool("added") } }))
      assert(loaded:run():final_message())
      assert(loaded:user("first?"):run():final_message())
      assert.same({ "added" }, ran)
      assert.same({}, support.codes(bench))
    end)

    it("keep the prefix: thinking from before stays valid", function()
      local chat = begin({
        { content = { support.thought("hm"), "one" } },
        { content = { support.thought("so"), "two" } },
        "three",
      }, { tool("first") })
      assert(chat:send())
      chat:user("and?"):add_tools({ tool("added") })
      assert(chat:send())
      assert(chat:user("more?"):send())
      assert.equal(3, #sim.requests)
    end)

    it("raise at the caller's line when something is wrong", function()
      local chat = begin({}, { tool("first") })
      for text, change in pairs({
        ["no tool named other"] = function() return chat:remove_tools({ "other" }) and nil end,
        ["began with no tool named o"] = function() return chat:add_tools({ "o" }) and nil end,
        ["takes a list of tools"] = function() return chat:add_tools(tool("x")) and nil end,
        ["input_schema must be"] = function()
          return chat:add_tools({ { name = "x", run = print } }) and nil
        end,
        ["tool 1 has no name"] = function() return chat:add_tools({ {} }) and nil end,
      }) do
        local ok, problem = pcall(change)
        assert.is_false(ok)
        assert.truthy(problem:find("tool_changes_spec.lua", 1, true), problem)
        assert.truthy(problem:find(text, 1, true), problem)
      end
      assert.same({}, chat.draft.system)
    end)
  end)

  describe("in a run", function()
    -- Runs the script; `on_message(run, number)` is called at the end of each reply.
    local function run(script, tools, on_message)
      local chat = begin(script, tools)
      local going = chat:run()
      for kind in going:deltas() do
        if kind == "message_stop" then on_message(going, going.requests) end
      end
      return going, chat
    end

    it("are there from the next request on", function()
      run({ calling("time"), calling("weather"), "done" }, { tool("time") }, function(going, number)
        if number == 1 then going:add_tools({ tool("weather") }) end
      end)
      assert.same({ "time", "weather" }, ran)
      local system, user = last(2)
      assert.same({ addition("weather") }, system.content)
      assert.equal("tool_result", user.content[1].type)
      assert.same({ "ok from weather" }, result_texts(3))
    end)

    it("are refused at once when removed, and run again once added back", function()
      local three = { content = { call("a", "x"), call("b", "x"), call("c", "x") } }
      local tools = { tool("a"), tool("b"), tool("c") }
      run({ three, calling("c"), calling("c"), "done" }, tools, function(going, number)
        if number == 1 then going:remove_tools({ "c" }) end
        if number == 2 then going:add_tools({ tools[3] }) end
      end)
      assert.same({ "a", "b", "c" }, ran)
      assert.same({ "ok from a", "ok from b", "Error: Tool 'c' not found" }, result_texts(2))
      assert.same({ "Error: Tool 'c' not found" }, result_texts(3))
      assert.same({ "ok from c" }, result_texts(4))
    end)

    it("replace one of the same name behind the reply that is being answered", function()
      run({ calling("t"), calling("t"), "done" }, { tool("t", "old") }, function(going, number)
        if number == 1 then going:add_tools({ tool("t", "new") }) end
      end)
      assert.same({ "old" }, result_texts(2))
      assert.same({ "new" }, result_texts(3))
    end)

    it("wait while the server has paused", function()
      local paused = {
        content = {
          { type = "server_tool_use", id = "srvtoolu_1", name = "code_execution", input = {} },
        },
        stop_reason = "pause_turn",
      }
      local found = {
        type = "code_execution_tool_result",
        tool_use_id = "srvtoolu_1",
        content = {
          type = "code_execution_result",
          stdout = "4",
          stderr = "",
          return_code = 0,
          content = claude.array({}),
        },
      }
      run(
        { paused, { content = { found, call("t", "x") } }, "done" },
        { tool("t") },
        function(going, number)
          if number == 1 then going:remove_tools({ "t" }) end
        end
      )
      assert.equal("assistant", (last(2)).role)
      assert.same({ removal("t") }, (last(3)).content)
      assert.same({}, ran)
    end)

    it("are for the next turn when the run ends before", function()
      local _, chat = run({ "done", "again" }, { tool("t") }, function(going, number)
        if number == 1 then going:remove_tools({ "t" }) end
      end)
      assert.equal(1, #sim.requests)
      assert(chat:user("and?"):send())
      assert.same({ removal("t") }, (last(2)).content)
    end)
  end)
end)
