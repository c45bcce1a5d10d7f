local errors = require("claude.errors")

describe("errors", function()
  it("says kind, status, type, text and request id in one line", function()
    local err = errors.new({
      kind = "api",
      status = 529,
      type = "overloaded_error",
      message = "Overloaded",
      request_id = "req_1",
    })
    assert.equal("api 529 overloaded_error: Overloaded (request req_1)", tostring(err))
  end)

  it("leaves the status of a stream that failed after 200 out of the line", function()
    local err = errors.new({ kind = "api", status = 200, type = "api_error", message = "Oops" })
    assert.equal("api api_error: Oops", tostring(err))
  end)

  it("names the path and puts the hint on a line of its own", function()
    local err = errors.new({
      kind = "invalid",
      path = "max_tokens",
      message = "must be an integer",
      hint = "write max_tokens = 16000",
    })
    local expected = "invalid request: max_tokens: must be an integer\n"
      .. "  hint: write max_tokens = 16000"
    assert.equal(expected, tostring(err))
  end)

  it("fails with nil, a string and the error", function()
    local err = errors.new({ kind = "network", message = "refused" })
    local value, text, same = errors.fail(err)
    assert.is_nil(value)
    assert.equal("network: refused", text)
    assert.equal(err, same)
  end)

  it("knows its own kind", function()
    assert.is_true(errors.is(errors.new({ kind = "network", message = "x" })))
    assert.is_false(errors.is({ kind = "network" }))
    assert.is_false(errors.is("network"))
    assert.is_false(errors.is(nil))
  end)

  local cases = {
    { "network", { kind = "network" }, true },
    { "timeout", { kind = "timeout" }, true },
    { "incomplete", { kind = "incomplete" }, true },
    { "protocol", { kind = "protocol" }, false },
    { "cancelled", { kind = "cancelled" }, false },
    { "invalid", { kind = "invalid" }, false },
    { "400", { kind = "api", status = 400, type = "invalid_request_error" }, false },
    { "401", { kind = "api", status = 401 }, false },
    { "408", { kind = "api", status = 408 }, true },
    { "409", { kind = "api", status = 409 }, true },
    { "429", { kind = "api", status = 429 }, true },
    { "500", { kind = "api", status = 500 }, true },
    { "529", { kind = "api", status = 529 }, true },
    { "an in-stream overloaded_error", { kind = "api", type = "overloaded_error" }, true },
    { "an in-stream api_error", { kind = "api", status = 200, type = "api_error" }, true },
    { "an in-stream refusal", { kind = "api", type = "invalid_request_error" }, false },
    {
      "a spend limit",
      { kind = "api", status = 429, error_code = "enforced_spend_limit_reached" },
      false,
    },
    { "what says so itself", { kind = "api", status = 500, retryable = false }, false },
  }
  for _, case in ipairs(cases) do
    it(("knows whether to retry: %s"):format(case[1]), function()
      case[2].message = "x"
      assert.equal(case[3], errors.new(case[2]).retryable)
    end)
  end
end)
