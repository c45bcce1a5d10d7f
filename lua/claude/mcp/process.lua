--- A child process that speaks in lines: starts it, sends it lines, hands out its lines, and
--- sees that it ends.
---
--- Its descriptors are watched by claude.loop while somebody waits for an answer, and always
--- where the host runs the loop by itself: elsewhere a child that only waits keeps no program
--- alive, and what it says meanwhile stays in its pipe.

local errors = require("claude.errors")
local hub = require("claude.loop")
local scheduler = require("claude.tasks.scheduler")
local tasks = require("claude.tasks")

local LONGEST_LINE = 64 * 1024 * 1024 -- bytes
local LAST_WORDS = 2000 -- bytes of standard error that are kept
local READS_PER_LOOK = 16 -- of 64 KiB: others may be due a turn in between

-- PATIENCE: seconds that it gets to end by itself, and then after SIGTERM.
local M = { PATIENCE = 2 }
local LOOK = { first = 0.002, longest = 0.05 } -- seconds between two looks

---@class claude.mcp.ProcessOptions
---@field command string[]
---@field environment string[] NAME=value
---@field cwd? string
---@field stderr? "inherit"|fun(text: string)
---@field on_line fun(line: string) called outside tasks; must not raise or wait
---@field on_end fun(err: claude.Error) likewise, once, when nothing more will come

---@class claude.mcp.Process
---@field options claude.mcp.ProcessOptions
---@field ended boolean nothing more will come
---@field package child userdata
---@field package waiting boolean somebody waits for an answer
---@field package unsent string[] what has not been written yet
---@field package sent integer bytes of the first of it that were
---@field package parts string[] of a line that has not ended
---@field package part_bytes integer
---@field package words string the last that it said on standard error
---@field package closing claude.Task? which sees that it ends
local Process = {}
Process.__index = Process
Process.__name = "claude.mcp.Process"

-- Watches what there is to watch now.
function Process:_watch()
  local child = self.child
  local wanted = self.waiting or self.unsent[1] or self.closing or hub.runs_by_itself()
  for channel, handle in pairs(self.handlers) do
    local fd = child:descriptor(channel)
    local is_input = channel == "input"
    if fd and wanted and (not is_input or self.unsent[1]) then
      hub.watch(fd, is_input and 2 or 1, handle)
    elseif fd then
      hub.unwatch(fd)
    end
  end
end

-- Closed once the loop does not look at it any more.
---@param channel "input"|"output"|"error"
function Process:_close(channel)
  local child, fd = self.child, self.child:descriptor(channel)
  self.handlers[channel] = nil
  if fd then hub.unwatch(fd, function() child:close(channel) end) end
end

---@param text string
function Process:_take_words(text)
  self.words = (self.words .. text):sub(-LAST_WORDS)
  local stderr = self.options.stderr
  if type(stderr) == "function" then tasks.spawn(stderr, text) end
end

