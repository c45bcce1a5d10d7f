--- The sides that most rows have. `requests` is how many a turn has: as many as take a second.
local M = {}

local CLIENTS = "spec/bench/clients/"
local PROGRAMS = os.getenv("PROGRAMS") or "build/lua5.4/bench"
local LUA = os.getenv("LUA") or "lua5.4"
local CROWDED_BUFFER = "16384" -- bytes that the project receives into where there are many

M.PROGRAMS, M.LUA = PROGRAMS, LUA

--- Whether a shell command succeeds.
---@param command string
---@return boolean
function M.succeeds(command)
  local ok = os.execute(command .. " >/dev/null 2>&1")
  return ok == true or ok == 0
end

--- Why a Lua with these modules is not to be had; nil where it is.
---@param lua string
---@param ... string
---@return string?
function M.lua_misses(lua, ...)
  if not M.succeeds("command -v " .. lua) then return lua .. " is not installed" end
  for _, module in ipairs({ ... }) do
    if not M.succeeds(([[%s -e 'require "%s"']]):format(lua, module)) then
      return ("%s has no %s"):format(lua, module)
    end
  end
end

--- Why the official SDK cannot be driven; nil where it can.
---@return string?
function M.sdk_misses()
  if not M.succeeds("command -v node") then return "node is not installed" end
  if not M.succeeds("test -e build/npm/node_modules/@anthropic-ai/sdk/package.json") then
    return "the SDK is not installed: run .ci/npm"
  end
end

--- A buffer that the project asks libcurl for, from its source.
---@param name "RECEIVE_BUFFER"|"SEND_BUFFER"
---@return string bytes
function M.buffer(name)
  local file = assert(io.open("csrc/net/transfer.c"))
  local kilobytes = file:read("*a"):match(name .. " = (%d+) %* 1024")
  file:close()
  assert(kilobytes, "csrc/net/transfer.c has no " .. name)
  return ("%d"):format(tonumber(kilobytes) * 1024)
end

-- A side in another Lua than the one that drives: it has modules of its own, so many of them.
---@param side bench.Side
---@param lua string
---@param module string a file of its build that must be there
local function with_lua(side, lua, module)
  local modules = ("build/%s"):format(lua)
  side.command[1] = lua
  table.insert(side.command, 1, ("LUA_CPATH=%s/?.so;;"):format(modules))
  table.insert(side.command, 1, "env")
  function side.missing()
    if not M.succeeds(("test -e %s/%s"):format(modules, module)) then
      return ("it was not built for %s: make LUA=%s build"):format(lua, lua)
    end
    return M.lua_misses(lua, "cjson")
  end
  return side
end

--- The project in any Lua for which its modules were built.
---@param way string as clients/project.lua has them
---@param requests integer
---@param lua? string
---@return bench.Side
function M.project(way, requests, lua)
  local command = { LUA, CLIENTS .. "project.lua", way, "{base}", "{requests}" }
  local side = { name = lua or "project", command = command, requests = requests }
  return lua and with_lua(side, lua, "claude/net.so") or side
end

--- The least that hands each delta to Lua as a string.
---@param requests integer
---@param lua? string
---@return bench.Side
function M.floor(requests, lua)
  local buffer = M.buffer("RECEIVE_BUFFER")
  local command = { LUA, CLIENTS .. "floor.lua", "{base}", "{requests}", buffer }
  local side = { name = lua and lua .. "-floor" or "floor", command = command }
  side.requests = requests
  return lua and with_lua(side, lua, "bench/floor.so") or side
end

--- A side over TLS whose environment says whom to trust.
---@param side bench.Side
---@param ca_file string
---@return bench.Side
function M.trusting(side, ca_file)
  table.insert(side.command, 1, "CURL_CA_BUNDLE=" .. ca_file)
  table.insert(side.command, 1, "env")
  return side
end

--- The project over TLS.
---@param way string as clients/project.lua has them
---@param requests integer
---@param ca_file string
---@return bench.Side
function M.secure_project(way, requests, ca_file)
  return M.trusting(M.project(way, requests), ca_file)
end

--- libcurl that throws away what comes.
---@param requests integer
---@return bench.Side
function M.bare(requests)
  return {
    name = "bare",
    command = { PROGRAMS .. "/bare", "{url}", "{requests}", M.buffer("RECEIVE_BUFFER") },
    requests = requests,
  }
end

