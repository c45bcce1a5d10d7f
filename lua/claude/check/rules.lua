--- What the API refuses: the error for a rule that is broken, and what to do about the
--- API's own refusals. The rules themselves are loaded when the first is broken.

local errors = require("claude.errors")

-- The general ones come last: the first match gives the hint.
local GENERAL = {
  extra_field = 2,
  field_missing = 2,
  field_type = 2,
  model_unknown = 2,
  effort_none = 1,
}

local M = {}

---@param rules table<string, claude.Rule>
---@return string[]
local function ordered_names(rules)
  local names = {}
  for name, rule in pairs(rules) do
    if rule.api then names[#names + 1] = name end
  end
  table.sort(names, function(a, b)
    local x, y = GENERAL[a] or 0, GENERAL[b] or 0
    if x ~= y then return x < y end
    return a < b
  end)
  return names
end

local names

--- What to do about an error text of the API; nil when no rule knows it.
---@param message string
---@return string? remedy
---@return string? rule name of the rule
function M.hint_for(message)
  local rules = require("claude.check.rule_table")
  names = names or ordered_names(rules)
  for _, name in ipairs(names) do
    for _, pattern in ipairs(rules[name].api) do
      if message:find(pattern) then return rules[name].remedy, name end
    end
  end
  return nil
end

--- The error for a broken rule; further arguments fill the rule's text.
---@param name string
---@param path string parameter, such as "messages[2].content[1]"
---@return claude.Error
function M.broken(name, path, ...)
  local rule = require("claude.check.rule_table")[name]
  return errors.new({
    kind = "invalid",
    type = "invalid_request_error",
    rule = name,
    path = path,
    message = rule.text:format(...),
    hint = rule.remedy,
  })
end

return M
