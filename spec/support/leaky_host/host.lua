--- A host that shows its key wherever one can, for the spec of the search.
local servers = require("spec.support.servers")

---@type claude.Host
return {
  lua = servers.LUA,
  missing = function() end,
  command = { servers.LUA, "spec/support/leaky_host/main.lua" },
}
