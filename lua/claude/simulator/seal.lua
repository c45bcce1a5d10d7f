--- Signatures of thinking blocks: a keyed hash over the model, everything that
--- stands before the block, and its text.
---
--- A signature carries what it was made over, in fields of fixed width, so that
--- a refusal can name what changed; the keyed hash at its end covers them all.
--- `data` of a redacted block has the same form.
local core = require("claude.core")
local prefixes = require("claude.simulator.prefix")

local M = {}

---@class claude.simulator.Seal what a signature says once it is found genuine
---@field id string names the block
---@field shown boolean whether its text went out; else text that comes back is ignored
---@field group string hash of the models that can read it
---@field text string hash of its text
---@field count integer thinking blocks before it
---@field last string the thinking block before it
---@field system string
---@field tools string
---@field content string
---@field within string

-- Name and width of the fields after the magic.
local FIELDS = {
  { "shown", 1 },
  { "count", 6 },
  { "group", 16 },
  { "text", 16 },
  { "last", 16 },
  { "system", 16 },
  { "tools", 16 },
  { "content", 16 },
  { "within", 16 },
}
local MAGIC = { thinking = "SimT", redacted_thinking = "SimR" }
local MAC = 64
local BLOCK = 64 -- block size of SHA-256, for the keyed hash

---@class claude.simulator.Sealer
local Sealer = {}
Sealer.__index = Sealer
Sealer.__name = "claude.simulator.Sealer"

local function xor_byte(a, b)
  local result, bit = 0, 1
  for _ = 1, 8 do
    if a % 2 ~= b % 2 then result = result + bit end
    a, b, bit = math.floor(a / 2), math.floor(b / 2), bit * 2
  end
  return result
end

local function padded(key, with)
  local bytes = {}
  for i = 1, BLOCK do
    bytes[i] = string.char(xor_byte(key:byte(i) or 0, with))
  end
  return table.concat(bytes)
end

--- A sealer with a key derived from `seed`.
---@param seed string
---@return claude.simulator.Sealer
function M.new(seed)
  local key = core.sha256("lua-claude simulator " .. seed, true)
  return setmetatable(
    { inner = padded(key, 0x36), outer = padded(key, 0x5c), known = {}, size = 0 },
    Sealer
  )
end

--- HMAC-SHA256, hexadecimal.
local function mac(self, text)
  return core.sha256(self.outer .. core.sha256(self.inner .. text, true))
end

--- Filler that grows with the text, as real signatures do; a multiple of four
--- in all, so that the whole reads as base64.
local function filler(head, text)
  local seed = core.sha256(head .. text)
  local length = math.floor(#text / 2)
  local long = seed:rep(math.floor(length / #seed) + 1)
  return long:sub(1, length + -(#head + length + MAC) % 4)
end

--- Signs a block.
---@param kind "thinking"|"redacted_thinking"
---@param fields { shown: boolean, group: string, text: string }
---@param prefix claude.simulator.Prefix what stands before it
---@return string signature
---@return string id
function Sealer:sign(kind, fields, prefix)
  local values = {
    shown = fields.shown and "S" or "O",
    count = ("%06d"):format(prefix.count),
    group = prefixes.short(fields.group),
    text = prefixes.short(fields.text),
    last = prefix.last,
    system = prefix.system,
    tools = prefix.tools,
    content = prefix.content,
    within = prefix.within,
  }
  local head = MAGIC[kind]
  for _, field in ipairs(FIELDS) do
    head = head .. values[field[1]]
  end
  head = head .. filler(head, fields.text)
  local tag = mac(self, head)
  return head .. tag, tag:sub(1, #prefixes.NONE)
end

local function parse(signature)
  local seal, at = {}, 5
  for _, field in ipairs(FIELDS) do
    seal[field[1]] = signature:sub(at, at + field[2] - 1)
    at = at + field[2]
  end
  seal.shown, seal.count = seal.shown == "S", tonumber(seal.count)
  seal.id = signature:sub(-MAC):sub(1, #prefixes.NONE)
  return seal
end

--- Genuine signatures come back with every later request: their check is kept.
local function remember(self, signature, seal)
  if self.size >= 20000 then
    self.known, self.size = {}, 0
  end
  self.known[signature], self.size = seal, self.size + 1
  return seal
end

--- What a signature says; nil when this sealer did not make it.
---@param kind "thinking"|"redacted_thinking"
---@param signature string
---@return claude.simulator.Seal|nil
function Sealer:open(kind, signature)
  if signature:sub(1, 4) ~= MAGIC[kind] then return nil end
  local known = self.known[signature]
  if known then return known end
  local head = signature:sub(1, -MAC - 1)
  if #signature < MAC + 100 or mac(self, head) ~= signature:sub(-MAC) then return nil end
  return remember(self, signature, parse(signature))
end

--- Whether a signature looks like one that the real API made. This simulator
--- cannot read it: to it, the block is another organization's.
---@param signature string
---@return boolean
function M.is_foreign(signature)
  return #signature >= 100 and #signature % 4 == 0 and signature:find("^E[o-v][%w+/]+=?=?$") ~= nil
end

return M
