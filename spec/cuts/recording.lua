--- The reply that is cut and damaged: thinking with its signature, a tool of the server's and
--- its result, text of many bytes a character and with every escape, a call whose input comes
--- in pieces, pings in between. `tool_use.sse` is the stream, `tool_use.json` the message.
local M = {}

local HERE = debug.getinfo(1, "S").source:match("^@(.*)recording%.lua$")

local function read(name)
  local file = assert(io.open(HERE .. name, "rb"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

M.STREAM = read("tool_use.sse")
M.MESSAGE = read("tool_use.json")

--- The stream as it is when its last event never came.
---@return string
function M.without_stop()
  local last = M.STREAM:find("event: message_stop", 1, true)
  return M.STREAM:sub(1, last - 1)
end

M.HEAD = table.concat({
  "HTTP/1.1 200 OK",
  "Content-Type: text/event-stream; charset=utf-8",
  "request-id: req_01Cut",
  "Transfer-Encoding: chunked",
  "Connection: keep-alive",
  "",
  "",
}, "\r\n")

-- Chunks end in events, in lines and in characters alike.
local SIZES = { 997, 61, 16, 5, 1, 251 }
local LAST_CHUNK = "0\r\nServer-Timing: total\r\n\r\n"

--- A stream as the answer to a request, in chunks of these sizes in turn.
---@param stream string
---@param sizes integer[]
---@return string answer
---@return { [1]: integer, [2]: integer }[] data where its bytes lie that are not framing
function M.chunked(stream, sizes)
  local parts, data, length, at, number = { M.HEAD }, {}, #M.HEAD, 1, 0
  while at <= #stream do
    local size = math.min(sizes[number % #sizes + 1], #stream - at + 1)
    local head = ("%x\r\n"):format(size)
    parts[#parts + 1] = head .. stream:sub(at, at + size - 1) .. "\r\n"
    number = number + 1
    data[number] = { length + #head + 1, length + #head + size }
    length, at = length + #parts[#parts], at + size
  end
  parts[#parts + 1] = LAST_CHUNK
  return table.concat(parts), data
end

--- The whole stream as the answer to a request, and whether a byte of it is framing.
---@return string answer
---@return fun(at: integer): boolean is_framing
function M.answer()
  local answer, data = M.chunked(M.STREAM, SIZES)
  return answer,
    function(at)
      for _, range in ipairs(data) do
        if at >= range[1] and at <= range[2] then return false end
      end
      return true
    end
end

return M
