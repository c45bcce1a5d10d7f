--- How many instructions the core takes for an event, as callgrind counts them: the same number
--- every time.
---
---     lua instructions.lua CORE EVENTS PIECE-BYTES
---
--- Prints it as JSON. (The kernel's own are not in it.)
local child = require("spec.support.child")

local core, events, piece = arg[1], tonumber(arg[2]), arg[3]

local function count(repeats)
  local command = "valgrind --tool=callgrind --callgrind-out-file=/dev/null %s %d %d %s"
  local ran = child.run(command:format(core, events, repeats, piece))
  return assert(tonumber(ran.err:match("Collected : (%d+)")), ran.err)
end

print(('{"instructions":%.1f}'):format((count(2) - count(1)) / events))
