--- `lua-claude replay`: recorded streams through the same core as live ones.
---
--- One line of JSON per file, in the order given:
---   {"file":name,"complete":bool,"message":{…}|null,"error":{…}|null,
---    "deltas":[[kind,index,text],…]}
--- The message is built from the exact bytes that came, whole or not.
local number = require("claude.command.number")
local output = require("claude.command.output")

local M = {}

local READ_SIZE = 1024 * 1024

-- The kinds of deltas that are told; the others are in the message.
local TOLD = { thinking = true, text = true, input_json = true, signature = true }

local read_size = number.whole("--chunk", 1)

-- "random" and "random:SEED" as { seed = … }.
local function chunk_option(text)
  local seed = text:match("^random:?(%d*)$")
  if seed then return { seed = tonumber(seed) or 1 } end
  local size = read_size(text)
  if size then return size end
  return nil, ("--chunk takes a number of bytes, random or random:<seed>, not '%s'"):format(text)
end

--- Declares the options.
---@param command table of argparse
function M.declare(command)
  command:summary "Show what recorded streams contain, as JSON."
  command:description(
    "Feed recorded streams through the same core as live ones. Prints, per file and in order,\n"
      .. 'one line {"file":name,"complete":bool,"message":{…}|null,\n'
      .. '"error":{"kind","type","message"}|null,"deltas":[[kind,index,text],…]}.'
  )
  command:argument("files", "Files with the body of a streamed response."):args "+"
  command
    :option(
      "--chunk",
      "Feed so many bytes at a time, or pieces of random size (random, random:<seed>); the\n"
        .. "result is the same."
    )
    :argname("<n>")
    :convert(chunk_option)
end

---@class claude.ReplayOptions
---@field files string[] paths of the recordings
---@field chunk? integer|{ seed: integer } cut the input into pieces of so many bytes, or of
--- random sizes; the result is the same
---@field out? { write: fun(self: any, ...: string): any } where the lines go; standard output

---@param text string
---@return string
local function quote(text)
  local core = require("claude.core")
  return (assert(core.encode((core.utf8_scrub(text)))))
end

-- Takes what can be read now; deltas are kept as finished JSON text.
local function drain(response, deltas)
  local kind, text, index = response:next()
  while kind do
    if TOLD[kind] then deltas[#deltas + 1] = ('["%s",%d,%s]'):format(kind, index, quote(text)) end
    kind, text, index = response:next()
  end
  return text ~= "more"
end

local function feed_in_pieces(response, bytes, next_size, deltas)
  local from = 1
  while from <= #bytes do
    local size = next_size()
    response:feed(bytes:sub(from, from + size - 1))
    if drain(response, deltas) then return true end
    from = from + size
  end
  return false
end

-- Sizes from 1 to 64, the same for a seed in every process and on every Lua.
local function random_sizes(seed)
  local state = seed % 2147483647
  return function()
    state = (state * 16807 + 1) % 2147483647
    return state % 64 + 1
  end
end

local function sizes_of(chunk)
  if type(chunk) == "table" then return random_sizes(chunk.seed) end
  return function() return chunk or READ_SIZE end
end

local function feed_file(response, file, chunk, deltas)
  local next_size = sizes_of(chunk)
  while true do
    local bytes, problem = file:read(READ_SIZE)
    if not bytes then return problem end
    if feed_in_pieces(response, bytes, next_size, deltas) then return nil end
  end
end

-- In JSON a line end stands between tokens only: a blank says the same, on one line.
local function on_one_line(json) return (json:gsub("[\r\n]", " ")) end

local function error_json(failure)
  if not failure then return "null" end
  local kind = failure.type and quote(failure.type) or "null"
  return ('{"kind":%s,"type":%s,"message":%s}'):format(
    quote(failure.kind),
    kind,
    quote(failure.message)
  )
end

---@param name string
---@param file file* open for reading
---@param chunk? integer|{ seed: integer }
---@return string line
---@return string|nil problem why it could not be read to its end
local function replay_file(name, file, chunk)
  local response, deltas = require("claude.core").response({}), {}
  response:feed_header("HTTP/1.1 200 OK")
  response:feed_header("content-type: text/event-stream")
  local problem = feed_file(response, file, chunk, deltas)
  response:finish(problem)
  drain(response, deltas)
  local failure = response:failure()
  if problem then failure = { kind = "file", message = name .. ": " .. problem } end
  local complete = response:complete() and not failure
  local line = ('{"file":%s,"complete":%s,"message":%s,"error":%s,"deltas":[%s]}\n'):format(
    quote(name),
    tostring(complete),
    on_one_line(response:message_json() or "null"),
    error_json(failure),
    table.concat(deltas, ",")
  )
  return line, problem
end

local function unreadable(name, problem)
  return ('{"file":%s,"complete":false,"message":null,"error":%s,"deltas":[]}\n'):format(
    quote(name),
    error_json({ kind = "file", message = problem })
  )
end

local STDOUT = {}

function STDOUT.write(_, line)
  output.write(io.stdout, require("claude.command.terminal").json(line, 1))
end

--- Replays every file. A file that cannot be read has a line with an error, too.
---@param options claude.ReplayOptions
---@return boolean readable whether every file could be read
function M.run(options)
  local out, readable = options.out or STDOUT, true
  for _, name in ipairs(options.files) do
    local file, problem = io.open(name, "rb")
    local line
    if file then
      line, problem = replay_file(name, file, options.chunk)
      file:close()
    else
      line = unreadable(name, problem)
    end
    out:write(line)
    readable = readable and not problem
  end
  return readable
end

return M
