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
local tasks = require("claude.tasks")
local tools = require("claude.tools")

---@class claude.mcp.Options
---@field command string[] a program, by its name or path, and its arguments
---@field env? table<string, string|boolean> true: as it is here; false: not at all
---@field cwd? string folder it runs in, else this one
---@field prefix? string before the names of its tools, such as "files_"
---@field timeout? number seconds that one answer may take, 60
---@field start_timeout? number seconds until it is ready, 60
---@field stderr? "inherit"|fun(text: string) else its last words are kept for errors
---@field on_notification? fun(method: string, params: table) runs as a task

---@class claude.mcp.Server
---@field package options claude.mcp.Options
---@field package session? claude.mcp.Session
---@field package starting? claude.Signal somebody is starting it
---@field package guard any
local Server = {}
Server.__index = Server
Server.__name = "claude.mcp.Server"

local DEFAULT_TIMEOUT = 60

local TYPES = {
  command = { "table" },
  cwd = { "string" },
  env = { "table" },
  on_notification = { "function" },
  prefix = { "string" },
  start_timeout = { "number" },
  stderr = { "string", "function" },
  timeout = { "number" },
}

---@param list any
---@return boolean
local function is_command(list)
  if type(list) ~= "table" or #list == 0 then return false end
  for _, word in ipairs(list) do
    if type(word) ~= "string" or word:find("%z") then return false end
  end
  return list[1] ~= ""
end

---@param options table
---@return string?
local function type_problem(options)
  for name, value in pairs(options) do
    local expected = TYPES[name]
    if not expected then return "there is no option " .. tostring(name) end
    if type(value) ~= expected[1] and type(value) ~= expected[2] then
      return ("%s must be a %s, not a %s"):format(
        name,
        table.concat(expected, " or a "),
        type(value)
      )
    end
  end
end

---@param options table
---@return string?
local function value_problem(options)
  if not is_command(options.command) then
    return 'command must be a list of a program and its arguments, such as { "npx", "-y", "…" }'
  end
  for _, name in ipairs({ "timeout", "start_timeout" }) do
    local seconds = options[name]
    if seconds and (seconds < 0 or seconds ~= seconds) then
      return name .. " must be a number of seconds from 0"
    end
  end
  if type(options.stderr) == "string" and options.stderr ~= "inherit" then
    return 'stderr must be "inherit" or a function'
  end
  if options.prefix and options.prefix:find("[^%w_-]") then
    return 'prefix must be of letters, digits, "_" and "-"'
  end
  return environment.problem(options.env)
end

---@param options table
---@return claude.mcp.Options
local function completed(options)
  local own = {}
  for name, value in pairs(options) do
    own[name] = value
  end
  own.command = {}
  for i, word in ipairs(options.command) do
    own.command[i] = word
  end
  own.timeout = options.timeout or DEFAULT_TIMEOUT
  own.start_timeout = options.start_timeout or DEFAULT_TIMEOUT
  return own
end

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

---@param server claude.mcp.Server
---@param name string the server's own
---@return claude.ToolFunction
local function caller(server, name)
  return function(input)
    local result, _, err = server:call(name, input)
    -- The model gets what went wrong; what the server wrote elsewhere is for people.
    if not result then return nil, err.message end
    if not result.is_error then return result.content end
    if #result.content == 0 then return nil, "the tool failed, and did not say why" end
    return nil, result.content
  end
end

---@param server claude.mcp.Server
---@param text string
---@return claude.Error
local function unusable(server, text)
  return errors.new({
    kind = "protocol",
    message = ("the MCP server %s: %s"):format(server.options.command[1], text),
  })
end

---@param server claude.mcp.Server
---@param json string of a tool
---@return claude.Tool? tool
---@return claude.Error? err
local function as_tool(server, json)
  local parts = core.split(json) or {}
  local given = core.decode(json)
  if type(given) ~= "table" or type(given.name) ~= "string" then
    return nil, unusable(server, "a tool has no name")
  end
  if type(given.inputSchema) ~= "table" then
    return nil, unusable(server, ("the tool %s has no inputSchema"):format(given.name))
  end
  local made, tool = pcall(tools.new, {
    name = (server.options.prefix or "") .. given.name:gsub("[^%w_-]", "_"),
    description = type(given.description) == "string" and given.description or given.title,
    input_schema = assert(core.raw(parts.inputSchema)),
    run = caller(server, given.name),
  })
  if made then return tool end
  return nil,
    unusable(server, ("the tool %s cannot be used: %s"):format(given.name, tostring(tool)))
end

---@param server claude.mcp.Server
---@param session claude.mcp.Session
---@param cursor? string JSON text
---@return string? result JSON text
---@return claude.Error? err
local function page(server, session, cursor)
  local params = cursor and ('{"cursor":%s}'):format(cursor)
  return session:request("tools/list", params, server.options.timeout)
end

---@param server claude.mcp.Server
---@param session claude.mcp.Session
---@return string[]? list JSON texts of tools
---@return claude.Error? err
local function all_tools(server, session)
  local list, seen, cursor = {}, {}, nil
  repeat
    local result, err = page(server, session, cursor)
    if not result then return nil, err end
    local parts = core.split(result)
    local is_list = parts and parts.tools and parts.tools:find("^%[")
    local tools_here = is_list and core.split(parts.tools)
    if not tools_here then return nil, unusable(server, "tools/list gave no list of tools") end
    for _, json in ipairs(tools_here) do
      list[#list + 1] = json
    end
    cursor = parts.nextCursor
    if cursor == "null" then cursor = nil end
    if cursor and seen[cursor] then return nil, unusable(server, "its list of tools has no end") end
    if cursor then seen[cursor] = true end
  until not cursor
  return list
end

---@param server claude.mcp.Server
---@param texts string[] JSON of each tool
---@return claude.Tool[]? list
---@return claude.Error? err
local function as_tools(server, texts)
  local list = {}
  for i, json in ipairs(texts) do
    local tool, err = as_tool(server, json)
    if not tool then return nil, err end
    list[i] = tool
  end
  local _, problem = tools.by_name(list)
  if problem then return nil, unusable(server, problem) end
  return list
end

---@return claude.Tool[]? list
---@return claude.Error? err
function Server:_tools()
  local session, err = self:_session()
  if err or not session then return nil, err end
  if not session.server.capabilities.tools then return nil, unusable(self, "it offers no tools") end
  local texts
  texts, err = all_tools(self, session)
  if not texts then return nil, err end
  return as_tools(self, texts)
end

--- The server's tools as they are now, for `tools` of a request or conversation. Their names
--- are the server's, behind the prefix, with "_" for what names of tools must not have.
---@return claude.Tool[]? list
---@return string? text
---@return claude.Error? err
function Server:tools()
  check_receiver(self, Server, "server:tools()")
  local list, err = self:_tools()
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
    task.done:wait_to_the_end()
  else
    pcall(task.done.wait_to_the_end, task.done)
  end
end
Server.__close = Server.close

function Server:__tostring() return ("claude.mcp.Server (%s)"):format(self.options.command[1]) end

local M = {}

--- An MCP server, not started yet. Raises when an option is wrong.
---@param options claude.mcp.Options
---@return claude.mcp.Server
function M.new(options)
  if type(options) ~= "table" then
    error("claude.mcp takes a table of options, not a " .. type(options), 2)
  end
  local problem = type_problem(options) or value_problem(options)
  if problem then error("claude.mcp: " .. problem, 2) end
  return setmetatable({ options = completed(options) }, Server)
end

return M
