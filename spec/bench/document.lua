--- Writes what was measured into the documentation: `make bench-document`.
---
---     lua spec/bench/document.lua SAMPLES
---
--- From the raw samples comes doc/performance.json, their summary; from that alone come the tables
--- in doc/performance.md, between the comments that name them, and the plot, doc/performance.svg.
--- Without SAMPLES the summary is taken as it is. Samples that have not all rows are refused, and
--- nothing is written: the page would lose the others.
local core = require("claude.core")
local order = require("spec.bench.rows")
local page = require("spec.bench.page")
local plot = require("spec.bench.plot")
local summary = require("spec.bench.summary")

local SUMMARY, TEXT, PLOT = "doc/performance.json", "doc/performance.md", "doc/performance.svg"

local function refuse(...)
  io.stderr:write("bench-document: ", ...)
  io.stderr:write("\n")
  os.exit(1)
end

local function read(path)
  local file, problem = io.open(path)
  if not file then refuse(problem) end
  local text = file:read("*a") -- nil of a folder
  file:close()
  return text or refuse(path, " is no file")
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

-- Samples of all rows, as spec/bench/samples.lua writes them.
local function samples_of(path)
  local file = io.open(path)
  if not file then refuse("there is no ", path, ": make bench writes it") end
  file:close()
  local samples, problem = core.decode(read(path))
  if type(samples) ~= "table" then refuse(path, ": ", problem or "these are no samples") end
  local missing = {}
  for _, name in ipairs(order) do
    local row = samples[name]
    if row == nil then
      missing[#missing + 1] = name
    elseif type(row) ~= "table" or type(row.problems) ~= "table" then
      refuse(path, " has no samples of ", name, ": give the file that make bench left")
    end
  end
  if #missing > 0 then
    local names = table.concat(missing, " ")
    refuse(path, " has not all rows of the page; measure them: make bench ROWS='", names, "'")
  end
  return samples
end

if arg[1] then write(SUMMARY, assert(core.encode(summary.of(samples_of(arg[1])))) .. "\n") end
local all = assert(core.decode(read(SUMMARY)))
write(TEXT, page.write(read(TEXT), all))
write(PLOT, plot.draw(all))
