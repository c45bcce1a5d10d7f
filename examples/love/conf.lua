function love.conf(t)
  t.identity = "lua-claude-innkeeper"
  t.window.title = "The innkeeper"
  t.window.width, t.window.height = 640, 360
  t.modules.audio = false
  t.modules.sound = false
end
