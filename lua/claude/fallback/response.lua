--- Several responses as one: what a chain of models said, with a `fallback` block where
--- each took over. Has the methods of a claude.core response; those that are not here are
--- those of the response that goes on.

local core = require("claude.core")
local fallback = require("claude.fallback")

---@class claude.ChainedResponse
---@field current userdata the claude.core response that goes on
---@field private before { raw: string, index: integer, type: string }[]
---@field usage table[] of those that refused
---@field private shift integer what to add to an index of the current one
---@field private first integer the next index that is free
---@field private told? string JSON of the event handed out last, when it is one of ours; "": it
--- was none
local Chained = {}
Chained.__name = "claude.ChainedResponse"

local THINKING = { thinking = true, redacted_thinking = true }

-- What belongs to each request of its own, beside its tokens.
local OWN_USAGE = {
  cache_creation = true,
  inference_geo = true,
  output_tokens_details = true,
  server_tool_use = true,
  service_tier = true,
  speed = true,
}

function Chained:__index(name)
  local own = Chained[name]
  if own ~= nil then return own end
  local current = rawget(self, "current")
  local method = current and current[name]
  if type(method) ~= "function" then return method end
  return function(_, ...) return current[name](current, ...) end
end

-- Every index that was told counts, also those of what is left out.
function Chained:_count_indexes()
  for i = 1, self.current:block_count() do
    self.first = math.max(self.first, self.current:block(i).index + self.shift + 1)
  end
end

---@param role_usage string
---@return table?
function Chained:_usage_of_current(role_usage)
  local message = core.decode(self.current:head_json() or "null")
  if not message then return nil end
  local usage = { type = role_usage, model = message.model }
  for name, value in pairs(message.usage or {}) do
    if name:find("tokens$") or OWN_USAGE[name] then usage[name] = value end
  end
  return usage
end

