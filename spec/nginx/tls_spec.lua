local nginx = require("spec.support.nginx")
local servers = require("spec.support.servers")

local missing = nginx.missing()
  or not servers.has("nghttpx") and "nghttpx (package nghttp2-proxy) is not installed"
if missing then
  return it("needs nginx and nghttpx", function() pending(missing) end)
end

local LOCATIONS = [[
  resolver 127.0.0.1:1;
  resolver_timeout 300ms;
  lua_ssl_trusted_certificate ${directory}/ca.pem;
  location = /stats { proxy_pass ${fault}/stats; }
  location /case/ {
    content_by_lua_block {
      require("spec.nginx.handlers")[ngx.var.uri:match("([%w_]+)$")]()
    }
  }
  location /other_ca/ {
    lua_ssl_trusted_certificate ${directory}/other.pem;
    content_by_lua_block {
      require("spec.nginx.handlers")[ngx.var.uri:match("([%w_]+)$")]()
    }
  }
]]

-- Sessions of TLS 1.3 come later than the Lua module looks for them.
local TLS12_PORT = servers.free_port()
local TLS12 = ([[
  server {
    listen 127.0.0.1:%d ssl;
    ssl_certificate ${directory}/server.pem;
    ssl_certificate_key ${directory}/server.key;
    ssl_protocols TLSv1.2;
    ssl_session_cache shared:sessions:1m;
    location / { return 200 $ssl_session_reused; }
  }
]]):format(TLS12_PORT)

-- A worker of nginx answers before the next look of the one that asks.
local QUICK_PORT = servers.free_port()
local QUICK = ([[
  server {
    listen 127.0.0.1:%d ssl;
    ssl_certificate ${directory}/server.pem;
    ssl_certificate_key ${directory}/server.key;
    location / { return 200; }
  }
]]):format(QUICK_PORT)

