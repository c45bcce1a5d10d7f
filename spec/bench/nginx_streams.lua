--- What the measured nginx does with a stream: the library's way, and the least there is.
local claude = require("claude")
local ngx = rawget(_G, "ngx")

local M = {}

local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 1000,
  messages = { { role = "user", content = "Go on" } },
}

local client ---@type claude.Client

--- Passes the text on.
---@param upstream string
function M.claude(upstream)
  client = client or claude.new({ api_key = "key-of-the-benchmark", base_url = upstream })
  for text in client.messages:stream(PARAMS):text_stream() do
    ngx.print(text)
    ngx.flush(true)
  end
end

local function each_piece(upstream, take)
  local tcp = ngx.socket.tcp()
  assert(tcp:connect("127.0.0.1", tonumber(upstream:match("(%d+)$"))))
  tcp:settimeout(60000)
  tcp:send("GET /v1/messages HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
  local piece = tcp:receiveany(65536)
  while piece do
    take(piece)
    piece = tcp:receiveany(65536)
  end
end

--- Reads, and throws away what comes.
---@param upstream string
function M.discard(upstream)
  each_piece(upstream, function() ngx.ctx.pieces = true end)
end

--- Passes on what comes, as it comes: what any relay has to do.
---@param upstream string
function M.relay(upstream)
  each_piece(upstream, function(piece)
    ngx.print(piece)
    ngx.flush(true)
  end)
end

return M
