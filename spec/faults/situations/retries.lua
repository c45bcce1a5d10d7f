--- What is tried again: each situation is tried with max_retries = 2 unless it says otherwise.
local wire = require("spec.faults.wire")

local SOON = "retry-after-ms: 5\r\n"

local function refused(status, type, more) return { wire.api_error(status, type, "No", more) } end

local function overloaded(more) return refused("529 Overloaded", "overloaded_error", more) end
local function limited(more) return refused("429 Too Many Requests", "rate_limit_error", more) end
local function broken(more) return refused("500 Internal Server Error", "api_error", more) end

local function retried(situation)
  situation.json = true
  situation.options = situation.options or { max_retries = 2 }
  return situation
end

local function well(situation)
  situation.whole = true
  return retried(situation)
end

return {
  title = "Retries",
  well({
    name = "retry_529_twice",
    does = "answers 529 twice, then well",
    attempts = { overloaded(SOON), overloaded(SOON) },
    calls = 3,
  }),
  well({
    name = "retry_429_after_ms",
    does = "answers 429 with retry-after-ms, then well",
    attempts = { limited(SOON) },
    calls = 2,
  }),
  well({
    name = "retry_429_after_seconds",
    does = "answers 429 with a retry-after of 1 second, then well",
    attempts = { limited("retry-after: 1\r\n") },
    calls = 2,
  }),
  well({
    name = "retry_429_after_date",
    does = "answers 429 with a retry-after that is a date gone by, then well",
    attempts = { limited("retry-after: Thu, 01 Jan 1970 00:00:00 GMT\r\n") },
    calls = 2,
  }),
  well({
    name = "retry_500_502_503_504",
    does = "answers 500, 502, 503 and 504, then well",
    attempts = {
      broken(SOON),
      { wire.answer("502 Bad Gateway", "text/html", "<html>", SOON) },
      { wire.answer("503 Service Unavailable", "text/plain", "", SOON) },
      { wire.answer("504 Gateway Timeout", "text/plain", "late", SOON) },
    },
    options = { max_retries = 4 },
    calls = 5,
  }),
  well({
    name = "retry_400_told_to",
    does = "answers 400 with x-should-retry: true, then well",
    attempts = {
      refused("400 Bad Request", "invalid_request_error", SOON .. "x-should-retry: true\r\n"),
    },
    calls = 2,
  }),
  retried({
    name = "no_retry_500_told_not_to",
    does = "answers 500 with x-should-retry: false",
    attempts = { broken("x-should-retry: false\r\n") },
    kind = "api",
    type = "api_error",
    status = 500,
    retryable = false,
    calls = 1,
    says = "No",
  }),
  retried({
    name = "no_retry_400",
    does = "answers 400",
    attempts = { refused("400 Bad Request", "invalid_request_error") },
    kind = "api",
    type = "invalid_request_error",
    status = 400,
    retryable = false,
    calls = 1,
    says = "No",
  }),
  retried({
    name = "no_retry_after_an_hour",
    does = "answers 429 with a retry-after of an hour",
    attempts = { limited("retry-after: 3600\r\n") },
    kind = "api",
    type = "rate_limit_error",
    status = 429,
    retryable = true,
    retry_after = 3600,
    calls = 1,
    says = "No",
  }),
  retried({
    name = "retries_used_up",
    does = "answers 529 for ever",
    attempts = { overloaded(SOON), overloaded(SOON), overloaded(SOON) },
    kind = "api",
    type = "overloaded_error",
    status = 529,
    retryable = true,
    calls = 3,
    says = "No",
  }),
  well({
    name = "retry_reset",
    does = "resets the connection once, then answers well",
    attempts = { { wire.RESET } },
    calls = 2,
  }),
  well({
    name = "retry_cut_in_headers",
    does = "cuts a header once, then answers well",
    attempts = { { wire.HALF_HEAD, wire.PAUSE, wire.CLOSE } },
    calls = 2,
  }),
  well({
    name = "retry_stall",
    does = "says nothing once, then answers well",
    attempts = { { wire.HANG } },
    options = { max_retries = 2, limits = { first_byte = 0.3 } },
    calls = 2,
  }),
}
