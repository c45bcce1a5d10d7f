--- JSON-RPC with an MCP server: requests and their answers, notifications, and what the
--- server asks for. Knows the protocol's beginning (initialize), nothing of tools.
---
--- What is sent and what comes is JSON text: numbers and the order of members stay as they
--- are.

local core = require("claude.core")
local errors = require("claude.errors")
local hub = require("claude.loop")
local processes = require("claude.mcp.process")
local tasks = require("claude.tasks")

-- Newest first: that one is asked for, and the others are spoken as well.
local VERSIONS = { "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2024-10-07" }
local METHOD_NOT_FOUND = -32601
local LONGEST_ID = 1024 -- bytes of a request's id, as JSON text, and of its method's name
local MOST_UNREAD = 1000 -- lines that wait for a server that asks for more

---@class claude.mcp.Session
---@field server table what the server said of itself: its info, capabilities and instructions
---@field version? string of the protocol, once it is agreed on
---@field failure? claude.Error why nothing can be asked any more
---@field package options claude.mcp.Options
---@field package process claude.mcp.Process
---@field package pending table<integer, claude.mcp.Pending> requests without an answer
---@field package last integer number of the last request
---@field package noise? string the last line that was no message
local Session = {}
Session.__index = Session
Session.__name = "claude.mcp.Session"

---@class claude.mcp.Pending
---@field signal claude.Signal
---@field result? string JSON text
---@field err? claude.Error

---@param value any
---@return string
local function encoded(value) return (assert(core.encode(value))) end

---@return string
function Session:_name() return self.options.command[1] end

