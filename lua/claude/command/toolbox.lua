--- The tools of `lua-claude demo`: arithmetic, the time, and files below the
--- current folder.
local calculator = require "claude.command.calculator"
local claude = require "claude"
local folder = require "claude.folder"

local M = {}

local MAX_FILE = 100000

M.calculator = claude.tool {
  name = "calculator",
  description = "Evaluate an arithmetic expression: + - * / % ^, parentheses, sqrt, log, exp, "
    .. "sin, cos, tan, abs, floor, ceil, round, min, max, pi and e.",
  input_schema = {
    type = "object",
    properties = {
      expression = { type = "string", description = "For example 10000 * (1 + 0.05) ^ 10" },
    },
    required = { "expression" },
  },
  run = function(input)
    local value, why = calculator.evaluate(tostring(input.expression))
    if not value then return nil, why end
    return calculator.format(value)
  end,
}

M.clock = claude.tool {
  name = "clock",
  description = "The current date and time, local and in UTC.",
  input_schema = { type = "object", properties = {} },
  run = function()
    local now = os.time()
    return {
      ["local"] = os.date("%A %Y-%m-%d %H:%M:%S %z", now),
      utc = os.date("!%Y-%m-%dT%H:%M:%SZ", now),
      unix = now,
    }
  end,
}

local function read_file(path)
  local found, uv = pcall(require, "luv")
  if not found then return nil, "files can only be read where luv is installed" end
  local real, why = folder.resolve(uv, path, "file")
  if not real then return nil, why end
  local file, problem = io.open(real, "rb")
  if not file then return nil, problem end
  local text = file:read(MAX_FILE + 1) or ""
  file:close()
  if #text <= MAX_FILE then return text end
  return text:sub(1, MAX_FILE) .. ("\n[cut after %d bytes]"):format(MAX_FILE)
end

M.read_file = claude.tool {
  name = "read_file",
  description = "Read a text file in the current folder or below it.",
  input_schema = {
    type = "object",
    properties = { path = { type = "string", description = "For example README.md" } },
    required = { "path" },
  },
  run = function(input) return read_file(tostring(input.path)) end,
}

--- All of them, as a conversation takes them.
M.all = { M.calculator, M.clock, M.read_file }

return M
