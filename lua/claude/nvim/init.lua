--- Chats with Claude in Neovim: what `:Claude` and its companions do, as functions.
---
---     require("claude.nvim").setup { model = "claude-opus-4-8" }
---     require("claude.nvim").ask "What does this error mean?"
---
--- doc/lua-claude.txt is the manual. `setup` need not be called.
local claude = require("claude")

-- Lua's own words for a C part that is missing do not say what to do.
local has_core, why_not = pcall(require, "claude.core")
if not has_core then error(require("claude.loading").explained("claude.core", why_not), 0) end

local chats_module = require("claude.nvim.chat")
local options_module = require("claude.nvim.options")
local stores = require("claude.nvim.store")

local M = {}

local client ---@type claude.Client?
local chats = {} -- by buffer
local last ---@type claude.nvim.Chat? the one that was used last

local function warn(text) vim.notify("claude: " .. text, vim.log.levels.WARN) end

local settings = options_module.current

local function make_client(complete)
  return claude.new(vim.tbl_extend("keep", complete.client or {}, { on_warning = warn }))
end

local function connection()
  client = client or make_client(settings())
  return client
end

--- Sets the options of the chats that begin from now on. Raises when one is wrong.
---@param given? claude.nvim.Options
function M.setup(given)
  local complete = options_module.complete(given, 2)
  local fits, made = pcall(make_client, complete)
  if not fits then error((made:gsub("^[^:]+:%d+: ", "")), 2) end
  options_module.use(complete)
  client = made
end

local function leave()
  for _, chat in pairs(chats) do
    chat:leave()
  end
end

-- Lets go of chats that are over.
local function prune()
  for buffer, chat in pairs(chats) do
    if chat:is_over() then chats[buffer] = nil end
  end
  if last and last:is_closed() then last = nil end
end

local function keep(chat)
  prune()
  if not next(chats) then
    local group = vim.api.nvim_create_augroup("claude.nvim", {})
    vim.api.nvim_create_autocmd("VimLeavePre", { group = group, callback = leave })
  end
  chats[chat.buffer] = chat
  last = chat
  return chat
end

local function begin(question)
  local name = stores.new_name(settings().folder, question or "")
  local conversation = connection():conversation(options_module.params(settings()))
  return keep(chats_module.new(settings(), conversation, name))
end

-- The chat whose buffer this is, else the one that was used last.
local function current()
  prune()
  local here = chats[vim.api.nvim_get_current_buf()]
  if here and not here.closed then return here end
  return last
end

local function current_or_none()
  local chat = current()
  if not chat then warn("there is no chat: :Claude begins one") end
  return chat
end

---@class claude.nvim.Where
---@field new? boolean begin a new chat

--- Asks in the current chat (the one in this window, or the one used last), or in a new
--- one, and shows it. Returns at once.
---@param question string
---@param where? claude.nvim.Where
---@return integer buffer of the chat
function M.ask(question, where)
  if type(question) ~= "string" then error("claude.nvim.ask: a question expected", 2) end
  local chat = not (where and where.new) and current() or begin(question)
  last = chat
  if chat:open() then vim.cmd("stopinsert") end -- nothing can be typed there
  chat:ask(question)
  return chat.buffer
end

--- Shows the current chat, or begins one, with a window to write the question in.
---@param where? claude.nvim.Where
---@return integer buffer of the chat
function M.open(where)
  local chat = not (where and where.new) and current() or begin()
  last = chat
  if chat:open() and not chat:is_busy() then require("claude.nvim.compose").open(chat) end
  return chat.buffer
end

--- Stops the answer that is arriving in the current chat.
function M.stop()
  local chat = current_or_none()
  if chat then chat:stop() end
end

--- Sends the last question of the current chat again, if it has no answer.
function M.retry()
  local chat = current_or_none()
  if not chat then return end
  chat:open()
  chat:retry()
end

--- Whether an answer is arriving or being written, in any chat.
---@return boolean
function M.is_busy()
  for _, chat in pairs(chats) do
    if not chat:is_closed() and (chat:is_busy() or chat.view:is_behind()) then return true end
  end
  return false
end

--- Names of the saved chats, newest first.
---@return string[]
function M.saved() return stores.names(settings().folder) end

local function chat_named(name)
  for _, chat in pairs(chats) do
    if chat.name == name and not chat:is_closed() then return chat end
  end
end

local function load(name)
  local path = stores.path(settings().folder, name)
  local given = { tools = options_module.tools(settings()) }
  local conversation, text = connection():load(path, given)
  if not conversation then return nil, text end
  local chat = keep(chats_module.new(settings(), conversation, name))
  chat:continue_file()
  chat.show:messages(conversation:messages())
  if chat:awaits_answer() then
    chat.show:say("This has no answer yet: :ClaudeRetry sends it.", "note")
  end
  chat.view:flush()
  return chat
end

--- Continues a saved chat: shows what was said, and asks in it from now on.
---@param name? string the newest without it
---@return integer? buffer of the chat
function M.resume(name)
  if name ~= nil and type(name) ~= "string" then error("claude.nvim.resume: a name expected", 2) end
  name = name or M.saved()[1]
  if not name then
    warn("no chat is saved")
    return nil
  end
  local chat, problem = chat_named(name), nil
  if not chat then
    chat, problem = load(name)
  end
  if not chat then
    warn(("%s cannot be continued: %s"):format(name, problem))
    return nil
  end
  last = chat
  chat:open()
  return chat.buffer
end

return M
