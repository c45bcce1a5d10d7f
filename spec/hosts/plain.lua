--- A plain script as host: `lua plain.lua <way>`, where the way says who waits.
local claude = require("claude")
local hub = require("claude.loop")
local runner = require("spec.hosts.runner")

local WAYS = {}

--- The library waits by itself.
function WAYS.blocking()
  hub.use("blocking")
  runner.run(runner.environment(true), runner.write)
  claude.loop()
end

--- The program runs luv's loop.
function WAYS.luv()
  hub.use("luv")
  runner.run(runner.environment(true), runner.write)
  require("luv").run()
end

--- The program runs a controller of cqueues, and the suite is waited for in one of its
--- coroutines.
function WAYS.cqueues()
  local controller = require("cqueues").new()
  hub.use("cqueues")
  controller:wrap(function() runner.run(runner.environment(true), runner.write):wait() end)
  assert(controller:loop())
end

--- The program draws 60 frames a second and gives the library 2 ms of each.
function WAYS.step()
  hub.use("blocking")
  local pause = require("luv").sleep
  local task = runner.run(runner.environment(true), runner.write)
  while not task:is_done() do
    claude.step(2)
    pause(16)
  end
end

local way = arg[1]
WAYS[way]()
