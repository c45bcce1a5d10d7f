--- What the nginx of these specs answers with: each function is the content of a location
--- of its name, asked with arguments in the query.
local claude = require("claude")
local ngx = rawget(_G, "ngx")

local M = {}

local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 100,
  messages = { { role = "user", content = "Say hello" } },
}
M.PARAMS = PARAMS

local function arguments() return ngx.req.get_uri_args() end

-- Passes the request on after a wait.
local function late(request, send)
  claude.sleep(0.001)
  return send(request)
end

local function client_of(args)
  local seconds = tonumber(args.seconds) or 5
  return claude.new({
    api_key = "key-of-the-nginx-specs",
    base_url = args.base,
    max_retries = tonumber(args.retries) or 0,
    limits = {
      connect = tonumber(args.connect) or seconds,
      first_byte = seconds,
      idle = seconds,
      stalled = seconds,
    },
    proxy = args.proxy,
    no_proxy = args.no_proxy,
    ca_file = args.ca_file,
    http_version = args.http_version,
    allow_http = args.allow_http ~= nil or nil,
    middleware = args.middleware and { late } or nil,
    log_level = args.log_level,
  })
end

-- How much memory the worker holds.
local function resident()
  local file = assert(io.open("/proc/self/statm"))
  local _, pages = file:read("*n", "*n")
  file:close()
  return pages * 4096
end

--- Reads the results of a batch, first of a small one: how many, and how much memory grew.
function M.results()
  local args = arguments()
  local batches = client_of(args).messages.batches
  local function read(count)
    local results, before, most = batches:results("b_" .. count), resident(), 0
    local entry, text = results:next()
    while entry do
      if results.count % 500 == 0 then most = math.max(most, resident() - before) end
      entry, text = results:next()
    end
    assert(not text, text)
    return results.count, most
  end
  read(1000)
  ngx.print(("%d %d"):format(read(tonumber(args.count))))
end

