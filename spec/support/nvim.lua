--- Starts Neovim with the tree as its plugin, types into it and looks at it, from outside:
--- every call goes over its socket.
local child = require("spec.support.child")
local core = require("claude.core")

local M = {}

-- A make above this one (make sanitize) must not lend its flags, and no Lua its paths.
local CLEAN = "unset LD_PRELOAD MAKEFLAGS MFLAGS MAKELEVEL BUILD CFLAGS CC LUA_PATH LUA_CPATH LUA"

local function tree()
  local pipe = assert(io.popen("pwd"))
  local folder = pipe:read("*l")
  pipe:close()
  return folder
end

--- Why these specs cannot run here; nil if they can.
---@return string?
function M.missing()
  if not require("spec.support.servers").has("nvim") then return "nvim is not installed" end
  -- Neovim has a Lua of its own: running them again under each Lua would show nothing more.
  if not (rawget(_G, "jit") or _VERSION == "Lua 5.4") then return "runs with lua5.4 and luajit" end
end

--- Compiles the modules for Neovim.
function M.build()
  local result = child.run(CLEAN .. "; make -s nvim")
  assert(result.status == 0, result.out .. result.err)
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text
end

---@class spec.Nvim
---@field folder string where everything of this editor lies
---@field pid integer
local Nvim = {}
Nvim.__index = Nvim

-- What it reads at its start: the plugin as a package manager would add it.
local INIT = [[
vim.opt.runtimepath:prepend(%q)
vim.opt.shortmess:append("I")
-- It ends with the specs, however they end.
local uv = vim.uv or vim.loop
uv.new_timer():start(2000, 2000, function()
  if not uv.kill(tonumber(uv.os_getenv("SPEC_PID")), 0) then uv.kill(uv.os_getpid(), "sigkill") end
end)
%s
]]

local function wait_until(what, check)
  for _ = 1, 600 do
    local value = check()
    if value then return value end
    os.execute("sleep 0.05")
  end
  error("this did not happen within 30 s: " .. what, 3)
end

---@class spec.NvimOptions
---@field init? string Lua that it runs at its start
---@field environment? table<string, string>
---@field folder? string of an editor before: its saved chats are there
---@field arguments? string
---@field path? string the plugin, the tree if not given

local function shell_environment(options)
  local words = {}
  for name, value in pairs(options.environment or {}) do
    words[#words + 1] = ("%s=%s"):format(name, child.quote(value))
  end
  return table.concat(words, " ")
end

-- It runs in the background of a shell that keeps its exit status.
local SCRIPT = [[
%s
export XDG_DATA_HOME=%s/data XDG_STATE_HOME=%s/state XDG_CONFIG_HOME=%s/config
export SPEC_PID=$PPID
unset ANTHROPIC_API_KEY ANTHROPIC_AUTH_TOKEN ANTHROPIC_BASE_URL NVIM NVIM_LISTEN_ADDRESS
{ env %s nvim --headless -i NONE -n -u %s/init.lua --listen %s/socket %s \
    >%s/output 2>&1 </dev/null &
  echo $! >%s/pid; wait $!; echo $? >%s/status; } >/dev/null 2>&1 &
]]

--- Starts one, and waits until it answers.
---@param options? spec.NvimOptions
---@return spec.Nvim
function M.start(options)
  options = options or {}
  local folder = options.folder or child.temporary()
  os.execute("mkdir -p " .. folder)
  for _, name in ipairs({ "status", "socket", "pid" }) do
    os.remove(folder .. "/" .. name)
  end
  write(folder .. "/init.lua", INIT:format(options.path or tree(), options.init or ""))
  local f, environment = folder, shell_environment(options)
  os.execute(SCRIPT:format(CLEAN, f, f, f, environment, f, f, options.arguments or "", f, f, f))
  local self = setmetatable({ folder = folder }, Nvim)
  self.pid = wait_until("nvim starts", function() return tonumber(read(folder .. "/pid") or "") end)
  wait_until("nvim answers", function() return self:evaluate("1") == "1" end)
  return self
end

--- Evaluates an expression of Vim's language.
---@param expression string
---@return string
function Nvim:evaluate(expression)
  local command = "nvim --server %s/socket --remote-expr %s 2>&1"
  local pipe = assert(io.popen(command:format(self.folder, child.quote(expression))))
  local text = pipe:read("*a")
  pipe:close()
  return (text:gsub("\n$", ""))
end

-- What it answers lies in a file: long texts do not come out of the client as they are.
local WRAPPED = [[
local arguments = vim.json.decode(%q)
local function run(...) %s
end
local result = vim.json.encode({ run(unpack(arguments, 1, %d)) })
local file = assert(io.open(%q, "wb"))
file:write(result)
file:close()
return "done"
]]

--- Runs Lua in it and returns what that returns, by way of JSON; `...` are its arguments.
---@param code string
---@param ... any
---@return any
function Nvim:lua(code, ...)
  local script, result = self.folder .. "/code.lua", self.folder .. "/result"
  local arguments = core.encode(core.array({ ... }))
  write(script, WRAPPED:format(arguments, code, select("#", ...), result))
  local text = self:evaluate(([[luaeval("assert(loadfile('%s'))()")]]):format(script))
  if text ~= "done" then error("nvim answered: " .. text, 2) end
  return assert(core.decode(read(result)))[1]
end

--- Types keys, as a user would.
---@param keys string such as ":Claude hello<CR>"
function Nvim:type(keys) self:evaluate(("nvim_input('%s')"):format((keys:gsub("'", "''")))) end

--- Gives a command as a key does: without a command line that shows it.
---@param command string such as "qa"
function Nvim:command(command)
  self:lua("vim.keymap.set('n', '<F12>', '<Cmd>' .. ... .. '<CR>')", command)
  self:type("<F12>")
end

--- Waits until Lua code returns something, and returns that.
---@param code string
---@param ... any
---@return any
function Nvim:wait_for(code, ...)
  local arguments, n = { ... }, select("#", ...)
  local unpack = rawget(table, "unpack") or rawget(_G, "unpack")
  return wait_until(code, function() return self:lua(code, unpack(arguments, 1, n)) end)
end

--- The lines of the current buffer, or of another.
---@param buffer? integer
---@return string[]
function Nvim:lines(buffer)
  return self:lua("return vim.api.nvim_buf_get_lines(..., 0, -1, false)", buffer or 0)
end

--- Waits until a text stands in the current buffer.
---@param text string
function Nvim:wait_for_text(text)
  self:wait_for(
    "return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\\n'):find(..., 1, true)",
    text
  )
end

--- Waits until it has ended: its exit status and everything that it wrote.
---@return integer status
---@return string output
function Nvim:wait_for_end()
  local path = self.folder .. "/status"
  local status = wait_until("nvim ends", function() return tonumber(read(path) or "") end)
  self.ended = true
  return status, read(self.folder .. "/output")
end

--- Ends it, whatever it is doing, and keeps its folder.
function Nvim:kill()
  if self.ended then return end
  os.execute(("kill -9 %d 2>/dev/null"):format(self.pid))
  self:wait_for_end()
end

--- Ends it and removes its folder.
function Nvim:stop()
  self:kill()
  os.execute("rm -rf " .. child.quote(self.folder))
end

return M
