--- How many instructions the core takes for fixed inputs, counted by valgrind and held against
--- those that are recorded beside this file: a guard that no load of the machine can fool.
---
---   lua spec/bench/instructions.lua WORK           compares, and fails beyond the tolerance
---   lua spec/bench/instructions.lua WORK record    writes what is counted now into the record
---
--- WORK is what `make` builds from spec/bench/core_work.c. What another compiler makes of the same
--- sources counts otherwise: then the counts are printed, and nothing is compared.

local RECORD = "spec/bench/instructions.txt"
local TOLERANCE = 0.03
-- Of the C library the same functions everywhere, whatever this processor could do besides; and
-- none that copies by one instruction which valgrind counts once for each byte.
local TUNABLES = "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-EVEX,-BMI2,"
  .. "-LZCNT,-MOVBE,-RTM,-ERMS,-FSRM,-AVX_Fast_Unaligned_Load"
  .. ":glibc.cpu.x86_non_temporal_threshold=0x40000000"

local work, record = arg[1], arg[2] == "record"

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

--- What a command says, its standard error too.
local function output(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local function count(name)
  local command = "GLIBC_TUNABLES=%s valgrind --tool=callgrind --callgrind-out-file=/dev/null"
    .. " --collect-atstart=no --toggle-collect=counted_work %s run %s"
  local said = output(command:format(TUNABLES, quote(work), name))
  local events, instructions = said:match("\n(%d+)\n"), said:match("Collected : (%d+)")
  if not (events and instructions) then
    io.stderr:write("bench-instructions: valgrind could not count ", name, ":\n", said)
    os.exit(1)
  end
  return tonumber(instructions), tonumber(events)
end

local function read_record()
  local recorded, file = {}, assert(io.open(RECORD))
  recorded.compiler = file:read("*l")
  for line in file:lines() do
    local name, instructions = line:match("^(%S+) (%d+)$")
    recorded[name] = tonumber(instructions)
  end
  file:close()
  return recorded
end

local function write_record(compiler, counted)
  local file = assert(io.open(RECORD, "w"))
  file:write(compiler, "\n")
  for _, row in ipairs(counted) do
    file:write(("%s %d\n"):format(row.name, row.instructions))
  end
  assert(file:close())
end

local function count_all()
  local counted = {}
  for name in output(quote(work) .. " list"):gmatch("%S+") do
    local instructions, events = count(name)
    counted[#counted + 1] = { name = name, instructions = instructions, events = events }
  end
  return counted
end

--- Whether a row is within the tolerance; fewer instructions than recorded are to be recorded.
local function compare(row, recorded)
  local change = recorded and row.instructions / recorded - 1
  local verdict = "not recorded"
  if change then
    verdict = math.abs(change) <= TOLERANCE and "ok" or change > 0 and "more" or "less"
  end
  print(
    ("%-16s %9.0f %12d %12s %7s  %s"):format(
      row.name,
      row.instructions / row.events,
      row.instructions,
      recorded or "-",
      change and ("%+.1f %%"):format(change * 100) or "-",
      verdict
    )
  )
  return verdict == "ok"
end

local compiler = output(quote(work) .. " compiler"):match("^[^\n]*")
local counted = count_all()
if record then write_record(compiler, counted) end
local recorded = read_record()
local same = recorded.compiler == compiler
if not same then recorded = { compiler = recorded.compiler } end

print(("%-16s %9s %12s %12s %7s"):format("input", "per event", "counted", "recorded", "change"))
local passed, failed = 0, 0
for _, row in ipairs(counted) do
  if compare(row, recorded[row.name]) then
    passed = passed + 1
  else
    failed = failed + 1
  end
end
if not same then
  print(("Made with %s, recorded with %s: not compared."):format(compiler, recorded.compiler))
  print(#counted .. " skipped")
  passed, failed = 1, 0
elseif failed > 0 then
  print("If this is meant: make bench-instructions ARGS=record")
end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
