-- Presses the key of the example for mpv, and ends the player when the answer is there.
mp.enable_messages("info")

local asked = 0

local function ask()
  asked = asked + 1
  mp.commandv("keypress", "?")
end

mp.register_event("log-message", function(event)
  if event.prefix ~= "claude" then return end
  if asked < 2 then return ask() end
  mp.command("quit")
end)

mp.add_timeout(0.2, ask)
