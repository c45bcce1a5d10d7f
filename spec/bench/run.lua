--- What the library costs, beside bare libcurl and beside what others do: `make bench`.
---
---     lua spec/bench/run.lua [ROW...]
---
--- Rows are files in spec/bench/rows; without names all of spec/bench/rows.lua run. In each row
--- several sides do the same work in turns: A B A B ... A process is started for each turn, and
--- what counts is its CPU time, user and system, less the median of the same command with 0
--- requests. Ratios are of two runs of one round; what is printed is their median over the rounds,
--- with the least and the greatest, the goal, and `ok` or `short`. A turn that fails, or whose
--- totals are not the server's, is no measurement: it counts for nothing, and that is said.
---
--- A row returns a table (bench.Row below). Fields that must be there: `name`, `about`, `unit`,
--- `path`, `sides` and `goals`. Standard sides are made by spec/bench/sides.lua, goals by
--- spec/bench/goals.lua. See rows/deltas_64k.lua for an example.
---
--- Environment: ROWS (names, as the arguments), ROUNDS (5), QUICK (few events, one round, no goals:
--- whether every row runs and its totals are right, with "N passed, N failed" at the end), PROGRAMS
--- (the folder of the C programs), SAMPLES (the file for raw samples; rows that were not measured
--- stay as they were in it).

---@class bench.Row
---@field name string as for ROWS; the file's name with "-" for "_"
---@field about string what is measured, in a line
---@field unit string of a side's cost, such as "CPU s per million events"
---@field path string of the server's options (spec/bench/stream_server.c); {events} is the number
---@field events? integer in a request; 0 without it
---@field quick_events? integer the same in the quick form; 2,000 without it
---@field per? number what one request is in the unit's denominator (events / 1e6 without it)
---@field rounds? integer
---@field sides bench.Side[] in the order of their turns
---@field goals bench.Goal[]
---@field start? fun(bench: bench.Bench, row: bench.Row): bench.Server servers of its own
---@field check? fun(report: table, requests: integer, totals: table, compare: function): string?
--- what is wrong with what a side printed; without it, and by `compare`, all totals that it has are
--- compared with the server's
---@field missing? fun(): string? why the whole row cannot be measured here

---@class bench.Side
---@field name string "project", "bare", "cjson", "sdk" or another
---@field command string[] {url}, {base} and {requests} are filled in; it prints a line of JSON;
--- `cpu` in it, seconds, stands for what the process took, where another did the work
---@field requests integer in one turn
---@field path? string where it is another than the row's
---@field quick_path? string the same in the quick form
---@field times? integer processes in one turn, one after the other (1): where one is short
---@field every? integer it takes its turn in every so-manieth round only (1): for the slow ones
---@field missing? fun(): string? why it cannot be measured here
---@field only_reports? boolean what it prints counts, and not what it costs
---@field started? boolean the start of the process is a part of its cost

---@class bench.Sample
---@field cost number in the row's unit
---@field cpu number seconds, of a whole process
---@field wall number seconds
---@field peak_kb number
---@field report table what the side printed

---@class bench.Goal
---@field text string what is looked at, such as "project / bare"
---@field goal string such as "<= 5"
---@field value fun(round: table<string, bench.Sample>): number? of one round
---@field good fun(value: number): boolean
---@field form? string of the value ("%.2f")

---@class bench.Server
---@field url string
---@field stop fun(self: bench.Server)

---@class bench.Bench
---@field server bench.Server spec/bench/stream_server.c
---@field quick boolean

local measure = require("spec.bench.measure")
local print_rows = require("spec.bench.print_rows")
local samples = require("spec.bench.samples")
local servers = require("spec.support.servers")

local QUICK = (os.getenv("QUICK") or "") ~= ""
local ROWS = require("spec.bench.rows")
local PROGRAMS = os.getenv("PROGRAMS") or "build/lua5.4/bench"

local function names()
  local wanted = {}
  for name in ((os.getenv("ROWS") or "") .. " " .. table.concat(arg, " ")):gmatch("%S+") do
    wanted[#wanted + 1] = name
  end
  return #wanted > 0 and wanted or ROWS
end

-- As it was asked for; nil leaves it to the row.
---@return integer?
local function rounds()
  local asked = os.getenv("ROUNDS") or ""
  if asked == "" then return QUICK and 1 or nil end
  local number = tonumber(asked)
  if not number or number < 1 or number % 1 ~= 0 then
    io.stderr:write(("ROUNDS is %s, and must be a whole number from 1\n"):format(asked))
    os.exit(2)
  end
  return number
end

local function load_row(name)
  local row = require("spec.bench.rows." .. name:gsub("-", "_"))
  assert(row.name == name, "the row calls itself " .. tostring(row.name))
  return row
end

-- Before a server is there that would go on.
---@return bench.Row[]
local function load_rows()
  local known, rows = {}, {}
  for _, name in ipairs(ROWS) do
    known[name] = true
  end
  for i, name in ipairs(names()) do
    if not known[name] then
      io.stderr:write(
        ("no row is called %s; there are: %s\n"):format(name, table.concat(ROWS, " "))
      )
      os.exit(2)
    end
    rows[i] = load_row(name)
  end
  return rows
end

---@param bench bench.Bench
---@param row bench.Row
---@param asked? integer rounds
---@return integer passed
---@return integer failed
local function run_row(bench, row, asked)
  local why = row.missing and row.missing()
  if why then
    print_rows.left_out(row, why, QUICK)
    return 0, 0
  end
  local result = measure.row(bench, row, asked or row.rounds or 5)
  print_rows.result(row, result, QUICK)
  if not QUICK then samples.keep(row, result) end
  return result.passed, result.failed
end

local function main()
  local rows, asked = load_rows(), rounds()
  local server = servers.spawn(("exec %s/stream_server 1"):format(PROGRAMS))
  local bench = { server = server, quick = QUICK, programs = PROGRAMS }
  local passed, failed = 0, 0
  if not QUICK then print_rows.machine(samples.machine()) end
  for _, row in ipairs(rows) do
    local went, broke = run_row(bench, row, asked)
    passed, failed = passed + went, failed + broke
  end
  server:stop()
  if not QUICK then samples.write() end
  print(("%d passed, %d failed"):format(passed, failed))
  os.exit(failed == 0 and 0 or 1)
end

main()
