-- A game as host: it takes a step once a frame.
local claude = require("claude")
local runner = require("spec.hosts.runner")

local task

function love.load()
  require("claude.loop").use("blocking")
  task = runner.run(runner.environment(true), runner.write)
end

function love.update()
  claude.step(2)
  if task:is_done() then love.event.quit() end
end
