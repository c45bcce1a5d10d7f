local servers = require("spec.support.servers")

---@type claude.Host
return {
  lua = "luajit",
  missing = function()
    if not servers.has("love") then return "love is not installed" end
  end,
  command = function(place) return { "love", place.root .. "/spec/hosts/love" } end,
}
