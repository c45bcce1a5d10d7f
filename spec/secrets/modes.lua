--- The ways in which a program has the key in its environment: the command with each of its
--- subcommands, and a script that does all it can. Each is `{ name, command, … }`:
---
---   children  it starts a process, which has to be looked at
---   stop      it serves until it is ended
---   status    how it ends, "exit 0" without it
---   says      a text that it must have written
local nvim = require("spec.support.nvim")

local M = {}

---@class spec.SecretPlace
---@field folder string
---@field command string the command lua-claude
---@field lua string
---@field echo string URL of a server that says what it heard

local RECORDING = "event: message_start\ndata: {}\n\n"

local function with_input(place, input, ...)
  local file = assert(io.open(place.folder .. "/input", "w"))
  file:write(input)
  file:close()
  local line = 'folder=$1; shift; exec "$@" <"$folder/input"'
  return { "sh", "-c", line, "sh", place.folder, place.command, ... }
end

local WAITS = 'for i in $(seq 600); do [ -e "$1/seen" ] && break; sleep 0.05; done; env'

---@class spec.SecretMode
---@field [1] string its name
---@field [2] fun(place: spec.SecretPlace): string[]
---@field children? boolean
---@field stop? boolean
---@field status? string
---@field says? string
---@field base? string path at the server that says what it heard

---@type spec.SecretMode[]
M.ALL = {
  { "ask", function(place) return { place.command, "ask", "What is 2 * 3?" } end },
  { "ask --json", function(place) return { place.command, "ask", "--json", "What is 2 * 3?" } end },
  {
    "ask, refused",
    function(place) return { place.command, "ask", "What is 2 * 3?" } end,
    base = "401",
    status = "exit 3",
  },
  { "chat", function(place) return with_input(place, "What is 2 * 3?\nAnd 4?\n", "chat") end },
  { "demo", function(place) return { place.command, "demo" } end },
  {
    "replay",
    function(place)
      local path = place.folder .. "/recorded.sse"
      local file = io.open(path) or assert(io.open(path, "w"))
      file:write(RECORDING)
      file:close()
      return { place.command, "replay", path }
    end,
  },
  { "doctor", function(place) return { place.command, "doctor" } end },
  { "doctor --reach", function(place) return { place.command, "doctor", "--reach" } end },
  { "doctor --json", function(place) return { place.command, "doctor", "--json" } end },
  { "wrong use", function(place) return { place.command, "ask", "--none" } end, status = "exit 2" },
  {
    "simulate",
    function(place) return { place.command, "simulate" } end,
    stop = true,
    status = "exit 143",
  },
  {
    "simulate -- program",
    function(place)
      return { place.command, "simulate", "--", "sh", "-c", WAITS, "sh", place.folder }
    end,
    children = true,
  },
  {
    "script",
    function(place) return { place.lua, "spec/secrets/script.lua", place.folder, place.echo } end,
    children = true,
  },
}

local function editor()
  nvim.build()
  return { "nvim", "--headless", "-u", "spec/secrets/nvim.lua" }
end

if not nvim.missing() then
  table.insert(M.ALL, { ":Claude", editor, says = "2 * 3 = 6." })
  table.insert(M.ALL, {
    ":Claude, refused",
    editor,
    base = "401",
    says = "The question is kept",
  })
end

return M
