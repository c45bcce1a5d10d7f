-- What users' own functions raise reaches whoever waits for it, and breaks nothing.
local claude = require("claude")
local support = require("spec.support.chat")

local call, tool = support.call, support.tool

describe("a function of the user", function()
  local bench, sim

  local function begin(script, fields, on_warning)
    bench = support.bench({ script = script })
    sim = bench.sim
    if on_warning then bench.client.on_warning = on_warning end
    return bench.client:conversation(support.params(fields)):user("go")
  end

  after_each(function()
    if sim then sim:close() end
  end)

  local function raise_warning(_, code) error({ code = code }, 0) end

  -- The one result that went back, whatever the run was.
  local function result_of(run_tool)
    local chat = begin({ { content = { call("t", "x") } }, "Done." }, {
      tools = { tool("t", run_tool) },
    })
    assert.equal("Done.", assert(chat:run():final_message()):text())
    return sim.requests[2].request.messages[3].content[1]
  end

  describe("that runs as a tool", function()
    it("may raise what has no text", function()
      local value = setmetatable({}, { __tostring = function() error("no text") end })
      local block = result_of(function() error(value) end)
      assert.is_true(block.is_error)
      assert.equal("Error: an error of type table", block.content)
    end)

    it("may return a table whose metatable raises", function()
      local block = result_of(function() return setmetatable({}, { __pairs = error }) end)
      assert.is_true(block.is_error)
    end)

    it("may return a table nested deeper than its copy could go", function()
      local value = "\255"
      for _ = 1, 250000 do
        value = { x = value }
      end
      local block = result_of(function() return value end)
      assert.is_true(block.is_error)
    end)

    it("may change the call it is given", function()
      local block = result_of(function(_, about)
        for name in pairs(about) do
          about[name] = nil
        end
        return "fine"
      end)
      assert.equal("fine", block.content)
    end)

    it("has its error told with one path", function()
      local content = claude.content({ { type = "text", text = print } })
      local block = result_of(function() return content end)
      local _, count = block.content:gsub("content%[1%]", "")
      assert.equal(1, count)
    end)
  end)

  it("that approves may decline with what has no text", function()
    local fields = { tools = { tool("t", print) } }
    local chat = begin({ { content = { call("t", "x") } }, "Done." }, fields)
    local value = setmetatable({}, { __tostring = function() error("no text") end })
    assert(chat:run({ approve = function() return nil, value end }):final_message())
    local block = sim.requests[2].request.messages[3].content[1]
    assert.equal("declined: an error of type table", block.content)
  end)

  describe("that takes warnings", function()
    it("may raise while a reply is sealed, which happens once", function()
      local cut = { content = { "A", call("t", "x") }, stop_reason = "max_tokens" }
      local chat = begin({ cut, "B" }, nil, raise_warning)
      local stream = chat:stream()
      local ok, raised = pcall(stream.final_message, stream)
      assert.is_false(ok)
      assert.equal("cut_tail", raised.code)
      assert.equal("max_tokens", assert(stream:final_message()).stop_reason)
      assert.equal(2, #chat:messages())
      assert.equal("B", assert(chat:user("on"):send()):text())
    end)

    it("may raise between two pieces, and none is lost", function()
      local silent = { content = { { type = "thinking", thinking = "" }, "A" } }
      local chat = begin({ silent }, { thinking = { type = "adaptive" } }, raise_warning)
      local stream = chat:stream()
      local kinds, raised = {}, 0
      while true do
        local ok, kind = pcall(stream.next, stream)
        if ok and not kind then break end
        if ok then
          kinds[#kinds + 1] = kind
        else
          raised = raised + 1
        end
      end
      assert.equal(1, raised)
      local stops = 0
      for _, kind in ipairs(kinds) do
        if kind == "block_stop" then stops = stops + 1 end
      end
      assert.equal(2, stops)
    end)

    it("may raise about a tool's result: the run's step raises, and the run can go on", function()
      local chat = begin({ { content = { call("t", "x") } }, "Done." }, {
        tools = { tool("t", function() return "\255" end) },
      }, raise_warning)
      local run = chat:run()
      local ok, raised = pcall(run.final_message, run)
      assert.is_false(ok)
      assert.equal("tool_result_utf8", raised.code)
      assert.equal("Done.", assert(run:final_message()):text())
    end)
  end)

  it("in a task may raise what has no text", function()
    local task = claude.spawn(function()
      error(setmetatable({}, { __tostring = function() error("no text") end }))
    end)
    local _, text = task:wait()
    assert.is_string(text)
  end)
end)
