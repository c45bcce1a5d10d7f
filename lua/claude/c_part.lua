--- Loads a C part, or raises an error that says what to do: Lua's own words for one that cannot
--- be loaded do not. For modules that a program may require before `claude`.

---@param name string such as "claude.core"
---@param level? integer whose place the error names, as for `error`; nobody's without it
---@return table
return function(name, level)
  local loaded, found = pcall(require, name)
  if loaded then return found end
  error(require("claude.loading").explained(name, found), level and level + 1 or 0)
end
