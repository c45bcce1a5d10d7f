--- A random conversation: operations by chance, against a simulator whose model says
--- what random_turns.lua makes up, and what has to be true after each of them.
local claude = require("claude")
local history = require("claude.conversation.history")
local dice_of = require("spec.support.dice").new
local simulator = require("claude.simulator")
local sse = require("claude.simulator.sse")
local turns = require("spec.support.random_turns")
local values = require("spec.support.random_values")

local M = {}

local KEY = "sk-ant-key-that-nobody-may-see"

---@class spec.RandomWorld
local World = {}
World.__index = World

-- Chance of a call's own: calls run at once, in an order that depends on the time.
---@param call { id: string }
---@param salt integer
---@return spec.Dice
function World:dice_of(call, salt)
  local turn, index = call.id:match("(%d+)_(%d+)$")
  return dice_of(self.seed * 7919 + turn * 64 + index * 2 + salt)
end

function World:tools()
  local function tool(name, run)
    return claude.tool({
      name = name,
      description = "For specs",
      input_schema = { type = "object", properties = { text = { type = "string" } } },
      run = run and function(_, call) return run(self:dice_of(call, 0)) end,
    })
  end
  return {
    tool("look", function(dice) return dice:pick(values.RESULTS) end),
    tool("odd", function(dice)
      if dice:once_in(2) then return nil, dice:pick(values.RESULTS) end
    end),
    tool("fail", function(dice) error(dice:pick(values.RESULTS), dice:number(3) - 1) end),
    tool("slow", function(dice)
      claude.sleep(0.001)
      if dice:once_in(3) then error("after waiting") end
      return dice:pick(values.RESULTS)
    end),
    tool("human"),
    { type = "web_search_20250305", name = "web_search" },
  }
end

local function fail(world, text)
  world.failed = true
  error(("%s\nlast steps:\n  %s"):format(text, table.concat(world.steps, "\n  ")), 0)
end

local function check(world, ok, text, ...)
  if not ok then fail(world, text:format(...)) end
end

-- No text that leaves the library holds the key.
local function check_secret(world, value, seen)
  if type(value) == "string" then
    check(world, not value:find(KEY, 1, true), "the key is in: %s", value)
  elseif type(value) == "table" and not (seen or {})[value] then
    seen = seen or {}
    seen[value] = true
    for name, member in next, value do
      check_secret(world, name, seen)
      check_secret(world, member, seen)
    end
  end
end

-- The call of the server's own that waits for its result.
local function serving(request)
  local id
  for _, message in ipairs(request.messages) do
    for _, block in ipairs(type(message.content) == "table" and message.content or {}) do
      if block.type == "server_tool_use" then id = block.id end
      if id and block.tool_use_id == id then id = nil end
    end
  end
  return id
end

function World:_script(request, info)
  if self.probing then
    self.turn = nil
    return { content = { "ok" } }
  end
  self.serial = self.serial + 1
  local turn = turns.turn(self.dice, self.serial, info.thinking, serving(request))
  self.turn = turn
  return turns.script(turn)
end

local function messages_of(chat)
  local list = {}
  for i = 1, chat.transcript:count() do
    list[i] = chat.transcript:get(i)
  end
  return list
end

local function begins_with(list, start)
  for i = 1, #start do
    if list[i] ~= start[i] then return false end
  end
  return true
end

-- System messages that no reply has followed stand behind what is said later.
local function without_last_system(list)
  local last = #list
  while last > 0 and list[last]:find('"role":"system"}$') do
    last = last - 1
  end
  local rest = {}
  for i = 1, last do
    rest[i] = list[i]
  end
  return rest
end

-- What a request sent is what the conversation says it holds.
function World:_check_body(entry, list, chat)
  local body = entry.body
  local sent = '"messages":[' .. table.concat(list, ",") .. '],"model":"'
  check(self, body:find(sent, 1, true), "the request is not the conversation:\n%s\n%s", body, sent)
  for name, json in pairs(chat.sealed) do
    check(self, body:find(('"%s":%s'):format(name, json), 1, true), "%s changed", name)
  end
end

function World:_check_requests(from)
  for i = from + 1, #self.sim.requests do
    local entry = self.sim.requests[i]
    local bad = entry.status and entry.status >= 400 and entry.status < 500 and entry.status ~= 429
    check(self, not bad, "refused with %s: %s\n%s", entry.status, entry.error, entry.body)
    check(
      self,
      not (entry.error or ""):find("simulator: ", 1, true),
      "the script failed: %s",
      entry.error
    )
    check_secret(self, entry.body)
  end
