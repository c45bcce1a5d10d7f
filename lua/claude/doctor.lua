--- `claude.doctor`: whether everything is there that requests need, and what to do about
--- what is not. Works where the C parts do not load.
---
---     print(require("claude").doctor())
---     local report = require("claude").doctor { reach = true }
---     if not report.ok then … end
---
--- Sends nothing, unless `reach` asks for it: then one GET /v1/models, which costs nothing.
--- No finding holds a secret or a part of one.

local report = require("claude.doctor.report")

local M = {}

---@class claude.DoctorOptions
---@field reach? boolean also ask the API, once
---@field client? claude.ClientOptions look at what claude.new with these would use

local OPTIONS = { reach = "boolean", client = "table" }

local function check_options(options, level)
  if type(options) ~= "table" then error("claude.doctor: options must be a table", level + 1) end
  for name, value in pairs(options) do
    local expected = OPTIONS[name]
    if not expected then
      error(("claude.doctor: there is no option %s"):format(tostring(name)), level + 1)
    elseif type(value) ~= expected then
      error(("claude.doctor: %s must be a %s"):format(name, expected), level + 1)
    end
  end
  -- claude.new knows what is wrong with its options, once the core can be loaded.
  if options.client and pcall(require, "claude.core") then
    local silent = { on_warning = function() end }
    local given = require("claude.tables").merged(options.client, silent)
    local fits, problem = pcall(require("claude.client").new, given)
    if not fits then error(problem, level + 1) end
  end
end

--- Looks at everything.
---@param options? claude.DoctorOptions
---@return claude.Report
function M.run(options)
  options = options or {}
  check_options(options, 2)
  local found = report.new()
  local client_options = options.client or {}
  local host = require("claude.tasks").host_name()
  require("claude.doctor.parts").look(found, host)
  require("claude.doctor.connection").look(found, client_options, host)
  require("claude.doctor.account").look(found, client_options)
  if options.reach then require("claude.doctor.reach").look(found, client_options) end
  return found
end

return M