describe("in nginx, TLS", function()
  local server, fault, front, proxy, directory

  local function ask(place, base, more)
    return server:get(("%s?base=%s%s"):format(place, base, more or "")).body
  end

  setup(function()
    directory = servers.certificates()
    fault = servers.fault_server()
    front = servers.tls_front(directory, fault)
    proxy = servers.connect_proxy(front.port)
    local locations = LOCATIONS:gsub("%${directory}", directory):gsub("%${fault}", fault.url)
    server = nginx.start({ locations = locations })
    for _ = 1, 200 do
      if ask("/case/failure", front.url .. "/ok") == "whole\n" then break end
      os.execute("sleep 0.05")
    end
  end)

  teardown(function()
    for _, running in pairs({ server, proxy, front, fault }) do
      running:stop()
    end
    if directory then os.execute(("rm -r '%s'"):format(directory)) end
  end)

  it("a cancel ends a read that waits, and closes the connection", function()
    local body = ask("/case/cancel_stream", front.url .. "/stall_in_event")
    assert.equal("cancelled at once, closed\n", body)
  end)

  local function through_proxy(host)
    return ask("/case/failure", "https://" .. host .. "/ok", "&proxy=" .. proxy.url)
  end

  it(
    "accepts a certificate of a trusted authority, by its name",
    function() assert.equal("whole\n", ask("/case/failure", front.url .. "/ok")) end
  )

  it("refuses one of another authority, and names the directive", function()
    -- A place of its own: kept connections are those of the whole worker.
    local other = servers.tls_front(directory, fault)
    local body
    for _ = 1, 200 do
      body = ask("/other_ca/failure", other.url .. "/ok")
      if not body:find("connection refused", 1, true) then break end
      os.execute("sleep 0.05")
    end
    other:stop()
    assert.is_truthy(body:find("^network\n.*was not accepted"), body)
    assert.is_truthy(body:find("lua_ssl_trusted_certificate", 1, true), body)
  end)

  it("says why as often as it is asked, however quick the handshake was", function()
    local quick = nginx.start({ http = QUICK:gsub("%${directory}", directory) })
    for _ = 1, 40 do
      local body = ask("/other_ca/failure", "https://localhost:" .. QUICK_PORT)
      assert.is_truthy(body:find("^network\n.*was not accepted"), body)
    end
    quick:stop()
  end)

  it("says of a certificate for another name that it is that", function()
    local answers = {}
    for i = 1, 40 do
      answers[i] = through_proxy("wrong.example.test")
      assert.is_truthy(answers[i]:find("^network\n.*was not accepted"), answers[i])
    end
    local all = table.concat(answers)
    assert.is_truthy(
      all:find("the certificate is for another name: check the address", 1, true),
      all
    )
  end)

  it("refuses an address, whose certificate nginx cannot check", function()
    local body = ask("/case/failure", (front.url:gsub("localhost", "127.0.0.1")))
    assert.is_truthy(body:find("^network\n.*by name"), body)
    body = ask("/case/failure", (front.url:gsub("localhost", "[::1]")))
    assert.is_truthy(body:find("^network\n"), body)
  end)

  it("never uses a kept connection for another name", function()
    local lines = {}
    for line in server:get("/case/names?port=" .. front.port).body:gmatch("[^\n]+") do
      lines[#lines + 1] = line
    end
    assert.is_truthy(lines[1]:find("^localhost %a+$"))
    assert.equal("localhost reused", lines[2])
    assert.is_truthy(lines[3]:find("^wrong.example.test certificate: "), lines[3])
    assert.equal("localhost reused", lines[4])
  end)

  -- Now and then a handshake ends without waiting; that is another way through nginx.
  it("never takes one server for another, however quick the handshake is", function()
    local body = server:get("/case/impostor?port=" .. front.port).body
    assert.equal("taken 0, refused 300\n", body)
  end)

  it("takes up a TLS session again", function()
    local tls12 = nginx.start({ http = TLS12:gsub("%${directory}", directory) })
    assert.equal(".rr", server:get("/case/sessions?port=" .. TLS12_PORT).body)
    tls12:stop()
  end)

  it("goes through a proxy, which sees no credentials", function()
    assert.equal("whole\n", through_proxy("api.example.test"))
    local head = server:get("/case/fetch?url=" .. proxy.url .. "/last_head").body
    assert.is_truthy(head:find("^CONNECT api.example.test:443 "), head)
    assert.is_nil(head:find("key-of-the-nginx-specs", 1, true))
  end)

  it("never uses a kept way through a proxy for another server", function()
    assert.equal("whole\n", through_proxy("api.example.test"))
    local body = through_proxy("wrong.example.test")
    assert.is_truthy(body:find("^network\n.*certificate"), body)
  end)

  it("goes around the proxy where told", function()
    local more = "&no_proxy=localhost&proxy=http://127.0.0.1:1"
    assert.equal("whole\n", ask("/case/failure", front.url .. "/ok", more))
    local body = ask("/case/failure", front.url .. "/ok", "&proxy=http://127.0.0.1:1")
    assert.is_truthy(body:find("^network\n"), body)
  end)

  it("says that a proxy refuses", function()
    local body = ask("/case/failure", "https://api.example.test", "&proxy=" .. fault.url)
    assert.is_truthy(body:find("^network\n.*proxy refused: CONNECT was answered with 404"), body)
  end)

  it("takes no proxy that it cannot speak to, and shows no password", function()
    local more = "&proxy=socks5://user:secret@127.0.0.1:1080"
    local body = ask("/case/failure", front.url .. "/ok", more)
    assert.is_truthy(body:find("^invalid\n.*http:// proxies"), body)
    assert.is_nil(body:find("secret", 1, true))
  end)

  it("says that a name cannot be resolved", function()
    local body = ask("/case/failure", "https://api.example.test")
    assert.is_truthy(body:find("^network\n.*name cannot be resolved"), body)
  end)

  it("carries faults as without TLS", function()
    local body = ask("/case/failure", front.url .. "/cut_in_event")
    assert.is_truthy(body:find("^incomplete\n"), body)
    assert.equal("whole\n", ask("/case/failure", front.url .. "/slow_ok"))
  end)
end)
