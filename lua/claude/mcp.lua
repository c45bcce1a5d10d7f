--- MCP servers over standard input and output, and their tools as tools of this library.
---
---     local server = claude.mcp { command = { "npx", "-y", "…" } }
---     local chat = client:conversation { …, tools = assert(server:tools()) }
---     …
---     server:close()
---
--- The server is a child process, started with the first call that needs it. It gets the
--- part of this process's environment that programs need (PATH, HOME, …); other variables,
--- and keys above all, only if `env` names them.

local check_receiver = require("claude.receiver").check
local content = require("claude.mcp.content")
local core = require("claude.core")
local environment = require("claude.mcp.environment")
local errors = require("claude.errors")
local guard = require("claude.guard")
local message_views = require("claude.message")
local options = require("claude.mcp.options")
local tables = require("claude.tables")
local tasks = require("claude.tasks")

---@class claude.mcp.Server
---@field package options claude.mcp.Options
---@field package session? claude.mcp.Session
---@field package starting? claude.Signal somebody is starting it
---@field package guard any
local Server = {}
Server.__index = Server
Server.__name = "claude.mcp.Server"

---@param session claude.mcp.Session
function Server:_keep(session)
  self.session = session
  -- What it is kept in may be dropped: then it is ended where it is safe to do so.
  local ending = { cancel = function() session:close() end }
  self.guard = guard.new(function() require("claude.loop").discard(ending) end)
end

-- Outside tasks whatever else goes on while it waits may raise. In them nothing does, and on
-- PUC 5.1 nothing waits under pcall.
---@param fn fun(): any, any
---@return boolean ok
---@return any ...
local function without_raising(fn)
  if tasks.running() then return true, fn() end
  return pcall(fn)
end

---@return claude.mcp.Session? session
---@return claude.Error? err
function Server:_start()
  local sessions = require("claude.mcp.session")
  local stopped = sessions.check_may_wait()
  if stopped then return nil, stopped end
  local signal = tasks.signal()
  self.starting = signal
  local ok, session, err = without_raising(
    function() return sessions.start(self.options, environment.list(self.options.env)) end
  )
  self.starting = nil
  if ok and session then self:_keep(session) end
  signal:set()
  if not ok then error(session, 0) end
  return session, err
end

-- The session, begun where there is none. Of several tasks that need it one starts it.
---@return claude.mcp.Session? session
---@return claude.Error? err
function Server:_session()
  while self.starting do
    local _, why = self.starting:wait()
    if why == "cancelled" then return nil, tasks.cancelled_error() end
  end
  if self.session then return self.session, self.session.failure end
  return self:_start()
end

--- Starts the server, which the first call would do as well; again, if it has ended.
---@return claude.mcp.Server? self
---@return string? text
---@return claude.Error? err
function Server:start()
  check_receiver(self, Server, "server:start()")
  if self.session and self.session.failure then
    self.session, self.guard = nil, nil
  end
  local session, err = self:_session()
  if err or not session then
    return errors.fail(err --[[@as claude.Error]])
  end
  return self
end

---@param method string
---@param params? string JSON text
---@param seconds? number
---@return string? result JSON text
---@return claude.Error? err
function Server:_request(method, params, seconds)
  local session, err = self:_session()
  if err or not session then return nil, err end
  return session:request(method, params, seconds or self.options.timeout)
end

--- Any request of the protocol, such as `resources/list`: its result, decoded.
---@param method string
---@param params? table
---@param seconds? number that the answer may take
---@return table? result
---@return string? text
---@return claude.Error? err
function Server:request(method, params, seconds)
  check_receiver(self, Server, "server:request(…)")
  if type(method) ~= "string" then error("server:request takes the name of a method", 2) end
  local json, problem
  if params ~= nil then
    json, problem = core.encode(params)
    if not json then error("server:request: params: " .. tostring(problem), 2) end
  end
  local result, err = self:_request(method, json, seconds)
  if not result then
    return errors.fail(err --[[@as claude.Error]])
  end
  return (core.decode(result))
end

---@param server claude.mcp.Server
---@param method string
---@param params table
---@param read fun(json: string, where: string): any, claude.Error?
---@param what string
---@return any value
---@return string? text
---@return claude.Error? err
local function asked_for(server, method, params, read, what)
  local json, err = server:_request(method, assert(core.encode(params)))
  local value
  if json then
    value, err = read(json, ("%s of %s"):format(what, server.options.command[1]))
  end
  if value then return value end
  return errors.fail(err --[[@as claude.Error]])
