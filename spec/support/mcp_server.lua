--- An MCP server for specs: speaks the protocol over its standard input and output, and does
--- everything that servers do wrong when its tools are asked to. The first argument is what
--- is different from the start.
local core = require("claude.core")

local mode = arg[1] or "plain"

local function write(line)
  io.stdout:write(line, "\n")
  io.stdout:flush()
end

local function answer(id, result)
  write(('{"jsonrpc":"2.0","id":%s,"result":%s}'):format(id, result))
end

local function content(id, ...) answer(id, '{"content":[' .. table.concat({ ... }, ",") .. "]}") end

local function text(words) return core.encode({ type = "text", text = words }) end

local function refuse(id, code, message)
  local err = core.encode({ code = code, message = message, data = { at = "spec" } })
  write(('{"jsonrpc":"2.0","id":%s,"error":%s}'):format(id, err))
end

local function tool(name, fields)
  local parts = fields or '"inputSchema":{"type":"object","properties":{"z":{},"a":{}}}'
  return ('{"name":%s,"description":"Tool %s",%s}'):format(core.encode(name), name, parts)
end

local cancelled = {} -- what notifications/cancelled said
local heard = {} -- methods of the messages that came
local waiting -- the call that is answered once this client has answered us

local TOOLS = {}

function TOOLS.echo(id, params) content(id, text(core.split(params).arguments)) end

