--- Meters the tokens of what nginx proxies to the API, streamed or not, without holding back
--- a byte: the body filter shows each piece to the decoder and passes it on as it is.
---
--- Sums are kept in the shared dictionary `usage`, by route and key: "ROUTE KEY input",
--- "ROUTE KEY output", "ROUTE KEY requests", "ROUTE KEY cut". A key is shown as the first
--- digits of its hash. Needs no libcurl, and no key of its own.
local core = require("claude.core")

local M = {}

-- The decoder takes whole bodies in; an answer longer than this is not metered to its end.
local LIMITS = { max_body_bytes = 64 * 1024 * 1024, max_event_bytes = 8 * 1024 * 1024 }

local function hash_of_key()
  local headers = ngx.req.get_headers()
  local key = headers["x-api-key"] or headers["authorization"]
  return key and core.sha256(tostring(key)):sub(1, 12) or "none"
end

--- In header_filter_by_lua: begins to listen, if this is an answer that can be read.
---@param route string
function M.begin(route)
  local encoding = ngx.header.content_encoding
  if ngx.status ~= 200 then return end
  if encoding and encoding ~= "identity" then
    return ngx.log(ngx.WARN, "not metered, since it is compressed: ", encoding)
  end
  local response = core.response(LIMITS)
  response:feed_header("HTTP/1.1 200 OK")
  response:feed_header("content-type: " .. tostring(ngx.header.content_type))
  ngx.ctx.meter = { response = response, name = route .. " " .. hash_of_key() }
end

-- Reads what there is to read, so that nothing piles up.
local function drain(response)
  repeat
    local kind = response:next()
  until not kind
end

--- In body_filter_by_lua: shows the decoder a piece. Nothing is changed, nothing kept back.
function M.piece()
  local meter = ngx.ctx.meter
  if not meter then return end
  meter.response:feed(ngx.arg[1])
  drain(meter.response)
end

local function add(name, what, count) ngx.shared.usage:incr(name .. " " .. what, count, 0) end

-- What goes into the cache and comes out of it is input as well; all are told apart on the bill.
local INPUT = { "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens" }

--- In log_by_lua, which runs however the answer ended: adds up what it has cost. Of one that
--- was cut, what the API had told by then.
function M.add_up()
  local meter = ngx.ctx.meter
  if not meter then return end
  local response = meter.response
  response:finish()
  drain(response)
  local message = core.decode(response:message_json() or "null")
  if type(message) ~= "table" or type(message.usage) ~= "table" then return end
  local input = 0
  for _, field in ipairs(INPUT) do
    input = input + (tonumber(message.usage[field]) or 0)
  end
  add(meter.name, "requests", 1)
  add(meter.name, "input", input)
  add(meter.name, "output", tonumber(message.usage.output_tokens) or 0)
  if not response:complete() then add(meter.name, "cut", 1) end
end

--- The content of a location that shows the sums.
function M.show()
  local names = ngx.shared.usage:get_keys(0)
  table.sort(names)
  for _, name in ipairs(names) do
    ngx.say(name, " ", ngx.shared.usage:get(name))
  end
end

return M
