--- `lua-claude doctor`: whether everything is there that requests need.
local exits = require "claude.command.exits"
local number = require "claude.command.number"
local output = require "claude.command.output"
local terminal = require "claude.command.terminal"

local M = {}

--- Declares the options.
---@param command table of argparse
function M.declare(command)
  command:summary "Find out why it does not work."
  command:description(
    "Report Lua, the parts of lua-claude, libcurl, JSON, certificate authorities, proxy and\n"
      .. "credentials (never their values), each with what to do about it. Sends nothing without\n"
      .. "--reach. Exit status: 0 nothing stands in the way of requests, 1 something does."
  )
  command:flag("--reach", "Also ask the API: one GET /v1/models, which costs nothing.")
  command
    :option("--timeout", "With --reach: most seconds to wait for connection or answer.")
    :argname("<s>")
    :convert(number.seconds "--timeout")
  command:flag("--json", "Print the report as one line of JSON.")
end

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t" }

-- By hand: the report is wanted most where claude.core does not load.
local function quoted(text)
  if text == nil then return "null" end
  local core = package.loaded["claude.core"]
  text = core and core.utf8_scrub(text) or text:gsub("[\128-\255]", "?")
  local escaped = text:gsub(
    '[%z\1-\31\127"\\]',
    function(char) return ESCAPES[char] or ("\\u%04x"):format(char:byte()) end
  )
  return '"' .. escaped .. '"'
end

---@param report claude.Report
---@return string json
local function json_of(report)
  local findings = {}
  for i, finding in ipairs(report) do
    findings[i] = ('{"name":%s,"ok":%s,"text":%s,"hint":%s}'):format(
      quoted(finding.name),
      finding.ok == nil and "null" or tostring(finding.ok),
      quoted(finding.text),
      quoted(finding.hint)
    )
  end
  return ('{"ok":%s,"findings":[%s]}'):format(tostring(report.ok), table.concat(findings, ","))
end

local function limits_of(seconds)
  if not seconds or seconds == 0 then return nil end
  return { connect = seconds, first_byte = seconds, idle = seconds }
end

--- Runs the subcommand.
---@param options table
---@return integer status
function M.run(options)
  local report = require("claude.doctor").run {
    reach = options.reach or false,
    client = { limits = limits_of(options.timeout) },
  }
  local text = options.json and json_of(report) or tostring(report)
  if terminal.is_terminal(1) then text = terminal.harmless(text) end
  output.write(io.stdout, text, "\n")
  return report.ok and exits.ok or exits.failed
end

return M
