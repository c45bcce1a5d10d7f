-- Wrong types and wrong calls raise at the line where they stand.
local claude = require("claude")
local support = require("spec.support.chat")

-- Whether it raises in its own lines; gives the text without the place.
local function raised_here(fn)
  local ok, problem = pcall(fn)
  assert.is_false(ok)
  local about = debug.getinfo(fn, "S")
  local file, line, text = tostring(problem):match("^(.-):(%d+): (.*)$")
  assert.equal(about.short_src, file, problem)
  line = tonumber(line)
  assert.is_true(line >= about.linedefined and line <= about.lastlinedefined, problem)
  return text
end

describe("a wrong call", function()
  local sim, client

  before_each(function()
    local bench = support.bench({ script = function() return "ok" end })
    sim, client = bench.sim, bench.client
  end)

  after_each(function() sim:close() end)

  local function every_method(object, names)
    for _, name in ipairs(names) do
      for _, self in ipairs({ {}, "x", 3 }) do
        local text = raised_here(function()
          object[name](self)
          return nil
        end)
        assert.truthy(text:find("with a colon", 1, true), name)
      end
      raised_here(function()
        object[name]()
        return nil
      end)
    end
  end

  it(
    "with a dot says to write a colon: a conversation",
    function()
      every_method(client:conversation(support.params()), {
        "answer",
        "cancel",
        "add_tools",
        "compact",
        "dump",
        "fork",
        "is_busy",
        "keep",
        "messages",
        "pending",
        "prefix_hash",
        "remove_tools",
        "run",
        "save",
        "send",
        "stream",
        "system",
        "undo",
        "usage",
        "user",
      })
    end
  )

  it("with a dot says to write a colon: a stream, a message, a run", function()
    local names = { "deltas", "events", "text_stream", "next", "next_event", "next_text" }
    for _, name in ipairs({ "cancel", "close", "final_message", "is_done" }) do
      names[#names + 1] = name
    end
    local chat = client:conversation(support.params()):user("x")
    every_method(chat:run(), names)
    every_method(chat.active, {
      "add_tools",
      "block",
      "cancel_call",
      "compact",
      "defer",
      "remove_tools",
      "system",
      "user",
    })
    chat:cancel()
    local stream = chat:stream()
    every_method(stream, names)
    every_method(stream, { "block", "current_message" })
    every_method(stream:final_message(), { "text", "thinking", "tool_uses" })
  end)

  it("with a dot says to write a colon: a client, a task, a map", function()
    every_method(client, { "close", "cost", "usage" })
    local task = claude.spawn(function() end)
    every_method(task, { "wait", "cancel", "result", "is_done" })
    task:wait()
    every_method(claude.map({}, print), { "next", "cancel" })
  end)

  it("with options of the wrong kind", function()
    local messages = client.messages
    for _, options in ipairs({
      "x",
      { unknown = 1 },
      { limits = { unknown = 1 } },
      { limits = { idle = "x" } },
      { max_retries = "x" },
      { max_retries = -1 },
      { max_retries = 0 / 0 },
      { time_budget = -1 },
      { time_budget = "x" },
      { on_retry = "x" },
      { betas = { {} } },
      { headers = { x = {} } },
      { headers = { "x: y" } },
    }) do
      raised_here(function() messages:create(support.params(), options) end)
      raised_here(function() messages:stream(support.params(), options) end)
      raised_here(function() messages:count_tokens(support.params(), options) end)
      local chat = client:conversation(support.params())
      raised_here(function() chat:send({}, options) end)
      raised_here(function() chat:stream({}, options) end)
    end
    raised_here(function() messages:create({ betas = { 3, {} } }) end)
    for _, betas in ipairs({ "x", 5, { 5 } }) do
      local chat = client:conversation(support.params())
      raised_here(function() chat:send({ betas = betas }) end)
      raised_here(function() chat:stream({ betas = betas }) end)
      raised_here(function() chat:run({ betas = betas }) end)
      raised_here(function() client:conversation({ betas = betas }) end)
      raised_here(function() client:load("nowhere", { betas = betas }) end)
    end
    raised_here(function() client:load("nowhere", "x") end)
    raised_here(function() client:load("nowhere", 3) end)
  end)

  it("with numbers that are none", function()
    local chat = client:conversation(support.params()):user("x")
    raised_here(function() chat:run(3) end)
    raised_here(function() chat:run("x") end)
    raised_here(function() chat:prefix_hash(0 / 0) end)
    raised_here(function() chat:prefix_hash(0.5) end)
    local stream = chat:stream()
    raised_here(function() stream:block() end)
    raised_here(function() stream:block("x") end)
    raised_here(function() stream:block(0.5) end)
    raised_here(function() stream:block(0 / 0) end)
    raised_here(function() claude.loop("x") end)
    raised_here(function() claude.map({}, print, 3) end)
    raised_here(function() claude.map({}, print, { limit = 0 / 0 }) end)
    raised_here(function() claude.sleep(0 / 0) end)
    raised_here(function() claude.step("x") end)
    raised_here(function() claude.step(0 / 0) end)
    raised_here(function() claude.json() end)
    raised_here(function() claude.json({}) end)
  end)

  it("with messages that are no list", function()
    for _, messages in ipairs({
      "x",
      { role = "user", content = "x" },
      { [1] = { role = "user", content = "x" }, [3] = { role = "user", content = "y" } },
    }) do
      raised_here(function() client:conversation(support.params({ messages = messages })) end)
    end
    local chat = client:conversation(support.params())
    raised_here(function() chat:user({ role = "user", content = "x" }) end)
    raised_here(function() chat:user(3) end)
  end)

  it("of a task that waits for itself", function()
    local task
    task = claude.spawn(function() task:wait() end)
    local _, text = task:wait()
    assert.truthy(text:find("for ever", 1, true))
  end)

  it("of claude.new", function()
    for _, options in ipairs({
      { max_retries = -1 },
      { max_retries = 0.5 },
      { max_retries = 0 / 0 },
      { time_budget = -1 },
      { time_budget = "x" },
      { on_retry = "x" },
      { max_retry_wait = -1 },
      { max_retry_wait = 0 / 0 },
      { http_version = "3" },
      { proxy = "a\nb" },
      { ca_file = "a\0b" },
      { betas = { {} } },
    }) do
      raised_here(function() claude.new(options) end)
    end
  end)
end)
