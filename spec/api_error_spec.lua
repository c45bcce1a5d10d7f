local api_error = require("claude.api_error")
local core = require("claude.core")

local function response_of(status, headers, body)
  local response = core.response()
  assert(response:feed_header(("HTTP/1.1 %d Status"):format(status)))
  for name, value in pairs(headers) do
    assert(response:feed_header(name .. ": " .. value))
  end
  assert(response:feed_header(""))
  if body then assert(response:feed(body)) end
  response:finish()
  return response
end

local function error_of(status, headers, body, scrub)
  return api_error.from_status(response_of(status, headers or {}, body), scrub)
end

describe("api_error.from_status", function()
  it("reads the API's error object", function()
    local err = error_of(
      400,
      { ["request-id"] = "req_head" },
      [[{"type":"error","error":{
      "type":"invalid_request_error","message":"tools: too many",
      "details":{"error_code":"available_tools_limit_exceeded","limit":5}},
      "request_id":"req_body"}]]
    )
    assert.equal("api", err.kind)
    assert.equal(400, err.status)
    assert.equal("invalid_request_error", err.type)
    assert.equal("tools: too many", err.message)
    assert.equal("req_head", err.request_id)
    assert.equal("available_tools_limit_exceeded", err.error_code)
    assert.equal(5, err.details.limit)
    assert.equal("req_head", err.headers["request-id"])
    assert.truthy(err.body:find("too many", 1, true))
  end)

  it("takes the request id of the body when there is none in the headers", function()
    local err = error_of(500, {}, '{"error":{"type":"api_error","message":"x"},"request_id":"r"}')
    assert.equal("r", err.request_id)
  end)

  it("gives a 400 the remedy of the rule that knows it", function()
    local message = "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult"
    local body =
      assert(core.encode({ error = { type = "invalid_request_error", message = message } }))
    local err = error_of(400, {}, body)
    assert.truthy(err.hint:find("raise max_tokens above budget_tokens", 1, true))
    assert.truthy(tostring(err):find("hint: ", 1, true))
  end)

  it("gives other statuses a hint, too", function()
    assert.truthy(error_of(401).hint:find("ANTHROPIC_API_KEY", 1, true))
    local no_model = '{"error":{"type":"not_found_error","message":"model: x"}}'
    assert.truthy(error_of(404, {}, no_model).hint:find("models:list", 1, true))
    assert.truthy(error_of(404).hint:find("base URL", 1, true))
    assert.is_string(error_of(529).hint)
  end)

  local bodies = {
    {
      "HTML of a proxy",
      "<html>\n <b>Bad   Gateway</b></html>",
      "<html> <b>Bad Gateway</b></html>",
    },
    { "plain text", "upstream timed out", "upstream timed out" },
    { "nothing", "", "status 502 without a body" },
    { "JSON with a text as its error", '{"error":"no route"}', "no route" },
    { "JSON that is no object", "[1]", "[1]" },
    {
      "an error without a message",
      '{"error":{"type":"api_error"}}',
      '{"error":{"type":"api_error"}}',
    },
  }
  for _, case in ipairs(bodies) do
    it("stands " .. case[1], function()
      local err = error_of(502, {}, case[2])
      assert.equal(case[3], err.message)
      assert.equal("api_error", err.type)
      assert.equal(case[2], err.body)
      assert.is_true(err.retryable)
    end)
  end

  it("shows the beginning of a long body only, and never half a character", function()
    local err = error_of(500, {}, ("ä"):rep(100000))
    assert.is_true(#err.message < 400)
    assert.is_true(core.utf8_valid(err.message))
    assert.is_true(#err.body <= 64 * 1024)
  end)

  it("names the status's type when the body does not", function()
    local types = {
      [401] = "authentication_error",
      [403] = "permission_error",
      [413] = "request_too_large",
      [429] = "rate_limit_error",
      [529] = "overloaded_error",
    }
    for status, kind in pairs(types) do
      assert.equal(kind, error_of(status, {}, "x").type)
    end
  end)

  it("counts a date by the clock of who sent it", function()
    local err = error_of(429, {
      date = "Sun, 06 Nov 1994 08:49:37 GMT",
      ["retry-after"] = "Sun, 06 Nov 1994 08:50:07 GMT",
    })
    assert.equal(30, err.retry_after)
  end)

  it("takes out a secret that stands where the body is cut", function()
    local secret = "sk-0123456789"
    local function scrub(text) return (text:gsub("sk%-0123456789", "[redacted]")) end
    local err = error_of(500, {}, ("x"):rep(64 * 1024 - 5) .. secret .. "y", scrub)
    assert.is_nil(err.body:find("sk-0", 1, true))
    assert.is_true(#err.body <= 64 * 1024)
  end)

  local REFUSALS = {
    {
      "messages.3.content.0: Invalid `signature` in `thinking` block",
      "signature_error",
      "messages[4].content[1]",
    },
    {
      "messages.1.content.2: Invalid `data` in `redacted_thinking` block",
      "signature_error",
      "messages[2].content[3]",
    },
    {
      "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant "
        .. "message cannot be modified. These blocks must remain as they were.",
      "signature_error",
      "messages[2].content[1]",
    },
    {
      "messages.5.content.1: Invalid `signature` in `thinking` block. The block is bound to a "
        .. "different conversation. Remove the block, or set …",
      "binding_error",
      "messages[6].content[2]",
    },
    {
      "messages.2.content.0.source: Input should be a valid dictionary",
      "invalid_request_error",
      "messages[3].content[1].source",
    },
    { "max_tokens: Field required", "invalid_request_error", nil },
  }
  for _, case in ipairs(REFUSALS) do
    it("tells apart: " .. case[1]:sub(1, 60), function()
      local body = { error = { type = "invalid_request_error", message = case[1] } }
      local err = error_of(400, {}, assert(core.encode(body)))
      assert.same({ "api", 400, case[2] }, { err.kind, err.status, err.type })
      assert.equal(case[3], err.path)
      assert.equal(case[1], err.message)
      assert.is_false(err.retryable)
      assert.is_string(err.hint)
    end)
  end

  it("does not follow redirects, and says so", function()
    local err = error_of(307, { location = "https://elsewhere.example" })
    assert.truthy(err.message:find("redirect", 1, true))
    assert.is_false(err.retryable)
  end)

  it("takes secrets out of text, details, headers and body", function()
    local function scrub(text) return (text:gsub("sk%-1", "[redacted]")) end
    local body = '{"error":{"type":"authentication_error","message":"bad key sk-1",'
      .. '"details":{"key":["sk-1"]}},"request_id":"sk-1"}'
    local err = error_of(401, { ["x-echo"] = "sk-1", ["set-cookie"] = "id=5" }, body, scrub)
    assert.equal("bad key [redacted]", err.message)
    assert.equal("[redacted]", err.details.key[1])
    assert.equal("[redacted]", err.headers["x-echo"])
    assert.equal("[redacted]", err.headers["set-cookie"])
    assert.is_nil(err.body:find("sk-1", 1, true))
    assert.is_nil(tostring(err):find("sk-1", 1, true))
  end)
end)

describe("api_error.from_failure", function()
  it("is the error event inside a stream", function()
    local response = response_of(
      200,
      { ["content-type"] = "text/event-stream" },
      'event: error\ndata: {"type":"error","error":{"type":"overloaded_error",'
        .. '"message":"Overloaded","details":{"error_code":"c"}},"request_id":"req_e"}\n\n'
    )
    assert.is_nil(response:next())
    local err = api_error.from_failure(response)
    assert.equal("api", err.kind)
    assert.equal("overloaded_error", err.type)
    assert.equal("Overloaded", err.message)
    assert.equal("c", err.error_code)
    assert.equal("req_e", err.request_id)
    assert.is_true(err.retryable)
  end)

  it("stands an error event that is not the API's", function()
    local response =
      response_of(200, { ["content-type"] = "text/event-stream" }, "event: error\ndata: gone\n\n")
    assert.is_nil(response:next())
    local err = api_error.from_failure(response)
    assert.is_string(err.message)
  end)

  it("is incomplete for a stream without its end", function()
    local response = response_of(200, { ["content-type"] = "text/event-stream" }, "")
    assert.is_nil(response:next())
    local err = api_error.from_failure(response)
    assert.equal("incomplete", err.kind)
    assert.equal(200, err.status)
  end)
end)

describe("api_error.retry_after", function()
  local now = 784111777 -- Sun, 06 Nov 1994 08:49:37 GMT
  local cases = {
    { "milliseconds first", { ["retry-after-ms"] = "1500", ["retry-after"] = "9" }, 1.5 },
    { "seconds", { ["retry-after"] = "9" }, 9 },
    { "parts of a second", { ["retry-after"] = "0.25" }, 0.25 },
    { "a date", { ["retry-after"] = "Sun, 06 Nov 1994 08:50:07 GMT" }, 30 },
    { "a date in the past", { ["retry-after"] = "Sun, 06 Nov 1994 08:49:07 GMT" }, nil },
    {
      "seconds when the milliseconds are of no use",
      { ["retry-after-ms"] = "0", ["retry-after"] = "9" },
      9,
    },
    { "a date of asctime", { ["retry-after"] = "Sun Nov  6 08:50:07 1994" }, 30 },
    { "no number of another base", { ["retry-after"] = "0x10" }, nil },
    { "zero", { ["retry-after"] = "0" }, nil },
    { "a negative number", { ["retry-after"] = "-5" }, nil },
    { "more than can be waited for", { ["retry-after"] = "2147484" }, nil },
    { "infinity", { ["retry-after"] = "inf" }, nil },
    { "no number", { ["retry-after"] = "soon" }, nil },
    { "nothing", {}, nil },
  }
  for _, case in ipairs(cases) do
    it(
      "takes " .. case[1],
      function() assert.equal(case[3], api_error.retry_after(case[2], now)) end
    )
  end
end)
