--- What users write while memory fails (spec/alloc/attempt.lua): requests, streams, tools,
--- conversations. spec/bench/server.c plays the API at URL.
---
--- A conversation is, behind a failure, what it was before or what it had become: what stood
--- in it is there byte for byte, and it goes on when memory is back.
local claude = require("claude")
local core = require("claude.core")
local hub = require("claude.loop")
local net = require("claude.net")
local support = require("spec.alloc.support")

local new_client, nothing = support.new_client, support.nothing

local MODEL = "claude-opus-4-8"
local PATIENCE = 5 -- seconds until what does not come is given up
local ANSWER = ("It is done. "):rep(8)

local M = {}

local function params(played)
  return {
    model = MODEL,
    max_tokens = 8000,
    messages = { { role = "user", content = "What is new?" } },
    metadata = played and { user_id = played } or nil,
  }
end

-- Values or failure, as the library gives them: a `claude.Error` tells of memory in its text.
local function outcome(value, text) return value, text end

local loading = {
  prepare = function()
    for name in pairs(package.loaded) do
      if name == "claude" or name:find("^claude%.") then package.loaded[name] = nil end
    end
  end,
  act = function() return require("claude").new({ api_key = "k", on_warning = nothing }) end,
}
if not rawget(_G, "jit") then M.loading = loading end

M.whole_answer = {
  prepare = new_client,
  act = function(client)
    local message, text = client.messages:create(params())
    if message then assert(message:text():find("It is done.", 1, true)) end
    return outcome(message, text)
  end,
}

