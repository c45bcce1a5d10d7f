-- A script of mpv: the player owns its loop, and a timer of it takes the steps.
local claude = require("claude")
local runner = require("spec.hosts.runner")

require("claude.loop").use("blocking")
local task = runner.run(runner.environment(true), runner.write)
mp.add_periodic_timer(0.01, function()
  claude.step(2)
  if task:is_done() then mp.command("quit") end
end)
