--- Answers with an error status.
local wire = require("spec.faults.wire")

local function api(name, status, type, retryable, more)
  local situation = {
    name = name,
    does = "answers " .. status .. ", " .. type,
    play = { wire.api_error(status, type, "No, says the server") },
    json = true,
    kind = "api",
    type = type,
    status = tonumber(status:sub(1, 3)),
    retryable = retryable,
    says = "No, says the server",
  }
  for field, value in pairs(more or {}) do
    situation[field] = value
  end
  return situation
end

local PAGE = "<html><title>502 Bad Gateway</title></html>"

return {
  title = "Error statuses",
  api("error_400", "400 Bad Request", "invalid_request_error", false),
  api("error_401", "401 Unauthorized", "authentication_error", false),
  api("error_413", "413 Payload Too Large", "request_too_large", false),
  api("error_429", "429 Too Many Requests", "rate_limit_error", true, {
    does = "answers 429, rate_limit_error, with a retry-after",
    play = {
      wire.api_error("429 Too Many Requests", "rate_limit_error", "slow", "retry-after: 7\r\n"),
    },
    retry_after = 7,
    says = "slow",
  }),
  api("error_500", "500 Internal Server Error", "api_error", true),
  api("error_529", "529 Overloaded", "overloaded_error", true),
  {
    name = "html_502",
    does = "answers 502 with a page of HTML",
    play = { wire.answer("502 Bad Gateway", "text/html", PAGE) },
    json = true,
    kind = "api",
    type = "api_error",
    status = 502,
    retryable = true,
    says = "502 Bad Gateway",
  },
  {
    name = "empty_503",
    does = "answers 503 without a body",
    play = { wire.answer("503 Service Unavailable", "text/plain", "") },
    json = true,
    kind = "api",
    type = "api_error",
    status = 503,
    retryable = true,
    says = "status 503 without a body",
  },
  {
    name = "endless_500",
    does = "answers 500 with a body that never ends",
    play = {
      "HTTP/1.1 500 Oh\r\nContent-Type: text/html\r\nContent-Length: 1000000000\r\n\r\n",
      wire.times(("<p>No.</p>"):rep(1000), 120),
      wire.HANG,
    },
    json = true,
    kind = "api",
    type = "api_error",
    status = 500,
    retryable = true,
    says = "<p>No.</p>",
  },
  {
    name = "cut_in_error_body",
    does = "answers 529 and cuts the body",
    play = {
      "HTTP/1.1 529 Overloaded\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
        .. '{"type":"err',
      wire.PAUSE,
      wire.CLOSE,
    },
    json = true,
    kind = "api",
    type = "overloaded_error",
    status = 529,
    retryable = true,
    says = '{"type":"err',
  },
  {
    name = "redirect_to_another_host",
    does = "redirects to another host (307): nobody goes there",
    play = {
      function(ports)
        return "HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\nLocation: "
          .. ("http://127.0.0.1:%d/v1/messages\r\n\r\n"):format(ports.trap)
      end,
    },
    json = true,
    kind = "api",
    status = 307,
    retryable = false,
    says = "a redirect (307), which is not followed",
  },
}
