--- Describes a host that is a plain script under one of the Luas.
local servers = require("spec.support.servers")

--- Also what a host's file returns: the fields of a description.
---@class claude.Host
---@field lua string the Lua whose modules it loads
---@field missing fun(): string? why it cannot run here
---@field command string[]|fun(place: claude.HostPlace): string[] the program and its arguments
---@field optional? boolean whether CI may be without it
---@field seconds? number how long it may take

---@param lua string
---@param way string one of spec/hosts/plain.lua
---@param module? string what it needs
---@return claude.Host
return function(lua, way, module)
  return {
    lua = lua,
    missing = function()
      if not servers.has(lua) then return lua .. " is not installed" end
      local try = ("%s -e 'require %q' >/dev/null 2>&1"):format(lua, module or "string")
      local status = os.execute(try)
      if status ~= true and status ~= 0 then return module .. " is not installed for " .. lua end
    end,
    command = { lua, "spec/hosts/plain.lua", way },
  }
end
