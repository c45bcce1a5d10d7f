--- Writes what was measured into the documentation: `make bench-document`.
---
---     lua spec/bench/document.lua SAMPLES
---
--- From the raw samples comes doc/performance.json, their summary; from that alone come the tables
--- in doc/performance.md, between the comments that name them, and the plot, doc/performance.svg.
--- Without SAMPLES the summary is taken as it is.
local core = require("claude.core")
local page = require("spec.bench.page")
local plot = require("spec.bench.plot")
local summary = require("spec.bench.summary")

local SUMMARY, TEXT, PLOT = "doc/performance.json", "doc/performance.md", "doc/performance.svg"
local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

if arg[1] then
  local samples = assert(core.decode(read(arg[1])))
  write(SUMMARY, assert(core.encode(summary.of(samples))) .. "\n")
end
local all = assert(core.decode(read(SUMMARY)))
write(TEXT, page.write(read(TEXT), all))
write(PLOT, plot.draw(all))