end

--- A resource as content for the model: `chat:user(server:resource(uri))`.
---@param uri string
---@return claude.Content? content
---@return string? text
---@return claude.Error? err
function Server:resource(uri)
  check_receiver(self, Server, "server:resource(…)")
  if type(uri) ~= "string" then error("server:resource takes a URI", 2) end
  local what = "the resource " .. uri
  return asked_for(self, "resources/read", { uri = uri }, content.resource, what)
end

--- A prompt as `messages` of a request or conversation.
---@param name string
---@param arguments? table<string, string>
---@return { role: string, content: table[] }[]? messages
---@return string? text
---@return claude.Error? err
function Server:prompt(name, arguments)
  check_receiver(self, Server, "server:prompt(…)")
  if type(name) ~= "string" then error("server:prompt takes the name of a prompt", 2) end
  for key, value in pairs(arguments or {}) do
    if type(key) ~= "string" or type(value) ~= "string" then
      error("server:prompt: arguments must have names and values that are strings", 2)
    end
  end
  local params = { name = name, arguments = core.object(tables.merged(arguments)) }
  return asked_for(self, "prompts/get", params, content.messages, "the prompt " .. name)
end

-- Unchanged, the input goes to the server in the bytes that the model wrote.
---@param input any
---@return string? json
---@return string? problem
local function input_json(input)
  if input == nil then return "{}" end
  local raw = type(input) == "table" and message_views.raw_of(input)
  if raw and message_views.unchanged(input) then return raw end
  if type(input) == "table" and next(input) == nil then return "{}" end
  return core.encode(input)
end

--- Calls a tool by the server's own name for it.
---@param name string
---@param input? table
---@param seconds? number that the answer may take
---@return claude.mcp.Result? result
---@return string? text
---@return claude.Error? err
function Server:call(name, input, seconds)
  check_receiver(self, Server, "server:call(…)")
  if type(name) ~= "string" then error("server:call takes the name of a tool", 2) end
  local json, problem = input_json(input)
  if not json then error("server:call: input: " .. tostring(problem), 2) end
  local params = ('{"name":%s,"arguments":%s}'):format(assert(core.encode(name)), json)
  local answer, err = self:_request("tools/call", params, seconds)
  local result
  if answer then
    result, err =
      content.result(answer, ("the tool %s of %s"):format(name, self.options.command[1]))
  end
  if not result then
    return errors.fail(err --[[@as claude.Error]])
  end
  return result
end

--- The server's tools as they are now, for `tools` of a request or conversation: all, or
--- those that are named. Their names are the server's, behind the prefix, with "_" for what
--- names of tools must not have.
---@param names? string[] the server's own
---@return claude.Tool[]? list
---@return string? text
---@return claude.Error? err
function Server:tools(names)
  check_receiver(self, Server, "server:tools()")
  if names ~= nil and type(names) ~= "table" then
    error("server:tools takes a list of names, not a " .. type(names), 2)
  end
  local session, err = self:_session()
  local list
  if session and not err then
    list, err = require("claude.mcp.tools").list(self, session, names)
  end
  if list then return list end
  return errors.fail(err --[[@as claude.Error]])
end

--- What the server said of itself as it began: `info`, `capabilities`, `instructions`.
---@return { info: table, capabilities: table, instructions: string? }? about
---@return string? text
---@return claude.Error? err
function Server:about()
  check_receiver(self, Server, "server:about()")
  local session, err = self:_session()
  if err or not session then
    return errors.fail(err --[[@as claude.Error]])
  end
  return session.server
end

--- Ends the server: its input is closed, and what does not end by itself is ended by signals.
--- Calls that wait fail. Waits until it has ended where that is possible.
function Server:close()
  check_receiver(self, Server, "server:close()")
  local session = self.session
  self.guard = nil
  if not session then return end
  local task = session:close()
  if tasks.running() then
    task:_done_signal():wait_to_the_end()
  else
    local done = task:_done_signal()
    pcall(done.wait_to_the_end, done)
  end
end
Server.__close = Server.close

function Server:__tostring() return ("claude.mcp.Server (%s)"):format(self.options.command[1]) end

local M = {}

--- An MCP server, not started yet. Raises when an option is wrong.
---@param given claude.mcp.Options
---@return claude.mcp.Server
function M.new(given)
  local problem = options.problem(given)
  if problem then error("claude.mcp: " .. problem, 2) end
  return setmetatable({ options = options.completed(given) }, Server)
end

return M
