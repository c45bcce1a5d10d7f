--- What the doctor found: a list of findings that prints well.

---@class claude.Finding
---@field name string what was looked at, such as "libcurl"
---@field ok? boolean true: as it should be; false: requests will fail; nil: good to know
---@field text string what was found
---@field hint? string what to do about it

---@class claude.Report
---@field ok boolean whether nothing was found that requests would fail of
---@field [integer] claude.Finding
local Report = {}
Report.__index = Report
Report.__name = "claude.Report"

local MARKS = { [true] = "ok  ", [false] = "FAIL" }
local NOTE = "-   "
local WIDEST = 12 -- the longest names of findings have so many letters

--- Adds a finding.
---@param name string
---@param ok boolean?
---@param text string
---@param hint? string
---@package
function Report:add(name, ok, text, hint)
  self[#self + 1] = { name = name, ok = ok, text = text, hint = hint }
  if ok == false then self.ok = false end
end

--- The first finding of that name.
---@param name string
---@return claude.Finding?
function Report:find(name)
  for _, finding in ipairs(self) do
    if finding.name == name then return finding end
  end
  return nil
end

local function last_line(failures)
  if failures == 0 then return "Nothing stands in the way of requests." end
  if failures == 1 then return "One thing stands in the way of requests." end
  return ("%d things stand in the way of requests."):format(failures)
end

--- A line for each finding, another for each hint, and one about them all.
---@return string
function Report:__tostring()
  local lines, failures = {}, 0
  local indent = "\n" .. (" "):rep(WIDEST + 6)
  for _, finding in ipairs(self) do
    local name = finding.name .. (" "):rep(WIDEST - #finding.name)
    local text = finding.text:gsub("\n%s*", indent)
    lines[#lines + 1] = ("%s %s %s"):format(MARKS[finding.ok] or NOTE, name, text)
    if finding.hint then lines[#lines] = lines[#lines] .. indent .. "hint: " .. finding.hint end
    if finding.ok == false then failures = failures + 1 end
  end
  lines[#lines + 1] = last_line(failures)
  return table.concat(lines, "\n")
end

local M = {}

---@return claude.Report
function M.new() return setmetatable({ ok = true }, Report) end

return M
