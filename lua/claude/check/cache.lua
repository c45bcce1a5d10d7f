--- Rules on cache_control: where it may stand, how often, and in which order of
--- lifetimes.

local rules = require("claude.check.rules")
local values = require("claude.check.values")

local M = {}

local MOST = 4
local UNCACHEABLE = { thinking = true, redacted_thinking = true }

---@param found claude.CacheMark[]
---@param holder any block, tool or params
---@param path string where cache_control stands
---@return claude.Error?
local function collect(found, holder, path)
  local control = values.plain(holder) and holder.cache_control
  if not values.given(control) then return nil end
  local err = values.expect(control, "an object", path)
  if err then return err end
  if not values.plain(control) then return nil end
  if UNCACHEABLE[holder.type] then return rules.broken("cache_thinking", path, holder.type) end
  if holder.type == "text" and holder.text == "" then return rules.broken("cache_empty", path) end
  if control.type ~= "ephemeral" then
    return rules.broken("cache_type", path .. ".type", values.show(control.type))
  end
  local ttl = values.given(control.ttl) and control.ttl or "5m"
  if ttl ~= "5m" and ttl ~= "1h" then
    return rules.broken("cache_ttl", path .. ".ttl", values.show(ttl))
  end
  found[#found + 1] = { path = path, ttl = ttl }
  return nil
end

-- Whether there is anything to collect in a block or tool: as a rule not, and no path is written
-- for those. Results carry blocks of their own.
---@param holder any
---@return boolean
local function may_have_mark(holder)
  if type(holder) ~= "table" then return false end
  if holder.cache_control ~= nil then return true end
  return holder.type == "tool_result" and type(holder.content) == "table"
end

local function collect_list(found, list, path)
  if not values.plain(list) then return nil end
  for i, holder in ipairs(list) do
    if may_have_mark(holder) then
      local place = ("%s[%d]"):format(path, i)
      local err = collect(found, holder, place .. ".cache_control")
      if not err and values.plain(holder) and holder.type == "tool_result" then
        err = collect_list(found, holder.content, place .. ".content")
      end
      if err then return err end
    end
  end
  return nil
end

---@param list any
---@return boolean
local function may_have_marks(list)
  if not values.plain(list) then return false end
  for _, holder in ipairs(list) do
    if may_have_mark(holder) then return true end
  end
  return false
end

---@class claude.CacheMark
---@field path string
---@field ttl string

--- The breakpoints in a list of tools or blocks, as far as they are right.
---@param list any
---@param path string of the list
---@return claude.CacheMark[]
function M.marks_in(list, path)
  local found = {}
  collect_list(found, list, path)
  return found
end

--- The breakpoints of one message.
---@param message table decoded
---@param number integer its place among the messages
---@return claude.CacheMark[]
function M.marks(message, number)
  return M.marks_in(message.content, ("message %d: content"):format(number))
end

---@param params table
---@param before claude.CacheMark[] of messages that stand before those in params
---@return claude.Error?
---@return claude.CacheMark[] found
local function collect_all(params, before)
  local found = {}
  local err = collect_list(found, params.tools, "tools")
    or collect_list(found, params.system, "system")
  for _, mark in ipairs(before) do
    found[#found + 1] = mark
  end
  for i, message in ipairs(values.plain(params.messages) or {}) do
    if err then break end
    local content = values.plain(message) and message.content
    if may_have_marks(content) then
      err = collect_list(found, content, ("messages[%d].content"):format(i))
    end
  end
  err = err or collect(found, params, "cache_control")
  return err, found
end

---@param params table
---@param ctx claude.CheckContext
---@return claude.Error?
function M.check(params, ctx)
  if values.given(params.cache) then
    local _, problem = require("claude.cache.settings").read(params.cache)
    if problem then return problem end
  end
  local err, found = collect_all(params, ctx.marks_before or {})
  if err then return err end
  if #found > MOST then return rules.broken("cache_count", found[MOST + 1].path, #found) end
  local short
  for _, entry in ipairs(found) do
    if entry.ttl == "5m" then
      short = short or entry.path
    elseif short then
      return rules.broken("cache_order", entry.path, short)
    end
  end
  return nil
end

return M
