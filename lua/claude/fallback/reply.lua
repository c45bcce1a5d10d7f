--- A reply for which other models may step in: one exchange after the other, read as one.
--- Has the methods of claude.reply.

local core = require("claude.core")
local message_views = require("claude.message")
local new_reply = require("claude.reply").new
local new_response = require("claude.fallback.response").new
local tasks = require("claude.tasks")

---@class claude.FallbackReply
---@field response? claude.ChainedResponse once a request was started
---@field private client claude.Client
---@field private fallback claude.Fallback
---@field private hop claude.Reply the exchange that goes on
---@field private index integer of the entry that it is for
---@field private chained claude.ChainedResponse
---@field private frames table[] to be handed out before the hop is read on
---@field private warnings string[] not told yet
---@field private base string[] JSON of blocks that the token's request went on with
---@field private first_byte? number
---@field private asking? claude.Reply a hop that was started and has not answered
---@field private ended? boolean everybody refused
---@field private rest table[] what else a response that refused says
---@field private turning claude.Signal|boolean a task asks the others; a signal that is then set,
--- once others wait for that
---@field private cancelled? boolean
local FallbackReply = {}
FallbackReply.__index = FallbackReply
FallbackReply.__name = "claude.FallbackReply"

-- The response of the hop, once there is one.
function FallbackReply:_adopt()
  local response = self.hop.response
  if not response then return end
  self.chained.current = response
  self.response = self.chained
end

function FallbackReply:start()
  self.hop:start()
  self:_adopt()
end

---@param failure? claude.Error how what had begun ended: the model is asked again
---@return table? head
---@return claude.Error? err
function FallbackReply:open(failure)
  self.frames = {}
  local head, err = self.hop:open(failure)
  self:_adopt()
  return head, err
end

---@return table? details of a refusal that another model may answer for
function FallbackReply:_refusal()
  local response = self.hop.response
  if response:stop_reason() ~= "refusal" or self.index >= self.fallback.count then return nil end
  local message = core.decode(response:message_json())
  local details = message and message.stop_details
  return {
    model = message and message.model,
    category = type(details) == "table" and details.category or nil,
    token = type(details) == "table" and details.fallback_credit_token or nil,
    continues = type(details) == "table" and details.fallback_has_prefill_claim == true,
  }
end

