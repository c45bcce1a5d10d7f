--- The driver inside Neovim, whose event loop is Neovim's own: it lends a descriptor and a
--- timer. The contract is at the top of claude/loop/init.lua.
---
--- What libuv calls may not touch the editor ("fast events"), so it only schedules; the work
--- is done where Neovim runs any Lua code, and tasks may use all of vim.api. One round of work
--- is scheduled at a time, and nothing is polled until it ran. There is no `run`: waiting
--- would freeze the editor.
---
--- The editor comes first. A round ends after a slice of time, and then rests for a multiple
--- of what it took, so that input is handled and the screen is drawn in between; what arrives
--- meanwhile is read at once in the next round. Where there is little to do, there is no rest
--- to speak of.
local watchers = require("claude.loop.watcher")

local M = { name = "nvim" }

-- How long one round may take, in seconds: what a key may have to wait for.
M.SLICE = 0.002
-- How much longer the editor has then.
M.REST = 3

local LEAST_SLICE = 0.0003 -- seconds, for tasks whose bytes were read when a slice was over

-- Neovim ends its loop when it leaves, and nothing of ours may be in it then.
local function before_leaving(close)
  local function listen()
    vim.api.nvim_create_autocmd("VimLeavePre", { callback = close, once = true })
  end
  if vim.in_fast_event() then return vim.schedule(listen) end
  listen()
end

---@class claude.loop.Nvim
---@field package uv table
---@field package ready fun(fd: integer?, mask: integer?)
---@field package driver claude.Driver
---@field package watcher claude.Watcher
---@field package timer userdata for what the library asks for
---@field package rest userdata
---@field package idle userdata
---@field package requested boolean a round is to come
---@field package working boolean in a round: code of a task may drive the editor's loop by vim.wait
---@field package closed boolean
---@field package is_soon boolean ready() was asked for in the next turn of the loop
---@field package is_due boolean its time has come
---@field package awake integer turns in which the loop must not wait
---@field package rests_until number on the clock of hrtime
---@field package got integer[] descriptors that are ready and wait for their turn, with masks
---@field package at integer the next of them
---@field package last integer
---@field package work function
---@field package on_time function
---@field package on_idle function
local Loop = {}
Loop.__index = Loop
Loop.__name = "claude.loop.Nvim"

-- Goes on where the last round ended, so that nobody waits for those before him for ever.
function Loop:_hand_out(stop)
  if self.at > self.last then
    local got, n = self.watcher.take()
    self.got, self.at, self.last = got, 1, 2 * n
  end
  while self.at < self.last and not self.closed do
    local left = (stop - self.uv.hrtime()) / 1e9
    if left <= 0 then return end
    self.driver.slice = math.max(left, LEAST_SLICE)
    local fd, mask = self.got[self.at], self.got[self.at + 1]
    self.at = self.at + 2
    if self.watcher.wants(fd) then self.ready(fd, mask) end
  end
end

function Loop:_do_round(began)
  local was_due = self.is_due
  self:_hand_out(began + M.SLICE * 1e9)
  -- A call in between has seen to it, or was told when to come again.
  if was_due and self.is_due and not self.closed then
    self.is_due = false
    self.ready()
  end
end

function Loop:_work()
  self.requested = false
  if self.closed or self.working then return end -- the outer call goes on
  self.working = true
  local began = self.uv.hrtime()
  local ok, problem = pcall(self._do_round, self, began)
  self.working = false
  if self.closed then return end
  local now = self.uv.hrtime()
  self.rests_until = now + M.REST * (now - began)
  self.watcher.resume() -- what was left is noticed again at once
  if not ok then error(problem, 0) end
end

-- Older versions of libuv run what is due and then still wait for something to happen,
-- whatever was scheduled by it: not while there is an idle handle.
function Loop:_stay_awake()
  self.awake = 2
  self.uv.idle_start(self.idle, self.on_idle)
end

function Loop:_on_idle()
  self.awake = self.awake - 1
  if self.awake == 0 then self.uv.idle_stop(self.idle) end
  if self.is_soon then self:_on_time() end
end

-- The loop's clock stands still while Lua code runs.
function Loop:_start(timer, milliseconds, callback)
  self.uv.update_time()
  self.uv.timer_start(timer, milliseconds, 0, function()
    callback()
    self:_stay_awake()
  end)
end

--- Asks for a round, as soon as the rest is over.
function Loop:_request()
  if self.requested or self.closed then return end
  self.requested = true
  self.watcher.hold()
  local milliseconds = math.floor((self.rests_until - self.uv.hrtime()) / 1e6 + 0.5)
  if milliseconds <= 0 then return vim.schedule(self.work) end
  self:_start(self.rest, milliseconds, function() vim.schedule(self.work) end)
end

function Loop:_on_time()
  self.is_soon, self.is_due = false, true
  self:_request()
end

function Loop:_ask(milliseconds)
  if self.closed then return end
  self.is_soon, self.is_due = milliseconds == 0, false
  self.uv.timer_stop(self.timer)
  if self.is_soon then return self:_stay_awake() end
  if milliseconds > 0 then self:_start(self.timer, milliseconds, self.on_time) end
end

function Loop:_sync(fd, done)
  self.uv.fs_fdatasync(fd, function(problem)
    vim.schedule(function()
      done(problem)
      self.ready()
    end)
    if not self.closed then self:_stay_awake() end
  end)
end

function Loop:_close()
  if self.closed then return end
  self.closed = true
  self.watcher.close()
  for _, handle in ipairs({ self.timer, self.rest, self.idle }) do
    self.uv.close(handle)
  end
end

local function new_loop(uv, ready, watcher)
  local self = setmetatable({
    uv = uv,
    ready = ready,
    watcher = watcher,
    timer = uv.new_timer(),
    rest = uv.new_timer(),
    idle = uv.new_idle(),
    requested = false,
    working = false,
    closed = false,
    is_soon = false,
    is_due = false,
    awake = 0,
    rests_until = 0,
    got = {},
    at = 1,
    last = 0,
  }, Loop)
  self.work = function() self:_work() end
  self.on_time = function() self:_on_time() end
  self.on_idle = function() self:_on_idle() end
  return self
end

---@param ready fun(fd: integer?, mask: integer?)
---@return claude.Driver?
---@return string? text why there is none
function M.new(ready)
  local uv = vim.uv or vim.loop
  local loop
  local watcher, text = watchers.new(uv, function() loop:_request() end)
  if not watcher then return nil, text end
  loop = new_loop(uv, ready, watcher)
  loop.driver = {
    slice = M.SLICE,
    watch = function(fd, mask)
      if not loop.closed then watcher.watch(fd, mask) end
    end,
    timer = function(milliseconds) loop:_ask(milliseconds) end,
    sync = function(fd, done) loop:_sync(fd, done) end,
    close = function() loop:_close() end,
  }
  before_leaving(loop.driver.close)
  return loop.driver
end

return M
