--- What the nginx of these specs answers with: each function is the content of a location
--- of its name, asked with arguments in the query.
local claude = require("claude")
local core = require("claude.core")
local ngx = rawget(_G, "ngx")

local M = {}

local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 100,
  messages = { { role = "user", content = "Say hello" } },
}
M.PARAMS = PARAMS

local function arguments() return ngx.req.get_uri_args() end

local function client_of(args)
  local seconds = tonumber(args.seconds) or 5
  return claude.new({
    api_key = "key-of-the-nginx-specs",
    base_url = args.base,
    max_retries = tonumber(args.retries) or 0,
    limits = { connect = seconds, first_byte = seconds, idle = seconds, stalled = seconds },
    proxy = args.proxy,
    no_proxy = args.no_proxy,
    ca_file = args.ca_file,
    http_version = args.http_version,
    allow_http = args.allow_http ~= nil or nil,
  })
end

--- One line for each piece of a stream, the failure as the last.
---@param stream claude.Stream
---@return string
function M.lines_of(stream)
  local lines = {}
  local kind, text, index = stream:next()
  while kind do
    lines[#lines + 1] = ("%s %s %s"):format(kind, tostring(index), text or "")
    kind, text, index = stream:next()
  end
  local err = index
  if err then lines[#lines + 1] = ("%s error, request %s"):format(err.kind, err.request_id) end
  return table.concat(lines, "\n") .. "\n"
end

function M.stream() ngx.print(M.lines_of(client_of(arguments()).messages:stream(PARAMS))) end

--- The text of the failure and its kind, or "whole".
function M.failure()
  local message, text, err = client_of(arguments()).messages:create(PARAMS)
  ngx.say(message and "whole" or ("%s\n%s"):format(err.kind, text))
end

function M.conversation()
  local chat = client_of(arguments()):conversation({ model = PARAMS.model, max_tokens = 100 })
  chat:user("Say hello")
  assert(chat:send())
  ngx.print((assert(chat:dump())))
end

--- Answers with JSON what `fn` returns.
---@param fn function
function M.answer(fn)
  ngx.header.content_type = "application/json"
  ngx.print((assert(core.encode(fn(arguments(), client_of)))))
end

return M