--- The blocks of the response that has ended, as JSON, for another model to go on with;
--- none when there is a call among them that nobody will answer. Thinking at their end is
--- left out: no request may end so.
---@return string[] raws
function Chained:resendable()
  local raws, blocks = {}, {}
  for i = 1, self.current:block_count() do
    raws[i] = self.current:block_raw(i)
    blocks[i] = core.decode(raws[i]) or {}
  end
  if fallback.has_open_call(blocks) then return {} end
  while blocks[#raws] and THINKING[blocks[#raws].type] do
    raws[#raws] = nil
  end
  return raws
end

-- What the next model goes on with stays, as it was sent to it.
---@param count integer of blocks
function Chained:_keep_current(count)
  for i = 1, count do
    local block = self.current:block(i)
    self.before[#self.before + 1] = {
      raw = self.current:block_raw(i),
      index = block.index + self.shift,
      type = block.type,
    }
  end
end

-- Nor does the next model go on with what the ones before said.
function Chained:_keep_only_seams()
  local kept = {}
  for _, block in ipairs(self.before) do
    if block.type == "fallback" then kept[#kept + 1] = block end
  end
  self.before = kept
end

--- Another model takes over. Gives the frames that tell it: each kind, text, index and
--- JSON of its event.
---@param response userdata of the next model
---@param seam { from: string, to: string, category: string? }
---@param continued { before: boolean, blocks: integer } whether the next model goes on with
--- what was said before the current response, and with how many blocks of that
---@return table[] frames
function Chained:take_over(response, seam, continued)
  self:_count_indexes()
  self.usage[#self.usage + 1] = self:_usage_of_current("message")
  if not continued.before then self:_keep_only_seams() end
  self:_keep_current(continued.blocks)
  local index = self.first
  local raw = assert(core.encode({
    type = "fallback",
    from = { model = seam.from },
    to = { model = seam.to },
    trigger = { type = "refusal", category = seam.category or core.null },
  }))
  self.before[#self.before + 1] = { raw = raw, index = index, type = "fallback" }
  self.first, self.shift = index + 1, index + 1
  self.current = response
  local start = '{"type":"content_block_start","index":%d,"content_block":%s}'
  local stop = '{"type":"content_block_stop","index":%d}'
  return {
    { "block_start", "fallback", index, start:format(index, raw) },
    { "block_stop", "fallback", index, stop:format(index) },
  }
end

--- Whether another model has taken over.
---@return boolean
function Chained:has_seams() return #self.before > 0 end

--- The index that a block of the current response has among all.
---@param index integer?
---@return integer?
function Chained:shifted(index) return index and index + self.shift end

--- The event handed out is this one; nil: the current response's.
---@param json string?
function Chained:tell(json) self.told = json end

---@return string?
function Chained:event()
  if self.told then return self.told ~= "" and self.told or nil end
  local json = self.current:event()
  if not json or self.shift == 0 then return json end
  local event = core.decode(json)
  if type(event) ~= "table" or type(event.index) ~= "number" then return json end
  event.index = event.index + self.shift
  return core.encode(event) or json
end

---@return integer
function Chained:block_count() return #self.before + self.current:block_count() end

---@param i integer
---@return table?
function Chained:block(i)
  local block = self.before[i]
  if block then
    return { type = block.type, raw = block.raw, index = block.index, stopped = true }
  end
  block = self.current:block(i - #self.before)
  if block then block.index = block.index + self.shift end
  return block
end

---@param index integer
---@return boolean
function Chained:block_is_silent(index) return self.current:block_is_silent(index - self.shift) end

---@param i integer
---@return string?
function Chained:block_raw(i)
  local block = self.before[i]
  if block then return block.raw end
  return self.current:block_raw(i - #self.before)
end

---@param i integer
---@return string?
function Chained:tool_input_raw(i)
  if self.before[i] then return nil end
  return self.current:tool_input_raw(i - #self.before)
end

-- The message without its blocks.
---@param json string of the message that goes on
---@return string
function Chained:_head(json)
  local message = assert(core.decode(json))
  local iterations = {}
  for i, usage in ipairs(self.usage) do
    iterations[i] = usage
  end
  iterations[#iterations + 1] = self:_usage_of_current("fallback_message")
  message.usage = message.usage or {}
  message.usage.iterations = iterations
  message.content = nil
  return assert(core.encode(message))
end

---@return string?
function Chained:head_json()
  local json = self.current:head_json()
  if not json or #self.before == 0 then return json end
  return self:_head(json)
end

---@return string?
function Chained:message_json()
  local json = self.current:message_json()
  if not json or #self.before == 0 then return json end
  local raws = {}
  for i = 1, self:block_count() do
    raws[i] = self:block_raw(i)
  end
  local head = self:_head(json)
  return ('%s,"content":[%s]}'):format(head:sub(1, -2), table.concat(raws, ","))
end

---@return table? message
---@return string[]|string|nil raws
function Chained:message()
  if #self.before == 0 then return self.current:message() end
  local json, raws = self:message_json(), {}
  if not json then return nil end
  for i = 1, self:block_count() do
    raws[i] = self:block_raw(i)
  end
  local message, problem = core.decode(json)
  return message or nil, message and raws or problem
end

---@return table? head
function Chained:head()
  local json = self:head_json()
  return json and core.decode(json)
end

---@return table? account and more
function Chained:account()
  if #self.before == 0 then return self.current:account() end
  return self:head()
end

local HEAD = '{"content":['

-- Whether it may be sent: what stands before may hold what no request may.
---@param json string
---@return boolean
local function is_sendable(json) return (core.transcript():append(json)) and true or false end

---@param how? "whole"|"keep"
---@return string? json
---@return table[] changes
function Chained:_sealed(how)
  local json, changes = self.current:seal(how)
  local raws = {}
  for _, block in ipairs(self.before) do
    if block.type ~= "fallback" then raws[#raws + 1] = block.raw end
  end
  if not json or #raws == 0 or json:sub(1, #HEAD) ~= HEAD then return json, changes end
  local whole = HEAD .. table.concat(raws, ",") .. "," .. json:sub(#HEAD + 1)
  return is_sendable(whole) and whole or json, changes
end

---@param how? "whole"|"keep"
---@param transcript? userdata
---@return string|boolean|nil json or whether it was added
---@return table[]|string changes or why it could not be added
---@return boolean? has_unnamed_call it may have one
function Chained:seal(how, transcript)
  local json, changes = self:_sealed(how)
  if not transcript then return json, changes end
  if not json then return false, changes end
  local added, problem = transcript:append(json)
  if not added then return nil, problem end
  return true, changes, true
end

local M = {}

---@return claude.ChainedResponse
function M.new() return setmetatable({ before = {}, usage = {}, shift = 0, first = 0 }, Chained) end

return M
