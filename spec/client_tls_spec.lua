-- What claude.new is told about connections reaches them.
local claude = require("claude")
local requests = require("spec.support.exchange")
local servers = require("spec.support.servers")
local tasks = require("claude.tasks")

local PARAMS = {
  model = "claude-opus-4-8",
  max_tokens = 1000,
  messages = { { role = "user", content = "Hello" } },
}

describe("a client's connections", function()
  local directory, backend, front, proxy
  local missing = not servers.has("nghttpx") and "nghttpx (package nghttp2-proxy) is not installed"

  local function client(options)
    options.api_key, options.max_retries = "k", 0
    options.base_url = (options.base_url or front.url) .. "/ok"
    return claude.new(options)
  end

  local function said(options)
    local message, text, err = client(options).messages:create(PARAMS)
    return message and message:text() or text, err
  end

  -- The last request as the server saw it, the front's words about it included.
  local function last_head(server)
    local _, exchange = requests.run({ url = server.url .. "/last_head" })
    return exchange.response:body()
  end

  setup(function()
    if missing then return end
    directory = servers.certificates()
    os.execute(("openssl rehash '%s' 2>/dev/null"):format(directory))
    backend = servers.fault_server()
    front = servers.tls_front(directory, backend)
    proxy = servers.connect_proxy(front.port)
    for _ = 1, 200 do
      if said({ ca_file = directory .. "/ca.pem" }) == "Hello" then break end
      tasks.sleep(0.05)
    end
  end)

  teardown(function()
    if missing then return end
    for _, server in ipairs({ proxy, front, backend }) do
      server:stop()
    end
    os.execute(("rm -r '%s'"):format(directory))
  end)

  local function secure_it(what, check)
    it(what, function()
      if missing then return pending(missing) end
      check()
    end)
  end

  secure_it("are verified by ca_file", function()
    assert.equal("Hello", said({ ca_file = directory .. "/ca.pem" }))
    local _, err = said({ ca_file = directory .. "/other.pem" })
    assert.same({ "network", false }, { err.kind, err.retryable })
  end)

  secure_it("go on with the TLS session of an earlier one, where it was verified alike", function()
    local log = directory .. "/sessions.log"
    local options = "--frontend-max-requests=1 --accesslog-file='%s' --accesslog-format='$%s'"
    local once = servers.tls_front(directory, backend, options:format(log, "tls_session_reused"))
    local function sessions() -- "." for a new one, "r" for one that goes on
      local file = io.open(log)
      local text = file and file:read("*a"):gsub("%s", "") or ""
      if file then file:close() end
      return text
    end
    local function ask(ca) return said({ base_url = once.url, ca_file = directory .. ca }) end
    for _ = 1, 200 do
      if ask("/ca.pem") == "Hello" then break end
      tasks.sleep(0.05)
    end
    assert.equal("Hello", ask("/ca.pem"))
    local _, err = ask("/other.pem")
    assert.equal("network", err.kind)
    for _ = 1, 200 do
      if #sessions() == 2 then break end
      tasks.sleep(0.05)
    end
    once:stop()
    assert.equal(".r", sessions())
  end)

  secure_it("are verified by ca_path", function()
    assert.equal("Hello", said({ ca_path = directory }))
    local _, err = said({ ca_path = "/nowhere" })
    assert.equal("network", err.kind)
  end)

  secure_it("speak HTTP/1.1, or HTTP/2 when asked to", function()
    assert.equal("Hello", said({ ca_file = directory .. "/ca.pem" }))
    assert.matches("[Vv]ia: 1.1 nghttpx", last_head(backend))
    -- A kept connection of the other version would be used: this name has none.
    local other = {
      http_version = "2",
      ca_file = directory .. "/ca.pem",
      base_url = "https://api.example.test",
      proxy = proxy.url,
    }
    assert.equal("Hello", said(other))
    assert.matches("[Vv]ia: 2 nghttpx", last_head(backend))
  end)

  secure_it("go through proxy, and around it for no_proxy", function()
    local options = { ca_file = directory .. "/ca.pem", proxy = "http://127.0.0.1:1" }
    local _, err = said(options)
    assert.equal("network", err.kind)
    options.no_proxy, options.base_url = "localhost", nil
    assert.equal("Hello", said(options))
  end)
end)
