-- Plays the example of LÖVE by its keys, frame by frame, and tells what is on the screen.
dofile(os.getenv("EXAMPLE") .. "/main.lua")

local shown = "" -- in the last frame
local update, draw, print_formatted = love.update, love.draw, love.graphics.printf

function love.graphics.printf(text, ...)
  shown = shown .. text .. "\n"
  return print_formatted(text, ...)
end

local function tell(what)
  io.write(what, ": ", (shown:gsub("%s+", " ")), "\n")
  io.flush()
end

local function type_in(text)
  love.event.push("textinput", text)
  love.event.push("keypressed", "return", "return", false)
end

local function press(key) love.event.push("keypressed", key, key, false) end

-- What to wait for on the screen, and what to do then.
local STEPS = {
  { "innkeeper looks up", function() type_in("What is 127 * 389?") end },
  {
    "49403.*> _",
    function()
      tell("answered")
      type_in("Take your time")
    end,
  },
  { "word%d+", function() press("escape") end },
  {
    " –.*> _",
    function()
      tell("interrupted")
      type_in("Go on: what is 2 + 3?")
    end,
  },
  {
    "2 %+ 3 = 5.*> _",
    function()
      tell("went on")
      press("escape")
    end,
  },
}

local at = 1

-- A task whose failure nobody waits for: what LÖVE shows then is written here.
if os.getenv("UNLUCKY") then
  require("claude").spawn(function() error("unlucky") end)
  function love.errorhandler(text)
    io.write("shown: ", text, "\n")
    return function() return 1 end
  end
end

function love.update(seconds)
  update(seconds)
  local step = STEPS[at]
  if not step or not shown:find(step[1]) then return end
  at = at + 1
  step[2]()
end

function love.draw()
  shown = ""
  draw()
end