--- One line for each piece of a stream, the failure as the last.
---@param stream claude.Stream
---@return string
function M.lines_of(stream)
  local lines = {}
  local kind, text, index = stream:next()
  while kind do
    lines[#lines + 1] = ("%s %s %s"):format(kind, tostring(index), text or "")
    kind, text, index = stream:next()
  end
  local err = index
  if err then
    lines[#lines + 1] = ("%s error, request %s"):format(err.kind, tostring(err.request_id))
  end
  return table.concat(lines, "\n") .. "\n"
end

--- A question of more than a megabyte, in characters of any length.
function M.large_params()
  local text = ("say \226\130\172 and \240\159\164\148 "):rep(60000)
  return {
    model = PARAMS.model,
    max_tokens = 100,
    messages = { { role = "user", content = text } },
  }
end

function M.large() assert(client_of(arguments()).messages:create(M.large_params())) end

--- A file of the server's pattern, up and down: what came of it, line by line.
function M.files()
  local args = arguments()
  local client, told = client_of(args), 0
  local file = assert(client.files:upload({
    path = args.path,
    on_progress = function()
      told = told + 1
      claude.sleep(0.001)
    end,
  }))
  ngx.say("up ", file.size_bytes, " ", told > 2)
  told = 0
  local bytes = assert(client.files:download("file_" .. args.size, args.path, {
    on_progress = function() told = told + 1 end,
  }))
  ngx.say("down ", bytes, " ", told > 2)
end

--- A task that was cancelled, and goes on to read a body whose connection has broken since.
function M.read_cancelled()
  local client, kind, task = client_of(arguments()), nil, nil
  task = claude.spawn(function()
    local body = assert(client:request("GET", "/v1/x", { stream = true }))
    assert(body:read())
    ngx.sleep(0.1)
    task:cancel()
    local bytes, _, err
    repeat
      bytes, _, err = body:read()
    until not bytes
    kind = err.kind
  end)
  task:wait()
  ngx.say(kind)
end

--- A file that is written to while it is sent, and a download that is refused.
function M.broken_files()
  local args = arguments()
  local client = client_of(args)
  local _, _, err = client.files:upload({
    path = args.path,
    on_progress = function() assert(io.open(args.path, "w")):close() end,
  })
  ngx.say(err.kind, " ", err.message)
  _, _, err = client.files:download("file_none", args.path)
  ngx.say(err.kind, " ", err.status)
end

--- The same, and how it failed.
function M.large_failure()
  local params = M.large_params()
  params.messages[1].content = params.messages[1].content:rep(8)
  local message, text, err = client_of(arguments()).messages:create(params)
  ngx.say(message and "whole" or ("%s\n%s"):format(err.kind, text))
end

function M.stream() ngx.print(M.lines_of(client_of(arguments()).messages:stream(PARAMS))) end

--- The text of the failure and its kind, or "whole".
function M.failure()
  local message, text, err = client_of(arguments()).messages:create(PARAMS)
  ngx.say(message and "whole" or ("%s\n%s"):format(err.kind, text))
end

function M.conversation()
  local chat = client_of(arguments()):conversation({ model = PARAMS.model, max_tokens = 100 })
  chat:user("Say hello")
  assert(chat:send())
  ngx.print((assert(chat:dump())))
end

-- How many connections the fault server has.
local function open_connections()
  local stats = ngx.location.capture("/stats").body
  return tonumber(stats:match("open (%d+)"))
end

-- Waits until the fault server has seen one connection end.
local function see_it_close(before)
  for _ = 1, 500 do
    if open_connections() < before then return "closed" end
    ngx.sleep(0.01)
  end
  return "still open"
end

-- A stream that has given "Hel" and "lo", and will never say more.
local function stalled_stream(args)
  local stream = client_of(args).messages:stream(PARAMS)
  assert(stream:next_text() == "Hel" and stream:next_text() == "lo")
  return stream
end

-- Reads in a task what never comes, calls `cancel(task)`, and tells how the read ended.
local function cancelled_by(cancel, stream)
  local before = open_connections()
  local task = claude.spawn(function()
    local _, _, err = stream:next()
    return err.kind
  end)
  claude.sleep(0.05)
  ngx.update_time()
  local started = ngx.now()
  cancel(task)
  local kind = task:wait()
  ngx.update_time()
  local soon = ngx.now() - started < 2 and "at once" or "late"
  ngx.say(("%s %s, %s"):format(tostring(kind), soon, see_it_close(before)))
end

function M.cancel_stream()
  local stream = stalled_stream(arguments())
  cancelled_by(function() stream:cancel() end, stream)
end

function M.cancel_task()
  local stream = stalled_stream(arguments())
  cancelled_by(function(task) task:cancel() end, stream)
end

function M.cancel_run()
  local chat = client_of(arguments()):conversation({ model = PARAMS.model, max_tokens = 100 })
  chat:user("Say hello")
  local run = chat:run()
  assert(run:next_text() == "Hel" and run:next_text() == "lo")
  cancelled_by(function() run:cancel() end, run)
end

-- The server takes the connection and never answers the handshake.
function M.cancel_connecting()
  local stream = client_of(arguments()).messages:stream(PARAMS)
  ngx.sleep(0.05)
  cancelled_by(function() stream:cancel() end, stream)
end

local stream_of_another_request

--- Reads until another request cancels the stream.
function M.wait_for_other_request()
  stream_of_another_request = stalled_stream(arguments())
  local _, _, err = stream_of_another_request:next()
  ngx.say(err.kind)
end

--- The same, while the connection is being made.
function M.connect_for_other_request()
  stream_of_another_request = client_of(arguments()).messages:stream(PARAMS)
  local _, _, err = stream_of_another_request:next()
  ngx.say(err.kind)
end

function M.cancel_other_request()
  while not stream_of_another_request do
    ngx.sleep(0.01)
  end
  ngx.sleep(0.05)
  stream_of_another_request:cancel()
  stream_of_another_request = nil
end

function M.together()
  local one, other = ngx.location.capture_multi({
    { "/case/" .. arguments().first, { args = ngx.var.args } },
    { "/case/cancel_other_request", { args = ngx.var.args } },
  })
  assert(other.status == 200)
  ngx.print(one.body)
end

--- Passes on what comes, as a proxy would.
function M.pass_on()
  local stream = client_of(arguments()).messages:stream(PARAMS)
  for text in stream:text_stream() do
    ngx.print(text)
    ngx.flush(true)
  end
end

local client_with_one_place

--- The same, with a client that makes one request at a time.
function M.pass_on_in_turn()
  client_with_one_place = client_with_one_place
    or claude.new({
      api_key = "key-of-the-nginx-specs",
      base_url = arguments().base,
      max_concurrency = 1,
    })
  for text in client_with_one_place.messages:stream(PARAMS):text_stream() do
    ngx.print(text)
    ngx.flush(true)
  end
end

--- One place, and twenty in line for it whose coroutines nginx ends without a word. They are
--- collected, and only then the place is given back.
function M.dead_in_line()
  local places = require("claude.places").new(1)
  assert(places:try())
  for _ = 1, 20 do
    ngx.thread.kill(ngx.thread.spawn(function() places:take({}) end))
  end
  collectgarbage()
  places:leave()
  collectgarbage()
  ngx.say(places:try() and "free" or "lost")
end

--- How many whole collections it takes that many wait in line for two seconds.
function M.collections_in_line()
  local places, collect, count = require("claude.places").new(1), collectgarbage, 0
  rawset(_G, "collectgarbage", function(...)
    count = count + 1
    return collect(...)
  end)
  assert(places:try())
  for _ = 1, 20 do
    ngx.thread.spawn(function()
      places:take({})
      places:leave()
    end)
  end
  ngx.sleep(2.5)
  rawset(_G, "collectgarbage", collect)
  places:leave()
  ngx.say(count > 0 and count < 10 and "few" or count)
end

--- Reads a stream of another request, which still runs.
function M.read_stream_of_other()
  while not stream_of_another_request do
    ngx.sleep(0.01)
  end
  local stream = stream_of_another_request
  stream_of_another_request = nil
  ngx.update_time()
  local started = ngx.now()
  local _, text = stream:next()
  ngx.update_time()
  ngx.say(ngx.now() - started < 2 and "at once: " or "late: ", text)
end

function M.hold_stream()
  stream_of_another_request = stalled_stream(arguments())
  ngx.sleep(0.3)
end

function M.shared_stream()
  local _, other = ngx.location.capture_multi({
    { "/case/hold_stream", { args = ngx.var.args } },
    { "/case/read_stream_of_other", { args = ngx.var.args } },
  })
  ngx.print(other.body)
end

--- Two tasks read what comes of one stream.
function M.two_readers()
  local stream = client_of(arguments()).messages:stream(PARAMS)
  local texts = {}
  local function read()
    local text, problem = stream:next_text()
    while text do
      texts[#texts + 1] = text
      text, problem = stream:next_text()
    end
    return problem or "ended"
  end
  local one, other = claude.spawn(read), claude.spawn(read)
  ngx.say(one:wait(), " ", other:wait(), " ", table.concat(texts))
end

--- Leaves the loop, forgets the stream, and ends.
function M.drop()
  local stream = stalled_stream(arguments())
  ngx.say(stream:is_done() and "done" or "open")
end

--- Many streams of one request at once, over a client that all requests share.
local shared_client
function M.map()
  local args = arguments()
  shared_client = shared_client or client_of(args)
  local done = {}
  local list = {}
  for i = 1, 20 do
    list[i] = i
  end
  ngx.update_time()
  local started = ngx.now()
  local map = claude.map(
    list,
    function() return assert(shared_client.messages:create(PARAMS)):text() end,
    { limit = 20 }
  )
  for item, text in map do
    done[#done + 1] = item
    assert(text == "Hello", text)
  end
  ngx.update_time()
  ngx.say(#done, ngx.now() - started < 2 and " at once" or " one after the other")
end

--- A request with tasks of its own: tells what its tasks see, and that nobody else's are seen.
function M.tasks()
  local tasks = require("claude.tasks")
  local args = arguments()
  local seen = { tostring(tasks.running() == nil) }
  local waiting = claude.spawn(function()
    local slept, _, err = claude.sleep(args.cancel and 60 or 0.1)
    return slept and "slept" or err.kind
  end)
  local outer = claude.spawn(function()
    local own = tasks.running()
    claude.sleep(tonumber(args.pause))
    return tostring(tasks.running() == own)
  end)
  claude.sleep(0.05)
  if args.cancel then waiting:cancel() end
  seen[2], seen[3] = waiting:wait(), outer:wait()
  seen[4] = tostring(tasks.running() == nil)
  ngx.say(args.name, " ", table.concat(seen, " "))
end

--- Raises what a loop over a stream raises.
function M.raise()
  for _ in client_of(arguments()).messages:stream(PARAMS):deltas() do
    ngx.ctx.pieces = true
  end
end

--- A task whose failure nobody looks at.
function M.fail_unseen()
  claude.spawn(function() error(claude.Error.new({ kind = "api", message = "told nobody" })) end)
end

--- How often a place is taken for one whose name it cannot prove.
function M.impostor()
  local options = { host = "127.0.0.1", tls = true, key = "impostor" }
  options.port, options.server_name = tonumber(arguments().port), "wrong.example.test"
  local taken, refused = 0, {}
  for _ = 1, 300 do
    local socket, _, word = require("claude.tasks.nginx").connect(options)
    if socket then
      taken = taken + 1
      socket:close()
    else
      refused[word] = (refused[word] or 0) + 1
    end
  end
  ngx.say(("taken %d, refused %d"):format(taken, refused.certificate or 0))
end

--- Connects anew three times and asks how: "." for a new TLS session, "r" for one known.
function M.sessions()
  local options = { host = "127.0.0.1", tls = true, server_name = "localhost", key = "sessions" }
  options.port = tonumber(arguments().port)
  for _ = 1, 3 do
    local socket = assert(require("claude.tasks.nginx").connect(options))
    socket:send("GET / HTTP/1.0\r\n\r\n")
    ngx.print(socket:receive():match("(.)$"))
    socket:close()
  end
end

-- Connects as a request does, says how, and puts the connection by.
local function connect(options)
  local socket, text, word = require("claude.tasks.nginx").connect(options)
  if not socket then return ("%s: %s"):format(word, text) end
  local how = socket.reused and "reused" or "new"
  socket:keep()
  return how
end

--- One place, one key, two names: what was agreed on for one is nothing for the other.
function M.names()
  local port = tonumber(arguments().port)
  for _, name in ipairs({ "localhost", "localhost", "wrong.example.test", "localhost" }) do
    ngx.say(
      name,
      " ",
      connect({
        host = "127.0.0.1",
        port = port,
        tls = true,
        server_name = name,
        key = "one key",
      })
    )
  end
end

--- What a server on loopback says to GET.
function M.fetch()
  local port, path = arguments().url:match(":(%d+)(/.*)$")
  local tcp = ngx.socket.tcp()
  assert(tcp:connect("127.0.0.1", tonumber(port)))
  tcp:send(("GET %s HTTP/1.0\r\n\r\n"):format(path))
  local head = assert(tcp:receiveuntil("\r\n\r\n")())
  ngx.print((assert(tcp:receive(tonumber(head:match("Content%-Length: (%d+)"))))))
end

-- How often the disk was waited for: without a word, and when it is asked for.
function M.journal()
  local path, counts = os.tmpname(), {}
  for i, options in ipairs({ false, { sync = true } }) do
    local storage = assert(claude.journal.file(path, options or nil))
    local file, count = storage.file, 0
    storage.file = {
      append = function(_, bytes) return file:append(bytes) end,
      sync = function()
        count = count + 1
        return file:sync()
      end,
    }
    assert(storage:append("some bytes"))
    assert(storage:sync())
    file:close()
    counts[i] = count
  end
  os.remove(path)
  ngx.print(table.concat(counts, " "))
end

return M
