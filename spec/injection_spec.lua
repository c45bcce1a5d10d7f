--- Nothing that a user's values hold becomes a header, a request or an address of its own. The
--- server that looks is a real one, and tells what it got byte for byte; the suite of all hosts
--- tries the same (spec/hosts/cases/injection.lua), in nginx over its sockets.
local claude = require("claude")
local injections = require("spec.support.injections")
local raw_http = require("spec.support.raw_http")
local servers = require("spec.support.servers")

describe("a request", function()
  local server
  setup(function() server = servers.fault_server() end)
  teardown(function() server:stop() end)

  local function make(options)
    options = options or {}
    if options.api_key == nil then options.api_key = "key-of-the-injections" end
    options.base_url = options.base_url or server.url .. "/ok"
    options.max_retries = 0
    options.on_warning = function() end
    return claude.new(options)
  end

  local function report(name)
    local request = raw_http.request("GET", "/" .. name, {})
    local received = raw_http.exchange(server.port, request, function(received)
      local head, body = received:match("^(.-\r\n)\r\n(.*)$")
      return head ~= nil and #body >= tonumber(head:match("Content%-Length: (%d+)"))
    end)
    return received:match("\r\n\r\n(.*)$")
  end

  local function requests() return tonumber(report("stats"):match("requests (%d+)")) end

  for i, case in ipairs(injections.REFUSED) do
    it(
      ("with control characters is refused, and nothing is sent: %s (%d)"):format(case[1], i),
      function()
        local before = requests()
        for _, evil in ipairs(injections.EVIL) do
          local refusal = injections.refusal_of(case[2], make, evil)
          assert(refusal, ("not refused: %q"):format(evil))
          assert.truthy(refusal:find(case[1], 1, true), refusal)
          assert.is_nil(refusal:find("[%z\1-\8\11-\31\127]"), ("%q"):format(refusal))
        end
        assert.equal(before, requests())
      end
    )
  end

  it("has what may be any text written so that it ends nothing", function()
    for i, try in ipairs(injections.WRITTEN) do
      for _, evil in ipairs(injections.EVIL) do
        local before = requests()
        pcall(try, make, evil)
        assert.equal(before + 1, requests(), ("%d: %q"):format(i, evil))
        local head = report("last_head")
        assert.is_nil(head:lower():find("\nx-injected", 1, true), head)
        assert.is_nil(head:find("[%z\1-\9\11\12\14-\31\127]"), head)
        assert.is_nil(head:gsub("\r\n", ""):find("[\r\n]"), head)
        assert.equal(1, select(2, head:gsub("HTTP/1%.1", "")))
      end
    end
  end)
end)

describe("whatever becomes a header line in C", function()
  local engine = require("claude.c_part")("claude.net").engine()
  local core = require("claude.core")

  local function start(headers)
    local _, text =
      engine:start({ url = "https://127.0.0.1:1/", response = core.response(), headers = headers })
    return text
  end

  it("is refused again there, by name", function()
    for _, evil in ipairs({ "a\r\nb", "a\nb", "a\rb", "a\0b" }) do
      assert.matches('header "x%-a" cannot be sent', start({ { "x-a", evil } }))
      assert.matches('header "" cannot be sent', start({ { "x-" .. evil, "1" } }))
    end
    assert.matches('header "" cannot be sent', start({ { "", "1" } }))
    assert.matches('header "" cannot be sent', start({ { "x a", "1" } }))
    assert.matches('header "" cannot be sent', start({ { "x:a", "1" } }))
  end)

  it("is refused there when it is longer than 1 MiB, which is told", function()
    local text = start({ { "x-a", ("a"):rep(1024 * 1024) } })
    assert.equal('header "x-a" cannot be sent: it is longer than 1 MiB', text)
  end)

  it("is refused where it is an address of another kind", function()
    local function text_of(url)
      local _, text = engine:start({ url = url, response = core.response() })
      return text
    end
    for _, url in ipairs({
      "file:///etc/passwd",
      "file://127.0.0.1/etc/passwd",
      "ftp://127.0.0.1/",
      "gopher://127.0.0.1:1/_x",
      "dict://127.0.0.1:1/",
      "scp://127.0.0.1/x",
      "telnet://127.0.0.1/",
    }) do
      local text = text_of(url)
      assert(text:find("must begin with https://") or text:find("no scheme or no host"), text)
    end
    for _, url in ipairs({
      "http://127.0.0.1@evil.example/",
      "http://127.0.0.1:80@evil.example/",
      "http://evil.example#@127.0.0.1/",
      "http://evil.example\\@127.0.0.1/",
      "http://evil.example?@127.0.0.1/",
    }) do
      assert.is_string(text_of(url), url)
    end
    for _, url in ipairs({
      "http://127.0.0.1/\r\nx: 1",
      "http://127.0.0.1:99999/",
      "http://127.0.0.1\n.example/",
    }) do
      assert.matches("cannot be parsed", text_of(url))
    end
  end)
end)
