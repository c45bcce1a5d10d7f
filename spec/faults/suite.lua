--- Tries every situation of spec/faults/situations.lua in the program that runs it.
---
--- Each is set at the server and met by three calls at once: a stream, a conversation's
--- `send`, and a request for JSON. Then it is taken back, and the same client, over the same
--- connections, must be answered well, three times at once. Nothing may be left of it: no
--- exchange, no descriptor, no byte that the C modules hold; and a conversation must be byte
--- for byte what it was.
local claude = require("claude")
local core = require("claude.core")
local descriptors = require("spec.hosts.descriptors")
local situations = require("spec.faults.situations")
local tasks = require("claude.tasks")

local M = {}

local SETTLING = 15 -- seconds after which what is still there counts as left
local SECONDS = 60 -- that a situation may take

local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 100,
  messages = { { role = "user", content = "Say hello" } },
}
-- More than HTTP/2 lets anybody send unasked.
local LONG = {
  model = PARAMS.model,
  max_tokens = 100,
  messages = { { role = "user", content = ("Say hello. "):rep(20000) } },
}
local GOOD_TEXT, GOOD_COUNT = "Hello", 7

---@class spec.FaultHost
---@field transport "libcurl"|"nginx"
---@field ports table<string, integer>
---@field ca_file? string where a client can be told
---@field live? fun(): number bytes that the C modules hold
---@field exchanges? fun(): integer that have not ended
---@field only? string a pattern: which to try
---@field quick boolean the short form

-- Settings of a client, and of the calls that meet the fault: only those have short limits.
local function split(options)
  local of_client, of_call = {}, {}
  for name, value in pairs(options or {}) do
    if name == "limits" or name == "max_retries" then
      of_call[name] = value
    elseif name ~= "host" then
      of_client[name] = value
    end
  end
  return of_client, of_call
end

local function base_of(host, situation)
  local name = situation.options and situation.options.host
  if situation.door == "proxy" then return "https://" .. name end
  if situation.door ~= "http" then
    return ("https://localhost:%d"):format(host.ports[situation.door])
  end
  return ("http://%s:%d"):format(name or "127.0.0.1", host.ports.http)
end

local function client_for(host, situation)
  local options = split(situation.options)
  options.api_key, options.max_retries = "key-of-the-faults", 0
  options.base_url = base_of(host, situation)
  options.on_warning = function() end
  if situation.door == "proxy" then
    options.proxy = ("http://127.0.0.1:%d"):format(host.ports.proxy)
  end
  if situation.door ~= "http" then options.ca_file = host.ca_file end
  return claude.new(options)
end

local function call_options(name, more)
  local options = { headers = { ["x-call"] = name } }
  for field, value in pairs(more or {}) do
    options[field] = value
  end
  return options
end

local CALLS = {}

