--- Tries the situations over libcurl, in plain Lua.
local claude = require("claude")
local host = require("spec.faults.host")
local hub = require("claude.loop")
local suite = require("spec.faults.suite")

for _, module in ipairs({ "claude.core", "claude.net" }) do
  require(module) -- before its bytes are counted
end
local here = host.new("libcurl")
function here.exchanges()
  local engine = hub.engine()
  return engine and (engine:counts()) or 0
end
claude.loop(function() suite.run(here, host.write) end)
