--- Compiles Lua text with an environment, on every Lua version.
---@param text string
---@param name string
---@param environment table
---@return function
return function(text, name, environment)
  local setfenv = rawget(_G, "setfenv")
  if not setfenv then return assert(load(text, name, "t", environment)) end
  local chunk = assert(rawget(_G, "loadstring")(text, name))
  return setfenv(chunk, environment)
end
