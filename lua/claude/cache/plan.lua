--- Where the cache breakpoints of a request go.
---
--- The prompt is compared from its start: tools, system, messages. So the last tool and
--- the last block of system get one each, and the request as a whole one for its tail,
--- which the API moves along as the conversation grows. From a breakpoint the API looks
--- back over so many blocks for what was written before; a turn of more blocks gets a
--- further breakpoint where the request before ended.
---
--- The user's own breakpoints come first: a level that has one is left alone, and
--- there are four in all.

local cache_check = require("claude.check.cache")
local core = require("claude.core")
local history = require("claude.conversation.history")
local rules = require("claude.check.rules")
local settings_module = require("claude.cache.settings")
local values = require("claude.check.values")

local M = {}

local ANY = settings_module.ANY
local MOST = 4
-- Places that the API looks at, the breakpoint's own among them.
local LOOK_BACK = 20

-- Blocks that may carry a breakpoint; thinking never may.
local MARKABLE = {
  document = true,
  image = true,
  search_result = true,
  text = true,
  tool_result = true,
  tool_use = true,
}

---@class claude.CachePlan
---@field tools? string JSON of the tools, when they got a breakpoint
---@field system? string likewise
---@field cache_control? table for the request as a whole
---@field ttl? string of the last breakpoint
---@field marks? { message: integer, block: integer, control: string }[] in messages

---@class claude.CachePart what does not change from one request to the next
---@field json string
---@field at? integer the block that may get a breakpoint
---@field marks claude.CacheMark[] the user's own

---@param tool any
---@return boolean
local function is_cacheable_tool(tool)
  return type(tool) == "table" and next(tool) ~= nil and tool.defer_loading ~= true
end

---@param block any
---@return boolean
local function is_cacheable_block(block)
  if type(block) ~= "table" or not MARKABLE[block.type] then return false end
  return block.type ~= "text" or (type(block.text) == "string" and block.text:find("%S") ~= nil)
end

---@param list any
---@param fits fun(element: any): boolean
---@return integer?
local function last_that(list, fits)
  if type(list) == "string" then return list:find("%S") and 1 or nil end
  for i = type(list) == "table" and #list or 0, 1, -1 do
    if fits(list[i]) then return i end
  end
  return nil
end

---@param name "tools"|"system"
---@param json string?
---@return claude.CachePart?
local function part(name, json)
  if not json then return nil end
  local list = core.decode(json)
  local fits = name == "tools" and is_cacheable_tool or is_cacheable_block
  return { json = json, at = last_that(list, fits), marks = cache_check.marks_in(list, name) }
end

-- A conversation's are looked into once: they never change.
local parts_of = setmetatable({}, { __mode = "k" })

---@param sealed { tools: string?, system: string? } JSON
---@return { tools: claude.CachePart?, system: claude.CachePart? }
local function parts(sealed)
  if not parts_of[sealed] then
    parts_of[sealed] =
      { tools = part("tools", sealed.tools), system = part("system", sealed.system) }
  end
  return parts_of[sealed]
end

---@param transcript userdata
---@return integer? the last message of the assistant
local function last_reply(transcript)
  for i = transcript:count(), 1, -1 do
    if transcript:role(i) == "assistant" then return i end
  end
  return nil
end

-- The message with which a request ended that is in the cache: what stood before the last
-- reply. A model that forgets the thinking of earlier turns sees another prompt from the
-- first reply of the last turn on.
---@param transcript userdata
---@param forgets boolean
---@return integer? 0 or nil: there was none
local function written_before(transcript, forgets)
  local reply = last_reply(transcript)
  if not reply then return nil end
  local last = transcript:count()
  local new_turn = forgets
    and last > reply
    and history.begins_turn(history.decode(transcript:get(last)))
  if not new_turn then return reply - 1 end
  for i = reply - 1, 1, -1 do
    if history.begins_turn(history.decode(transcript:get(i))) then return i end
  end
  return nil
end

---@param transcript userdata
---@param last integer
---@return { message: integer, block: integer }?
local function markable_at(transcript, last)
  for i = last, 1, -1 do
    local at = last_that(history.decode(transcript:get(i)).content, is_cacheable_block)
    if at then return { message = i, block = at } end
  end
  return nil
end