--- libcurl and the core, and nothing of Lua: what comes is decoded and checked.
---@param requests integer
---@return bench.Side
function M.decoded(requests)
  local side = M.bare(requests)
  side.name, side.command[1] = "decoded", PROGRAMS .. "/decoded"
  return side
end

-- Where a row has TLS it tells of the certificate authority and the version.
local function with_tls(command, tls)
  if tls then
    table.insert(command, tls.ca_file)
    table.insert(command, tls.version)
  end
  return command
end

--- The project with all its requests at once.
---@param streams integer
---@param tls? { ca_file: string, version: string }
---@return bench.Side
function M.many(streams, tls)
  local command = { LUA, CLIENTS .. "streams.lua", "{base}", "{requests}" }
  return { name = "project", command = with_tls(command, tls), requests = streams }
end

--- libcurl's multi interface over epoll with all its requests at once. Its buffer is that of
--- most transfers of the project then.
---@param streams integer
---@param tls? { ca_file: string, version: string }
---@param buffer? string bytes
---@return bench.Side
function M.bare_many(streams, tls, buffer)
  local command = { PROGRAMS .. "/bare_multi", "{url}", "{requests}", buffer or CROWDED_BUFFER }
  return { name = "bare", command = with_tls(command, tls), requests = streams }
end

--- libcurl and the core with so many streams at once, and nothing of Lua. Its buffer is that of
--- bare_many.
---@param streams integer
---@param tls? { ca_file: string, version: string }
---@return bench.Side
function M.decoded_many(streams, tls)
  local command = { PROGRAMS .. "/decoded_multi", "{url}", "{requests}", CROWDED_BUFFER }
  local side = { name = "decoded", command = command, requests = streams }
  if not tls then return side end
  table.insert(command, tls.version)
  return M.trusting(side, tls.ca_file)
end

--- The least that hands the deltas of so many streams to a coroutine each. Its buffer is that of
--- bare_many.
---@param streams integer
---@param tls? { ca_file: string, version: string }
---@param buffer? string bytes
---@return bench.Side
function M.floor_many(streams, tls, buffer)
  local command =
    { LUA, CLIENTS .. "floor_streams.lua", "{url}", "{requests}", buffer or CROWDED_BUFFER }
  local side = { name = "floor", command = command, requests = streams }
  if not tls then return side end
  table.insert(command, tls.version)
  return M.trusting(side, tls.ca_file)
end

--- libcurl whose requests grow from one to the next.
---@param name string
---@param requests integer
---@param first integer bytes
---@param step integer bytes
---@return bench.Side
function M.bare_growing(name, requests, first, step)
  local side = M.bare(requests)
  side.name = name
  for _, word in ipairs({ tostring(first), tostring(step), M.buffer("SEND_BUFFER") }) do
    table.insert(side.command, word)
  end
  return side
end

--- The project's conversation of so many turns, as its requests.
---@param name string
---@param result string bytes of a tool's result
---@param turns integer
---@return bench.Side
function M.conversation(name, result, turns)
  local command = { LUA, CLIENTS .. "turns.lua", "{base}", "{requests}", result }
  return { name = name, command = command, requests = turns }
end

--- LuaSocket and lua-cjson.
---@param requests integer
---@return bench.Side
function M.cjson(requests)
  return {
    name = "cjson",
    command = { LUA, CLIENTS .. "cjson.lua", "{url}", "{requests}" },
    requests = requests,
    missing = function() return M.lua_misses(LUA, "cjson", "socket.http") end,
  }
end

--- The official TypeScript SDK.
---@param requests integer
---@return bench.Side
function M.sdk(requests)
  return {
    name = "sdk",
    command = { "node", CLIENTS .. "sdk.mjs", "{base}", "{requests}" },
    requests = requests,
    missing = M.sdk_misses,
  }
end

--- So many streams at once, its requests, by luv and lua-cjson.
---@param streams integer
---@return bench.Side
function M.luv_many(streams)
  return {
    name = "cjson",
    command = { LUA, CLIENTS .. "many_luv.lua", "{url}", "{requests}" },
    requests = streams,
    missing = function() return M.lua_misses(LUA, "cjson", "luv") end,
  }
end

--- So many streams at once by the official TypeScript SDK.
---@param streams integer
---@return bench.Side
function M.sdk_many(streams)
  return {
    name = "sdk",
    command = { "node", CLIENTS .. "sdk.mjs", "{base}", "1", "{requests}" },
    requests = streams,
    missing = M.sdk_misses,
  }
end

return M
