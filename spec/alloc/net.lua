--- The bindings of libcurl, of pollers and of child processes while memory fails
--- (spec/alloc/attempt.lua). spec/bench/server.c plays the API at URL.
local core = require("claude.core")
local net = require("claude.net")
local watch = require("spec.support.engine").watch

local URL = os.getenv("URL")
local LIMIT = 10 -- seconds that an exchange may take

local M = {}

local function drive(engine, poller)
  watch(engine, poller)
  local wait = engine:timeout()
  for i = 1, poller:wait(wait >= 0 and wait < 100 and wait or 100) do
    engine:socket_action(poller:event(i))
  end
  if engine:timeout() == 0 then engine:socket_action(-1) end
end

-- The news of the one transfer: whether it is done, and how.
local function news(engine)
  local id, done, code, text = engine:next()
  while id and not done do
    id, done, code, text = engine:next()
  end
  return done, code, text
end

local function ask(engine, response, body)
  return engine:start({
    url = URL .. "/v1/messages",
    method = "POST",
    headers = { { "x-api-key", "k" }, { "content-type", "application/json" } },
    body = body,
    response = response,
    proxy = "",
  })
end

local function run(engine, poller)
  local until_when = net.now() + LIMIT
  local done, code, text
  repeat
    drive(engine, poller)
    done, code, text = news(engine)
  until done or net.now() > until_when
  assert(done, "it never ended")
  return code == 0 or nil, text
end

-- Every transfer has ended, and watches are taken back: nothing is left behind.
local function exchange(body)
  local engine, text = net.engine()
  if not engine then return nil, "memory: " .. text end
  local poller = assert(net.poller())
  local response = core.response()
  local id
  id, text = ask(engine, response, body)
  if not id then return nil, text end
  local ok
  ok, text = run(engine, poller)
  while response:next() do -- raises where the core found no memory for what came
  end
  if not ok then return nil, text end
  if not response:complete() then return nil, response:failure().message end
  return true
end

M.exchange = { act = function() return exchange(core.body({ '{"stream":true}' })) end }

M.exchange_with_a_file = {
  prepare = function()
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write('{"stream":true,"x":"', ("x"):rep(70000), '"}')
    file:close()
    return path
  end,
  act = function(path)
    local file, text = core.open_file(path)
    if not file then return nil, text end
    return exchange(core.body({ file }))
  end,
  verify = function(path, done)
    if done then os.remove(path) end
  end,
}

M.cancelled_exchange = {
  act = function()
    local engine, text = net.engine()
    if not engine then return nil, "memory: " .. text end
    local response = core.response()
    local id
    id, text = ask(engine, response, core.body({ "{}" }))
    if not id then return nil, text end
    engine:cancel(id, "enough")
    return news(engine) == nil or nil, "there are news of what was cancelled"
  end,
}

M.poller = {
  act = function()
    local poller, text = net.poller()
    if not poller then return nil, "memory: " .. tostring(text) end
    return poller:wait(0) == 0
  end,
}

M.child = {
  act = function()
    local child, text = net.spawn({
      arguments = { "sh", "-c", "echo hello; echo $WORD >&2" },
      environment = { "PATH=/usr/bin:/bin", "WORD=there" },
      keep_error = false,
    })
    if not child then return nil, text end
    local said, why = child:read("output")
    while why == "more" do
      said, why = child:read("output")
    end
    while not child:has_ended() do
    end
    assert(said == "hello\n" and child:read("error") == "there\n")
    return child:has_ended(true)
  end,
}

M.library = {
  act = function()
    net.authorities()
    return net.library():find("libcurl", 1, true) and net.features().version
  end,
}

return M
