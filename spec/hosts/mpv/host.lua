local servers = require("spec.support.servers")

local NO_WINDOW =
  { "--no-config", "--idle", "--vo=null", "--ao=null", "--no-input-default-bindings" }

---@type claude.Host
return {
  lua = "lua5.2",
  missing = function()
    if not servers.has("mpv") then return "mpv is not installed" end
  end,
  command = function(place)
    local command = { "mpv" }
    for _, option in ipairs(NO_WINDOW) do
      command[#command + 1] = option
    end
    command[#command + 1] = ("--script=%s/spec/hosts/mpv/main.lua"):format(place.root)
    return command
  end,
}