---@param part string
function Process:_take_line(part)
  self.parts[#self.parts + 1] = part
  local line = table.concat(self.parts)
  self.parts, self.part_bytes = {}, 0
  if not self.closing then self.options.on_line((line:gsub("\r$", ""))) end
end

---@param bytes string
function Process:_take_output(bytes)
  local from = 1
  local at = bytes:find("\n", 1, true)
  while at do
    self:_take_line(bytes:sub(from, at - 1))
    from = at + 1
    at = bytes:find("\n", from, true)
  end
  local rest = bytes:sub(from)
  if rest == "" then return end
  self.parts[#self.parts + 1] = rest
  self.part_bytes = self.part_bytes + #rest
  if self.part_bytes > LONGEST_LINE then
    self:_lose(("wrote a line of more than %d MiB"):format(LONGEST_LINE / 1024 / 1024))
  end
end

---@param channel "output"|"error"
---@param take fun(self: claude.mcp.Process, bytes: string)
function Process:_read(channel, take)
  for _ = 1, READS_PER_LOOK do
    local bytes, why = self.child:read(channel)
    if not bytes then
      if why == "end" then self:_channel_ended(channel) end
      return
    end
    take(self, bytes)
  end
end

---@param channel "output"|"error"
function Process:_channel_ended(channel)
  self:_close(channel)
  if channel == "output" and not self.closing then self:_lose() end
end

-- What it said before comes first: it may have answered, and then ended.
function Process:_input_ended()
  self.unsent = {}
  self:_read("output", self._take_output)
  self:_lose(nil, "closed its input")
end

function Process:_write()
  while self.unsent[1] do
    local first = self.unsent[1]
    local count, why = self.child:write(first, self.sent + 1)
    if not count then
      if why == "end" then self:_input_ended() end
      return
    end
    self.sent = self.sent + count
    if self.sent == #first then
      table.remove(self.unsent, 1)
      self.sent = 0
    end
  end
end

---@param status? integer
---@param signal? integer
---@return string
local function ending_text(status, signal)
  if status then return ("ended with exit status %d"):format(status) end
  if signal then return ("was ended by signal %d"):format(signal) end
  return "ended"
end

---@return string? hint
function Process:_words_hint()
  local words = self.words:gsub("%s+$", "")
  if words == "" then return nil end
  local last = words:match("([^\n]*\n[^\n]*\n[^\n]*)$") or words
  return "its last words on standard error: " .. require("claude.core").utf8_scrub(last)
end

---@param text string
---@return claude.Error
function Process:_error(text)
  return errors.new({
    kind = "network",
    message = ("the MCP server %s %s"):format(self.options.command[1], text),
    hint = self:_words_hint(),
    retryable = false,
  })
end

-- It has ended, or cannot be understood: nothing more will come. How it ended is known a
-- moment later.
---@param text? string what it did, whether it ended or not
---@param otherwise? string what it did if it did not end by itself
function Process:_lose(text, otherwise)
  if self.ended then return end
  self:close(function(status, signal)
    local ended = (status or signal) and ending_text(status, signal)
    self.options.on_end(self:_error(text or ended or otherwise or "closed its output"))
  end)
end

--- Sends a line; it may be written later.
---@param line string without its end
function Process:send(line)
  self.unsent[#self.unsent + 1] = line .. "\n"
  self:_write()
  self:_watch()
end

--- How many lines wait to be written, because it does not read them.
---@return integer
function Process:unsent_lines() return #self.unsent end

--- Nothing more is taken from it: it is ended, and whoever waits is told what it did.
---@param text string
function Process:give_up(text) self:_lose(text) end

--- Whether somebody waits for an answer.
---@param waiting boolean
function Process:wait_for_answers(waiting)
  if self.waiting == waiting then return end
  self.waiting = waiting
  if not waiting then self:_read("error", self._take_words) end -- said before it answered
  self:_watch()
end

-- Looks again and again, less and less often; false when the time is up.
---@param child userdata
---@param seconds number
---@return boolean ended
local function wait_for_end(child, seconds)
  local give_up, pause = tasks.now() + seconds, LOOK.first
  while not child:has_ended() do
    if tasks.now() >= give_up then return false end
    tasks.sleep(pause)
    pause = math.min(pause * 1.5, LOOK.longest)
  end
  return true
end

-- What a child started may outlive it: whoever had to be told to end is ended with all of
-- its group, before its number is given back.
---@param told? fun(status: integer?, signal: integer?)
function Process:_see_to_the_end(told)
  local child, patience = self.child, M.PATIENCE
  local by_itself = wait_for_end(child, patience)
  if not by_itself then
    child:signal("TERM")
    wait_for_end(child, patience)
    child:signal("KILL")
    wait_for_end(child, patience)
  end
  local _, status, signal = child:has_ended(true)
  self:_read("error", self._take_words)
  self:_close("output")
  self:_close("error")
  if told then told(by_itself and status or nil, by_itself and signal or nil) end
end

--- Ends it in good order: no more input; then, if it does not end by itself, SIGTERM and
--- SIGKILL. Waits for nothing; what it says from now on is read and dropped.
---@param told? fun(status: integer?, signal: integer?) how it ended, if it did by itself
---@return claude.Task task that has ended once the child has
function Process:close(told)
  if self.closing then return self.closing end
  self.ended = true
  self.unsent = {}
  -- Nobody's child: what cancels the task that is running must not leave it halfway.
  self.closing = scheduler.spawn_under(nil, function() self:_see_to_the_end(told) end)
  self:_close("input")
  self:_watch()
  return self.closing
end

local NEEDS_LOOP = "an MCP server cannot be started here: this host (%s) owns its coroutines and"
  .. " lends no event loop"
local NEEDS_LOOP_HINT = "start it in a program of its own, or let the API connect to a server"
  .. " on the web (mcp_servers)"

---@param command string[]
---@param problem string
---@return claude.Error
local function start_error(command, problem)
  return errors.new({
    kind = "network",
    message = ("the MCP server %s cannot be started: %s"):format(command[1], problem),
    hint = "command is a list: a program in the PATH that the server gets, and its arguments",
    retryable = false,
  })
end

---@param options claude.mcp.ProcessOptions
---@return claude.mcp.Process
local function make(options, child)
  local self = setmetatable({
    options = options,
    child = child,
    ended = false,
    waiting = false,
    unsent = {},
    sent = 0,
    parts = {},
    part_bytes = 0,
    words = "",
  }, Process)
  self.handlers = {
    input = function()
      self:_write()
      self:_watch()
    end,
    output = function() self:_read("output", self._take_output) end,
    error = function() self:_read("error", self._take_words) end,
  }
  self:_watch()
  return self
end

--- Starts it.
---@param options claude.mcp.ProcessOptions
---@return claude.mcp.Process? process
---@return claude.Error? err
function M.start(options)
  if tasks.are_hosted() then
    local text = NEEDS_LOOP:format(tasks.host_name())
    return nil, errors.new({ kind = "invalid", message = text, hint = NEEDS_LOOP_HINT })
  end
  local driver, trouble = hub.driver()
  if not driver then return nil, start_error(options.command, trouble) end
  local child, problem = require("claude.c_part")("claude.net").spawn({
    arguments = options.command,
    environment = options.environment,
    directory = options.cwd,
    keep_error = options.stderr == "inherit",
  })
  if not child then return nil, start_error(options.command, problem) end
  return make(options, child)
end

return M
