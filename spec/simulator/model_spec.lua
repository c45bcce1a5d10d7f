local cases = require("spec.support.api_cases")
local core = require("claude.core")
local model = require("claude.simulator.model")
local models = require("claude.simulator.models")

local function tool(name, description, property)
  return {
    name = name,
    description = description,
    input_schema = {
      type = "object",
      properties = property and { [property] = { type = "string" } } or cases.EMPTY,
      required = property and { property } or nil,
    },
  }
end

local CALCULATOR = tool("calculator", "Evaluate arithmetic", "expression")
local CLOCK = tool("clock", "The current time")
local READER = tool("read_file", "Read a file", "path")
local ALL = { CALCULATOR, CLOCK, READER }

local function info(fields)
  local all =
    { thinking = "adaptive", model = models.find("claude-opus-4-8"), beta = {}, count = 0 }
  for name, value in pairs(fields or {}) do
    all[name] = value
  end
  return all
end

--- Runs the agent's loop; returns the rounds of calls, each as "name argument",
--- the last text and the number of thinking blocks.
local function run(question, tools, results, fields, request)
  request = request or {}
  request.tools = tools
  request.messages = { cases.user(question) }
  local rounds, thoughts, id = {}, 0, 0
  for _ = 1, 10 do
    local turn = model.answer(request, info(fields))
    local said, replies, round = {}, {}, {}
    for i, block in ipairs(turn.content) do
      if type(block) == "string" then block = cases.text(block) end
      said[i] = block
      if block.type == "thinking" then thoughts = thoughts + 1 end
      if block.type == "tool_use" then
        id = id + 1
        block.id = "toolu_" .. id
        local _, argument = next(block.input)
        round[#round + 1] = block.name .. (argument and " " .. tostring(argument) or "")
        local outcome = results[block.name] or "done"
        if type(outcome) == "function" then outcome = outcome(argument) end
        replies[#replies + 1] = { type = "tool_result", tool_use_id = block.id, content = outcome }
      end
    end
    if #round == 0 then return rounds, said[#said].text, thoughts end
    rounds[#rounds + 1] = table.concat(round, " & ")
    request.messages[#request.messages + 1] = cases.assistant(said)
    request.messages[#request.messages + 1] = cases.user(replies)
  end
  error("the model never came to an end")
end

describe("claude.simulator.model", function()
  it("calls the calculator and tells the result", function()
    local rounds, text = run("What is 127 * 389?", ALL, { calculator = "49403" })
    assert.same({ "calculator 127 * 389" }, rounds)
    assert.matches("127 %* 389 = 49403", text)
  end)

  it("looks things up together, then calculates one by one, thinking each time", function()
    local rounds, text, thoughts = run(
      "What time is it, and how many minutes have passed since midnight? How many lines does "
        .. "README.md have? And what becomes of $10,000 at 5% compound interest after 10 years?",
      ALL,
      {
        clock = "Sunday 12:30:15",
        read_file = "a\nb\nc\n",
        calculator = function(expression)
          return ({ ["12 * 60 + 30"] = "750", ["10000 * 1.05 ^ 10"] = "16288.95" })[expression]
            or "6288.95"
        end,
      }
    )
    assert.same({
      "clock & read_file README.md",
      "calculator 12 * 60 + 30",
      "calculator 10000 * 1.05 ^ 10",
      "calculator 16288.95 - 10000",
    }, rounds)
    assert.equal(5, thoughts)
    assert.matches("12:30:15", text)
    assert.matches("README.md has 3 lines", text)
    assert.matches("750", text)
    assert.matches("6288.95", text)
  end)

  it("answers what the user asked, not what a client added", function()
    local reminder =
      "<system-reminder>\nToday is 2026-11-26; see a/b.txt and 2 + 2.\n</system-reminder>"
    local question = { cases.text(reminder), cases.text("What is 127 * 389?") }
    assert.same({ "calculator 127 * 389" }, (run(question, ALL, { calculator = "49403" })))
  end)

  it("goes on from a summary where nothing else is asked", function()
    local turn = model.answer({
      tools = ALL,
      messages = { cases.assistant({ { type = "compaction", content = "Asked: 127 * 389?" } }) },
    }, info())
    assert.equal("127 * 389", turn.content[#turn.content].input.expression)
  end)

  it("takes no tool for a clock that only has the word in another", function()
    local update = tool("TaskUpdate", "Change a task", "taskId")
    local _, text = run("What time is it?", { update }, {})
    assert.matches("I was given no clock", text)
  end)

  it("adds up the numbers in a file", function()
    local rounds, text = run(
      "Read data/numbers.txt and add up the numbers.",
      ALL,
      { read_file = "3\n4\n5\n", calculator = "12" }
    )
    assert.same({ "read_file data/numbers.txt", "calculator 3 + 4 + 5" }, rounds)
    assert.matches("12", text)
  end)

  it("counts the minutes until midnight", function()
    local rounds = run(
      "What time is it, and how many minutes are left until midnight?",
      ALL,
      { clock = "12:30", calculator = "690" }
    )
    assert.same({ "clock", "calculator 24 * 60 - (12 * 60 + 30)" }, rounds)
  end)

  it("leaves out what depends on a look-up that failed", function()
    local rounds, text = run(
      "Add up the numbers in a.txt, and what is 1 + 1?",
      ALL,
      { read_file = "nothing here", calculator = "2" }
    )
    assert.same({ "read_file a.txt", "calculator 1 + 1" }, rounds)
    assert.matches("1 %+ 1 = 2", text)
  end)

  it("calls one tool at a time when parallel calls are off", function()
    local rounds = run(
      "What time is it? Read a.txt.",
      ALL,
      {},
      nil,
      { tool_choice = { type = "auto", disable_parallel_tool_use = true } }
    )
    assert.same({ "clock", "read_file a.txt" }, rounds)
  end)

  it("calls nothing under tool_choice none, and works out what it can", function()
    local rounds, text = run("What is 6 * 7?", ALL, {}, nil, { tool_choice = { type = "none" } })
    assert.same({}, rounds)
    assert.matches("6 %* 7 = 42", text)
  end)

  it("calls the tool that tool_choice names", function()
    local request = {
      tools = ALL,
      tool_choice = { type = "tool", name = "clock" },
      messages = { cases.user("Hello") },
    }
    local turn = model.answer(request, info())
    assert.equal("clock", turn.content[#turn.content].name)
    request.tool_choice = { type = "any" }
    turn = model.answer(request, info())
    assert.equal("tool_use", turn.content[#turn.content].type)
  end)

  it("says what it was given no tool for", function()
    local rounds, text = run("What time is it? And read a.txt.", {}, {})
    assert.same({}, rounds)
    assert.matches("no clock", text)
    assert.matches("a.txt", text)
  end)

  it("tells when a tool failed", function()
    local request = {
      tools = ALL,
      messages = {
        cases.user("What is 1 / 0?"),
        cases.assistant({
          {
            type = "tool_use",
            id = "a",
            name = "calculator",
            input = { expression = "1 / 0" },
          },
        }),
        cases.user({
          {
            type = "tool_result",
            tool_use_id = "a",
            is_error = true,
            content = "division by zero",
          },
        }),
      },
    }
    local turn = model.answer(request, info())
    assert.matches("I could not calculate 1 / 0: division by zero", turn.content[2])
  end)

  it("calls a tool it does not know by what its schema asks for", function()
    local weather = {
      name = "get_weather",
      input_schema = {
        type = "object",
        required = { "location", "unit", "days", "exact", "tags", "place" },
        properties = {
          location = { type = "string" },
          unit = { enum = { "celsius", "kelvin" } },
          days = { type = "integer", minimum = 2 },
          exact = { type = "boolean" },
          tags = { type = "array", items = { type = "string" } },
          place = { type = "object", properties = cases.EMPTY },
          more = { type = "string" },
        },
      },
    }
    local request = {
      tools = { weather },
      messages = { cases.user("What's the weather in Paris in kelvin?") },
    }
    local turn = model.answer(request, info())
    local input = turn.content[#turn.content].input
    assert.same(
      { "Paris", "kelvin", 2, true, "Paris" },
      { input.location, input.unit, input.days, input.exact, input.tags[1] }
    )
    assert.is_nil(input.more)
    assert.matches('"place":{}', core.encode(input))
  end)

  it("starts a new question afresh", function()
    local request = {
      tools = ALL,
      messages = {
        cases.user("What is 1 + 1?"),
        cases.assistant({
          {
            type = "tool_use",
            id = "a",
            name = "calculator",
            input = { expression = "1 + 1" },
          },
        }),
        cases.user({ cases.result("a") }),
        cases.assistant("2"),
        cases.user("And 2 * 3?"),
      },
    }
    local turn = model.answer(request, info())
    assert.equal("2 * 3", turn.content[#turn.content].input.expression)
  end)

  it("answers in the shape of an output schema", function()
    local turn = model.answer({
      messages = { cases.user("I am 30.") },
      output_config = {
        format = {
          type = "json_schema",
          schema = {
            type = "object",
            required = { "age", "name" },
            properties = { age = { type = "integer" }, name = { type = "string" } },
          },
        },
      },
    }, info())
    local value = core.decode(turn.content[1])
    assert.same({ 30, "I am 30." }, { value.age, value.name })
  end)

  describe("thinks", function()
    local function thoughts(fields)
      local _, _, count = run("What is 1 + 1?", ALL, { calculator = "2" }, fields)
      return count
    end
    local INTERLEAVED = { ["interleaved-thinking-2025-05-14"] = true }

    it(
      "before and between calls when thinking is adaptive",
      function() assert.equal(2, thoughts()) end
    )
    it(
      "not at all when it is disabled",
      function() assert.equal(0, thoughts({ thinking = "disabled" })) end
    )
    it(
      "only between calls with between_tools",
      function() assert.equal(1, thoughts({ thinking = "between_tools" })) end
    )
    it(
      "once per turn when it is manual",
      function()
        assert.equal(
          1,
          thoughts({ thinking = "enabled", model = models.find("claude-sonnet-4-6") })
        )
      end
    )
    it(
      "between calls when it is manual and interleaved",
      function()
        assert.equal(
          2,
          thoughts({
            thinking = "enabled",
            beta = INTERLEAVED,
            model = models.find("claude-sonnet-4-6"),
          })
        )
      end
    )
    it(
      "once on a model that cannot interleave manual thinking",
      function()
        assert.equal(
          1,
          thoughts({
            thinking = "enabled",
            beta = INTERLEAVED,
            model = models.find("claude-opus-4-6"),
          })
        )
      end
    )
  end)
end)
