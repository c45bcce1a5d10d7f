--- Message threads: conversations that the server holds between turns, each by
--- the id of its latest reply. A request that continues one sends what is new.
local content = require("claude.simulator.content")
local core = require("claude.core")
local faults = require("claude.simulator.faults")
local tables = require("claude.tables")

local M = {}

local LIFE = 300 -- seconds that a thread outlives its latest reply

-- What a request may not have together with `thread`.
local UNSUPPORTED = { "context_management" }
-- What a thread keeps from the request that created it; later requests leave it out.
local KEPT = { "system", "tools" }
-- What stays the same in all requests of a thread.
local FIXED = { "output_config", "output_format" }

---@class claude.simulator.threads.Held
---@field request table the whole request that the reply answered
---@field messages table[] the conversation with the reply
---@field expires number
---@field continued? "in_flight"|"done"

---@class claude.simulator.Threads
---@field now fun(): number seconds
---@field held table<string, claude.simulator.threads.Held> by the reply's id
local Threads = {}
Threads.__index = Threads
Threads.__name = "claude.simulator.Threads"

---@param now fun(): number seconds
---@return claude.simulator.Threads
function M.new(now) return setmetatable({ now = now, held = {} }, Threads) end

local function canonical(value)
  return value == nil and "" or assert(core.encode(value, { request = true }))
end

local function unsupported(request)
  local found = {}
  for _, name in ipairs(UNSUPPORTED) do
    if request[name] ~= nil then found[#found + 1] = name end
  end
  if #found == 0 then return nil end
  local text = "thread: not supported together with " .. table.concat(found, ", ")
  local fault = faults.coded(400, "thread_unsupported_request", text)
  fault.details.unsupported = found
  return fault
end

local function state_problem(held, id)
  if not held then
    local text = "thread.previous_message_id: no thread is held for %s; send the whole "
      .. "conversation and create a new one"
    return faults.coded(404, "thread_not_found", text:format(id))
  end
  if held.continued == "in_flight" then
    local text = "thread.previous_message_id: %s is being continued by another request"
    return faults.coded(400, "thread_continue_in_flight", text:format(id))
  end
  if held.continued then
    local text = "thread.previous_message_id: %s has already been continued"
    return faults.coded(400, "thread_already_continued", text:format(id))
  end
end

local function field_problem(held, request)
  for _, name in ipairs(KEPT) do
    if request[name] ~= nil then
      return faults.invalid(name .. ": Extra inputs are not permitted where a thread is continued")
    end
  end
  local differing = {}
  for _, name in ipairs(FIXED) do
    if canonical(request[name]) ~= canonical(held.request[name]) then
      differing[#differing + 1] = name
    end
  end
  if #differing == 0 then return nil end
  local text = "thread: not as in the request that created it, differing field(s): "
  return faults.coded(400, "thread_fingerprint_mismatch", text .. table.concat(differing, ", "))
end

--- Breakpoints are those of the request that sent them, and go with it.
local function without_breakpoints(messages)
  local found = {}
  for at, message in ipairs(messages) do
    local copy = tables.merged(message)
    copy.content = content.without_breakpoints(message.content)
    found[at] = copy
  end
  return found
end

local function joined(held, request)
  local whole = tables.merged(request)
  for _, name in ipairs(KEPT) do
    whole[name] = held.request[name]
  end
  whole.messages = core.array({})
  for _, messages in ipairs({ held.messages, request.messages }) do
    for _, message in ipairs(messages) do
      whole.messages[#whole.messages + 1] = message
    end
  end
  return whole
end

--- The whole request that one with `thread` stands for.
---@param request table decoded, of the right shape
---@return table|nil whole
---@return claude.simulator.Fault|nil fault
function Threads:whole(request)
  local fault = unsupported(request)
  if fault then return nil, fault end
  if request.thread.type == "create" then return request end
  local id = request.thread.previous_message_id
  local held = self.held[id]
  if held and held.expires < self.now() then held = nil end
  fault = state_problem(held, id) or field_problem(held, request)
  if fault then return nil, fault end
  return joined(held, request)
end

function Threads:forget_expired()
  local now = self.now()
  for id, held in pairs(self.held) do
    if held.expires < now then self.held[id] = nil end
  end
end

--- Holds a conversation once its reply has gone out whole.
---@param request table the whole request
---@param reply table the message as the client gets it
---@return fun(whole: boolean) settle to be called when the reply went out, or was cut
function Threads:hold(request, reply)
  local before = self.held[request.thread.previous_message_id]
  if before then before.continued = "in_flight" end
  return function(whole)
    if before then before.continued = whole and "done" or nil end
    if not whole then return end
    self:forget_expired()
    local messages = without_breakpoints(request.messages)
    if #reply.content > 0 then
      messages[#messages + 1] = { role = "assistant", content = reply.content }
    end
    self.held[reply.id] = { request = request, messages = messages, expires = self.now() + LIFE }
  end
end

return M