-- Where the request before ended, if that is out of the tail's sight.
---@param transcript userdata?
---@param forgets boolean
---@return { message: integer, block: integer }?
local function anchor(transcript, forgets)
  local before = transcript and written_before(transcript, forgets)
  if not transcript or not before then return nil end
  local distance = 0
  for i = before + 1, transcript:count() do
    distance = distance + transcript:block_count(i)
  end
  return distance >= LOOK_BACK and markable_at(transcript, before) or nil
end

---@class claude.CachePlace one breakpoint: planned, or the user's own
---@field level string
---@field path string
---@field ttl string
---@field place? any of a planned one

---@class claude.CacheRequest
---@field settings claude.CacheSettings
---@field sealed { tools: string?, system: string? } JSON
---@field transcript? userdata
---@field marks claude.CacheMark[] the user's own in messages
---@field cache_control any the user's own for the request
---@field forgets boolean the model forgets the thinking of earlier turns

---@param request claude.CacheRequest
---@param found { tools: claude.CachePart?, system: claude.CachePart? }
---@return integer
local function own_count(request, found)
  local count = #request.marks + (values.given(request.cache_control) and 1 or 0)
  for _, one in pairs(found) do
    count = count + #one.marks
  end
  return count
end

-- What is planned, most useful first: the last breakpoint covers what stands before it.
---@param request claude.CacheRequest
---@param found table
---@return table<string, any> places by level
local function chosen(request, found)
  local settings, free, places = request.settings, MOST - own_count(request, found), {}
  local function add(level, place)
    if not place or free <= 0 then return end
    places[level], free = place, free - 1
  end
  if settings.messages and not values.given(request.cache_control) then add("tail", true) end
  if settings.messages and #request.marks == 0 then
    add("messages", anchor(request.transcript, request.forgets))
  end
  for _, level in ipairs({ "system", "tools" }) do
    local one = found[level]
    if settings[level] and one and #one.marks == 0 then add(level, one.at) end
  end
  return places
end

---@param request claude.CacheRequest
---@param found table
---@param places table<string, any>
---@return claude.CachePlace[] in the order of the prompt
local function in_order(request, found, places)
  local list, settings = {}, request.settings
  local function add(level, own, ttl)
    for _, mark in ipairs(own) do
      list[#list + 1] = { level = level, path = mark.path, ttl = mark.ttl }
    end
    if not places[level] then return end
    list[#list + 1] = { level = level, path = "cache", ttl = ttl, place = places[level] }
  end
  for _, level in ipairs({ "tools", "system" }) do
    add(level, found[level] and found[level].marks or {}, settings[level])
  end
  add("messages", request.marks, settings.messages)
  local top = values.plain(request.cache_control)
  local whole = top and { { path = "cache_control", ttl = top.ttl or "5m" } } or {}
  add("tail", whole, settings.messages)
  return list
end

-- Longer times come first: what has no ttl yet gets the longest of those behind it.
---@param list claude.CachePlace[]
---@return claude.Error?
local function settle(list)
  local longest
  for i = #list, 1, -1 do
    local mark = list[i]
    if mark.ttl == ANY then mark.ttl = longest and "1h" or "5m" end
    if mark.ttl == "1h" then
      longest = longest or mark.path
    elseif longest then
      return rules.broken("cache_order", longest, ("%s (%s)"):format(mark.path, mark.level))
    end
  end
  return nil
end

---@param ttl string
---@return table
local function control(ttl)
  -- Five minutes go without saying: as the API's examples have it.
  return { type = "ephemeral", ttl = ttl ~= "5m" and ttl or nil }
end

---@param ttl string
---@return string
local function control_json(ttl) return assert(core.encode(control(ttl))) end

---@param list claude.CachePlace[]
---@param found table
---@return claude.CachePlan
local function rendered(list, found)
  local plan = { ttl = list[#list] and list[#list].ttl }
  for _, mark in ipairs(list) do
    local level, place = mark.level, mark.place
    if place and level == "tail" then
      plan.cache_control = control(mark.ttl)
    elseif place and level == "messages" then
      plan.marks = {
        { message = place.message, block = place.block, control = control_json(mark.ttl) },
      }
    elseif place then
      plan[level] = assert(core.mark(found[level].json, place, control_json(mark.ttl)))
    end
  end
  return plan
end

--- Plans the breakpoints of one request.
---@param request claude.CacheRequest
---@return claude.CachePlan? plan
---@return claude.Error? err
function M.make(request)
  local found = parts(request.sealed)
  local list = in_order(request, found, chosen(request, found))
  local err = settle(list)
  if err then return nil, err end
  return rendered(list, found)
end

return M