---@param method string
---@param params? string JSON text
---@param id? string JSON text
function Session:_send(method, params, id)
  local parts = { '{"jsonrpc":"2.0",' }
  if id then parts[#parts + 1] = ('"id":%s,'):format(id) end
  parts[#parts + 1] = '"method":' .. encoded(method)
  if params then parts[#parts + 1] = ',"params":' .. params end
  parts[#parts + 1] = "}"
  self.process:send(table.concat(parts))
end

---@param id string JSON text
---@param member string `"result":…` or `"error":…`
function Session:_answer(id, member)
  self.process:send(('{"jsonrpc":"2.0","id":%s,%s}'):format(id, member))
end

-- A line of JSON text has no line break in it, but what a server's id looks like is its own.
---@param id string JSON text
---@return string
local function on_one_line(id) return (id:gsub("[\r\n]", " ")) end

-- It is answered as long as it reads the answers: what it asks must not pile up here.
---@param method string
---@param id string JSON text
function Session:_serve(method, id)
  if self.process:unsent_lines() >= MOST_UNREAD then
    return self.process:give_up("asks, and does not read the answers")
  end
  id = on_one_line(id)
  if method == "ping" then return self:_answer(id, '"result":{}') end
  local text = encoded("this client does not do " .. method)
  self:_answer(id, ('"error":{"code":%d,"message":%s}'):format(METHOD_NOT_FOUND, text))
end

---@param method string
---@param params? string JSON text
function Session:_notice(method, params)
  local listener = self.options.on_notification
  -- The user's code may wait and raise: not here.
  if listener then tasks.spawn(listener, method, params and core.decode(params) or {}) end
end

---@param text string JSON text of an error object
---@param method string
---@return claude.Error
function Session:_refusal(text, method)
  local value = core.decode(text)
  local told = type(value) == "table" and value or { message = text }
  local code = told.code ~= nil and (" (code %s)"):format(tostring(told.code)) or ""
  return errors.new({
    kind = "api",
    type = "mcp_error",
    message = ("the MCP server %s refused %s: %s%s"):format(
      self:_name(),
      method,
      tostring(told.message),
      code
    ),
    error_code = told.code ~= nil and tostring(told.code) or nil,
    details = type(told.data) == "table" and told.data or nil,
    retryable = false,
  })
end

---@param entry claude.mcp.Pending
---@param message table<string, string>
function Session:_settle(entry, message)
  if message.error then
    entry.err = self:_refusal(message.error, entry.method)
  else
    entry.result = message.result or "null"
  end
  entry.signal:set()
end

---@param message table<string, string> members as JSON text
---@return boolean understood
function Session:_take(message)
  local method, id = message.method, message.id
  if id == "null" then id = nil end
  if method then
    method = core.decode(method)
    if type(method) ~= "string" or #method > LONGEST_ID then return false end
    if id and #id > LONGEST_ID then return false end
    if id then
      self:_serve(method, id)
    else
      self:_notice(method, message.params)
    end
    return true
  end
  local number = id and core.decode(id)
  if not number or not (message.result or message.error) then return false end
  local entry = self.pending[number]
  -- One that nobody waits for any more was cancelled.
  if entry then self:_settle(entry, message) end
  return true
end

-- A message, or a list of them.
---@param line string
function Session:_take_line(line)
  if line == "" then return end
  local parts = core.split(line)
  local understood = parts ~= nil
  if parts and line:find("^%s*%[") then
    for _, part in ipairs(parts) do
      local message = part:find("^{") and core.split(part)
      understood = message and self:_take(message) and understood or false
    end
  elseif parts then
    understood = self:_take(parts)
  end
  if not understood then self.noise = line end
end

---@param err claude.Error
function Session:_end(err)
  self.failure = err
  for _, entry in pairs(self.pending) do
    entry.err = err
    entry.signal:set()
  end
end

---@return string?
function Session:_noise_hint()
  if not self.noise then return nil end
  local line = core.utf8_scrub(self.noise:sub(1, 200))
  return "it wrote to its standard output what is no message of the protocol: " .. line
end

---@param method string
---@param seconds number
---@return claude.Error
function Session:_timeout_error(method, seconds)
  local text = "the MCP server %s did not answer %s within %.4g s"
  return errors.new({
    kind = "timeout",
    message = text:format(self:_name(), method, seconds),
    hint = self:_noise_hint() or "give it longer: claude.mcp { timeout = seconds }",
    retryable = false,
  })
end

local M = {}

--- To be called before anything is begun: raises where nothing can wait.
---@return claude.Error? err the task was cancelled
function M.check_may_wait()
  if tasks.are_hosted() then return nil end -- where nothing is begun at all
  if tasks.must_not_wait() then return tasks.cancelled_error() end
  if not tasks.running() and not hub.waiter() then hub.check_may_block() end
end

-- Whatever it raises, the request must not stay behind.
---@param entry claude.mcp.Pending
---@param seconds number
---@return true? set
---@return string? why
local function wait_for(entry, seconds)
  if tasks.running() then return entry.signal:wait(seconds) end
  local ok, set, why = pcall(entry.signal.wait, entry.signal, seconds)
  if not ok then return nil, set end
  return set, why
end

-- Nobody waits for it any more: the server is told, so that it can stop.
---@param id integer
---@param method string
---@param reason string
function Session:_abandon(id, method, reason)
  if self.failure or self.process.ended or method == "initialize" then return end
  local params = { requestId = id, reason = reason }
  self:_send("notifications/cancelled", encoded(params))
end

---@param id integer
function Session:_forget(id)
  self.pending[id] = nil
  if next(self.pending) == nil then self.process:wait_for_answers(false) end
end

--- Asks, and waits for the answer. A wait that is cancelled, or lasts longer than so many
--- seconds, tells the server that the answer is no longer wanted.
---@param method string
---@param params? string JSON text
---@param seconds number
---@return string? result JSON text
---@return claude.Error? err
function Session:request(method, params, seconds)
  local err = self.failure or M.check_may_wait()
  if err then return nil, err end
  local id = self.last + 1
  local entry = { signal = tasks.signal(), method = method }
  self.last, self.pending[id] = id, entry
  self:_send(method, params, encoded(id))
  self.process:wait_for_answers(true)
  local set, why = wait_for(entry, seconds)
  self:_forget(id)
  if set then return entry.result, entry.err end
  if why == "timeout" then
    self:_abandon(id, method, "timeout")
    return nil, self:_timeout_error(method, seconds)
  end
  self:_abandon(id, method, "cancelled")
  if why == "cancelled" then return nil, tasks.cancelled_error() end
  error(why, 0)
end

---@param method string
---@param params? string JSON text
function Session:notify(method, params)
  if not self.failure and not self.process.ended then self:_send(method, params) end
end

---@param version any
---@return boolean
local function is_spoken(version)
  for _, known in ipairs(VERSIONS) do
    if version == known then return true end
  end
  return false
end

---@param value any
---@return table
local function table_or_none(value) return type(value) == "table" and value or {} end

---@param answer any the decoded result of initialize
---@return claude.Error?
function Session:_agree(answer)
  local version = type(answer) == "table" and answer.protocolVersion
  if not is_spoken(version) then
    local text = "the MCP server %s speaks version %s of the protocol; spoken here are %s"
    return errors.new({
      kind = "protocol",
      message = text:format(self:_name(), tostring(version), table.concat(VERSIONS, ", ")),
    })
  end
  self.version = version
  self.server = {
    info = table_or_none(answer.serverInfo),
    capabilities = table_or_none(answer.capabilities),
    instructions = type(answer.instructions) == "string" and answer.instructions or nil,
  }
end

---@return claude.Error?
function Session:_initialize()
  local version = require("claude.version")
  local params = encoded({
    protocolVersion = VERSIONS[1],
    capabilities = core.object({}),
    clientInfo = { name = "lua-claude", version = version },
  })
  local result, err = self:request("initialize", params, self.options.start_timeout)
  if not result then return err end
  err = self:_agree(core.decode(result))
  if err then return err end
  self:notify("notifications/initialized")
end

--- Ends the server in good order; every request that waits fails.
---@return claude.Task task that has ended once the server has
function Session:close()
  if not self.failure then
    self:_end(errors.new({ kind = "cancelled", message = "the MCP server was closed" }))
  end
  return self.process:close()
end

--- Starts a server and agrees with it on a version of the protocol. Waits.
---@param options claude.mcp.Options complete
---@param environment string[]
---@return claude.mcp.Session? session
---@return claude.Error? err
function M.start(options, environment)
  local self = setmetatable({ options = options, pending = {}, last = 0 }, Session)
  local process, err = processes.start({
    command = options.command,
    environment = environment,
    cwd = options.cwd,
    stderr = options.stderr,
    on_line = function(line) self:_take_line(line) end,
    on_end = function(why) self:_end(why) end,
  })
  if not process then return nil, err end
  self.process = process
  err = self:_initialize()
  if not err then return self end
  self:close()
  return nil, err
end

return M
