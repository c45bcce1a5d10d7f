--- What the official TypeScript SDK makes of each status, and what this library does: the
--- same status, type, code and request id, and a message for people instead of the body.
local api = require("spec.support.api_server")
local claude = require("claude")
local environment = require("spec.support.environment")

local PARAMS = {
  model = "claude-sonnet-5",
  max_tokens = 64,
  messages = { { role = "user", content = "Hi" } },
}

-- status, the type in the body, and whether the official SDK tries again
local STATUSES = {
  { 400, "invalid_request_error", false },
  { 401, "authentication_error", false },
  { 402, "billing_error", false },
  { 403, "permission_error", false },
  { 404, "not_found_error", false },
  { 409, "conflict_error", true },
  { 413, "request_too_large", false },
  { 418, "teapot", false },
  { 422, "invalid_request_error", false },
  { 429, "rate_limit_error", true },
  { 500, "api_error", true },
  { 503, "api_error", true },
  { 504, "timeout_error", true },
  { 529, "overloaded_error", true },
}

describe("the error of", function()
  local server
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  before_each(function() environment.set({}) end)
  after_each(function()
    environment.restore()
    server:close()
  end)

  local function error_of(answer, limits)
    server = api.start({ answer })
    local client =
      claude.new({ api_key = "k", base_url = server.url, max_retries = 0, limits = limits })
    local message, text, err = client.messages:create(PARAMS, { betas = {} })
    assert.is_nil(message)
    assert.equal(tostring(err), text)
    return err
  end

  for _, row in ipairs(STATUSES) do
    local status, kind, retried = row[1], row[2], row[3]
    it(("status %d has the body's type, code and details"):format(status), function()
      local body = {
        type = "error",
        error = { type = kind, message = "No.", details = { error_code = "some_code", limit = 5 } },
        request_id = "req_of_body",
      }
      local err = error_of(api.json(status, body, { ["request-id"] = "req_of_header" }))
      assert.same({ "api", status, kind, "No.", "some_code", "req_of_header", retried }, {
        err.kind,
        err.status,
        err.type,
        err.message,
        err.error_code,
        err.request_id,
        err.retryable,
      })
      assert.equal(5, err.details.limit)
      assert.equal(1, #server.requests)
      assert.equal("application/json", err.headers["content-type"])
      assert.truthy(err.body:find('"req_of_body"', 1, true))
    end)
  end

  it("a proxy's page has the type that goes with the status, and the page", function()
    local err = error_of({
      status = 502,
      headers = { ["content-type"] = "text/html" },
      body = "<html>Bad gateway</html>",
    })
    assert.same(
      { "api", 502, "api_error", "<html>Bad gateway</html>", true },
      { err.kind, err.status, err.type, err.body, err.retryable }
    )
    assert.equal("<html>Bad gateway</html>", err.message)
    assert.is_nil(err.error_code)
  end)

  it("an empty body says that there was none", function()
    local err = error_of({ status = 500, headers = { ["request-id"] = "req_x" } })
    assert.same({ "api_error", "", "req_x" }, { err.type, err.body, err.request_id })
    assert.equal("status 500 without a body", err.message)
  end)

  it("status 408, which has no type of the API, has none", function()
    local err = error_of({ status = 408 })
    assert.is_nil(err.type)
    assert.is_true(err.retryable)
  end)

  it("a page without end is read to a MiB, and kept to 64 KiB", function()
    local piece = ("x"):rep(256 * 1024)
    local err = error_of({
      status = 500,
      headers = { ["content-type"] = "text/html" },
      pieces = { piece, piece, piece, piece, piece },
      promise = 2 ^ 31,
      stay = true,
    })
    assert.same({ "api", 500, 64 * 1024 }, { err.kind, err.status, #err.body })
    assert.is_true(#err.message < 400)
  end)

  it("a page without end is told by other endpoints as well", function()
    local piece = ("x"):rep(1024 * 1024 + 1)
    server = api.start({ { status = 503, pieces = { piece }, promise = 2 ^ 31, stay = true } })
    local client = claude.new({ api_key = "k", base_url = server.url, max_retries = 0 })
    local _, _, err = client.messages:count_tokens(PARAMS)
    assert.same({ "api", 503 }, { err.kind, err.status })
  end)

  it("an answer of 200 that is cut JSON is not tried again", function()
    local err = error_of(api.json(200, '{"id":'))
    assert.same({ "protocol", 200, false }, { err.kind, err.status, err.retryable })
  end)

  it("a connection that was closed without an answer is the network's", function()
    local err = error_of({ hang_up = true })
    assert.same({ "network", true }, { err.kind, err.retryable })
    assert.is_nil(err.status)
    assert.is_nil(err.type)
  end)

  it("an answer that does not come is a timeout", function()
    local err = error_of({ silent = true }, { first_byte = 0.05 })
    assert.same({ "timeout", true }, { err.kind, err.retryable })
    assert.is_nil(err.status)
  end)

  it("an event inside a stream has its own type, and no status", function()
    local err = error_of(api.stream({
      api.reply({})[1],
      {
        type = "error",
        error = { type = "overloaded_error", message = "Overloaded" },
        request_id = "req_of_event",
      },
    }))
    assert.same(
      { "api", "overloaded_error", "Overloaded", "req_1", true },
      { err.kind, err.type, err.message, err.request_id, err.retryable }
    )
    assert.is_nil(err.status)
    assert.equal("assistant", err.partial.role)
  end)

  for _, row in ipairs(STATUSES) do
    local kind, retried = row[2], row[3]
    if kind ~= "teapot" then
      it(("an event of type %s may be retried as its status may"):format(kind), function()
        local event = { type = "error", error = { type = kind, message = "No." } }
        local err = error_of(api.stream({ event }))
        assert.same({ kind, retried }, { err.type, err.retryable })
      end)
    end
  end
end)
