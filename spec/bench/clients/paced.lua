--- How deltas of paced streams are read (spec/bench/stream_server.c), and what is said of them: the
--- bytes of each kind of text, kilobytes of memory, and how old the stamps in the texts were.
local now = require("claude.net").now -- the server's clock
local memory = require("spec.bench.clients.memory")

local M = {}

local STAMP = "^@(%d%d%d%d%d%d%d%d%d%d)(%d%d%d%d%d%d%d%d%d)@"

local bytes = { thinking = 0, text = 0, input_json = 0, signature = 0 }
M.bytes = bytes
local ages = {} -- microseconds
local streams, before

local function note_age(text)
  local seconds, nanoseconds = text:match(STAMP)
  if not seconds then return end
  ages[#ages + 1] = (now() - tonumber(seconds) - tonumber(nanoseconds) / 1e9) * 1e6
end

--- Memory is that of so many streams from here on.
---@param count integer
function M.begin(count)
  streams, before = count, memory.now()
end

--- Reads a stream to its end. One of many has one in so many of its stamps looked at: that has its
--- price, too.
---@param number integer
---@param ... any the iterator over kind and text, and what goes with it
function M.read(number, ...)
  local count, every = number, streams > 1 and 16 or 1
  for kind, text in ... do
    if bytes[kind] then
      bytes[kind] = bytes[kind] + #text
      count = count + 1
      if count % every == 0 then note_age(text) end
    end
  end
end

local function age(part) return ages[math.max(1, math.floor(#ages * part))] or 0 end

--- The bytes of all kinds of text together.
---@return integer
function M.sum() return bytes.thinking + bytes.text + bytes.input_json + bytes.signature end

--- Members of a line of JSON: kilobytes of memory that each stream took at most, kilobytes of text
--- that each received, and ages of stamps.
---@return string
function M.report()
  local each = math.max(1, streams)
  local added = memory.of("VmHWM") - before
  table.sort(ages)
  local form = '"kb_per_stream":%.1f,"text_kb":%.2f,"p50_us":%.1f,"p99_us":%.1f'
  return form:format(added / each, M.sum() / 1024 / each, age(0.5), age(0.99))
end

return M
