-- No window and no sound: the suite runs on machines without either.
function love.conf(t)
  t.identity = "lua-claude-hosts"
  t.modules.window = false
  t.modules.graphics = false
  t.modules.audio = false
  t.modules.sound = false
  t.modules.joystick = false
end
