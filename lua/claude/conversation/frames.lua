--- What stands around the messages in the requests of a conversation: as a rule the same from
--- turn to turn, and then written down once.

local begin = require("claude.conversation.begin")
local core = require("claude.core")
local request = require("claude.request")
local tables = require("claude.tables")

local M = {}

---@class claude.KeptFrame
---@field given table the params that it was made of: a copy
---@field stream boolean
---@field sealed { system: string?, tools: string? }
---@field raws table<string, userdata> what is sealed, as params
---@field before userdata a claude.core segment
---@field after userdata likewise

---@type table<claude.Conversation, claude.KeptFrame>
local kept_frames = setmetatable({}, { __mode = "k" })

-- Tools and system as they are sealed, unless a cache breakpoint was put in.
---@param params table
---@param raws table<string, userdata>
---@return table params
local function with_sealed(params, raws)
  params = tables.merged(params)
  for name, raw in pairs(raws) do
    if params[name] == nil then params[name] = raw end
  end
  return params
end

---@param sealed { system: string?, tools: string? }
---@return table<string, userdata>
local function raws_of(sealed)
  local raws = {}
  for name, json in pairs(sealed) do
    raws[name] = assert(core.raw(json))
  end
  return raws
end

---@param kept claude.KeptFrame
---@param chat claude.Conversation
---@param params table
---@param stream boolean
---@return boolean
local function fits(kept, chat, params, stream)
  return kept.stream == stream
    and kept.sealed.system == chat.sealed.system
    and kept.sealed.tools == chat.sealed.tools
    and core.same(kept.given, params)
end

---@param chat claude.Conversation
---@param params table
---@param stream boolean
---@return claude.KeptFrame?
---@return claude.Error? err
local function make(chat, params, stream)
  local raws = raws_of(chat.sealed)
  local frame, err = request.frame(chat.client, with_sealed(params, raws), { stream = stream })
  if not frame then return nil, err end
  return {
    given = begin.copied(params),
    stream = stream,
    sealed = tables.merged(chat.sealed),
    raws = raws,
    before = core.segment(frame.before),
    after = core.segment(frame.after),
  }
end

--- The bytes around the elements of `messages`, as segments.
---@param chat claude.Conversation
---@param params table
---@param stream boolean
---@return claude.KeptFrame?
---@return claude.Error? err
function M.bytes(chat, params, stream)
  local kept = kept_frames[chat]
  if kept and fits(kept, chat, params, stream) then return kept end
  local made, err = make(chat, params, stream)
  kept_frames[chat] = made
  return made, err
end

--- The frame of a turn, in which `before` and `after` are segments, and params are without what
--- is sealed.
---@param chat claude.Conversation
---@param params table
---@param options { stream: boolean, betas: string[] }
---@return claude.Frame?
---@return claude.Error? err
function M.of(chat, params, options)
  local bytes, err = M.bytes(chat, params, options.stream)
  if not bytes then return nil, err end
  -- Thinking needs other betas where there are tools.
  local whole = params.thinking ~= nil and with_sealed(params, bytes.raws) or params
  local betas = request.betas(chat.client, whole, options.betas)
  return { before = bytes.before, after = bytes.after, betas = betas, params = params }
end

return M
