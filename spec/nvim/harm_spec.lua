-- What users, their settings and a second editor do to a chat: nothing that was said is lost.
local child = require("spec.support.child")
local nvim = require("spec.support.nvim")
local servers = require("spec.support.servers")

local missing = nvim.missing()

local SETUP = [[
  vim.api.nvim_create_autocmd("VimEnter", { callback = function()
    require("claude.nvim").setup { model = "claude-opus-4-8", max_tokens = 2000, tools = false }
  end })
]]

-- The file system is slow, and the editor still runs its loop when it leaves.
local SLOW = [[
  local at_once = vim.loop.fs_fsync
  vim.loop.fs_fsync = function(file, done)
    at_once(file, function(...)
      local timer, results = vim.loop.new_timer(), { ... }
      timer:start(1000, 0, function()
        timer:close()
        done(unpack(results))
        synced = true
      end)
    end)
  end
  vim.api.nvim_create_autocmd("VimLeave", { callback = function()
    vim.wait(20000, function() return synced end)
    vim.wait(100, function() return false end)
  end })
]]

local COUNT_CHATS = [[
  living = setmetatable({}, { __mode = "k" })
  local chats = require("claude.nvim.chat")
  local new = chats.new
  chats.new = function(...)
    local chat = new(...)
    living[chat] = true
    return chat
  end
]]

