--- The names that turns, cuts and faults know: a misspelt one would silently do nothing.
local code_problem = require("claude.simulator.faults").code_problem
local tables = require("claude.tables")

local M = {}

local function names(text)
  local set = {}
  for name in text:gmatch("%S+") do
    set[name] = true
  end
  return set
end

local CUT = names("at_byte after_event how")
local STREAM_ERROR = names("type message after_event")
local FAULT = names("status error_code type message details headers body times path")
local TURN = names([[content stop_reason stop_sequence stop_details usage id model error times
  stream_error cut chunk pace delay piece ping_every padding headers container
  context_management]])

---@param what string
---@param value any
---@param known table<string, boolean>
---@return string? problem
local function unknown(what, value, known)
  if value == nil then return nil end
  if type(value) ~= "table" then return ("%s is a table, not a %s"):format(what, type(value)) end
  for name in pairs(value) do
    if not known[name] then
      local all = table.concat(tables.sorted_names(known), ", ")
      return ("%s has no field %s; it has %s"):format(what, tostring(name), all)
    end
  end
end

--- What is wrong with where a reply is cut.
---@param cut any
---@return string? problem
function M.of_cut(cut) return unknown("cut", cut, CUT) end

---@param what string
---@param fault any
---@return string? problem
local function of_fault(what, fault)
  local problem = unknown(what, fault, FAULT)
  if problem or fault == nil then return problem end
  problem = code_problem(fault)
  return problem and ("%s: %s"):format(what, problem)
end

--- What is wrong with a list of faults.
---@param faults any
---@return string? problem
function M.of_faults(faults)
  if faults == nil then return nil end
  if type(faults) ~= "table" then return "faults is a list, not a " .. type(faults) end
  for i, fault in ipairs(faults) do
    local problem = of_fault(("faults[%d]"):format(i), fault)
    if problem then return problem end
  end
end

--- What is wrong with a turn of a script, a table.
---@param turn table
---@return string? problem
function M.of_turn(turn)
  return unknown("a turn", turn, TURN)
    or of_fault("a turn's error", turn.error)
    or unknown("a turn's stream_error", turn.stream_error, STREAM_ERROR)
    or M.of_cut(turn.cut)
end

return M