function CALLS.stream(client, params, _, more)
  local stream = client.messages:stream(params, call_options("stream", more))
  local parts = {}
  local kind, text, index = stream:next()
  while kind do
    if kind == "text" then parts[#parts + 1] = text end
    kind, text, index = stream:next()
  end
  local seen = { text = table.concat(parts), err = index }
  if not index then
    seen.message = assert(stream:final_message())
    seen.bytes = stream.response:message_json()
  end
  return seen
end

function CALLS.send(_, _, chat, more)
  local message, _, err = chat:send(nil, call_options("send", more))
  return { text = message and message:text() or "", message = message, err = err }
end

function CALLS.json(client, params, _, more)
  local asked = { model = params.model, messages = params.messages }
  local answer, _, err = client.messages:count_tokens(asked, call_options("json", more))
  return { answer = answer, err = err }
end

-- All at once, or one after the other.
local function make_calls(names, client, params, more, alone)
  local running, seen = {}, {}
  local chat = client:conversation(params)
  for _, name in ipairs(names) do
    running[name] = claude.spawn(CALLS[name], client, params, chat, more)
    if alone then running[name]:wait() end
  end
  for _, name in ipairs(names) do
    seen[name] = assert(running[name]:wait())
  end
  return seen, chat
end

local function check(ok, form, ...)
  if not ok then error(form:format(...), 0) end
end

local function same(expected, found, what)
  check(expected == found, "%s: %s expected, got %s", what, tostring(expected), tostring(found))
end

-- What a call has to come to over this transport.
local function expected_of(situation, transport, call)
  local expected = {}
  local json = call == "json" and type(situation.json) == "table" and situation.json or {}
  for _, source in ipairs({ situation, json, situation[transport] or {} }) do
    for name, value in pairs(source) do
      expected[name] = value
    end
  end
  if call == "json" then expected.partial = nil end
  return expected
end

local function judge_well(call, seen, reference, text)
  check(not seen.err, "%s: %s", call, tostring(seen.err))
  if call == "json" then return same(GOOD_COUNT, seen.answer.input_tokens, "the count") end
  same(text or GOOD_TEXT, seen.text, call .. ": the text")
  if call == "stream" and reference.bytes and not text then
    same(reference.bytes, seen.bytes, "the bytes of the message")
  end
end

local function is_one_of(value, expected)
  if type(expected) ~= "table" then return value == expected end
  for _, one in ipairs(expected) do
    if value == one then return true end
  end
  return false
end

local function says(message, expected)
  for _, words in ipairs(type(expected) == "table" and expected or { expected }) do
    if message:find(words, 1, true) then return true end
  end
  return false
end

local function judge_error(call, expected, err)
  check(err ~= nil, "%s: no error, but %s expected", call, expected.kind)
  local shown = ("%s, of %s"):format(call, tostring(err))
  check(is_one_of(err.kind, expected.kind), "%s: kind %s", shown, err.kind)
  for _, name in ipairs({ "type", "retryable" }) do
    same(expected[name], err[name], ("%s: %s"):format(shown, name))
  end
  if expected.status then same(expected.status, err.status, shown .. ": status") end
  if expected.retry_after then same(expected.retry_after, err.retry_after, shown) end
  same(expected.limit, err.details and err.details.limit, shown .. ": the limit")
  check(says(err.message, expected.says), "%s: it does not say so", shown)
  same(expected.partial, err.partial and err.partial:text(), shown .. ": the partial")
end

local function judge(host, situation, call, seen)
  local expected = expected_of(situation, host.transport, call)
  if expected.whole then return judge_well(call, seen, host, situation.text) end
  judge_error(call, expected, seen.err)
  if call == "stream" then same(expected.partial or "", seen.text, "the text handed out") end
end

-- What the server says of itself, as numbers by name.
local function tell_server(host, path)
  local answer = assert(host.control:request("GET", path))
  local told = {}
  for name, value in answer.body:gmatch("([%w_]+) (%d+)\n") do
    told[name] = tonumber(value)
  end
  return told
end

local function wait_until(what, condition)
  local late = tasks.now() + SETTLING
  while true do
    local done, left = condition()
    if done then return end
    check(tasks.now() < late, "%s: %s", what, tostring(left))
    claude.sleep(0.01)
  end
end

local function names_of(situation)
  local names = {}
  if situation.stream ~= false then names = { "stream", "send" } end
  if situation.json then names[#names + 1] = "json" end
  return names
end

local ALL = { "stream", "send", "json" }

-- The whole dump; where something had arrived, all of it but what that used.
local function account_of(chat, partial)
  local dump = assert(chat:dump())
  if not partial then return dump end
  local account, count = dump:gsub("\nstate %d+\n[^\n]*", "")
  assert(count == 1)
  account, count = account:gsub("\nsha256 .*$", "")
  assert(count == 1)
  return account
end

-- Every call is answered well; leaves as many kept connections as there are calls.
local function be_well(host, client)
  local seen = make_calls(ALL, client, PARAMS)
  for _, name in ipairs(ALL) do
    judge_well(name, seen[name], host)
  end
  return seen
end

local function meet(host, situation, client)
  local names, _, of_call = names_of(situation), split(situation.options)
  local params = situation.long and LONG or PARAMS
  local before = account_of(client:conversation(params), situation.partial)
  local seen, chat = make_calls(names, client, params, of_call, situation.alone)
  for _, name in ipairs(names) do
    judge(host, situation, name, seen[name])
  end
  local told = tell_server(host, "/stats")
  for _, name in ipairs(situation.calls and names or {}) do
    same(situation.calls, told["calls_" .. name], name .. ": attempts")
  end
  if not seen.send or seen.send.message then return end
  same(before, account_of(chat, situation.partial), "the conversation")
  return chat
end

local function check_chat(chat)
  if not chat then return end
  assert(chat:send(nil, call_options("again")))
  same(2, #chat:messages(), "messages of the conversation")
end

local function collect()
  collectgarbage()
  collectgarbage()
end

-- Kept connections are no leak, but each must stand at the server, too.
local function counts(host)
  local open = tell_server(host, "/stats").open
  collect()
  return {
    descriptors = descriptors.count() - open,
    bytes = host.live and host.live() or 0,
    exchanges = host.exchanges and host.exchanges() or 0,
  }
end

local function what_is_left(host)
  local now, more = counts(host), {}
  for name, count in pairs(now) do
    if count > host.base[name] then
      more[#more + 1] = ("%d %s, before %d"):format(count, name, host.base[name])
    end
  end
  return more[1] and table.concat(more, "; ")
end

local NOTICED = 1 -- seconds after which libcurl looks for dead connections again

-- A connection that the server has closed is noticed when the next one is looked for.
local function nothing_left(host, client)
  local look_at = tasks.now() + NOTICED
  wait_until("left behind", function()
    local left = what_is_left(host)
    if left and tasks.now() > look_at then
      be_well(host, client)
      look_at = tasks.now() + NOTICED
    end
    return not left, left
  end)
end

-- What core.encode keeps for the next value grows up to 64 KiB, and then no more.
local function fill_spare_room() assert(core.encode(("x"):rep(40000))) end

-- The counts once nothing moves any more.
local function base_counts(host)
  fill_spare_room()
  local base, same_since = counts(host), tasks.now()
  while tasks.now() - same_since < NOTICED do
    tasks.sleep(0.05)
    local now = counts(host)
    for name, count in pairs(now) do
      if count ~= base[name] then
        base, same_since = now, tasks.now()
      end
    end
  end
  return base
end

local function wait_for_marks(host, situation)
  if not situation.marks then return end
  local wanted = #names_of(situation)
  wait_until("the server's steps", function()
    local marks = tell_server(host, "/stats").marks
    return marks >= wanted, marks
  end)
end

-- What is said of one that hangs.
local function step(host, what) host.step = what end

-- Nothing of it is held when this returns.
local function meet_and_recover(host, situation, client)
  if not (situation.cold or situation.anew) then be_well(host, client) end
  tell_server(host, "/set/" .. situation.name)
  step(host, "meeting it")
  local chat = meet(host, situation, client)
  wait_for_marks(host, situation)
  same(0, tell_server(host, "/set/none").trapped, "visits to the other host")
  step(host, "being well again")
  be_well(host, client)
  check_chat(chat)
end

local function live_through(host, situation)
  local client = client_for(host, situation)
  tell_server(host, "/set/none")
  step(host, "being well before")
  meet_and_recover(host, situation, client)
  step(host, "looking for what is left")
  nothing_left(host, client)
  return true
end

-- One that hangs is cancelled, and fails.
local function try(host, situation)
  local task = claude.spawn(function()
    local ok, problem = live_through(host, situation)
    return ok, problem
  end)
  local ok, text = task:wait(SECONDS)
  if ok then return true end
  task:cancel()
  return false, host.step .. ": " .. (tostring(text):gsub("\nstack traceback:.*", ""))
end

local function chosen(host)
  local list = {}
  for _, situation in ipairs(situations.list) do
    local wanted = not host.only or situation.name:find(host.only)
    -- Names are asked of a server of ours by way of the shim.
    if situation.names and not host.live then wanted = false end
    if wanted and situations.runs_over(situation, host.transport, host.quick) then
      list[#list + 1] = situation
    end
  end
  return list
end

-- The first answers: what is loaded or kept from then on is no leak.
local function warm_up(host)
  host.control = claude.new({
    api_key = "none",
    base_url = ("http://127.0.0.1:%d"):format(host.ports.control),
  })
  tell_server(host, "/set/none")
  local named = host.live and { host = "warm.example.test", allow_http = true }
  host.bytes = be_well(host, client_for(host, { door = "http", options = named })).stream.bytes
  be_well(host, client_for(host, { door = "tls" }))
  local client = client_for(host, { door = "http" })
  tell_server(host, "/hang_up")
  be_well(host, client)
  tasks.sleep(NOTICED + 0.1)
  be_well(host, client)
  host.base = base_counts(host)
  return client
end

-- What is left when all is over, and all connections are closed but those that base has.
local function settle(host, client)
  tell_server(host, "/set/none")
  tell_server(host, "/hang_up")
  local task = claude.spawn(function()
    nothing_left(host, client)
    return true
  end)
  return task:wait()
end

--- Tries them one after the other; inside a task. Writes what failed, how many survived, and
--- what was left at the end.
---@param host spec.FaultHost
---@param write fun(text: string)
function M.run(host, write)
  local client = warm_up(host)
  local survived, list = 0, chosen(host)
  for _, situation in ipairs(list) do
    local began = tasks.now()
    local ok, problem = try(host, situation)
    if ok then
      survived = survived + 1
      write(("survived %s %.2f\n"):format(situation.name, tasks.now() - began))
    else
      write(("FAILED %s over %s\n  %s\n"):format(situation.name, host.transport, problem))
    end
  end
  local settled, left = settle(host, client)
  if not settled then write(("FAILED: %s\n"):format(tostring(left))) end
  local after = counts(host)
  write(
    ("left %d descriptors %d bytes\n"):format(
      after.descriptors - host.base.descriptors,
      after.bytes - host.base.bytes
    )
  )
  write(("%s: %d passed, %d failed\n"):format(host.transport, survived, #list - survived))
end

return M
