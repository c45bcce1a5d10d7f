--- What spec/nginx/phases_spec.lua runs in each phase; what comes of it goes to a shared
--- dictionary, by the name of the phase.
local claude = require("claude")
local handlers = require("spec.nginx.handlers")
local ngx = rawget(_G, "ngx")

local M = {}

local client ---@type claude.Client

local function tell(key, text) ngx.shared.told:set(key, text) end

local function answer()
  local message, text, err = client.messages:create(handlers.PARAMS)
  return message and message:text() or ("%s %s"):format(err.kind, text)
end

--- Asks here, whatever the phase.
function M.ask() tell(ngx.get_phase(), answer()) end

--- Asks in a task.
---@param key string
function M.spawn(key)
  claude.spawn(function() tell(key, ngx.get_phase() .. " " .. answer()) end)
end

--- In init_by_lua: makes the client of all workers.
---@param base string
function M.init(base)
  client = claude.new({ api_key = "key-of-the-nginx-specs", base_url = base, max_retries = 0 })
  M.ask()
  local task = claude.spawn(function() end)
  tell("init_spawn", task:result().text)
end

return M
