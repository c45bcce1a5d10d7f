-- A failure names its seed: `require("spec.support.random_chat").run(seed, steps)` shows
-- it again.
local random_chat = require("spec.support.random_chat")

local SEEDS, STEPS = 15, 60

describe("random conversations against the strict simulator", function()
  for seed = 1, SEEDS do
    it(
      "are sent as they were sealed, and always sendable: seed " .. seed,
      function() random_chat.run(seed, STEPS) end
    )
  end
end)
