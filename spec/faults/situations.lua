--- Everything the fault server can do to a client, and what has to come of it: one table, for
--- the server, for the runner and for doc/faults.md.
---
--- A situation has a `name`, the `stage` it belongs to, and says what the server `does`:
---
---     door       where (spec/support/fault_server.lua), "http" without it
---     play       the steps that answer a request for a stream (spec/faults/connection.lua)
---     json       true: a request for JSON is answered in the same way and fails in the same
---                way; a table: with other steps, and what else is different; nil: not tried
---     stream     false: only a request for JSON is tried
---     attempts   the steps for the first attempts of a call; those behind them are answered well
---     accept     the steps for whoever connects; connect: for a CONNECT; frames: of HTTP/2
---     refuses    nobody listens there; names: what the name server does; tls: how TLS is
---     anew       kept connections are closed before, so that new ones are made; ends: they are
---                closed behind it; cold: nothing was asked of the host before
---     options    of the client; marks: the steps behind the answer have to be waited for
---     alone      the calls are made one after the other, not at once; long: with a long text
---     over       the transports that can be in it, both without it
---
--- and what comes of it:
---
---     whole      the answer, as if nothing had been; text: what it says, "Hello" without it
---     kind, type, status, retryable, retry_after, limit   fields of the claude.Error
---     says       words of its message, or a list of which one is there
---     partial    the text that had arrived
---     calls      attempts that are made
---     libcurl, nginx   what is different there
local M = { stages = {}, list = {}, by_name = {} }

local STAGES = {
  "reaching",
  "proxies",
  "security",
  "head",
  "status",
  "retries",
  "body",
  "content",
  "stream",
  "waiting",
  "kept",
  "frames",
}

local function add(situation, stage)
  assert(not M.by_name[situation.name], "twice: " .. situation.name)
  situation.stage, situation.door = stage.title, situation.door or "http"
  M.list[#M.list + 1] = situation
  M.by_name[situation.name] = situation
end

for _, name in ipairs(STAGES) do
  local stage = require("spec.faults.situations." .. name)
  M.stages[#M.stages + 1] = stage
  for _, situation in ipairs(stage) do
    add(situation, stage)
  end
end

--- Whether it is tried over a transport: everywhere, unless it says otherwise. In the short
--- form those with TLS, which cost most, are tried over libcurl only.
---@param situation table
---@param transport "libcurl"|"nginx"
---@param quick boolean
---@return boolean
function M.runs_over(situation, transport, quick)
  if quick and transport == "nginx" and situation.door ~= "http" then return false end
  for _, name in ipairs(situation.over or { transport }) do
    if name == transport then return true end
  end
  return false
end

return M
