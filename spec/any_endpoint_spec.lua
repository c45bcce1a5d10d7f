--- client:request and claude.response.
local api = require("spec.support.api_server")
local claude = require("claude")

local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 100,
  messages = { { role = "user", content = "Hi" } },
}

describe("client:request", function()
  local server
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  after_each(function()
    if server then server:close() end
    server = nil
  end)

  local function client_for(answers)
    server = api.start(answers)
    return claude.new({ api_key = "sk-ant-secret-key", base_url = server.url, max_retries = 1 })
  end

  it("gets, with a query and headers, and returns the answer", function()
    local client = client_for({ api.json(200, { a = { 1 } }, { ["request-id"] = "req_1" }) })
    local answer = assert(client:request("GET", "/v1/skills", {
      query = { limit = 5, source = "a b&c", all = true },
      headers = { ["x-own"] = "1" },
      betas = { "skills-2025-10-02" },
    }))
    assert.same({ 200, "req_1", '{"a":[1]}' }, { answer.status, answer.request_id, answer.body })
    assert.equal("application/json", answer.headers["content-type"])
    assert.same({ a = { 1 } }, answer:json())
    local request = server.requests[1]
    assert.equal("/v1/skills?all=true&limit=5&source=a%20b%26c", request.path)
    assert.same({ "GET", "1", "skills-2025-10-02", "sk-ant-secret-key" }, {
      request.method,
      request.headers["x-own"],
      request.headers["anthropic-beta"],
      request.headers["x-api-key"],
    })
    assert.is_nil(request.headers["content-type"])
  end)

  it(
    "that answers with a page, or with an error in spite of its status, is told with it",
    function()
      local client = client_for({
        { body = "<html>sk-ant-secret-key</html>", headers = { ["request-id"] = "req_1" } },
        { body = "" },
        api.json(200, { type = "error", error = { type = "api_error", message = "later" } }),
      })
      local _, text, err = client.models:retrieve("x")
      assert.matches("the answer is no JSON object: <html>", text)
      assert.matches("check the base URL", err.hint)
      assert.same({ "protocol", 200, "req_1" }, { err.kind, err.status, err.request_id })
      assert.equal("req_1", err.headers["request-id"])
      assert.matches("^<html>.+</html>$", err.body)
      assert.is_nil(err.body:find("secret", 1, true))
      _, text, err = client.models:retrieve("x")
      assert.matches("it is empty", text)
      assert.equal("", err.body)
      err = select(3, client.models:retrieve("x"))
      assert.same({ "api", "api_error", "later" }, { err.kind, err.type, err.message })
    end
  )

  it("posts a table as JSON, and any string as it is", function()
    local client = client_for({ api.json(200, {}) })
    assert(client:request("POST", "/v1/a", { body = { b = 1, a = { claude.null } } }))
    assert.equal('{"a":[null],"b":1}', server.requests[1].body)
    assert.equal("application/json", server.requests[1].headers["content-type"])
    local headers = { ["content-type"] = "text/plain" }
    assert(client:request("PUT", "/v1/a", { body = "as it is", headers = headers }))
    assert.equal("as it is", server.requests[2].body)
    assert.same({ "PUT", "text/plain" }, {
      server.requests[2].method,
      server.requests[2].headers["content-type"],
    })
  end)

  it("sends a length with an empty POST, and deletes", function()
    local client = client_for({ api.json(200, {}) })
    assert(client:request("POST", "/v1/a/b/cancel"))
    assert.equal("0", server.requests[1].headers["content-length"])
    assert(client:request("DELETE", "/v1/a/b"))
    assert.equal("DELETE", server.requests[2].method)
  end)

  it("returns whatever the body is", function()
    local client = client_for({ { body = "plain\0text" } })
    local answer = assert(client:request("GET", "/v1/a"))
    assert.equal("plain\0text", answer.body)
    local value, text, err = answer:json()
    assert.is_nil(value)
    assert.matches("not JSON", text)
    assert.equal("protocol", err.kind)
  end)

  it("tries again when the body was cut", function()
    local client = client_for({ { body = "hal", promise = 4 }, { body = "half" } })
    assert.equal("half", assert(client:request("GET", "/v1/a")).body)
    assert.equal(2, #server.requests)
  end)

  it("takes a body of several megabytes in, and none that is over the limit", function()
    local body = ("0123456789"):rep(300000)
    local client = client_for({ { body = body } })
    assert.equal(body, assert(client:request("GET", "/v1/a")).body)
    client = claude.new({
      api_key = "k",
      base_url = server.url,
      max_body_bytes = 1000,
      max_retries = 0,
    })
    assert.matches("max_body_bytes", select(2, client:request("GET", "/v1/a")))
  end)

  it("goes through middleware, which may read the answer", function()
    server =
      api.start({ { body = "event: x\n", headers = { ["content-type"] = "text/event-stream" } } })
    local seen
    local client = claude.new({
      api_key = "k",
      base_url = server.url,
      middleware = {
        function(request, send)
          local answer = send(request)
          seen = answer:body()
          return answer
        end,
      },
    })
    assert.equal("event: x\n", assert(client:request("GET", "/v1/a")).body)
    assert.equal("event: x\n", seen)
  end)

  it("hands a body out as it comes", function()
    local client = client_for({ { pieces = { "one\n", "two" } } })
    local body = assert(client:request("GET", "/v1/a", { stream = true }))
    assert.equal("one", body:read_line())
    assert.equal("two", body:read_line())
    assert.is_nil((body:read_line()))
  end)

  it("fails as every other call does", function()
    local client = client_for({ api.failure(529, "overloaded_error", "Overloaded") })
    local answer, text, err = client:request("GET", "/v1/a", { max_retries = 0 })
    assert.is_nil(answer)
    assert.matches("Overloaded", text)
    assert.same({ "api", 529, true }, { err.kind, err.status, err.retryable })
    assert.equal(1, #server.requests)
  end)

  it("tells which value of a body cannot be written", function()
    local client = client_for({})
    local _, _, err = client:request("POST", "/v1/a", { body = { a = { print } } })
    assert.same({ "invalid", "a[1]" }, { err.kind, err.path })
  end)

  it("raises at the caller's line for what is no request", function()
    local client = client_for({})
    local cases = {
      { "the method", "HEAD", "/v1/a" },
      { "the path must be a string", "GET", nil },
      { "must begin with /", "GET", "v1/a" },
      { "has a %? or #", "GET", "/v1/a?b=1" },
      { "must be written as %%XX", "GET", "/v1/a b" },
      { "must be written as %%XX", "GET", "/v1/a;b" },
      { 'has a part ""', "GET", "/v1/files//content" },
      { 'has a part ""', "GET", "/v1/files/" },
      { 'has a part "%.%."', "GET", "/v1/files/../keys" },
      { 'has a part "%%2e%."', "GET", "/v1/files/%2e./keys" },
      { 'has a part "%.%.%%2Fkeys"', "GET", "/v1/files/..%2Fkeys" },
      { "must be written as %%25", "GET", "/v1/files/100%" },
      { "there is no option bdy", "POST", "/v1/a", { bdy = {} } },
      { "query's limit must be", "GET", "/v1/a", { query = { limit = {} } } },
      { "query's limit must be", "GET", "/v1/a", { query = { limit = 0 / 0 } } },
      { "stream must be a boolean", "GET", "/v1/a", { stream = 1 } },
      { "takes a table", "GET", "/v1/a", "x" },
    }
    for _, case in ipairs(cases) do
      local ok, message = pcall(function() client:request(case[2], case[3], case[4]) end)
      assert.is_false(ok)
      assert.matches(case[1], message)
      assert.matches("^spec/any_endpoint_spec.lua:", message)
    end
    assert.equal(0, #server.requests)
  end)
end)

describe("claude.response", function()
  local server, client
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  after_each(function() server:close() end)

  local function use(answer)
    server = api.start({ answer })
    client = claude.new({ api_key = "k", base_url = server.url, max_retries = 0 })
  end

  local function told(value)
    local answer = claude.response(value)
    return answer and { answer.status, answer.request_id, answer.headers["x-more"] }
  end

  local HEADERS = { ["request-id"] = "req_1", ["x-more"] = "yes", ["set-cookie"] = "a=b" }
  local SEEN = { 200, "req_1", "yes" }

  it("tells status, headers and request id of a message", function()
    use(
      api.json(200, { type = "message", role = "assistant", content = claude.array({}) }, HEADERS)
    )
    local message = assert(client.messages:create(PARAMS))
    assert.same(SEEN, told(message))
    assert.equal("[redacted]", claude.response(message).headers["set-cookie"])
  end)

  it("tells them of a stream, once its answer has begun", function()
    use(api.stream(api.reply({ api.text("Hello") }), { headers = HEADERS }))
    local stream = client.messages:stream(PARAMS)
    assert.is_nil(claude.response(stream))
    assert(stream:next())
    assert.same(SEEN, told(stream))
    assert.same(SEEN, told(assert(stream:final_message())))
  end)

  it("tells them of a decoded answer", function()
    use(api.json(200, { input_tokens = 3 }, HEADERS))
    assert.same(SEEN, told(assert(client.messages:count_tokens(PARAMS))))
  end)

  it("tells them of an error, with its body", function()
    use(api.failure(404, "not_found_error", "no", HEADERS))
    local _, _, err = client.messages:create(PARAMS)
    assert.same({ 404, "req_1", "yes" }, told(err))
    assert.matches('"not_found_error"', claude.response(err).body)
  end)

  it("knows nothing of what came with no answer", function()
    use({ hang_up = true })
    local _, _, err = client.messages:create(PARAMS)
    for _, value in ipairs({ err, {}, "x", 1 }) do
      assert.is_nil(claude.response(value))
    end
  end)
end)
