local nvim = require("spec.support.nvim")
local servers = require("spec.support.servers")

---@type claude.Host
return {
  lua = "luajit",
  missing = function()
    if not servers.has("nvim") then return "nvim is not installed" end
  end,
  command = function(place)
    nvim.build()
    local main = place.root .. "/spec/hosts/nvim/main.lua"
    return { "nvim", "--headless", "-i", "NONE", "-n", "-u", main }
  end,
}