end

function World:_note(err)
  if err == nil then return end
  check_secret(self, tostring(err))
  check_secret(self, err)
end

-- A turn that failed changed nothing; one that is whole added what it should.
function World:_check_reply(talk, before, requests, err)
  local chat, now = talk.chat, messages_of(talk.chat)
  check(self, begins_with(now, before), "what was sealed changed")
  if err then
    check(self, #now == #before, "a reply that failed (%s) changed the conversation", tostring(err))
  elseif self.turn and #self.sim.requests > requests then
    local expected = turns.sealed(self.turn)
    check(
      self,
      now[#before + 1] == expected,
      "a reply (%s) entered as\n%s\ninstead of\n%s",
      self.turn.stop_reason,
      tostring(now[#before + 1]),
      tostring(expected)
    )
  end
  talk.list = messages_of(chat)
end

function World:_overrides(talk)
  if history.is_in_turn(talk.chat.transcript) then return talk.overrides end
  talk.overrides = self.dice:once_in(5) and self.dice:pick(values.OVERRIDES) or nil
  return talk.overrides
end

local ops = {}

function ops.user(self, talk)
  local said = self.dice:pick(self.dice:once_in(8) and values.UNSENDABLE or values.SAID)
  local done, _, err = talk.chat:user(said)
  self:_note(err)
  if not done then
    check(self, err.kind == "invalid", "user: %s", tostring(err))
    if self.dice:once_in(2) then talk.chat:undo() end
  end
end

function ops.system(self, talk)
  local _, _, err =
    talk.chat:system(self.dice:pick({ "Be brief.", "", { { type = "text", text = "x" } } }))
  self:_note(err)
end

local function kept(self, talk, err)
  if not (err and err.partial and self.dice:once_in(2)) then return end
  local before = messages_of(talk.chat)
  local done, problem = pcall(talk.chat.keep, talk.chat, err.partial)
  self:log("keep: %s %s", tostring(done), tostring(problem))
  check(self, done, "keep raised %s", tostring(problem))
  check(self, begins_with(messages_of(talk.chat), before), "keep changed what was sealed")
  talk.list = messages_of(talk.chat)
end

-- Mostly, something is said before.
local function say(self, chat)
  local draft = chat.draft
  if draft.problem and self.dice:once_in(2) then chat:undo() end
  local silent = not draft:says_something() and not history.is_in_turn(chat.transcript)
  if silent and not self.dice:once_in(6) then chat:user(self.dice:pick(values.SAID)) end
end

function ops.send(self, talk)
  say(self, talk.chat)
  local requests, old = #self.sim.requests, talk.list
  self.turn = nil
  local stream = talk.chat:stream(self:_overrides(talk))
  local before, hash = messages_of(talk.chat), talk.chat:prefix_hash()
  check(self, begins_with(before, without_last_system(old)), "what was sealed changed at sending")
  local message, err, _
  local steps = self.dice:once_in(4) and self.dice:number(30) or nil
  if steps then
    for _ = 1, steps do
      local kind
      local index
      kind, _, index = stream:next()
      err = not kind and index or nil
      if not kind then break end
    end
    if not err and self.dice:once_in(2) then
      stream:cancel()
      self:log("cancelled")
      _, _, err = stream:next()
      if stream:current_message() and not err then message = stream:final_message() end
    end
  end
  if not err and not message then
    message, _, err = stream:final_message()
  end
  self:log("-> %s", tostring(err or message and message.stop_reason))
  self:_note(err)
  if #self.sim.requests > requests then
    self:_check_body(self.sim.requests[#self.sim.requests], before, talk.chat)
  end
  if err then check(self, hash == talk.chat:prefix_hash(), "a failed turn changed the hash") end
  if err and err.kind == "invalid" then
    check(self, #self.sim.requests == requests, "invalid, and sent: %s", tostring(err))
  end
  self:_check_reply(talk, before, requests, err)
  kept(self, talk, err)
end

function ops.run(self, talk)
  say(self, talk.chat)
  local dice, requests = self.dice, #self.sim.requests
  local options = { max_requests = dice:number(4), max_pauses = dice:number(3) }
  for name, value in pairs(self:_overrides(talk) or {}) do
    options[name] = value
  end
  if dice:once_in(2) then
    options.approve = function(call)
      local own = self:dice_of(call, 1)
      if own:once_in(6) then claude.sleep(0.001) end
      if own:once_in(8) then error(own:pick(values.RESULTS)) end
      if own:once_in(8) then call.input = own:pick(values.RESULTS) end
      return own:once_in(2), own:pick(values.RESULTS)
    end
  end
  local run = talk.chat:run(options)
  local steps, kind, err, _ = dice:once_in(3) and dice:number(60) or 1e9, nil, nil, nil
  for _ = 1, steps do
    local index
    kind, _, index = run:next()
    err = not kind and index or nil
    if not kind then break end
  end
  if kind then
    run:cancel()
    _, _, err = run:next()
  end
  self:log("-> %s", tostring(err or run.reason))
  self:_note(err)
  if err and err.kind == "invalid" then
    check(self, (self.sim.requests[#self.sim.requests] or {}).status ~= 400, "sent")
  end
  local now = messages_of(talk.chat)
  check(self, begins_with(now, without_last_system(talk.list)), "a run changed what was sealed")
  local entry = #self.sim.requests > requests and self.sim.requests[#self.sim.requests]
  if entry then
    local sent = entry.body:match('"messages":%[(.*)%],"model":"claude')
    check(self, table.concat(now, ","):sub(1, #sent) == sent, "a run sent something else")
  end
  talk.list = now
  kept(self, talk, err)
end

function ops.answer(self, talk)
  for _, call in ipairs(talk.chat:pending()) do
    if self.dice:once_in(2) then
      talk.chat:answer(call.id, self.dice:pick(values.RESULTS))
    elseif self.dice:once_in(2) then
      talk.chat:user({ { type = "tool_result", tool_use_id = call.id, content = "by hand" } })
    elseif self.dice:once_in(2) then
      talk.chat:answer(call.id, nil, self.dice:pick(values.RESULTS))
    end
  end
end

function ops.undo(self, talk)
  for _ = 1, self.dice:number(2) do
    talk.chat:undo()
  end
  local now = messages_of(talk.chat)
  check(self, begins_with(talk.list, now), "undo changed what stays")
  talk.list = now
end

function ops.fork(self, talk)
  local chat = talk.chat:fork()
  check(self, chat:prefix_hash() == talk.chat:prefix_hash(), "a fork has another hash")
  if #self.talks >= 4 then table.remove(self.talks, 1) end
  self.talks[#self.talks + 1] =
    { chat = chat, list = messages_of(chat), overrides = talk.overrides }
end

-- What a conversation would send next, as bytes.
local function next_body(world, chat, overrides)
  local requests = #world.sim.requests
  local _, _, err = chat:fork():send(overrides)
  world:_note(err)
  local entry = world.sim.requests[requests + 1]
  return entry and entry.body
end

function ops.load(self, talk)
  local chat, path = talk.chat, self.dice:once_in(4) and os.tmpname() or nil
  local text, problem, err
  if path then
    text, problem, err = chat:save(path)
  else
    text, problem, err = chat:dump()
  end
  self:_note(err)
  local loaded
  if text then
    if talk.storage then talk.storage = claude.journal.memory() end
    local given = { tools = self:tools(), journal = talk.storage }
    loaded, problem = self.client:load(path or text, given)
  end
  if path then os.remove(path) end
  if err then
    check(self, chat.draft.problem, "not saved: %s", tostring(problem))
    return
  end
  check(self, loaded, "not loaded: %s", tostring(problem))
  check(self, loaded:prefix_hash() == chat:prefix_hash(), "loaded with another hash")
  check(self, loaded:dump() == chat:dump(), "dumped otherwise once loaded")
  self.probing = true
  local a, b = next_body(self, chat, talk.overrides), next_body(self, loaded, talk.overrides)
  self.probing = false
  check(self, a == b, "loaded, it sends other bytes:\n%s\n%s", tostring(a), tostring(b))
  talk.chat = loaded
end

function ops.begin(self)
  local dice = self.dice
  local params = {
    max_tokens = 6000,
    tools = self:tools(),
    system = dice:pick({ "Be exact.", claude.json('[{"type":"text", "text":"\\u0061"}]') }),
  }
  for name, value in pairs(dice:pick(values.MODELS)) do
    params[name] = value
  end
  if dice:once_in(3) then params.system = nil end
  if #self.talks >= 4 then table.remove(self.talks, 1) end
  -- Every other world writes its conversations down.
  local storage = self.seed % 2 == 0 and claude.journal.memory() or nil
  params.journal = storage
  local chat = self.client:conversation(params)
  self.talks[#self.talks + 1] = { chat = chat, list = {}, storage = storage }
end

-- What is used is written down with what follows; everything else at once.
local function without_usage(dump)
  return (dump:gsub("\nstate %d+\n[^\n]*", "", 1):gsub("\nsha256 64\n%x+\n$", ""))
end

-- Whoever opened the journal now would find this conversation.
function World:_check_journal(talk)
  local chat = talk.chat
  if not talk.storage or chat.draft.problem then return end
  local function reopened()
    local storage = claude.journal.memory(talk.storage:read())
    local again = assert(self.client:conversation({ journal = storage, tools = self:tools() }))
    return again:dump()
  end
  local dump, found = without_usage(chat:dump()), without_usage(reopened())
  check(self, dump == found, "the journal has\n%s\ninstead of\n%s", found, dump)
  check(self, chat:sync(), "the journal cannot be synced")
  check(self, chat:dump() == reopened(), "synced, the journal has something else")
end

-- Whatever happened, the history can be sent with something said after it.
function World:_probe(talk)
  local chat = talk.chat:fork()
  while chat.draft.problem or #chat.draft.content > 0 or #chat.draft.system > 0 do
    chat:undo()
  end
  local open = history.is_in_turn(chat.transcript)
  local all = chat:messages()
  local last = all[#all]
  -- What the server's own tools, or a system message, have to be followed by.
  local waits = serving({ messages = all }) or last and last.role == "system"
  if not waits then chat:user("go on") end
  self.probing = true
  local message, text, err = chat:send(open and talk.overrides or nil)
  -- Or what was overridden was refused as well, and never sent.
  if err and err.kind == "invalid" and open and talk.overrides then
    message, text, err = chat:send()
  end
  self.probing = false
  self:_note(err)
  check(
    self,
    message,
    "the history cannot be sent: %s\n%s",
    tostring(text),
    table.concat(messages_of(chat), "\n")
  )
end

local OPS = {
  "user",
  "user",
  "user",
  "user",
  "send",
  "send",
  "send",
  "send",
  "send",
  "run",
  "run",
  "run",
  "run",
  "answer",
  "undo",
  "fork",
  "load",
  "system",
  "begin",
}

function World:log(text, ...)
  self.steps[#self.steps + 1] = text:format(...)
  if #self.steps > 30 then table.remove(self.steps, 1) end
end

--- One operation, and everything that has to be true after it.
function World:step()
  local name = #self.talks == 0 and "begin" or self.dice:pick(OPS)
  local at = #self.talks > 0 and self.dice:number(#self.talks) or 1
  local talk = self.talks[at]
  self:log("%s %d", name, at)
  local requests = #self.sim.requests
  ops[name](self, talk)
  talk = talk or self.talks[1]
  self:_check_requests(requests)
  check(self, begins_with(messages_of(talk.chat), talk.list), "what was sealed changed")
  self:_check_journal(talk)
  requests = #self.sim.requests
  self:_probe(talk)
  self:_check_requests(requests)
  check_secret(self, self.warnings)
  self.warnings = {}
  if #self.sim.requests > 500 then
    for i = #self.sim.requests, 1, -1 do
      self.sim.requests[i] = nil
    end
  end
end

-- The simulator says what the turn wants on the wire, and takes blocks nobody knows.
local function patched(world, run)
  local blocks, events = require("claude.simulator.validate.blocks").any_role, sse.events
  blocks.future_block = function() end
  sse.events = function(message, options)
    local plain = events(message, { piece = options.piece })
    return world.turn and turns.events(world.turn, world.dice, message, plain) or plain
  end
  local done, problem = xpcall(
    run,
    function(problem) return world.failed and problem or debug.traceback(tostring(problem)) end
  )
  sse.events, blocks.future_block = events, nil
  return done, problem
end

--- Runs so many steps of one seed; raises what was not true.
---@param seed integer
---@param steps integer
function M.run(seed, steps)
  local world = setmetatable({
    dice = dice_of(seed),
    seed = seed,
    steps = {},
    talks = {},
    serial = 0,
    warnings = {},
  }, World)
  world.sim = assert(simulator.start({
    seed = seed,
    script = function(request, info) return world:_script(request, info) end,
  }))
  world.client = claude.new({
    api_key = KEY,
    base_url = world.sim.url,
    max_retries = 0,
    on_warning = function(text, code) table.insert(world.warnings, { text, code }) end,
  })
  local at = 0
  local done, problem = patched(world, function()
    for step = 1, steps do
      at = step
      world:step()
    end
  end)
  world.sim:close()
  if not done then error(("seed %d, step %d: %s"):format(seed, at, tostring(problem)), 0) end
end

return M
