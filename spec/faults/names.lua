--- A name server on loopback: says nothing while it is told to hang, knows no name while it is
--- told so, else gives 127.0.0.1 for every name.
local M = {}

local LOOPBACK = "\127\0\0\1"

-- The question comes back as it was asked; one address record points to its name.
local function answer_to(query, rcode)
  local id, question = query:sub(1, 2), query:sub(13)
  local name_end = assert(question:find("\0", 1, true))
  question = question:sub(1, name_end + 4)
  local wants_a = question:sub(-4, -3) == "\0\1"
  local found = rcode == 0 and wants_a
  local head = id .. "\129" .. string.char(128 + rcode) .. "\0\1\0" .. (found and "\1" or "\0")
  local record = found and "\192\12\0\1\0\1\0\0\0\1\0\4" .. LOOPBACK or ""
  return head .. "\0\0\0\0" .. question .. record
end

local NO_SUCH_NAME = 3

--- Serves on a port of 127.0.0.1 and returns it.
---@param uv table
---@param state { names: "hang"|"unknown"|nil }
---@return integer port
function M.serve(uv, state)
  local socket = uv.new_udp()
  assert(socket:bind("127.0.0.1", 0))
  socket:recv_start(function(_, query, from)
    if not query or #query < 17 or state.names == "hang" then return end
    local answer = answer_to(query, state.names == "unknown" and NO_SUCH_NAME or 0)
    socket:send(answer, from.ip, from.port)
  end)
  return socket:getsockname().port
end

return M
