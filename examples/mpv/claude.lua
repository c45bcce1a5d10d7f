-- A script of mpv: press "?" and Claude explains what is playing, on the screen and in the
-- terminal; "?" once more stops it. Run it with
--
--     eval "$(make -s env LUA=lua5.2)" && make LUA=lua5.2 && mpv --script=examples/mpv/claude.lua …
--
-- or, without a key, with the simulator: put `build/lua-claude simulate --` before mpv.
-- (mpv built with LuaJIT needs LUA=luajit; `mpv --version -v` says which Lua it has.)
local claude = require("claude")

local SECONDS = 30 -- that the answer stays on the screen

local client = claude.new() -- ANTHROPIC_API_KEY from the environment
local answer ---@type claude.Stream? the reply that is arriving

-- mpv lends no event loop: a timer takes the steps while there is something to do.
local steps = mp.add_periodic_timer(0.02, function() claude.step(2) end)
steps:stop()

local function show(text) mp.osd_message(text, SECONDS) end

local function explain(question)
  local text = ""
  local piece, problem, err = answer:next_text()
  while piece do
    text = text .. piece
    show(text)
    piece, problem, err = answer:next_text()
  end
  if err and err.kind ~= "cancelled" then show(problem) end
  mp.msg.info(question, err and problem or text)
end

local function toggle()
  if answer then return answer:cancel() end
  local question = "What is this: " .. mp.get_property("media-title", "nothing at all") .. "?"
  answer = client.messages:stream({
    model = "claude-haiku-5-5",
    max_tokens = 500,
    thinking = { type = "disabled" }, -- a quick answer matters more here
    system = "Explain what is playing in three sentences, for a viewer.",
    messages = { { role = "user", content = question } },
  })
  show("…")
  steps:resume()
  claude.spawn(function()
    explain(question)
    answer = nil
    steps:stop()
  end)
end

mp.add_key_binding("?", "explain", toggle)
