--- A host that is never installed, for the spec of what is said then.
---@type claude.Host
return {
  lua = "lua5.4",
  missing = function() return "nobody has it" end,
  command = {},
}
