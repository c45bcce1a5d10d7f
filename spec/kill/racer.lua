--- Opens a journal, says how that went, and has it until its input ends: racer.lua JOURNAL.
local claude = require("claude")
local scenario = require("spec.kill.scenario")
local tellers = require("spec.kill.tellers")

local client = claude.new({ api_key = scenario.KEY, base_url = "http://127.0.0.1:9" })
local chat, text = scenario.open(client, arg[1], tellers.to_list({}))
io.stdout:write(chat and "won" or text, "\n")
io.stdout:flush()
io.read("*a")
