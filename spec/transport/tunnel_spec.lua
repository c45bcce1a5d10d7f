local address = require("claude.address")
local tunnel = require("claude.transport.tunnel")

local TARGET = assert(address.parts("https://api.example.test/v1/messages"))

-- A connection on which the proxy says these pieces.
local function socket_of(pieces)
  local socket = { sent = "" }
  function socket:send(bytes)
    self.sent = self.sent .. bytes
    return true
  end
  function socket.receive()
    local piece = table.remove(pieces, 1)
    if piece then return piece end
    return nil, "closed"
  end
  return socket
end

describe("the way through a proxy", function()
  local function ask(pieces, user)
    local route = tunnel.route(TARGET, { host = "proxy.test", port = 3128, user = user })
    local socket = socket_of(pieces)
    local open, text, word = route.tunnel(socket)
    return socket.sent, open, text, word
  end

  it("is asked for by CONNECT, with the place and nothing of the request", function()
    local sent, open = ask({ "HTTP/1.1 200 Connection established\r\n\r\n" })
    assert.is_true(open)
    local place = "api.example.test:443"
    assert.equal(("CONNECT %s HTTP/1.1\r\nhost: %s\r\n\r\n"):format(place, place), sent)
  end)

  it("shows name and password in base64", function()
    for user, encoded in pairs({
      ["me:pw"] = "bWU6cHc=",
      ["me:pass"] = "bWU6cGFzcw==",
      ["me:word"] = "bWU6d29yZA==",
      ["you:pw\255\254"] = "eW91OnB3//4=",
    }) do
      local sent = ask({ "HTTP/1.1 200 OK\r\n\r\n" }, user)
      assert.is_truthy(sent:find("\r\nproxy-authorization: Basic " .. encoded .. "\r\n", 1, true))
    end
  end)

  it("stands once the answer has come to its end, however it is cut", function()
    local _, open = ask({ "HTTP/1.1 2", "00 OK\r\nvia: x\r\n\r", "\n" })
    assert.is_true(open)
  end)

  it("does not stand when the proxy refuses, is silent, or says too much", function()
    local cases = {
      { { "HTTP/1.1 407 Authenticate\r\n\r\n" }, "answered with 407" },
      { { "SSH-2.0-OpenSSH\r\n\r\n" }, "no HTTP" },
      { { "HTTP/1.1 200 OK\r\n" }, "closed" },
      { { "HTTP/1.1 200 OK\r\n\r\n\22\3\1" }, "more than its answer" },
      { { "HTTP/1.1 200 OK\r\nx: ", ("y"):rep(20000) }, "no end" },
    }
    for _, case in ipairs(cases) do
      local _, open, text, word = ask(case[1])
      assert.is_nil(open)
      assert.equal("proxy", word)
      assert.is_truthy(text:find(case[2], 1, true), text)
    end
  end)

  it(
    "has a key of its own for each server, proxy and user: what is kept is kept for that",
    function()
      local keys = {}
      local function add(url, proxy)
        local key = assert(tunnel.route(assert(address.parts(url)), proxy)).key
        assert.is_nil(keys[key])
        keys[key] = true
      end
      add("https://a.test")
      add("http://a.test")
      add("https://a.test:444")
      add("https://b.test")
      add("https://a.test", { host = "p.test", port = 1 })
      add("https://b.test", { host = "p.test", port = 1 })
      add("https://a.test", { host = "p.test", port = 2 })
      add("https://a.test", { host = "p.test", port = 1, user = "me:pw" })
    end
  )

  it("is not for http://", function()
    local target = assert(address.parts("http://api.example.test"))
    local route, problem = tunnel.route(target, { host = "proxy.test", port = 3128 })
    assert.is_nil(route)
    assert.is_truthy(problem:find("http://", 1, true))
  end)
end)