describe("a chat", function()
  if missing then return pending(missing) end
  local sim, editors, editor
  setup(function()
    nvim.build()
    sim = servers.simulator("spec/nvim/model.lua")
  end)
  teardown(function() sim:stop() end)
  before_each(function() editors = {} end)
  after_each(function()
    for _, one in ipairs(editors) do
      one:kill() -- before the folder of any goes, which may be another's, too
    end
    for _, one in ipairs(editors) do
      one:stop()
    end
  end)

  local function start(init, folder)
    editor = nvim.start({
      folder = folder,
      environment = { ANTHROPIC_API_KEY = "k", ANTHROPIC_BASE_URL = sim.url },
      init = SETUP .. (init or ""),
    })
    editors[#editors + 1] = editor
    return editor
  end

  local function settled()
    editor:wait_for("return not require('claude.nvim').is_busy()")
    return table.concat(editor:lines(), "\n")
  end

  local function ask(question)
    editor:command("Claude " .. question)
    editor:wait_for_text(question)
  end

  local function wait_for_message(words)
    return editor:wait_for(
      [[
        local messages = vim.fn.execute("messages")
        return messages:find(..., 1, true) and messages
      ]],
      words
    )
  end

  -- What lies in the folder of chats.
  local function files_of(folder)
    local command = "cd %s/data/nvim/claude 2>/dev/null && for file in *; do cat $file; echo; done"
    return child.run(command:format(folder)).out
  end

  local function wait_for_saved(words)
    editor:wait_for(
      [[
        for _, name in ipairs(vim.fn.glob(vim.fn.stdpath("data") .. "/claude/*.claude", 0, 1)) do
          if vim.fn.join(vim.fn.readfile(name), "\n"):find(..., 1, true) then return true end
        end
      ]],
      words
    )
  end

  it("that two editors go on with is two chats from then on", function()
    local first = start()
    ask("hello")
    settled()
    wait_for_saved("You said 1 messages: hello")
    local folder = child.temporary()
    child.run(("mkdir -p %s && ln -s %s/data %s/data"):format(folder, first.folder, folder))
    start(nil, folder)
    editor:command("ClaudeResume")
    editor:wait_for_text("hello")
    ask("from the second")
    settled()
    wait_for_saved("said 3 messages: from the second")
    editor = first
    ask("from the first")
    settled()
    wait_for_saved("said 3 messages: from the first")
    wait_for_message("another editor saved this chat, too")
    assert.matches("said 3 messages: from the second", files_of(first.folder))
    assert.matches("%-hello%-2$", editor:lua("return vim.fn.bufname()"))
  end)

  it("is saved as it is at the end, where an older text is still being written", function()
    start(SLOW)
    ask("one")
    settled()
    ask("endless")
    editor:wait_for_text("Begin.")
    editor:command("qa")
    assert.same({ 0, "" }, { editor:wait_for_end() })
    assert.matches("Begin%.", files_of(editor.folder))
    assert.equal(1, select(2, files_of(editor.folder):gsub("lua%-claude conversation", "")))
  end)

  it("leaves nothing beside its file where it cannot be saved", function()
    start([[vim.loop.fs_fsync = function(_, done) vim.schedule(function() done("EIO") end) end]])
    ask("one")
    settled()
    wait_for_message("the chat is not saved: EIO")
    local left = child.run(("cd %s/data/nvim/claude && echo *"):format(editor.folder)).out
    assert.equal("*\n", left)
  end)

  it("that was wiped out without autocommands is over: the next question begins one", function()
    start()
    ask("endless")
    editor:wait_for_text("Begin.")
    editor:command("noautocmd bwipeout!")
    ask("hello")
    assert.matches("^# You\n\nhello\n\n# Claude\n\nYou said 1 messages: hello\n$", settled())
    assert.equal("", editor:lua("return vim.v.errmsg"))
  end)

  it("is there although the user's autocommand for its filetype raises", function()
    start("vim.cmd('autocmd FileType claude throw \"boom\"')\n")
    ask("hello")
    assert.matches("You said 1 messages: hello", settled())
    wait_for_message("boom")
  end)

  it("folds also where no autocommand runs", function()
    start("vim.o.eventignore = 'BufWinEnter'\n")
    ask("think")
    settled()
    assert.equal("expr", editor:lua("return vim.wo.foldmethod"))
  end)

  it("asks where no window can be made, says so, and is shown later", function()
    start()
    editor:type("q:")
    editor:wait_for("return vim.fn.getcmdwintype() ~= ''")
    editor:command("Claude hello")
    assert.matches("the chat's window: ", wait_for_message("E11"))
    editor:command("quit")
    editor:wait_for("return vim.fn.getcmdwintype() == ''")
    editor:command("Claude")
    editor:wait_for("return vim.bo.buftype == 'acwrite'")
    editor:type("<Esc>:wincmd k<CR>")
    editor:wait_for_text("You said 1 messages: hello")
  end)

  it("leaves Insert mode when it is gone to", function()
    start()
    editor:lua("vim.keymap.set('i', '<F5>', '<Cmd>Claude hello<CR>')")
    editor:type("i<F5>")
    editor:wait_for_text("You said")
    assert.equal("n", editor:lua("return vim.fn.mode()"))
  end)

  it("keeps its headings coloured when it goes on after a restart", function()
    start()
    ask("hello")
    settled()
    editor:command("qa")
    editor:wait_for_end()
    start(nil, editor.folder)
    editor:command("ClaudeResume")
    editor:wait_for_text("You said")
    ask("again")
    settled()
    local rows = editor:lua([[
      local marks = vim.api.nvim_buf_get_extmarks(
        0, vim.api.nvim_create_namespace("claude"), 0, -1, {})
      return vim.tbl_map(function(mark) return mark[2] end, marks)
    ]])
    assert.same({ 0, 4, 8, 12 }, rows)
  end)

  it("has strong text in bold in the next colour scheme, too", function()
    start()
    ask("hello")
    settled()
    editor:command("colorscheme desert")
    assert.matches("gui=bold", editor:lua("return vim.fn.execute('highlight claudeStrong')"))
  end)

  it("that was closed is not kept in memory", function()
    start()
    editor:lua(COUNT_CHATS)
    for _ = 1, 5 do
      editor:command("Claude! hello")
      editor:wait_for_text("You said")
      settled()
      editor:command("bwipeout!")
      editor:wait_for("return vim.bo.filetype == ''")
    end
    editor:command("Claude! hello")
    editor:wait_for("collectgarbage() return vim.tbl_count(living) <= 2")
  end)

  describe("whose next question is being written", function()
    before_each(function()
      start()
      ask("hello")
      settled()
      editor:type("<CR>")
      editor:wait_for("return vim.bo.buftype == 'acwrite'")
      editor:type("a long question<Esc>")
      editor:wait_for_text("a long question")
    end)

    it("does not throw it away when the key is pressed again", function()
      editor:type("<C-w>k")
      editor:wait_for("return vim.bo.filetype == 'claude'")
      editor:type("<CR>")
      editor:wait_for("return vim.bo.buftype == 'acwrite'")
      assert.same({ "a long question" }, editor:lines())
    end)

    it("leaves it there when it is closed meanwhile", function()
      editor:lua([[
        for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
          if vim.bo[buffer].filetype == "claude" then vim.cmd("bwipeout! " .. buffer) end
        end
      ]])
      editor:type(":w<CR>")
      wait_for_message("this chat was closed")
      assert.same({ "a long question" }, editor:lines())
    end)
  end)
end)
