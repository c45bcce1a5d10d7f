--- A server that wants more than it is given: other hosts asked with our credentials, files of
--- this machine read or written. Every address in an answer is text here, and none is followed.
local api = require("spec.support.api_server")
local child = require("spec.support.child")
local claude = require("claude")
local raw_http = require("spec.support.raw_http")
local servers = require("spec.support.servers")

local KEY = "sk-ant-api03-key-that-stays-here"
local PARAMS = {
  model = "claude-opus-4-8",
  max_tokens = 100,
  messages = { { role = "user", content = "Hi" } },
}

describe("a hostile server", function()
  local here, there
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)

  after_each(function()
    -- Nobody came to the other one, not even to say hello.
    assert.same({ 0, 0 }, { #there.requests, there.hung_up })
    assert.is_nil((next(there.sockets)))
    here:close()
    there:close()
  end)

  local function client_of(answers)
    there = api.start({ { status = 200 } })
    here = api.start(type(answers) == "function" and answers(there) or answers)
    return claude.new({ api_key = KEY, base_url = here.url, max_retries = 0 })
  end

  -- Where it would have us go instead.
  local function elsewhere(url, port)
    return {
      url .. "/v1/messages",
      ("//127.0.0.1:%d/v1/messages"):format(port),
      ("http://localhost:%d/v1/messages"):format(port),
      ("http://127.0.0.1:%d@127.0.0.1:%d/"):format(here.port, port),
      "file:///etc/passwd",
      "file://localhost/etc/passwd",
      "gopher://127.0.0.1:" .. port .. "/_x",
      "/v1/other",
    }
  end

  for _, status in ipairs({ 300, 301, 302, 303, 305, 307, 308 }) do
    it(("gets nothing by answering %d: no call follows it"):format(status), function()
      local client = client_of({ {} })
      for _, location in ipairs(elsewhere(there.url, there.port)) do
        here.answers = { { status = status, headers = { location = location } } }
        local before = #here.requests
        local calls = {
          function() return client.messages:create(PARAMS) end,
          function() return client.messages:stream(PARAMS):final_message() end,
          function() return client.messages:count_tokens(PARAMS) end,
          function() return client.models:list():next() end,
          function() return client:request("GET", "/v1/x") end,
          function() return client:request("GET", "/v1/x", { stream = true }) end,
          function() return client.files:upload({ bytes = "x", filename = "a" }) end,
          function() return client.files:download("file_1", "/tmp/never-made-by-this-spec") end,
        }
        for _, call in ipairs(calls) do
          local value, text, err = call()
          assert.is_nil(value)
          assert.equal(status, err.status)
          assert.is_nil(text:find("root:", 1, true))
        end
        assert.equal(before + #calls, #here.requests)
      end
      assert.is_nil(io.open("/tmp/never-made-by-this-spec"))
    end)
  end

  it("gets no request for the results of a batch elsewhere", function()
    local client = client_of({ {} })
    for _, url in ipairs(elsewhere(there.url .. "/results", there.port)) do
      here.requests = {}
      here.answers = {
        api.json(200, {
          id = "msgbatch_1",
          type = "message_batch",
          processing_status = "ended",
          results_url = url,
          request_counts = { succeeded = 0, errored = 0, canceled = 0, expired = 1 },
        }),
        api.json(200, '{"custom_id":"a","result":{"type":"expired"}}\n'),
      }
      local entry = assert(client.messages.batches:results("msgbatch_1"):next())
      assert.equal("expired", entry.result.type)
      assert.equal("/v1/messages/batches/msgbatch_1/results", here.requests[2].path)
      assert.equal(KEY, here.requests[2].headers["x-api-key"])
    end
  end)

  it("gets no request for a next page elsewhere: what it names is a parameter", function()
    local client = client_of({ {} })
    for _, evil in ipairs({ there.url, "x&after_id=y", "../../files", "?x#y", "a\r\nx-evil: 1" }) do
      for _, way in ipairs({ "last_id", "next_page" }) do
        here.requests = {}
        local page = { data = { { id = "m", type = "model" } }, has_more = true, last_id = "m" }
        page[way] = evil
        here.answers = { api.json(200, page), api.json(200, { data = {}, has_more = false }) }
        local list = client.models:list()
        assert(list:next())
        list:next()
        local path = here.requests[2].path
        assert.matches("^/v1/models%?[%w_]+=[%w%%._~-]+$", path)
        assert.is_nil(here.requests[2].headers["x-evil"])
      end
    end
  end)

  it("gets no download from an address of its own, and names no file of ours", function()
    local client = client_of({ {} })
    local folder = child.temporary()
    child.run("mkdir " .. folder)
    here.answers = {
      api.json(200, {
        id = "file_1",
        type = "file",
        filename = "../../evil",
        downloadable = true,
        download_url = there.url,
      }),
      {
        body = "content",
        headers = { ["content-disposition"] = 'attachment; filename="../../evil"' },
      },
    }
    local file = assert(client.files:retrieve_metadata("file_1"))
    assert(client.files:download(file, folder .. "/mine"))
    assert.equal("/v1/files/file_1/content", here.requests[2].path)
    assert.equal("mine\n", child.run("ls -A " .. folder).out)
    child.run("rm -rf " .. folder)
  end)

  it("gets nothing by Alt-Svc, HSTS, cookies, Refresh and Link", function()
    local client = client_of(function(other)
      local answer = api.stream(api.reply({ api.text("one") }))
      answer.headers["alt-svc"] = ('h2="127.0.0.1:%d", http/1.1=":%d"'):format(
        other.port,
        other.port
      )
      answer.headers["strict-transport-security"] = "max-age=31536000"
      answer.headers["set-cookie"] = "session=tracked"
      answer.headers["refresh"] = "0; url=" .. other.url
      answer.headers["link"] = "<" .. other.url .. ">; rel=next"
      answer.headers["content-location"] = other.url
      return { answer }
    end)
    for _ = 1, 3 do
      assert(client.messages:create(PARAMS))
    end
    assert.equal(3, #here.requests)
    assert.is_nil(here.requests[3].headers.cookie)
    assert.is_nil(here.requests[3].headers["upgrade-insecure-requests"])
  end)

  it("gets no other credentials by asking for them", function()
    local client = client_of({
      {
        status = 401,
        headers = { ["www-authenticate"] = 'Basic realm="x", Negotiate, NTLM, Digest realm="y"' },
      },
    })
    assert.is_nil((client.messages:create(PARAMS)))
    assert.equal(1, #here.requests)
    assert.is_nil(here.requests[1].headers.authorization)
  end)

  it("gets no file by what a model or an MCP server calls one", function()
    client_of({ {} })
    local content = require("claude.mcp.content")
    for _, uri in ipairs({ "file:///etc/passwd", there.url }) do
      local json = ('{"contents":[{"uri":"%s","mimeType":"text/plain"}]}'):format(uri)
      local blocks, err = content.resource(json, "a resource")
      assert.is_nil(blocks)
      assert.equal("protocol", err.kind)
      local link = ('{"content":[{"type":"resource_link","name":"x","uri":"%s"}]}'):format(uri)
      local result, problem = content.result(link, "a tool")
      assert.is_nil(result)
      assert.matches("resource_link cannot be given to the model", problem.message)
    end
  end)
end)

describe("a program with a .netrc, a proxy and cookies around it", function()
  it("sends the key to the server that was named, and nothing else of them", function()
    local server = servers.fault_server()
    local home = child.temporary()
    child.run("mkdir " .. home)
    local file = assert(io.open(home .. "/.netrc", "w"))
    file:write("machine 127.0.0.1 login me password from-netrc\ndefault login me password x\n")
    file:close()
    file = assert(io.open(home .. "/ask.lua", "w"))
    file:write(([[
      local claude = require "claude"
      local client = claude.new { base_url = %q, max_retries = 0 }
      local message = assert(client.messages:create {
        model = "claude-opus-4-8", max_tokens = 10, messages = { { role = "user", content = "x" } },
      })
      print(message:text())
    ]]):format(server.url .. "/ok"))
    file:close()
    local form = "HOME=%s NETRC=%s/.netrc http_proxy=http://127.0.0.1:1"
      .. " HTTPS_PROXY=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1"
      .. " ANTHROPIC_API_KEY=%s %s %s/ask.lua"
    local result = child.run(form:format(home, home, KEY, servers.LUA, home))
    assert.equal("Hello\n", result.out, result.err)
    local request = raw_http.request("GET", "/last_head", {})
    local head = raw_http.exchange(
      server.port,
      request,
      function(received) return received:find("\r\n\r\n.*\r\n\r\n$") ~= nil end
    )
    server:stop()
    child.run("rm -rf " .. home)
    assert.truthy(head:find("x-api-key: " .. KEY, 1, true), head)
    assert.is_nil(head:lower():find("authorization", 1, true), head)
  end)
end)
