local nginx = require("spec.support.nginx")
local servers = require("spec.support.servers")

if nginx.missing() then
  return it("needs nginx", function() pending(nginx.missing()) end)
end

local LOCATIONS = [[
  lua_check_client_abort on;
  location = /stats { proxy_pass ${fault}/stats; }
  location /case/ {
    content_by_lua_block {
      require("spec.nginx.handlers")[ngx.var.uri:match("([%w_]+)$")]()
    }
  }
]]

describe("in nginx, tasks", function()
  local server, fault

  setup(function()
    fault = servers.fault_server()
    server = nginx.start({ locations = (LOCATIONS:gsub("%${fault}", fault.url)) })
  end)

  teardown(function()
    if server then server:stop() end
    if fault then fault:stop() end
  end)

  local function ask(case, scenario, more)
    local path = "/case/%s?base=%s/%s%s"
    return server:get(path:format(case, fault.url, scenario, more or "")).body
  end

  local function open_connections()
    local stats = server:get("/stats").body
    return tonumber(stats:match("open (%d+)"))
  end

  -- Those of the requests before may be about to end.
  local function settled_connections()
    local count, same = open_connections(), 0
    while same < 5 do
      os.execute("sleep 0.02")
      local again = open_connections()
      count, same = again, again == count and same + 1 or 0
    end
    return count
  end

  -- The fault server hears of the end of a connection a little later.
  local function comes_down_to(count)
    for _ = 1, 500 do
      if open_connections() <= count then return true end
      os.execute("sleep 0.01")
    end
    return false
  end

  it(
    "a body that a cancelled task reads on is cancelled, not broken",
    function() assert.equal("cancelled\n", ask("read_cancelled", "cut_in_event")) end
  )

  it("stream:cancel() ends a read that waits, and closes the connection", function()
    local body = ask("cancel_stream", "stall_in_event")
    assert.equal("cancelled at once, closed\n", body)
  end)

  it(
    "so does task:cancel()",
    function() assert.equal("cancelled at once, closed\n", ask("cancel_task", "stall_in_event")) end
  )

  it(
    "so does run:cancel()",
    function() assert.equal("cancelled at once, closed\n", ask("cancel_run", "stall_in_event")) end
  )

  it("so they do where the Lua module lets no read be interrupted", function()
    local forking = nginx.start({
      http = [[
        init_by_lua_block {
          package.preload["claude.transport.shut_down"] = function() return false end
        }
      ]],
      locations = (LOCATIONS:gsub("%${fault}", fault.url)),
    })
    for _, case in ipairs({ "cancel_stream", "cancel_task", "cancel_run" }) do
      local path = ("/case/%s?base=%s/stall_in_event"):format(case, fault.url)
      assert.equal("cancelled at once, closed\n", forking:get(path).body)
    end
    forking:stop()
  end)

  it("so does a cancel while TLS is being agreed on", function()
    local base = fault.url:gsub("http://127.0.0.1", "https://localhost")
    local body = server:get("/case/cancel_connecting?seconds=20&base=" .. base).body
    assert.equal("cancelled at once, closed\n", body)
  end)

  it("so does a cancel from another request, whatever is waited for", function()
    local first = "&first=wait_for_other_request"
    assert.equal("cancelled\n", ask("together", "stall_in_event", first))
    local base = fault.url:gsub("http://127.0.0.1", "https://localhost")
    local path = "/case/together?seconds=20&first=connect_for_other_request&base=" .. base
    assert.equal("cancelled\n", server:get(path).body)
  end)

  it("a client that hangs up ends the request to the API", function()
    local before = settled_connections()
    local path = ("/case/pass_on?seconds=60&base=%s/stall_in_event"):format(fault.url)
    server:hang_up(path, function(received) return received:find("lo") ~= nil end)
    assert.is_true(comes_down_to(before))
  end)

  it("a client that hangs up gives back its place for another", function()
    for _ = 1, 3 do
      local path = ("/case/pass_on_in_turn?base=%s/stall_in_event"):format(fault.url)
      local received = server:hang_up(path, function(bytes) return bytes:find("lo") ~= nil end)
      assert.is_truthy(received:find("lo", 1, true))
    end
  end)

  it(
    "a place is not given to somebody in line whom nginx has ended",
    function() assert.equal("free\n", ask("dead_in_line", "ok")) end
  )

  it(
    "however many wait in line, nobody is held up by collections",
    function() assert.equal("few\n", ask("collections_in_line", "ok")) end
  )

  it("a stream of another request cannot be read: the error says why, at once", function()
    local body = ask("shared_stream", "stall_in_event", "&seconds=10")
    assert.is_truthy(body:find("^at once: .*belongs to another request"), body)
    assert.is_nil(server:log():find("aborted: runtime error", 1, true))
  end)

  it(
    "two tasks may read one stream",
    function() assert.equal("ended ended Hello\n", ask("two_readers", "slow_ok")) end
  )

  it("a task that is started writes nothing to the log", function()
    local before = #server:log()
    server:get("/case/tasks?name=a&pause=0.01")
    assert.is_nil(server:log():find("[warn]", before, true))
  end)

  it("a stream that was dropped ends with the request", function()
    local before = settled_connections()
    assert.equal("open\n", ask("drop", "stall_in_event"))
    assert.is_true(comes_down_to(before))
  end)

  it("many streams run at once, over one client for all requests", function()
    assert.equal("20 at once\n", ask("map", "slow_ok"))
    assert.equal("20 at once\n", ask("map", "slow_ok"))
  end)

  it("requests that run at once see their own tasks only", function()
    local answers = server:together({
      "/case/tasks?name=a&pause=0.2&cancel=1",
      "/case/tasks?name=b&pause=0.1",
      "/case/tasks?name=c&pause=0.15&cancel=1",
      "/case/tasks?name=d&pause=0.05",
    })
    assert.equal("a true cancelled true true\n", answers[1].body)
    assert.equal("b true slept true true\n", answers[2].body)
    assert.equal("c true cancelled true true\n", answers[3].body)
    assert.equal("d true slept true true\n", answers[4].body)
  end)

  it("are started without a warning in the log", function()
    local before = #server:log()
    assert.equal("e true slept true true\n", server:get("/case/tasks?name=e&pause=0.01").body)
    assert.is_nil(server:log():sub(before + 1):find("[warn]", 1, true))
  end)

  it("what a loop raises stands in the log as text, without the key", function()
    local before = #server:log()
    local answer = server:get(("/case/raise?base=%s/error_429&retries=0"):format(fault.url))
    assert.equal(500, answer.status)
    local log = server:log():sub(before)
    assert.is_truthy(log:find("api 429 rate_limit_error: slow", 1, true), log)
    assert.is_nil(log:find("key-of-the-nginx-specs", 1, true))
  end)

  it("a failure that nobody looks at stands in the log as text", function()
    local before = #server:log()
    ask("fail_unseen", "ok")
    local log = server:log():sub(before)
    assert.is_truthy(log:find("lua-claude: error in a task: api: told nobody", 1, true), log)
  end)

  it(
    "a journal waits for the disk only if it is told to",
    function() assert.equal("0 1", ask("journal", "ok")) end
  )
end)
