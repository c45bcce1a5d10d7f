--- What nobody can foretell, and no two processes have alike.

local core = require("claude.core")

local made = 0

-- Where the system has no such file, and in case that it gives nothing.
---@return string
local function of_this_moment()
  made = made + 1
  return ("%s %s %s %d"):format(tostring({}), os.time(), os.clock(), made)
end

---@return string digest 64 hexadecimal digits, other ones with each call
return function()
  local source = io.open("/dev/urandom", "rb")
  local random = source and source:read(32) or ""
  if source then source:close() end
  return core.sha256(random .. of_this_moment())
end
