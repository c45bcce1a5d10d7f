--- The options of `require("claude.nvim").setup`.
local M = {}

---@class claude.nvim.Options
---@field model? string "claude-sonnet-5-5"
---@field max_tokens? integer 16000
---@field thinking? table { type = "adaptive", display = "summarized" }
---@field system? string
---@field params? table more parameters of a request, such as output_config
---@field tools? claude.Tool[]|boolean tools, or false for none; true: those of claude.nvim.tools
---@field approve? "ask"|"all"|fun(call: claude.ToolCall): boolean? which calls run; nil asks
---@field client? claude.ClientOptions else credentials and base URL are the environment's
---@field open? string the command that makes a window, "botright vsplit"
---@field folder? string where chats are saved, "claude" in stdpath("data")
---@field keys? table<string, string|false> of the chat's buffer; false: none

local TYPES = {
  model = "string",
  max_tokens = "number",
  thinking = "table",
  system = "string",
  params = "table",
  tools = "table or boolean",
  approve = "string or function",
  client = "table",
  open = "string",
  folder = "string",
  keys = "table",
}

-- Named after what they do; see doc/lua-claude.txt.
local KEYS = { stop = "<C-c>", reply = "<CR>", yes = "gy", no = "gn", always = "ga" }

local function defaults()
  return {
    model = "claude-sonnet-5-5",
    max_tokens = 16000,
    thinking = { type = "adaptive", display = "summarized" },
    tools = true,
    approve = "ask",
    open = "botright vsplit",
    folder = vim.fn.stdpath("data") .. "/claude",
    keys = KEYS,
  }
end

local function check_keys(keys, level)
  for name, key in pairs(keys) do
    if not KEYS[name] then
      error(("claude.nvim: there is no key %s"):format(tostring(name)), level + 1)
    end
    if key == "" or type(key) ~= "string" and key ~= false then
      error(
        ('claude.nvim: keys.%s must be a key such as "%s", or false'):format(name, KEYS[name]),
        level + 1
      )
    end
  end
end

-- Parameters that are options by themselves, or belong to each request.
local NOT_PARAMS = {
  model = "the option model",
  max_tokens = "the option max_tokens",
  thinking = "the option thinking",
  system = "the option system",
  tools = "the option tools",
  messages = "the chat",
  stream = "the chat",
}

local function check_params(params, level)
  for name, owner in pairs(NOT_PARAMS) do
    if params[name] ~= nil then
      error(("claude.nvim: params.%s is set by %s"):format(name, owner), level + 1)
    end
  end
end

local function check_tools(tools, level)
  for i, tool in ipairs(tools) do
    if type(tool) ~= "table" then
      error(("claude.nvim: tools[%d] must be a tool, not a %s"):format(i, type(tool)), level + 1)
    end
  end
end

local function check_values(given, level)
  for _, name in ipairs({ "model", "open", "folder" }) do
    if given[name] == "" then
      error(("claude.nvim: %s must not be empty"):format(name), level + 1)
    end
  end
  local most = given.max_tokens
  if most and (most < 1 or most % 1 ~= 0) then
    error(
      ("claude.nvim: max_tokens must be a whole number above 0, not %s"):format(most),
      level + 1
    )
  end
  if given.params then check_params(given.params, level + 1) end
  if type(given.tools) == "table" then check_tools(given.tools, level + 1) end
end

local function check(given, level)
  for name, value in pairs(given) do
    local expected = TYPES[name]
    if not expected then
      error(("claude.nvim: there is no option %s"):format(tostring(name)), level + 1)
    end
    if not expected:find(type(value), 1, true) then
      error(
        ("claude.nvim: %s must be a %s, not a %s"):format(name, expected, type(value)),
        level + 1
      )
    end
  end
  check_values(given, level + 1)
  local approve = given.approve
  if type(approve) == "string" and approve ~= "ask" and approve ~= "all" then
    error('claude.nvim: approve must be "ask", "all" or a function', level + 1)
  end
  if given.keys then check_keys(given.keys, level + 1) end
end

--- Options as they hold: those given over the defaults. Raises when one is wrong.
---@param given? claude.nvim.Options
---@param level integer stack level of the caller to blame
---@return claude.nvim.Options
function M.complete(given, level)
  if given ~= nil and type(given) ~= "table" then
    error("claude.nvim: options must be a table, not a " .. type(given), level + 1)
  end
  check(given or {}, level + 1)
  local options = vim.tbl_extend("force", defaults(), given or {})
  options.keys = vim.tbl_extend("force", KEYS, options.keys)
  -- The current folder may be another when a chat is saved.
  options.folder = vim.fn.fnamemodify(options.folder, ":p"):gsub("(.)/$", "%1")
  return options
end

local current ---@type claude.nvim.Options?

--- The options that hold now.
---@return claude.nvim.Options
function M.current()
  current = current or M.complete(nil, 2)
  return current
end

--- From now on these hold; they are complete.
---@param options claude.nvim.Options
function M.use(options) current = options end

--- The parameters of a conversation.
---@param options claude.nvim.Options
---@return table
function M.params(options)
  local params = vim.tbl_extend("force", {}, options.params or {})
  params.model, params.max_tokens = options.model, options.max_tokens
  params.thinking, params.system = options.thinking, options.system
  params.tools = M.tools(options)
  -- The beginning is sent again with every question: the API caches it by itself.
  params.cache_control = params.cache_control or { type = "ephemeral" }
  return params
end

--- The tools of a conversation.
---@param options claude.nvim.Options
---@return claude.Tool[]?
function M.tools(options)
  if options.tools == false then return nil end
  if options.tools == true then return require("claude.nvim.tools").all end
  return options.tools --[[@as claude.Tool[] ]]
end

return M
