--- Checks for the cases of the host suite, which run where busted cannot.
local M = {}

local function show(value)
  if type(value) == "string" then return ("%q"):format(value) end
  return tostring(value)
end

--- Raises unless both are equal.
---@param expected any
---@param actual any
---@param what? string
function M.equal(expected, actual, what)
  if expected == actual then return end
  local text = "%sexpected %s, got %s"
  error(text:format(what and what .. ": " or "", show(expected), show(actual)), 2)
end

--- Raises unless `part` stands in the text.
---@param part string
---@param text any
function M.contains(part, text)
  if type(text) == "string" and text:find(part, 1, true) then return end
  error(("%s expected in %s"):format(show(part), show(text)), 2)
end

--- Raises unless both lists have equal elements.
---@param expected any[]
---@param actual any[]
function M.list(expected, actual)
  local wanted, got = {}, {}
  for i, value in ipairs(expected) do
    wanted[i] = show(value)
  end
  for i, value in ipairs(actual) do
    got[i] = show(value)
  end
  M.equal(table.concat(wanted, ", "), table.concat(got, ", "))
end

return M
