--- A bare HTTP client on luv, so that the simulator's specs depend on no client of ours.
local core = require("claude.core")
local uv = require("luv")

require("spec.support.sigpipe").survive()

local M = {}

local LIMIT = 20000 -- milliseconds; a hang fails the spec instead of the run
local TICK = 20

-- Looks now and then: what is waited for need not be an event of this process.
local function run_until(finished)
  local timer = uv.new_timer()
  local ticks = 0
  uv.update_time() -- the loop's clock stands still while Lua code runs
  timer:start(TICK, TICK, function() ticks = ticks + 1 end)
  while not finished() and ticks * TICK < LIMIT do
    uv.run("once")
  end
  timer:close()
  uv.run("nowait")
  assert(finished(), "no answer in time")
end

--- Lets servers of this process work until something has come true.
M.wait = run_until

--- Sends bytes as they are, in the pieces given; returns all that comes back
--- until the server closes, or until `enough` says so.
---@param port integer
---@param pieces string|string[]
---@param enough? fun(received: string): boolean
---@return string received
---@return boolean closed whether the server closed
---@return string[] reads what each read brought
function M.exchange(port, pieces, enough)
  if type(pieces) == "string" then pieces = { pieces } end
  local socket, parts, closed, done = uv.new_tcp(), {}, false, false
  local function on_read(problem, bytes)
    if bytes then parts[#parts + 1] = bytes end
    closed = closed or not bytes
    done = closed or problem ~= nil or enough ~= nil and enough(table.concat(parts))
  end
  socket:connect("127.0.0.1", port, function(problem)
    if problem then
      closed, done = true, true
      return
    end
    socket:nodelay(true)
    socket:read_start(on_read)
    for _, piece in ipairs(pieces) do
      socket:write(piece)
    end
  end)
  run_until(function() return done end)
  socket:close()
  uv.run("nowait")
  return table.concat(parts), closed, parts
end

--- Sends several requests, each on a connection of its own, all at once.
---@param port integer
---@param requests string[]
---@return string[] what came back on each, until the server closed it
function M.together(port, requests)
  local received, open = {}, #requests
  for i, bytes in ipairs(requests) do
    received[i] = ""
    local socket = uv.new_tcp()
    socket:connect("127.0.0.1", port, function(problem)
      assert(not problem, problem)
      socket:write(bytes)
      socket:read_start(function(_, more)
        if more then
          received[i] = received[i] .. more
        else
          socket:close()
          open = open - 1
        end
      end)
    end)
  end
  run_until(function() return open == 0 end)
  return received
end

local function dechunk(body)
  local parts, at = {}, 1
  while true do
    local size, start = body:match("^(%x+)\r\n()", at)
    if not size then return table.concat(parts), false end
    local length = tonumber(size, 16)
    if length == 0 then return table.concat(parts), true end
    parts[#parts + 1] = body:sub(start, start + length - 1)
    at = start + length + 2
  end
end

---@class spec.Answer
---@field status integer
---@field headers table<string, string>
---@field body string
---@field whole boolean whether the body ended as announced
---@field json any the body decoded, when it is JSON
---@field error? table the error of an API error body

--- Takes a response apart.
---@param text string
---@return spec.Answer
function M.parse(text)
  local head, body = text:match("^(.-\r\n)\r\n(.*)$")
  assert(head, "no response head in: " .. text)
  local answer = { status = tonumber(head:match("^HTTP/1%.1 (%d+)")), headers = {}, whole = true }
  for name, value in head:gmatch("([^\r\n:]+): ([^\r\n]*)\r\n") do
    answer.headers[name:lower()] = value
  end
  if answer.headers["transfer-encoding"] then
    body, answer.whole = dechunk(body)
  elseif answer.headers["content-length"] then
    answer.whole = #body == tonumber(answer.headers["content-length"])
  end
  answer.body, answer.json = body, core.decode(body)
  answer.error = answer.json and answer.json.error
  return answer
end

--- The bytes of a request on a connection of its own.
---@param method string
---@param path string
---@param headers table<string, string|false>
---@param body? string
---@return string
function M.request(method, path, headers, body)
  local lines = { ("%s %s HTTP/1.1"):format(method, path), "Host: 127.0.0.1", "Connection: close" }
  for name, value in pairs(headers) do
    if value then lines[#lines + 1] = name .. ": " .. value end
  end
  if body then lines[#lines + 1] = "Content-Length: " .. #body end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end

local function with_defaults(headers)
  local all = { ["x-api-key"] = "key", ["anthropic-version"] = "2023-06-01" }
  for name, value in pairs(headers or {}) do
    all[name] = value
  end
  return all
end

---@param sim claude.simulator.Simulator
---@param path string
---@param headers? table<string, string|false>
---@return spec.Answer
function M.get(sim, path, headers)
  return M.parse((M.exchange(sim.port, M.request("GET", path, with_defaults(headers)))))
end

---@param sim claude.simulator.Simulator
---@param path string
---@return spec.Answer
function M.delete(sim, path)
  return M.parse((M.exchange(sim.port, M.request("DELETE", path, with_defaults()))))
end

--- Posts a body: text as it is, a table as JSON.
---@param sim claude.simulator.Simulator
---@param path string
---@param body string|table
---@param headers? table<string, string|false>
---@return spec.Answer
function M.post(sim, path, body, headers)
  if type(body) == "table" then body = assert(core.encode(body, { request = true })) end
  return M.parse((M.exchange(sim.port, M.request("POST", path, with_defaults(headers), body))))
end

--- The events of a stream, decoded, each with its name.
---@param text string
---@return table[]
function M.events(text)
  local found = {}
  for name, data in text:gmatch("event: ([^\n]*)\ndata: ([^\n]*)\n\n") do
    found[#found + 1] = { name = name, data = assert(core.decode(data)) }
  end
  return found
end

--- The message that a stream's events make.
---@param events table[]
---@return table
function M.message(events)
  local message, inputs = nil, {}
  for _, event in ipairs(events) do
    local data = event.data
    local block = message and data.index and message.content[data.index + 1]
    if data.type == "message_start" then
      message = data.message
      message.content = {}
    elseif data.type == "content_block_start" then
      message.content[data.index + 1] = data.content_block
    elseif data.type == "content_block_delta" then
      local delta = data.delta
      if delta.text then block.text = block.text .. delta.text end
      if delta.thinking then block.thinking = block.thinking .. delta.thinking end
      if delta.signature then block.signature = delta.signature end
      if delta.partial_json then
        inputs[data.index] = (inputs[data.index] or "") .. delta.partial_json
      end
    elseif data.type == "content_block_stop" and (inputs[data.index] or "") ~= "" then
      block.input = core.decode(inputs[data.index])
    elseif data.type == "message_delta" then
      message.stop_reason = data.delta.stop_reason
      for name, value in pairs(data.usage) do
        message.usage[name] = value
      end
    end
  end
  return message
end

return M
