-- `:Claude` and its companions, as a user meets them.
local nvim = require("spec.support.nvim")
local servers = require("spec.support.servers")

local missing = nvim.missing()

local SETUP = [[
  vim.env.ANTHROPIC_API_KEY = KEY
  vim.env.ANTHROPIC_BASE_URL = URL
  notes = {}
  function tool()
    return require("claude").tool {
      name = "note", description = "Writes a note",
      input_schema = { type = "object", properties = { text = { type = "string" } } },
      run = function(input)
        notes[#notes + 1] = input.text
        return result or "noted " .. input.text
      end,
    }
  end
  vim.api.nvim_create_autocmd("VimEnter", { callback = function()
    require("claude.nvim").setup { model = "claude-opus-4-8", max_tokens = MAX_TOKENS,
      tools = { tool() }, client = { max_retries = 0 } }
  end })
]]

describe(":Claude", function()
  if missing then return pending(missing) end
  local sim, editor
  setup(function()
    nvim.build()
    sim = servers.simulator("spec/nvim/model.lua")
  end)
  teardown(function() sim:stop() end)
  before_each(function() editor = nil end)
  after_each(function()
    if editor then editor:stop() end
  end)

  local function start(options)
    options = options or {}
    local form = "URL, MAX_TOKENS, KEY = %q, %d, %q\n"
    local key, url = options.key or "sk-ant-secret", options.url or sim.url
    options.init = form:format(url, options.max_tokens or 2000, key) .. SETUP
    editor = nvim.start(options)
    return editor
  end

  -- The text of the chat, once no answer is arriving.
  local function settled()
    editor:wait_for([[
      for name, module in pairs(package.loaded) do
        if name == "claude.nvim" then return not module.is_busy() end
      end
    ]])
    editor:wait_for("return vim.bo.filetype == 'claude'")
    return table.concat(editor:lines(), "\n")
  end

  local function ask(question)
    editor:command("Claude " .. question)
    editor:wait_for("return vim.bo.filetype == 'claude'")
    editor:wait_for_text(question)
  end

  it("shows question and answer in a window of their own", function()
    start()
    ask("hello there")
    local text = settled()
    assert.equal("# You\n\nhello there\n\n# Claude\n\nYou said 1 messages: hello there\n", text)
    assert.equal(2, editor:lua("return vim.fn.winnr('$')"))
  end)

  it("continues the chat with the next question", function()
    start()
    ask("one")
    settled()
    ask("two")
    assert.matches(
      "You said 1 messages: one\n\n# You\n\ntwo\n\n# Claude\n\nYou said 3 messages: two",
      settled()
    )
  end)

  it("continues it from another window, too; with ! it begins another", function()
    start()
    ask("one")
    settled()
    editor:command("wincmd p")
    ask("two")
    assert.matches("You said 3 messages: two", settled())
    editor:type(":Claude! three<CR>")
    editor:wait_for_text("three")
    assert.matches("^# You\n\nthree\n\n# Claude\n\nYou said 1 messages: three\n$", settled())
  end)

  it("sends the lines of a range with the question", function()
    start()
    editor:lua("vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'local x = 1', 'print(x)' })")
    editor:type(":%Claude explain<CR>")
    editor:wait_for_text("You said")
    assert.matches("explain\n\n```\nlocal x = 1\nprint%(x%)\n```", settled())
  end)

  it("without a question opens a window to write one in, of any lines and characters", function()
    start()
    editor:type(":Claude<CR>")
    editor:wait_for("return vim.bo.buftype == 'acwrite'")
    editor:type("erste Zeile ä<CR>zweite 🙂<Esc><CR>")
    editor:wait_for("return vim.bo.filetype == 'claude'")
    editor:wait_for_text("You said")
    assert.matches("# You\n\nerste Zeile ä\nzweite 🙂\n\n# Claude\n", settled())
    assert.equal(2, editor:lua("return vim.fn.winnr('$')"))
  end)

  it("a key in the chat opens it again, and :wq sends", function()
    start()
    ask("one")
    settled()
    editor:type("<CR>")
    editor:wait_for("return vim.bo.buftype == 'acwrite'")
    editor:type("two<Esc>:wq<CR>")
    editor:wait_for("return vim.bo.filetype == 'claude'")
    editor:wait_for_text("You said 3 messages: two")
  end)

  it("folds thinking away and dims it", function()
    start()
    ask("think")
    assert.matches("# Claude\n\nFirst this.\n\nThen that.\nThought.\nTwice.\n$", settled())
    editor:command("redraw!")
    local folds = editor:lua([[
      local folds = {}
      for line = 1, vim.fn.line("$") do folds[line] = vim.fn.foldclosed(line) end
      return folds
    ]])
    assert.same({ -1, -1, -1, -1, -1, -1, 7, 7, 7, -1, -1, -1 }, folds)
    local shown = editor:lua("return vim.fn.foldtextresult(7)")
    assert.matches("thinking, 3 lines: First this%.", shown)
    local groups = editor:lua([[
      local marks = vim.api.nvim_buf_get_extmarks(
        0, vim.api.nvim_create_namespace("claude"), { 6, 0 }, { 8, 0 }, { details = true })
      return vim.tbl_map(function(mark) return mark[4].hl_group end, marks)
    ]])
    assert.same({ "ClaudeThinking" }, groups)
    assert.equal(
      "Comment",
      editor:lua(
        "return vim.fn.synIDattr(vim.fn.synIDtrans(vim.fn.hlID('ClaudeThinking')), 'name')"
      )
    )
  end)

  it("writes lines as they are, wherever line ends and control characters stand", function()
    start()
    ask("odd")
    local expected = "a\nb\n\n\tc\27[31m \0 d\rе́ 🙂\n"
    settled()
    -- A zero byte in a buffer is a line feed to the editor's functions.
    local lines = editor:lua("return vim.api.nvim_buf_get_lines(0, 6, -1, false)")
    assert.equal(expected, (table.concat(lines, "\n")))
  end)

  it("shows a long answer whole", function()
    start({ max_tokens = 16000 })
    ask("long")
    local _, count = settled():gsub("line of text\n", "")
    assert.equal(3000, count)
  end)

  it("asks before a tool runs; gy runs it", function()
    start()
    ask("tool")
    editor:wait_for_text("May it run?")
    assert.same({}, editor:lua("return notes"))
    assert.matches(
      '▸ note {"text":"n1"}\n  May it run%?  gy run it · gn do not · ga always run note',
      table.concat(editor:lines(), "\n")
    )
    editor:type("gy")
    editor:wait_for_text("Results: noted n1.")
    assert.same({ "n1" }, editor:lua("return notes"))
  end)

  it("folds long results away, and no short ones", function()
    start()
    ask("tool")
    editor:wait_for_text("May it run?")
    editor:lua([[result = table.concat({ 'a', 'b', 'c', 'd', 'e', 'f' }, '\n')]])
    editor:type("gy")
    editor:wait_for_text("Results")
    settled()
    local line = editor:lua("return vim.fn.search('^  a$', 'nw')")
    editor:command("redraw!")
    assert.matches("result, 6 lines: a", editor:lua("return vim.fn.foldtextresult(...)", line))
    assert.equal(-1, editor:lua("return vim.fn.foldclosed(...)", line - 1))
  end)

  it("gn declines the call, and the model is told", function()
    start()
    ask("tool")
    editor:wait_for_text("May it run?")
    editor:type("gn")
    editor:wait_for_text("Results: declined: by the user.")
    assert.same({}, editor:lua("return notes"))
  end)

  it("ga asks no more in this chat", function()
    start()
    ask("tools")
    editor:wait_for_text("May it run?")
    editor:type("ga")
    editor:wait_for_text("Results: noted n1, noted n2.")
    ask("tool")
    editor:wait_for_text("Results: noted n1.")
  end)

  it("a function decides about calls in place of the user", function()
    start()
    editor:lua([[
      require("claude.nvim").setup {
        model = "claude-opus-4-8", tools = { tool() }, client = { max_retries = 0 },
        approve = function(call) return call.input.text == "n2" end,
      }
    ]])
    ask("tools")
    editor:wait_for_text("Results: declined: by the user's settings, noted n2.")
  end)

  for _, how in ipairs({ "<C-c>", ":ClaudeStop<CR>" }) do
    it(how .. " stops the answer; what arrived stays, also for the model", function()
      start()
      ask("endless")
      editor:wait_for_text("Begin.")
      editor:type(how)
      assert.matches("Begin%. .*\n%(stopped%)\n$", settled())
      ask("next")
      assert.matches("You said 3 messages: next", settled())
    end)
  end

  it("stops while it waits for approval, and the next question is answered", function()
    start()
    ask("tool")
    editor:wait_for_text("May it run?")
    editor:type("<C-c>")
    assert.matches("%(stopped%)\n$", settled())
    ask("next")
    assert.matches("You said 3 messages: next", settled())
    assert.same({}, editor:lua("return notes"))
  end)

  it("takes no question while an answer arrives", function()
    start()
    ask("endless")
    editor:wait_for_text("Begin.")
    editor:lua("require('claude.nvim').ask('another')")
    assert.matches("an answer is arriving", editor:lua("return vim.fn.execute('messages')"))
    editor:type("<C-c>")
    assert.is_nil(settled():find("another", 1, true))
  end)

  it("shows an error as text and keeps the question: :ClaudeRetry sends it again", function()
    start()
    ask("overload")
    local text = settled()
    assert.matches("api 529 overloaded_error: Busy today", text)
    assert.matches("The question is kept: :ClaudeRetry sends it again", text)
    editor:type(":ClaudeRetry<CR>")
    editor:wait_for_text("Better now.")
    ask("next")
    assert.matches("You said 3 messages: next", settled())
  end)

  it("shows how far an answer came that broke off", function()
    start()
    ask("broken")
    assert.matches("# Claude\n\nHalf an.-\nincomplete: ", settled())
  end)

  it("says why an answer is not all: refused, cut off", function()
    start()
    ask("refuse")
    assert.matches("The model declined to answer", settled())
    ask("cut")
    assert.matches("word ?\nThe answer was cut off: it reached max_tokens", settled())
  end)

  it("says without a key what is missing", function()
    start({ key = "" })
    ask("hello")
    assert.matches("no API key: ANTHROPIC_API_KEY is not set", settled())
  end)

  it("goes on after a restart with what was said", function()
    start()
    ask("think")
    settled()
    ask("tool")
    editor:wait_for_text("May it run?")
    editor:type("gy")
    editor:wait_for_text("Results")
    local before = settled()
    editor:command("qa")
    editor:wait_for_end()
    start({ folder = editor.folder })
    editor:type(":ClaudeResume<CR>")
    editor:wait_for_text("Results: noted n1.")
    local after = table.concat(editor:lines(), "\n")
    assert.equal(before:gsub("  May it run[^\n]*\n", ""), after)
    ask("and now")
    assert.matches("You said 7 messages: and now", settled())
  end)

  it("resumes by name, and completes names", function()
    start()
    ask("first question")
    settled()
    editor:type(":Claude! second<CR>")
    editor:wait_for_text("You said 1 messages: second")
    settled()
    local names = editor:wait_for([[
      local names = vim.fn.getcompletion("ClaudeResume ", "cmdline")
      return #names == 2 and names
    ]])
    assert.matches("second$", names[1])
    assert.matches("first%-question$", names[2])
    editor:command("qa")
    editor:wait_for_end()
    start({ folder = editor.folder })
    editor:type((":ClaudeResume %s<CR>"):format(names[2]))
    editor:wait_for_text("You said 1 messages: first question")
  end)

  it("keeps an answer that was cut off by quitting", function()
    start()
    ask("endless")
    editor:wait_for_text("Begin.")
    editor:command("qa")
    assert.same({ 0, "" }, { editor:wait_for_end() })
    start({ folder = editor.folder })
    editor:type(":ClaudeResume<CR>")
    editor:wait_for_text("Begin.")
    ask("next")
    assert.matches("You said 3 messages: next", settled())
  end)

  it("a question without an answer is there after a restart, and can be sent again", function()
    start({ url = "http://127.0.0.1:" .. servers.free_port() })
    ask("hello")
    assert.matches("network: ", settled())
    editor:command("qa")
    editor:wait_for_end()
    start({ folder = editor.folder })
    editor:type(":ClaudeResume<CR>")
    editor:wait_for_text("This has no answer yet")
    editor:type(":ClaudeRetry<CR>")
    editor:wait_for_text("You said 1 messages: hello")
  end)

  it("says that a chat cannot be saved, and goes on", function()
    start()
    editor:lua([[
      require("claude.nvim").setup { model = "claude-opus-4-8", tools = false,
        folder = "/dev/null/chats" }
    ]])
    ask("one")
    local said = editor:wait_for([[
      local messages = vim.fn.execute("messages")
      return messages:find("not saved", 1, true) and messages
    ]])
    assert.matches("claude: the chat is not saved: ENOTDIR", said)
    ask("two")
    assert.matches("You said 3 messages: two", settled())
  end)

  it("says what is wrong with a saved chat that was damaged", function()
    start()
    ask("hello")
    settled()
    local path = editor:wait_for([[
      return vim.fn.glob(vim.fn.stdpath("data") .. "/claude/*.claude", false, true)[1]
    ]])
    editor:command("qa")
    editor:wait_for_end()
    local file = assert(io.open(path, "ab"))
    file:write("more")
    file:close()
    start({ folder = editor.folder })
    editor:type(":ClaudeResume<CR>")
    local said = editor:wait_for([[
      local messages = vim.fn.execute("messages")
      return messages:find("cannot be continued", 1, true) and messages
    ]])
    assert.matches("something follows the end", said)
  end)

  it("saves for its owner alone, and no key", function()
    start()
    ask("hello")
    settled()
    local path = editor:wait_for([[
      return vim.fn.glob(vim.fn.stdpath("data") .. "/claude/*.claude", false, true)[1]
    ]])
    assert.equal("rw-------", editor:lua("return vim.fn.getfperm(...)", path))
    local text = editor:lua("return table.concat(vim.fn.readfile(...), '\\n')", path)
    assert.matches("^lua%-claude conversation 1\n", text)
    assert.is_nil(text:find("sk-ant-secret", 1, true))
  end)

  describe("while an answer arrives,", function()
    before_each(function()
      start()
      ask("endless")
      editor:wait_for_text("Begin.")
    end)

    local function grows(buffer)
      local length = #table.concat(editor:lines(buffer))
      editor:wait_for(
        [[
          local buffer, length = ...
          return #table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false)) > length
        ]],
        buffer,
        length + 50
      )
    end

    local function goes_on()
      editor:type(":Claude! hello<CR>")
      editor:wait_for_text("You said 1 messages: hello")
      assert.equal("", editor:lua("return vim.v.errmsg"))
    end

    local commands = { "close", "bdelete", "bwipeout", "bunload!", "edit!", "only | enew" }
    for _, command in ipairs(commands) do
      it(":" .. command .. " does no harm", function()
        editor:command(command)
        goes_on()
      end)
    end

    it("undo and other changes do no harm", function()
      editor:type("u")
      editor:command("setlocal modifiable | silent! %delete _ | setlocal nomodifiable")
      editor:lua("vim.v.errmsg = ''")
      goes_on()
    end)

    it("a second chat runs beside it", function()
      local first = editor:lua("return vim.api.nvim_get_current_buf()")
      editor:command("Claude! endless")
      editor:wait_for("return vim.api.nvim_get_current_buf() ~= ...", first)
      editor:wait_for_text("Begin.")
      grows(first)
      editor:command("qa!")
      assert.same({ 0, "" }, { editor:wait_for_end() })
    end)

    it("the cursor stays where the user put it, and follows at the end", function()
      editor:type("gg")
      editor:wait_for("return vim.fn.line('.') == 1")
      grows(0)
      assert.equal(1, editor:lua("return vim.fn.line('.')"))
    end)
  end)

  describe("setup", function()
    for _, case in ipairs({
      { "{ modell = 'x' }", "there is no option modell" },
      { "{ max_tokens = 'many' }", "max_tokens must be a number, not a string" },
      { "{ approve = 'never' }", 'approve must be "ask", "all" or a function' },
      { "{ keys = { halt = 'x' } }", "there is no key halt" },
      { "{ keys = { stop = true } }", 'keys.stop must be a key such as "<C-c>", or false' },
      { "{ keys = { stop = '' } }", 'keys.stop must be a key such as "<C-c>", or false' },
      { "{ max_tokens = -1 }", "max_tokens must be a whole number above 0, not -1" },
      { "{ folder = '' }", "folder must not be empty" },
      { "{ params = { model = 'x' } }", "params.model is set by the option model" },
      { "{ tools = { 'date' } }", "tools[1] must be a tool, not a string" },
      { "{ client = { api_kee = 'x' } }", "there is no option api_kee" },
      { "42", "options must be a table, not a number" },
    }) do
      it("refuses " .. case[1], function()
        start()
        local said =
          editor:lua("return select(2, pcall(require('claude.nvim').setup, " .. case[1] .. "))")
        assert.truthy(said:find(case[2], 1, true), said)
      end)
    end
  end)
end)