function TOOLS.env(id, params)
  local names = core.decode(core.split(params).arguments).names
  local found = {}
  for _, name in ipairs(names) do
    found[#found + 1] = os.getenv(name) and name .. "=" .. os.getenv(name) or nil
  end
  content(id, text(table.concat(found, "\n")))
end

function TOOLS.heard(id)
  content(id, text(table.concat(heard, " ")), text(table.concat(cancelled, " ")))
end

function TOOLS.never() end

function TOOLS.fail(id) answer(id, '{"content":[' .. text("it broke") .. '],"isError":true}') end

function TOOLS.fail_silently(id) answer(id, '{"content":[],"isError":true}') end

function TOOLS.refused(id) refuse(id, -32602, "no such thing") end

function TOOLS.nothing(id) content(id) end

function TOOLS.structured(id) answer(id, '{"content":[],"structuredContent":{"z": 1.0,"a":[]}}') end

function TOOLS.both(id)
  answer(id, '{"content":[' .. text("one") .. '],"structuredContent":{"n":1}}')
end

-- The content that it is given.
function TOOLS.give(id, params)
  local items = core.split(core.split(params).arguments).items
  answer(id, ('{"content":%s}'):format(items))
end

-- The whole result that it is given.
function TOOLS.result(id, params) answer(id, core.split(core.split(params).arguments).result) end

function TOOLS.big(id, params)
  local size = core.decode(core.split(params).arguments).size
  content(id, text(("x"):rep(size)))
end

function TOOLS.die(_, params)
  io.stderr:write("first words\nthe disk is full\n")
  os.exit(core.decode(core.split(params).arguments or "{}").status or 3)
end

function TOOLS.answer_and_die(id)
  content(id, text("done"))
  os.exit(0)
end

function TOOLS.complain(id)
  io.stderr:write("careful\n")
  io.stderr:flush()
  content(id, text("said"))
end

function TOOLS.noise(id)
  write('{"jsonrpc":"2.0","id":9999,"result":{}}')
  write("")
  write("[1,{}]")
  write("Debug: this is no JSON")
  content(id, text("after the noise"))
end

function TOOLS.batch(id)
  local form = '[{"jsonrpc":"2.0","method":"notifications/message"},'
    .. '{"jsonrpc":"2.0","id":%s,"result":{"content":[%s]}}]'
  write(form:format(id, text("in a batch")))
end

function TOOLS.crlf(id)
  io.stdout:write(('{"jsonrpc":"2.0","id":%s,\r'):format(id), '"result":{"content":[]}}\r\n')
  io.stdout:flush()
end

local PING = '{"jsonrpc":"2.0","id":"%s","method":"ping"}'

-- Asks and asks, and reads nothing.
function TOOLS.ask_for_ever()
  while io.stdout:write(PING:format(("i"):rep(1000)), "\n") do
  end
end

function TOOLS.ask_under_long_id(id)
  write(PING:format(("i"):rep(2000)))
  content(id, text("asked"))
end

-- Asks this client something, and tells what it answered.
function TOOLS.ask_back(id, params)
  local given = core.decode(core.split(params).arguments)
  waiting = id
  write(
    ('{"jsonrpc":"2.0","id":"mine-1","method":%s,"params":{}}'):format(core.encode(given.method))
  )
end

function TOOLS.notify(id)
  write('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}')
  write('{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}')
  content(id, text("told"))
end

-- When nobody waits for it any more.
function TOOLS.notify_later(id)
  content(id, text("soon"))
  os.execute("sleep 0.1")
  write('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}')
end

local FIRST_PAGE = {
  plain = { tool("echo"), tool("dir/list.all"), tool("fail") },
  nameless = { '{"inputSchema":{"type":"object"}}' },
  schemaless = { '{"name":"x"}' },
  twice = { tool("a.b"), tool("a/b") },
  long = { tool(("x"):rep(70)) },
  listed = { tool("x", '"inputSchema":[1]') },
  numbers = { "5" },
  titled = { '{"name":"x","title":"A title","inputSchema":{"type":"object"}}' },
}

local function list(id, cursor)
  if mode == "unlisted" then return answer(id, '{"tools":{}}') end
  if mode == "endless" then return answer(id, '{"tools":[],"nextCursor":"again"}') end
  if mode == "boundless" then -- a page of its own each time
    return answer(id, ('{"tools":[],"nextCursor":"%s"}'):format(("."):rep(#(cursor or ""))))
  end
  if cursor == '"page 2"' then return answer(id, ('{"tools":[%s]}'):format(tool("give"))) end
  local page = table.concat(FIRST_PAGE[mode] or FIRST_PAGE.plain, ",")
  local next_page = FIRST_PAGE[mode] and mode ~= "plain" and "null" or '"page 2"'
  answer(id, ('{"tools":[%s],"nextCursor":%s}'):format(page, next_page))
end

local CAPABILITIES = { toolless = "{}", incapable = "5" }

local VERSIONS = { old = '"2024-11-05"', alien = '"1999-01-01"', versionless = "null" }

local function initialize(id, params)
  if mode == "mute" then return end
  if mode == "rude" then return refuse(id, -32000, "not today") end
  local capabilities = CAPABILITIES[mode] or '{"tools":{"listChanged":true}}'
  answer(
    id,
    ('{"protocolVersion":%s,"capabilities":%s,"serverInfo":{"name":"spec","asked":%s}}'):format(
      VERSIONS[mode] or '"2025-11-25"',
      capabilities,
      params
    )
  )
end

local function serve(line)
  local message = core.split(line)
  local id, params = message.id, message.params
  if not message.method then return content(waiting, text(line)) end
  local method = core.decode(message.method)
  heard[#heard + 1] = method
  if method == "initialize" then return initialize(id, params) end
  if method == "tools/list" then return list(id, params and core.split(params).cursor) end
  if method == "notifications/cancelled" then
    local told = core.decode(params)
    cancelled[#cancelled + 1] = ("%s:%s"):format(told.requestId, told.reason)
  end
  -- What they are to give is in the question.
  if method == "resources/read" then return answer(id, core.decode(core.split(params).uri)) end
  if method == "prompts/get" then
    local given = core.decode(params)
    return answer(id, given.arguments.result or core.encode(given))
  end
  if method ~= "tools/call" then return id and answer(id, "{}") end
  local name = core.decode(core.split(params).name)
  if not TOOLS[name] then return refuse(id, -32602, "unknown tool: " .. name) end
  TOOLS[name](id, params)
end

if mode == "stillborn" then
  io.stderr:write("cannot find my files\n")
  os.exit(1)
end

for line in io.lines() do
  serve(line)
end
if mode == "slow_to_end" then os.execute("sleep 30") end
