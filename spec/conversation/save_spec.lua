local claude = require("claude")
local core = require("claude.core")
local support = require("spec.support.chat")

local KEY = "sk-secret-of-the-spec"

local function tool(name, description, run)
  return claude.tool({
    name = name,
    description = description,
    input_schema = { type = "object", properties = {} },
    run = run,
  })
end

-- The text with a checksum that fits: what a stranger could write.
local function resigned(text)
  local front = text:gsub("sha256 64\n%x+\n$", "")
  return front .. "sha256 64\n" .. core.sha256(front) .. "\n"
end

local function section(name, json) return ("%s %d\n%s\n"):format(name, #json, json) end

describe("a saved conversation", function()
  local bench, sim, client, chat

  local function begin(script, fields)
    bench = support.bench({ script = script })
    sim, client = bench.sim, bench.client
    chat = client:conversation(support.params(fields))
    return chat
  end

  local function load(text, options) return client:load(text, options) end

  after_each(function() sim:close() end)

  -- One open call, one answer, a turn being written.
  local function begin_in_a_turn()
    begin({ { content = { support.thought("hm"), support.call("a", "x", "toolu_1") } }, "ok" }, {
      system = "Be brief.",
      tools = { support.tool("a"), support.tool("b") },
      output_config = { format = claude.json('{"type":"json_schema","schema":{"z":1,"a":{}}}') },
      stop_sequences = claude.array({}),
    })
    chat.params.output_config = claude.json('{"effort":"high" }')
    assert(chat:user("go"):send())
    chat:answer("toolu_1", "seven")
    chat:user("and?"):user({ { type = "text", text = "well?" } })
    return assert(chat:dump())
  end

  it("is a text that says what it is", function()
    local text = begin_in_a_turn()
    assert.equal("lua-claude conversation 1\n", text:sub(1, 26))
    assert.truthy(text:find('\nparam model 17\n"claude-opus-4-8"\n', 1, true))
    assert.truthy(text:find('\nmessage 30\n{"content":"go","role":"user"}\n', 1, true))
    assert.truthy(text:find('\nsaid 6\n"and?"\n', 1, true))
  end)

  it("comes back as it was, again and again", function()
    local text = begin_in_a_turn()
    local loaded = assert(load(text))
    assert.equal(text, loaded:dump())
    assert.equal(chat:prefix_hash(), loaded:prefix_hash())
    assert.same(chat:messages(), loaded:messages())
    assert(chat:send())
    assert.equal(text, assert(load(text)):dump())
    -- The script is used up; what goes out is what counts.
    loaded:send()
    assert.equal(sim.requests[2].body, sim.requests[3].body)
    assert.truthy(sim.requests[3].body:find('"output_config":{"effort":"high" }', 1, true))
  end)

  it("holds no credentials, headers or functions", function()
    begin({ "ok" }, { tools = { support.tool("a", function() end) } })
    client = claude.new({ api_key = KEY, base_url = sim.url, headers = { ["x-h"] = "secret-h" } })
    chat = client:conversation(support.params({ tools = { support.tool("a", function() end) } }))
    assert(chat:user("go"):send())
    local text = assert(chat:dump())
    assert.is_nil(text:find(KEY, 1, true))
    assert.is_nil(text:find("secret", 1, true))
    assert.is_nil(text:find("function", 1, true))
  end)

  it("leaves out mcp_servers, whose tokens are credentials, and says so", function()
    local servers = { { type = "url", name = "s", url = "https://x", authorization_token = KEY } }
    begin({ "ok" }, { mcp_servers = servers })
    local text = assert(chat:user("go"):dump())
    assert.is_nil(text:find(KEY, 1, true))
    assert.same({ "not_saved" }, support.codes(bench))
    assert.same(servers, assert(load(text, { mcp_servers = servers })).params.mcp_servers)
  end)

  it("gets its functions when it is loaded", function()
    begin({ { content = { support.call("a", "x") } }, "ok" }, { tools = { support.tool("a") } })
    assert(chat:user("go"):send())
    local loaded = assert(load(assert(chat:dump()), {
      tools = { support.tool("a", function(input) return "ran " .. input.text end) },
      max_tokens = 123,
    }))
    assert.equal("ok", assert(loaded:run():final_message()):text())
    local request = sim.requests[2].request
    assert.equal("ran x", request.messages[3].content[1].content)
    assert.equal(123, request.max_tokens)
    assert.same({}, support.codes(bench))
  end)

  it("leaves calls of tools without a function pending", function()
    begin({ { content = { support.call("a", "x") } } }, { tools = { support.tool("a") } })
    assert(chat:user("go"):send())
    local loaded = assert(load(assert(chat:dump())))
    local run = loaded:run()
    run:final_message()
    assert.equal("pending", run.reason)
    assert.equal(1, #loaded:pending())
  end)

  it("keeps the tools it was saved with, and warns of other words", function()
    begin({ "ok" }, { tools = { tool("a", "before") } })
    local text = assert(chat:user("go"):dump())
    local loaded = assert(load(text, { tools = { tool("a", "after", function() end) } }))
    assert(loaded:send())
    assert.truthy(sim.requests[1].body:find('"description":"before"', 1, true))
    assert.same({ "tool_changed" }, support.codes(bench))
    local other, problem = load(text, { tools = { tool("b", "new") } })
    assert.is_nil(other)
    assert.truthy(problem:find("tool b is not among the tools", 1, true), problem)
  end)

  it("remembers that the server paused", function()
    local pause = { content = { "so far" }, stop_reason = "pause_turn" }
    begin({ pause, "done" }, { model = "claude-opus-4-5" })
    chat.params.thinking = nil
    assert(chat:user("go"):send())
    local loaded = assert(load(assert(chat:dump())))
    assert.equal("done", assert(loaded:send()):text())
  end)

  it("cannot hold a param that is a function", function()
    begin({}, { metadata = { f = print } })
    local text, problem, err = chat:dump()
    assert.is_nil(text)
    assert.truthy(problem:find("metadata", 1, true), problem)
    assert.equal("invalid", err.kind)
  end)

  describe("in a file", function()
    local path

    before_each(function() path = os.tmpname() end)
    after_each(function() os.remove(path) end)

    local function bytes()
      local file = assert(io.open(path, "rb"))
      local text = file:read("*a")
      file:close()
      return text
    end

    it("is its dump, and nothing else is left behind", function()
      begin({})
      chat:user("go")
      assert.is_true((chat:save(path)))
      assert.equal(chat:dump(), bytes())
      local folder, name = path:match("^(.*)/([^/]*)$")
      local request = assert(require("luv").fs_scandir(folder))
      local found = 0
      for entry in function() return require("luv").fs_scandir_next(request) end do
        if entry:sub(1, #name) == name then found = found + 1 end
      end
      assert.equal(1, found)
      assert.equal(chat:dump(), assert(load(path)):dump())
    end)

    it("replaces an older one", function()
      begin({})
      assert(chat:user("a longer question"):save(path))
      chat:undo()
      assert(chat:user("short"):save(path))
      assert.equal(chat:dump(), bytes())
    end)

    it("is its owner's alone, keeps its mode later, and stays behind a link", function()
      local uv = require("luv")
      begin({})
      os.remove(path)
      assert(chat:user("go"):save(path))
      assert.equal(tonumber("600", 8), uv.fs_stat(path).mode % 512)
      uv.fs_chmod(path, tonumber("640", 8))
      local link = path .. ".link"
      assert(uv.fs_symlink(path, link))
      assert(chat:save(link))
      assert.equal("link", uv.fs_lstat(link).type)
      assert.equal(tonumber("640", 8), uv.fs_stat(path).mode % 512)
      assert.equal(chat:dump(), bytes())
      os.remove(link)
    end)

    it("needs no libcurl to be written", function()
      local net = package.loaded["claude.net"]
      begin({})
      chat:user("go")
      package.loaded["claude.net"] = nil
      package.preload["claude.net"] = function() error("no libcurl") end
      local done, problem = chat:save(path)
      package.preload["claude.net"] = nil
      package.loaded["claude.net"] = net
      assert(done, problem)
      assert.equal(chat:dump(), bytes())
    end)

    it("that cannot be written is an error, and the old one stays", function()
      begin({})
      local done, problem, err = chat:save("/nonexistent/folder/file")
      assert.is_nil(done)
      assert.truthy(problem:find("the conversation was not saved", 1, true))
      assert.equal("invalid", err.kind)
      assert(chat:save(path))
      local before = bytes()
      chat:user("\255")
      assert.is_nil((chat:save(path)))
      assert.equal(before, bytes())
    end)

    it("that cannot be read is an error", function()
      begin({})
      assert.is_nil((chat:save("/")))
      for _, wrong in ipairs({ "/nonexistent/file", "/", "" }) do
        local loaded, problem, err = load(wrong)
        assert.is_nil(loaded)
        assert.truthy(problem:find("cannot load the conversation", 1, true), problem)
        assert.equal("invalid", err.kind)
      end
    end)

    it("that is none is named", function()
      local loaded, problem = load("README.md")
      assert.is_nil(loaded)
      assert.truthy(problem:find("README.md: this is no saved conversation", 1, true), problem)
    end)

    it("that is a pipe is not waited for", function()
      begin({})
      os.remove(path)
      os.execute("mkfifo " .. path)
      local loaded, problem, err = load(path)
      assert.is_nil(loaded)
      assert.truthy(problem:find(path .. ": it is no regular file", 1, true), problem)
      assert.equal("invalid", err.kind)
    end)
  end)

  describe("that is damaged", function()
    it("is refused wherever it is cut", function()
      local text = begin_in_a_turn()
      for i = 0, #text - 1 do
        local loaded = load("lua-claude conversation " .. text:sub(25, math.max(24, i)))
        assert.is_nil(loaded, "cut after byte " .. i)
      end
    end)

    it("is refused whichever byte is changed", function()
      local text = begin_in_a_turn()
      for i = 25, #text do
        local byte = text:byte(i)
        local changed = text:sub(1, i - 1) .. string.char((byte + 1) % 256) .. text:sub(i + 1)
        assert.is_nil((load(changed)), "byte " .. i)
      end
      assert.is_nil((load(text .. "\n")))
      assert.is_nil((load(text .. text)))
    end)
  end)

  describe("that a stranger wrote is refused", function()
    local HEAD = "lua-claude conversation 1\n"
    local STATE = section("state", "{}")
    local USER = section("message", '{"role":"user","content":"a"}')
    local CALL = section(
      "message",
      '{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"n","input":{}}]}'
    )

    before_each(function() begin({}) end)

    it("not, when it is right", function()
      local text = HEAD .. section("param model", '"m"') .. STATE .. USER .. CALL
      local loaded, problem = load(resigned(text))
      assert(loaded, problem)
      assert.equal("t1", loaded:pending()[1].id)
    end)

    local wrong = {
      { "of another version", "lua-claude conversation 2\n" .. STATE, "this is version 2" },
      { "without a version", "lua-claude conversation x\n" .. STATE, "the first line is damaged" },
      { "without a state", HEAD .. USER, "section state is missing" },
      { "with two states", HEAD .. STATE .. STATE, "section state comes twice" },
      { "with a section unknown", HEAD .. STATE .. section("run", "1"), "section run is unknown" },
      { "with a name too many", HEAD .. section("state x", "{}"), "has a name too many" },
      { "with a length too long", HEAD .. "state 99\n{}\n", "damaged or cut off at byte 26" },
      {
        "with a length that is huge",
        HEAD .. "state 9999999999999999\n{}\n",
        "cut off at byte 26",
      },
      { "with a state that is no table", HEAD .. section("state", "1"), "must not be a number" },
      {
        "with a stop_reason that is no text",
        HEAD .. section("state", '{"stop_reason":{}}'),
        "state.stop_reason must be a string",
      },
      {
        "with a param twice",
        HEAD .. section("param a", "1"):rep(2) .. STATE,
        "param a comes twice",
      },
      {
        "with messages among the params",
        HEAD .. section("param messages", "[]") .. STATE,
        "param messages has no place here",
      },
      {
        "with a server of its own that the API is to ask",
        HEAD
          .. section("param mcp_servers", '[{"type":"url","name":"x","url":"https://x"}]')
          .. STATE,
        "param mcp_servers has no place here",
      },
      {
        "with models to fall back to that are none",
        HEAD .. section("param fallback_models", "[5]") .. STATE,
        "fallback_models[1] must be a model",
      },
      { "with a param that is no JSON", HEAD .. section("param a", "{") .. STATE, "param a: " },
      {
        "with a system of a wrong type",
        HEAD .. section("system", "1") .. STATE,
        "system must not",
      },
      {
        "with tools of a wrong type",
        HEAD .. section("tools", '"x"') .. STATE,
        "tools must not be",
      },
      {
        "with a tool that is none",
        HEAD .. section("tools", "[1]") .. STATE,
        "tools[1] is no tool",
      },
      {
        "with a message that is none",
        HEAD .. STATE .. section("message", '{"role":"robot","content":""}'),
        "message 1: a message needs a role",
      },
      {
        "with a system message first",
        HEAD .. STATE .. section("message", '{"role":"system","content":"a"}'),
        "messages[1]",
      },
      {
        "with words that are an object",
        HEAD .. STATE .. section("said", "{}"),
        "the unsent turn",
      },
      { "with a call unanswered", HEAD .. STATE .. USER .. CALL .. USER, "messages[2].content[1]" },
      {
        "with a result that nobody asked for",
        HEAD .. STATE .. section(
          "message",
          '{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}'
        ),
        "messages[1].content[1]",
      },
      {
        "with an answer to no open call",
        HEAD .. STATE .. USER .. CALL .. section(
          "result",
          '{"type":"tool_result","tool_use_id":"t2"}'
        ),
        "result t2 answers no open call",
      },
      {
        "with an answer twice",
        HEAD .. STATE .. USER .. CALL .. section(
          "result",
          '{"type":"tool_result","tool_use_id":"t1"}'
        ):rep(2),
        "result t1 comes twice",
      },
      {
        "with an answer that is none",
        HEAD .. STATE .. USER .. CALL .. section("result", '{"type":"text"}'),
        "result is no tool_result",
      },
      {
        "with words that break out of their place",
        HEAD .. STATE .. section("said", '"a","role":"user"},{"content":"b"'),
        "said: ",
      },
      {
        "with two tools of a name",
        HEAD .. section("tools", '[{"name":"t"},{"name":"t"}]') .. STATE,
        "two tools are named t",
      },
      {
        "with betas that are none",
        HEAD .. section("param betas", "5") .. STATE,
        "betas must be a list of names",
      },
      { "with words that are none", HEAD .. STATE .. section("said", "{}x"), "said: " },
      { "with instructions that are none", HEAD .. STATE .. section("instruct", "1"), "instruct " },
    }
    for _, case in ipairs(wrong) do
      it(case[1], function()
        local loaded, problem, err = load(resigned(case[2]))
        assert.is_nil(loaded)
        assert.truthy(problem:find(case[3], 1, true), problem)
        assert.equal("invalid", err.kind)
      end)
    end

    it("with a tool that has a member run, as data", function()
      local tools = '[{"name":"t","run":"x","input_schema":{"type":"object"}}]'
      local loaded = assert(load(resigned(HEAD .. section("tools", tools) .. STATE)))
      assert.truthy(loaded:dump():find(tools, 1, true))
    end)

    it("from or to a path with a zero byte", function()
      local saved = begin({})
      local path = os.tmpname()
      for _, result in ipairs({ { saved:save(path .. "\0x") }, { client:load(path .. "\0x") } }) do
        assert.is_nil(result[1])
        assert.truthy(result[2]:find("zero byte", 1, true))
      end
      os.remove(path)
    end)

    it("as text that is a path to nowhere, without its magic", function()
      local loaded, problem = load("some other text\n")
      assert.is_nil(loaded)
      assert.truthy(problem:find("cannot load the conversation", 1, true))
    end)
  end)

  it("raises for wrong calls", function()
    begin({})
    assert.has_error(function() chat:save() end)
    assert.has_error(function() client:load(1) end)
    assert.has_error(function() client:load("x", { system = "other" }) end)
  end)
end)
