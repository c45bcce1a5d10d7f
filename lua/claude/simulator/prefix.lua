--- What stands before a block, as a running hash: each block is hashed once.
local content = require("claude.simulator.content")
local core = require("claude.core")

local M = {}

---@class claude.simulator.Prefix
---@field system string hash of the system prompt
---@field tools string hash of the tools
---@field content string hash of every block so far that is not thinking, and of the roles
---@field within string hash of every block so far of this assistant message
---@field last string id of the thinking block before, or NONE
---@field count integer thinking blocks so far
local Prefix = {}
Prefix.__index = Prefix
Prefix.__name = "claude.simulator.Prefix"

local SHORT = 16 -- hexadecimal digits kept of a hash

--- The id that stands for "no thinking block before".
M.NONE = ("0"):rep(SHORT)

---@param text string
---@return string
function M.short(text) return core.sha256(text):sub(1, SHORT) end

---@param request table a decoded request body
---@return claude.simulator.Prefix
function M.new(request)
  return setmetatable({
    system = M.short(content.canonical_system(request.system)),
    tools = M.short(content.canonical_tools(request.tools)),
    content = M.short(""),
    within = M.short(""),
    last = M.NONE,
    count = 0,
    role = nil,
  }, Prefix)
end

--- A message of `role` begins; one of the same role as before goes on.
---@param role string
function Prefix:message(role)
  if role == self.role then return end
  self.role = role
  self.content = M.short(self.content .. ":" .. role)
  self.within = M.short("")
end

--- A block that is not thinking; `encoded` is its canonical JSON.
---@param encoded string
function Prefix:block(encoded)
  self.content = M.short(self.content .. encoded)
  self.within = M.short(self.within .. encoded)
end

--- A thinking block, by its id.
---@param id string
function Prefix:thinking(id)
  self.last, self.count = id, self.count + 1
  self.within = M.short(self.within .. id)
end

return M
