--- lua-claude: the Claude Messages API for Lua.
---
---     local claude = require "claude"
---     local client = claude.new()
---     local message = assert(client.messages:create {
---       model = "claude-opus-4-8", max_tokens = 16000,
---       messages = { { role = "user", content = "What is 127 * 389?" } },
---     })
---     print(message:text())
---
--- Every part loads when it is first used: libcurl with the first request, the rest
--- with the first call that needs it.

---@class claude
---@field _VERSION string
---@field new fun(options?: claude.ClientOptions): claude.Client
---@field loop fun(fn: function, ...: any): any
---@field spawn fun(fn: function, ...: any): claude.Task
---@field map function
---@field step function
---@field sleep function
---@field tool fun(fields: table): claude.Tool
---@field memory_tool fun(options: claude.MemoryOptions): claude.Tool
---@field content fun(items: string|table): claude.Content
---@field image function
---@field document function
---@field array fun(list?: table): table
---@field object fun(pairs?: table): table
---@field json fun(text: string): any
---@field mcp fun(options: claude.mcp.Options): claude.mcp.Server
---@field journal claude.journal
---@field transform_schema fun(schema: any): table
---@field null any
---@field Error table
---@field response fun(value: any): claude.Response?
---@field doctor fun(options?: claude.DoctorOptions): claude.Report
local M = { _VERSION = require("claude.version") }

-- name -> the function that brings what it stands for
local PARTS = {
  new = function() return require("claude.client").new end,
  loop = function() return require("claude.tasks").loop end,
  spawn = function() return require("claude.tasks").spawn end,
  map = function() return require("claude.tasks").map end,
  step = function() return require("claude.tasks").step end,
  sleep = function() return require("claude.tasks").sleep end,
  tool = function() return require("claude.tools").new end,
  memory_tool = function() return require("claude.memory_tool").new end,
  content = function() return require("claude.content").new end,
  image = function() return require("claude.media").image end,
  document = function() return require("claude.media").document end,
  array = function() return require("claude.core").array end,
  object = function() return require("claude.core").object end,
  null = function() return require("claude.core").null end,
  json = function()
    local core = require("claude.core")
    -- A member that silently became nil would be left out of the request.
    return function(text)
      if type(text) ~= "string" then
        error("claude.json takes JSON text, not a " .. type(text), 2)
      end
      local value, problem = core.raw(text)
      if value == nil then error("claude.json: " .. tostring(problem), 2) end
      return value
    end
  end,
  mcp = function() return require("claude.mcp").new end,
  journal = function() return require("claude.journal") end,
  transform_schema = function() return require("claude.schema_transform").transform end,
  Error = function() return require("claude.errors") end,
  response = function() return require("claude.response").find end,
  doctor = function() return require("claude.doctor").run end,
}

-- What does without the C core, so that it can tell why that is missing.
local WITHOUT_CORE = { doctor = true }

return setmetatable(M, {
  __index = function(_, name)
    local bring = PARTS[name]
    if not bring then return nil end
    if not WITHOUT_CORE[name] then require("claude.c_part")("claude.core", 2) end
    local part = bring()
    rawset(M, name, part)
    return part
  end,
})