---@param kind string
---@param text string?
---@param index integer?
function FallbackReply:_keep(kind, text, index)
  self.rest[#self.rest + 1] = { kind, text, index, self.hop.response:event() or "" }
end

-- The exchange to its end; what is left to be said of it is kept.
---@return claude.Error? err
function FallbackReply:_drain()
  while true do
    local kind, text, index, err = self.hop:read()
    if err then return err end
    if not kind then return nil end
    self:_keep(kind, text, index)
  end
end

---@param raws string[]
---@return string? json of an assistant message
local function continuation_of(raws)
  if #raws == 0 then return nil end
  return '{"content":[' .. table.concat(raws, ",") .. '],"role":"assistant"}'
end

-- Asks the model of an entry.
---@param index integer
---@param token? string
---@param raws string[] what it goes on with
---@return claude.Reply? hop
---@return table? head
---@return claude.Error? err
function FallbackReply:_ask(index, token, raws)
  local more = { token = token, continuation = continuation_of(raws) }
  local plan, err = self.fallback.request(index, more)
  if not plan then return nil, nil, err end
  local hop = new_reply(self.client, plan)
  self.asking = hop
  hop:start()
  local head
  head, err = hop:open()
  self.asking = nil
  if not head then return nil, nil, err end
  return hop, head
end

---@param err claude.Error
---@return boolean
local function is_final(err) return err.kind == "cancelled" end

---@param first string[]
---@param second string[]
---@return string[]
local function joined(first, second)
  local list = {}
  for _, raws in ipairs({ first, second }) do
    for _, raw in ipairs(raws) do
      list[#list + 1] = raw
    end
  end
  return list
end

---@class claude.Continuation what the next model may go on with
---@field raws string[] JSON of blocks
---@field before boolean what was said before the response that refused is among them
---@field blocks integer how many of that response are

-- From all that was said to nothing of it.
---@param partial string[] what the response that refused has said
---@return claude.Continuation[]
function FallbackReply:_continuations(partial)
  local base, list = self.base, {}
  if #partial > 0 then
    list[1] = { raws = joined(base, partial), before = true, blocks = #partial }
  end
  if #base > 0 then list[#list + 1] = { raws = base, before = true, blocks = 0 } end
  list[#list + 1] = { raws = {}, before = false, blocks = 0 }
  return list
end

-- Asks the model of an entry. What it cannot go on with is left out.
---@param index integer
---@param refusal table
---@param partial string[]
---@return boolean? taken
---@return claude.Error? err
function FallbackReply:_ask_with(index, refusal, partial)
  local err
  for _, continued in ipairs(self:_continuations(partial)) do
    local hop, head
    hop, head, err = self:_ask(index, refusal.token, continued.raws)
    if hop and not self.cancelled then
      self:_change_to(index, hop, head, refusal, continued)
      self.base = continued.raws
      return true
    end
    if hop then hop:cancel() end
    if self.cancelled or err.status ~= 400 then break end
  end
  return nil, err
end

-- The next model that answers; nil when none does.
---@param refusal table
---@return claude.Error? err
---@return boolean? taken
function FallbackReply:_take_over(refusal)
  local partial = refusal.continues and self.chained:resendable() or {}
  for index = self.index + 1, self.fallback.count do
    local taken, err = self:_ask_with(index, refusal, partial)
    if self.cancelled or (err and is_final(err)) then return err, false end
    if taken then return nil, true end
    local text = "%s could not take over: %s"
    self.warnings[#self.warnings + 1] = text:format(self.fallback.model(index), tostring(err))
  end
  return nil, false
end

---@param index integer
---@param hop claude.Reply
---@param head table its first frame
---@param refusal table
---@param continued claude.Continuation
function FallbackReply:_change_to(index, hop, head, refusal, continued)
  local seam = {
    from = refusal.model or self.fallback.model(self.index),
    to = self.fallback.model(index),
    category = refusal.category,
  }
  self.hop, self.index = hop, index
  for _, frame in ipairs(self.chained:take_over(hop.response, seam, continued)) do
    self.frames[#self.frames + 1] = frame
  end
  -- The message began with the first model's.
  if head[1] ~= "message_start" then self.frames[#self.frames + 1] = head end
end

---@param err claude.Error
---@return nil
---@return nil
---@return nil
---@return claude.Error
function FallbackReply:_failed(err)
  if err.partial then err.partial = message_views.view(self.chained) end
  return nil, nil, nil, err
end

-- A refusal is told only when nobody takes over.
---@param refusal table
---@param held table the frame that told of it
---@return claude.Error? err
function FallbackReply:_answer_refusal(refusal, held)
  local err = self:_drain()
  if err then return select(4, self:_failed(err)) end
  self.first_byte = self.first_byte or self.hop:first_byte_at()
  self.hop:close()
  local problem, taken = self:_take_over(refusal)
  if problem or taken then return problem end
  self.ended = true
  self.frames = { held }
  for _, frame in ipairs(self.rest) do
    self.frames[#self.frames + 1] = frame
  end
end

-- Others who read meanwhile wait for what comes of it.
---@param refusal table
---@param held table
---@return claude.Error? err
function FallbackReply:_turn_to_others(refusal, held)
  self.turning, self.rest = true, {}
  local call = tasks.can_protect() and pcall or tasks.call
  local called, err = call(self._answer_refusal, self, refusal, held)
  local turning = self.turning
  self.turning = false
  if turning ~= true then turning:set() end
  if not called then error(err, 0) end
  return err
end

---@return claude.Error? err
function FallbackReply:_wait_for_turn()
  if self.turning == true then self.turning = tasks.signal() end
  local _, why = self.turning:wait()
  return why == "cancelled" and tasks.cancelled_error() or nil
end

---@param text string?
---@param index integer?
---@param options? claude.ReadingOptions
---@return string? kind
---@return string? text
---@return integer? index
---@return claude.Error? err
function FallbackReply:_end_of_message(text, index, options)
  local refusal = self:_refusal()
  if not refusal then
    if self.hop.response:stop_reason() ~= "refusal" then self.fallback.accepted(self.index) end
    return "message_delta", text, self.chained:shifted(index)
  end
  local held = { "message_delta", text, index, self.hop.response:event() }
  local err = self:_turn_to_others(refusal, held)
  if err then return nil, nil, nil, err end
  return self:read(options)
end

-- Told once it is known who answers: on_warning may raise, and the next step goes on.
function FallbackReply:_tell_warnings()
  while self.warnings[1] do
    self.fallback.warn("fallback_failed", table.remove(self.warnings, 1))
  end
end

---@param options? claude.ReadingOptions
---@return string? kind
---@return string? text
---@return integer? index
---@return claude.Error? err
function FallbackReply:read(options)
  if self.turning then
    local err = self:_wait_for_turn()
    if err then return nil, nil, nil, err end
    return self:read(options)
  end
  self:_tell_warnings()
  local frame = table.remove(self.frames, 1)
  if frame then
    self.chained:tell(frame[4])
    return frame[1], frame[2], frame[3]
  end
  if self.ended then return nil end
  self.chained:tell(nil)
  local hop = self.hop
  local kind, text, index, err = hop:read(options)
  if self.turning or self.hop ~= hop or self.ended then -- another task has heard the refusal
    if kind and self.hop == hop and self.turning then self:_keep(kind, text, index) end
    return self:read(options)
  end
  if err then return self:_failed(err) end
  if kind == "message_delta" then return self:_end_of_message(text, index, options) end
  if kind == "message_start" and self.chained:has_seams() then return self:read(options) end
  return kind, text, self.chained:shifted(index)
end

--- See claude.Reply.
function FallbackReply:await_answer() self.hop:await_answer() end

--- When the first byte came, of the first model's answer.
---@return number?
function FallbackReply:first_byte_at() return self.first_byte or self.hop:first_byte_at() end

--- How many models have refused so far, and had another take over.
---@return integer
function FallbackReply:refusals() return #self.chained.usage end

function FallbackReply:close() self.hop:close() end

function FallbackReply:cancel()
  self.cancelled = true
  if self.asking then self.asking:cancel() end
  self.hop:cancel()
end

local M = {}

---@param client claude.Client
---@param spec claude.StreamSpec with fallback
---@return claude.FallbackReply
function M.new(client, spec)
  return setmetatable({
    client = client,
    fallback = spec.fallback,
    hop = new_reply(client, spec),
    index = spec.fallback.index,
    chained = new_response(),
    frames = {},
    rest = {},
    turning = false,
    warnings = {},
    base = {},
  }, FallbackReply)
end

return M
