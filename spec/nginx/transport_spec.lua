local api = require("spec.support.api_server")
local claude = require("claude")
local core = require("claude.core")
local files_server = require("spec.support.files_server")
local handlers = require("spec.nginx.handlers")
local hub = require("claude.loop")
local nginx = require("spec.support.nginx")
local servers = require("spec.support.servers")
local uv = require("luv")

if nginx.missing() then
  return it("needs nginx", function() pending(nginx.missing()) end)
end

local LOCATIONS = [[
  location /case/ {
    content_by_lua_block {
      require("spec.nginx.handlers")[ngx.var.uri:match("([%w_]+)$")]()
    }
  }
]]

describe("in nginx", function()
  local server, fault
  local sixth = {} -- the fault server at an IPv6 address, by way of nginx

  local function find_sixth()
    local socket = uv.new_tcp()
    if socket:bind("::1", 0) then sixth.port = socket:getsockname().port end
    socket:close()
    uv.run("nowait")
    if not sixth.port then return "" end
    local block = "server { listen [::1]:%d; location / { proxy_pass %s; proxy_buffering off; } }"
    return block:format(sixth.port, fault.url)
  end

  setup(function()
    fault = servers.fault_server()
    server = nginx.start({
      http = find_sixth(),
      locations = LOCATIONS .. ("location = /stats { proxy_pass %s/stats; }"):format(fault.url),
    })
  end)

  teardown(function()
    if server then server:stop() end
    if fault then fault:stop() end
    hub.use("blocking")
  end)

  local function ask(case, base, more)
    return server:get(("/case/%s?base=%s%s"):format(case, base, more or "")).body
  end

  local function failure_of(scenario, more)
    local body = ask("failure", fault.url .. "/" .. scenario, more)
    local kind, text = body:match("^(%w+)\n(.*)$")
    return kind or body, text
  end

  local function lines_here(base)
    local client =
      claude.new({ api_key = "key-of-the-nginx-specs", base_url = base, max_retries = 0 })
    return handlers.lines_of(client.messages:stream(handlers.PARAMS))
  end

  it("the results of a large batch are read in the memory of a small one's", function()
    local lines = servers.lines_server()
    local body = ask("results", lines.url, "&count=10000")
    lines:stop()
    local count, growth = body:match("^(%d+) (%-?%d+)$")
    assert.equal("10000", count, body)
    assert.is_true(tonumber(growth) < 12e6, body)
  end)

  it("requests go without libcurl", function()
    assert.equal("whole\n", ask("failure", fault.url .. "/ok"))
    assert.is_true(server:maps("claude/core.so"))
    assert.is_false(server:maps("libcurl"))
    assert.is_false(server:maps("claude/net.so"))
  end)

  local SCENARIOS = {
    "ok",
    "slow_ok",
    "reset_at_once",
    "close_at_once",
    "cut_in_headers",
    "reset_in_headers",
    "cut_before_first_chunk",
    "cut_in_chunk_header",
    "cut_in_event",
    "reset_in_event",
    "ended_in_event",
    "cut_before_stop_reason",
    "cut_after_stop_reason",
    "cut_in_message_stop",
    "pings_then_ok",
    "error_429",
    "error_529",
    "error_500",
    "html_502",
    "html_200",
    "error_event",
    "short_body",
    "redirect",
  }
  for _, scenario in ipairs(SCENARIOS) do
    it("a stream is what it is over libcurl: " .. scenario, function()
      local base = fault.url .. "/" .. scenario
      local here = lines_here(base)
      assert.equal(here, ask("stream", base))
      assert.equal(here, ask("stream", base, "&middleware=1"))
    end)
  end

  describe("files", function()
    local files, path
    setup(function() files = servers.files_server() end)
    teardown(function() files:stop() end)
    before_each(function()
      path = os.tmpname()
      files_server.write(path, 5000000)
      os.execute("chmod 666 '" .. path .. "'") -- the worker may be another user
    end)
    after_each(function() os.remove(path) end)

    for _, more in ipairs({ "", "&middleware=1" }) do
      it("go up and down, read and written piece by piece" .. more, function()
        assert.equal(
          "up 5000000 true\ndown 5000000 true\n",
          ask("files", files.url, ("&path=%s&size=5000000%s"):format(path, more))
        )
        assert.equal(5000000, files_server.right_in(path))
      end)
    end

    it("that cannot be sent or received are told of as elsewhere", function()
      local told = ask("broken_files", files.url, "&path=" .. path)
      assert.matches(
        "^invalid the file could not be sent: it [%w ]+ while it was sent\napi 404\n$",
        told
      )
    end)
  end)

  -- What every stream has in it, in pieces of any size.
  local function events()
    local call = { type = "tool_use", id = "toolu_1", name = "weigh", input = core.object({}) }
    return api.reply({
      api.thinking("Let me \u{1F914} think", "EqQBCkYIBRgCKkA="),
      api.text('Hel"lo\n\u{20AC}'),
      {
        call,
        { type = "input_json_delta", partial_json = '{"n": 12345678901234567890, ' },
        { type = "input_json_delta", partial_json = '"x": 1.50}' },
      },
    }, "tool_use")
  end

  it("deltas and sealed bytes are those of libcurl", function()
    hub.use("luv")
    local upstream = api.start({ api.stream(events()) })
    assert.equal(lines_here(upstream.url), ask("stream", upstream.url))
    local client = claude.new({ api_key = "key-of-the-nginx-specs", base_url = upstream.url })
    local chat = client:conversation({ model = handlers.PARAMS.model, max_tokens = 100 })
    chat:user("Say hello")
    assert(chat:send())
    assert.equal((assert(chat:dump())), ask("conversation", upstream.url))
    local here, there = upstream.requests[3], upstream.requests[4]
    assert.equal(here.body, there.body)
    for _, name in ipairs({ "x-api-key", "anthropic-version", "content-type", "content-length" }) do
      assert.equal(here.headers[name], there.headers[name])
    end
    upstream:close()
  end)

  it("what is logged stands in nginx's log, at its level and without the key", function()
    local before = #server:log()
    ask("stream", fault.url .. "/ok", "&log_level=info")
    ask("stream", fault.url .. "/error_429", "&log_level=info")
    local log = server:log():sub(before + 1)
    local line = "%[info%][^\n]*lua%-claude: #%d+ POST http[^\n]*/v1/messages: 200, [^\n]*req_fault"
    assert.is_truthy(log:find(line), log)
    assert.is_truthy(log:find("%[error%][^\n]*lua%-claude: api 429 rate_limit_error: slow"), log)
    assert.is_nil(log:find("key-of-the-nginx-specs", 1, true))
  end)

  it("silence ends at the limits", function()
    for scenario, limit in pairs({
      stall_before_headers = "first_byte",
      stall_in_headers = "idle",
      stall_in_event = "idle",
      pings_in_text = "stalled",
    }) do
      local kind, text = failure_of(scenario, "&seconds=0.3")
      assert.is_truthy(kind == "timeout" or kind == "incomplete", kind)
      assert.is_truthy(text:find("(limit " .. limit .. ")", 1, true), text)
    end
  end)

  -- Asking for the number makes a connection as well.
  local function connections()
    return tonumber(server:get("/stats").body:match("connections (%d+)")) - 1
  end

  it("a connection is kept for the next request", function()
    ask("stream", fault.url .. "/ok")
    local before = connections()
    for _ = 1, 3 do
      ask("stream", fault.url .. "/ok")
    end
    assert.equal(before + 1, connections())
  end)

  it("a message is whole before its connection is, which is kept if its end comes soon", function()
    ask("stream", fault.url .. "/late_end")
    local before = connections()
    assert.equal("whole\n", ask("failure", fault.url .. "/late_end"))
    assert.equal("whole\n", ask("failure", fault.url .. "/ok"))
    assert.equal(before + 1, connections())
  end)

  it(
    "an end that does not come is not waited for long",
    function() assert.equal("whole\n", ask("failure", fault.url .. "/no_end", "&seconds=60")) end
  )

  it("a large body goes out in pieces, and arrives as it is", function()
    hub.use("luv")
    local upstream = api.start({ api.stream(events()) })
    local sent = handlers.large_params()
    local client = claude.new({ api_key = "key-of-the-nginx-specs", base_url = upstream.url })
    assert(client.messages:create(sent))
    ask("large", upstream.url)
    ask("large", upstream.url, "&middleware=1")
    local here = upstream.requests[1]
    assert.is_true(#here.body > 1000000)
    assert.is_true(here.body == upstream.requests[2].body)
    assert.is_true(here.body == upstream.requests[3].body)
    upstream:close()
  end)

  -- A server that does as it likes with its connections; closed with the function returned.
  local function serve(on_connection)
    hub.use("luv")
    local listener = uv.new_tcp()
    assert(listener:bind("127.0.0.1", 0))
    listener:listen(16, function()
      local socket = uv.new_tcp()
      listener:accept(socket)
      uv.recv_buffer_size(socket, 16384)
      on_connection(socket)
    end)
    return "http://127.0.0.1:" .. listener:getsockname().port, function() listener:close() end
  end

  local TOO_LARGE = '{"type":"error","error":{"type":"request_too_large","message":"too large"}}'
  local ANSWER = "HTTP/1.1 413 Too Large\r\ncontent-type: application/json\r\n"
    .. ("content-length: %d\r\n\r\n%s"):format(#TOO_LARGE, TOO_LARGE)

  it("an answer that comes before the whole request is sent is read at once", function()
    local url, close = serve(function(socket)
      socket:read_start(function()
        socket:read_stop() -- for good, and stays on the line
        socket:write(ANSWER)
      end)
    end)
    local body = ask("large_failure", url, "&seconds=20")
    assert.is_truthy(body:find("^api\n.*413 request_too_large"), body)
    close()
  end)

  -- Takes a piece now and then, answers at the end.
  local function read_slowly(socket, left)
    socket:read_start(function(_, bytes)
      if not bytes then return socket:close() end
      left = left - #bytes
      socket:read_stop()
      if left <= 0 then return socket:write(ANSWER) end
      local timer = uv.new_timer()
      timer:start(15, 0, function()
        timer:close()
        read_slowly(socket, left)
      end)
    end)
  end

  it("a large body may take longer than a connection", function()
    local url, close = serve(function(socket)
      -- In a window smaller than a packet of loopback TCP itself stalls, now and then for long.
      uv.recv_buffer_size(socket, 2 ^ 18)
      read_slowly(socket, 7000000)
    end)
    local body = ask("large_failure", url, "&connect=1&seconds=20")
    assert.is_truthy(body:find("^api\n.*413 request_too_large"), body)
    close()
  end)

  it("a server that takes no more of a large body is given up", function()
    local url, close = serve(function() end)
    local body = ask("large_failure", url, "&seconds=0.5")
    assert.is_truthy(body:find("^timeout\n.*%(limit first_byte%)"), body)
    close()
  end)

  it("an IPv6 address is asked as any other", function()
    if not sixth.port then return pending("this machine has no ::1") end
    assert.equal("whole\n", ask("failure", ("http://[::1]:%d/ok"):format(sixth.port)))
  end)

  it("a kept connection that the server has closed is no failure", function()
    for _ = 1, 3 do
      assert.equal("whole\n", ask("failure", fault.url .. "/drop_second"))
    end
  end)

  it("nobody listens: the request failed", function()
    local body = ask("failure", "http://127.0.0.1:" .. servers.free_port())
    assert.is_truthy(body:find("^network\n.*127.0.0.1:%d+: connection refused"), body)
  end)

  it("what nginx.conf decides is no option, and the error names the directive", function()
    local kind, text = failure_of("ok", "&ca_file=/etc/ca.pem")
    assert.equal("invalid", kind)
    assert.is_truthy(text:find("lua_ssl_trusted_certificate", 1, true), text)
    kind, text = failure_of("ok", "&http_version=2")
    assert.equal("invalid", kind)
    assert.is_truthy(text:find("HTTP/1.1", 1, true), text)
  end)

  it("names need a resolver, and the error says which directive", function()
    local body = ask("failure", "https://api.example.test")
    assert.is_truthy(body:find("^network\n.*`resolver ADDRESS;`"), body)
  end)

  it("nothing is logged of requests that go well", function()
    local before = #server:log()
    ask("conversation", fault.url .. "/slow_ok")
    assert.is_nil(server:log():find("%[%a+%] .*lua", before))
  end)
end)