M.stream = {
  prepare = new_client,
  act = function(client)
    local stream = client.messages:stream(params())
    local pieces = {}
    local kind, text, err = stream:next()
    while kind do
      if kind == "text" then pieces[#pieces + 1] = text end
      kind, text, err = stream:next()
    end
    if err then return nil, text end
    assert(table.concat(pieces) == ANSWER)
    local message
    message, text = stream:final_message()
    if message then assert(message:text() == ANSWER) end
    return outcome(message, text)
  end,
}

M.refusal = {
  prepare = new_client,
  act = function(client)
    local message, text, err = client.messages:create(params("refused"))
    assert(not message)
    return err.type == "invalid_request_error", text
  end,
}

M.busy_server = {
  prepare = function() return new_client({ max_retries = 3 }) end,
  act = function(client) return outcome(client.messages:create(params("busy"))) end,
}

M.cut_reply = {
  prepare = new_client,
  act = function(client)
    local message, text, err = client.messages:stream(params("cut")):final_message()
    assert(not message)
    return err.kind == "incomplete" and err.partial, text
  end,
}

M.dropped_stream = {
  prepare = new_client,
  act = function(client)
    local stream = client.messages:stream(params("held"))
    local kind, text = stream:next()
    stream:cancel()
    return kind, text
  end,
}

-- However little memory there is when a limit is reached, who waits hears of it.
M.limit_that_is_reached = {
  prepare = function() return new_client({ limits = { idle = 0.05 } }) end,
  act = function(client)
    local message, text, err = client.messages:stream(params("held")):final_message()
    assert(not message)
    return err.kind == "timeout" and err.details.limit == "idle", text
  end,
}

-- Conversations

local function begin(tools)
  local chat = new_client():conversation({ model = MODEL, max_tokens = 8000, tools = tools })
  chat:user("What is new?")
  return chat
end

local function conversation(act, again, more)
  return {
    prepare = function()
      local chat = more and more() or begin()
      return { chat = chat, before = support.remember(chat) }
    end,
    act = function(state) return act(state.chat, state) end,
    verify = function(state)
      support.check_kept(state.chat, state.before)
      state.before = support.remember(state.chat)
    end,
    again = again and function(state) return again(state.chat, state) end,
  }
end

-- Where the reply is in it already, only the message could not be handed over. What is under
-- way in a run or stream that the program holds is the program's to end.
local function send_on(chat)
  assert(not chat:is_busy(), "it is still busy")
  local messages = chat:messages()
  if messages[#messages].role == "assistant" then chat:user("And now?") end
  return outcome(chat:send())
end

M.send = conversation(function(chat) return outcome(chat:send()) end, send_on)

-- What was said is said once for each time that it went well; a half of it never is.
M.user = {
  prepare = function()
    return { chat = new_client():conversation({ model = MODEL, max_tokens = 8000 }), said = 0 }
  end,
  act = function(state)
    state.chat:user({ "Look:", claude.content({ "a", "b" })[1] })
    state.said = state.said + 1
    return true
  end,
  verify = function(state)
    local bytes = core.encode(core.array(state.chat:messages()))
    local said = '{"text":"Look:","type":"text"},{"text":"a","type":"text"}'
    local form = '[{"content":[%s],"role":"user"}]'
    assert(
      bytes == (state.said == 0 and "[]" or form:format(said))
        or bytes == form:format((said .. ","):rep(state.said) .. said),
      bytes
    )
  end,
}

M.fork_and_undo = conversation(function(chat)
  local fork = chat:fork()
  fork:user("Something else")
  return fork:undo() and #chat:messages() == 1
end)

M.dump_and_load = conversation(function(chat)
  local dump, text = chat:dump()
  if not dump then return nil, text end
  local loaded
  loaded, text = chat.client:load(dump)
  if loaded then assert(loaded:prefix_hash() == chat:prefix_hash()) end
  return outcome(loaded, text)
end)

-- The file has its old bytes or its new ones.
M.save = {
  prepare = function()
    local path = os.tmpname()
    local chat = begin()
    assert(chat:save(path))
    local before = support.read(path)
    chat:user("More")
    return { chat = chat, path = path, before = before, after = assert(chat:dump()) }
  end,
  act = function(state) return outcome(state.chat:save(state.path)) end,
  verify = function(state, done)
    local bytes = support.read(state.path)
    assert(bytes == state.after or not done and bytes == state.before, "the file is neither")
    assert(done or state.chat:dump() == state.after)
    if done then os.remove(state.path) end
  end,
}

M.load_from_a_file = {
  prepare = function()
    local path = os.tmpname()
    local chat = begin()
    assert(chat:save(path))
    return { chat = chat, path = path }
  end,
  act = function(state) return outcome(state.chat.client:load(state.path)) end,
  verify = function(state, done)
    if done then os.remove(state.path) end
  end,
}

local tool = claude.tool({
  name = "wait",
  description = "Waits",
  input_schema = { type = "object", properties = { n = { type = "integer" } } },
  run = function(input) return "waited " .. input.n end,
})

-- A tool that found no memory has failed as any tool may: the model is told, and goes on.
local function run_on(chat)
  chat:cancel()
  local messages = chat:messages()
  if messages[#messages].role == "assistant" and not chat:pending()[1] then
    chat:user("And now?")
  end
  return outcome(chat:run({ max_requests = 4 }):final_message())
end

M.tool_loop = conversation(
  function(chat) return outcome(chat:run({ max_requests = 4 }):final_message()) end,
  run_on,
  function() return begin({ tool }) end
)

M.tasks = {
  prepare = new_client,
  act = function(client)
    return claude.loop(function()
      local tasks, text = {}, nil
      for i = 1, 2 do
        tasks[i] = claude.spawn(function() return client.messages:create(params()) end)
      end
      for i = 1, 2 do
        local message, problem = tasks[i]:wait()
        text = text or not message and problem or nil
      end
      return not text, text
    end)
  end,
  -- Where there was no memory to hear how an exchange had ended, claude.loop cannot go on: it
  -- says so, and the next state can.
  again = function() return true end,
}

-- Two tasks read one stream: whatever becomes of the one that opens it, the other hears of it.
M.two_readers = {
  prepare = new_client,
  act = function(client)
    return claude.loop(function()
      local stream = client.messages:stream(params())
      local readers, text = {}, nil
      for i = 1, 2 do
        readers[i] = claude.spawn(function() return stream:final_message() end)
      end
      for i = 1, 2 do
        local message, problem = readers[i]:wait(PATIENCE)
        text = text or not message and problem or nil
        readers[i]:cancel()
      end
      return not text, text
    end)
  end,
  again = M.tasks.again,
}

local EVENTS = 30 -- of which the last is no piece

-- Deltas come one by one, so that each is a turn of its task.
local function read_deltas(client)
  local stream, count = client.messages:stream(params()), 0
  local kind, text, err = stream:next()
  while kind do
    count = count + 1
    kind, text, err = stream:next()
  end
  if err then return nil, text end
  return count
end

local function loop_over_deltas(client)
  local count = 0
  for _ in client.messages:stream(params()):deltas() do
    count = count + 1
  end
  return count
end

M.deltas_at_a_pace = {
  prepare = function()
    return new_client({
      base_url = os.getenv("PACED_URL") .. ("/events-%d/pace-300"):format(EVENTS),
    })
  end,
  act = function(client)
    local read = core.deltas and loop_over_deltas or read_deltas
    return claude.loop(function()
      local tasks, text = {}, nil
      for i = 1, 2 do
        tasks[i] = claude.spawn(read, client)
      end
      for i = 1, 2 do
        local count, problem = tasks[i]:wait()
        assert(count == nil or count == EVENTS - 1, count)
        text = text or not count and problem or nil
      end
      return not text, text
    end)
  end,
  again = M.tasks.again,
}

-- A child that says what it is told. Whatever there was no memory for, who watches it hears it.
local function watch_child(state)
  local heard, stopped
  hub.watch(state.fd, 1, function() heard = state.child:read("output") or heard end)
  assert(state.child:write("x"))
  local late = hub.now() + PATIENCE
  while not heard do
    assert(hub.now() < late, "nobody heard of it")
    claude.sleep(0.01)
  end
  hub.unwatch(state.fd, function() stopped = true end)
  return stopped
end

M.descriptor_of_a_child = {
  prepare = function()
    local child =
      assert(net.spawn({ arguments = { "cat" }, environment = { "PATH=/usr/bin:/bin" } }))
    return { child = child, fd = child:descriptor("output") }
  end,
  act = watch_child,
  verify = function(state, done)
    if not done then return end
    -- Nothing is watched: else it would be ready for ever.
    assert(state.child:write("y"))
    local before, waits = hub.now(), 0
    while hub.now() < before + 0.02 do
      waits = waits + 1
      claude.sleep(0.02)
    end
    assert(waits <= 3, "it is woken for what nobody watches")
    state.child:close("input")
    while not state.child:has_ended() do
    end
    state.child:has_ended(true)
  end,
}

return M
