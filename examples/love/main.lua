-- A room in a game, with an innkeeper who answers. Run it with
--
--     eval "$(make -s env LUA=luajit)" && make LUA=luajit && love examples/love
--
-- or, without a key, with the simulator: put `build/lua-claude simulate --` before love.
--
-- Type and press return; escape interrupts him, and leaves when he is silent.
local claude = require("claude")

local client = claude.new() -- ANTHROPIC_API_KEY from the environment
local innkeeper = client:conversation({
  model = "claude-haiku-5-5",
  max_tokens = 500,
  thinking = { type = "disabled" }, -- a quick answer matters more here
  system = "You keep the inn of a small harbour town. Answer in character, in two sentences.",
})

local typed, said = "", 'The innkeeper looks up: "What can I do for you?"'
local answer ---@type claude.Stream? the reply that is being spoken

-- Reads the reply piece by piece; the game goes on in between.
local function listen()
  local text, problem, err = answer:next_text()
  while text do
    said = said .. text
    text, problem, err = answer:next_text()
  end
  answer = nil
  if not err then return end
  if err.kind == "cancelled" then
    said = said .. " –"
    -- He remembers what he said until then.
    if err.partial then innkeeper:keep(err.partial) end
  else
    said = problem
  end
end

local function ask(question)
  assert(innkeeper:user(question))
  said, typed = "", ""
  answer = innkeeper:stream()
  claude.spawn(listen)
end

function love.load() love.keyboard.setKeyRepeat(true) end

function love.textinput(text) typed = typed .. text end

function love.keypressed(key)
  if key == "return" and not answer and typed ~= "" then
    ask(typed)
  elseif key == "backspace" then
    typed = typed:gsub("[^\128-\191][\128-\191]*$", "") -- a whole UTF-8 character
  elseif key == "escape" then
    if answer then
      answer:cancel()
    else
      love.event.quit()
    end
  end
end

-- Whatever goes wrong in a task is raised here, and LÖVE shows it.
function love.update() claude.step(2) end

function love.draw()
  love.graphics.printf(said, 40, 60, 560)
  love.graphics.printf("> " .. typed .. (answer and "" or "_"), 40, 300, 560)
end
