--- doc/faults.md: the table of situations as people read it.
---
---     lua5.4 spec/faults/page.lua >doc/faults.md
local situations = require("spec.faults.situations")

local M = {}

local HEAD = [[
# Faults: what a server can do, and what comes of it

Each of these situations is brought about by a server on loopback (`spec/support/fault_server.lua`)
and met by a stream, a conversation's `send` and a request for JSON at once, over libcurl and over
nginx's sockets: `make faults` (`ONLY=chunk` for some, `QUICK=1` for the short form). Each time

* the error is exactly the one named here (%d situations), or the answer is whole all the same;
* the same client, over the connections it has kept, is then answered well, byte for byte;
* no exchange, no descriptor and no byte of the C modules is left;
* the conversation is byte for byte what it was (where something had arrived, but for what that
  used), and sending again succeeds.

This page is written from the code (`spec/faults/situations/`): a spec compares the two. What the
kinds of errors mean is in [errors.md](errors.md). "Retry" says `err.retryable`; "arrived" is the
text in `err.partial`; "∅" is a message that had begun, without text. Nothing is tried again in
these tests but under "Retries".
]]

local FOOT = [[
## What differs between the transports

Where libcurl and the decoder of this library (`csrc/core/http1.h`) see a fault differently, the
table gives both, libcurl first. HTTP/2 is spoken over libcurl only. A second Content-Length is
refused by the decoder; libcurl takes the last one. An answer that nobody asked for, on a kept
connection, is found before the next request is sent: with libcurl from 7.80 on.
]]

local function joined(value)
  if type(value) ~= "table" then return tostring(value) end
  return table.concat(value, " or ")
end

local function code(text) return "`" .. tostring(text) .. "`" end

local function error_of(expected)
  if expected.whole then
    local calls = expected.calls and (" after %d attempts"):format(expected.calls) or ""
    return "the answer" .. calls
  end
  local words = { code(joined(expected.kind)) }
  if expected.status and expected.kind == "api" then words[#words + 1] = expected.status end
  if expected.type then words[#words + 1] = code(expected.type) end
  if expected.limit then words[#words + 1] = "limit " .. code(expected.limit) end
  if expected.calls then words[#words + 1] = ("after %d"):format(expected.calls) end
  return table.concat(words, " ")
end

local function over(situation, transport)
  local expected = {}
  for _, source in ipairs({ situation, situation[transport] or {} }) do
    for name, value in pairs(source) do
      expected[name] = value
    end
  end
  return expected
end

-- One text, or both where the transports differ.
local function both(situation, show)
  local first, second = show(over(situation, "libcurl")), show(over(situation, "nginx"))
  if first == second or situation.over then return first end
  return first .. "; " .. second
end

local function retry_of(expected)
  if expected.whole then return "" end
  return expected.retryable and "yes" or "no"
end

local function row(situation)
  local partial = situation.partial
  if partial == "" then partial = "∅" end
  return ("| `%s` | %s | %s | %s | %s |"):format(
    situation.name,
    situation.does,
    both(situation, error_of),
    both(situation, retry_of),
    partial or ""
  )
end

--- The whole page.
---@return string
function M.text()
  local lines = { HEAD:format(#situations.list) }
  for _, stage in ipairs(situations.stages) do
    lines[#lines + 1] = ("## %s\n"):format(stage.title)
    lines[#lines + 1] = "| situation | the server | comes to | retry | arrived |"
    lines[#lines + 1] = "|---|---|---|---|---|"
    for _, situation in ipairs(stage) do
      lines[#lines + 1] = row(situation)
    end
    lines[#lines + 1] = ""
  end
  lines[#lines + 1] = FOOT
  return (table.concat(lines, "\n"):gsub("\n+$", "\n"))
end

if arg and arg[0] and arg[0]:find("page%.lua$") then io.write(M.text()) end

return M
