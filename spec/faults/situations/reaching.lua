--- No connection comes about.
local wire = require("spec.faults.wire")

-- Names are remembered: each is asked for in its first request.
local function named(name, limits)
  return { host = name .. ".example.test", allow_http = true, limits = limits }
end

return {
  title = "Reaching the server",
  {
    name = "refused",
    does = "nobody listens on the port",
    refuses = true,
    anew = true,
    json = true,
    kind = "network",
    retryable = true,
    says = "no connection",
  },
  {
    name = "reset_on_connect",
    does = "resets the connection as soon as it stands",
    accept = { wire.RESET },
    anew = true,
    json = true,
    kind = "network",
    retryable = true,
    -- Whether the request is already on its way decides who notices.
    says = { "failed", "no connection", "without an answer" },
  },
  {
    name = "closed_on_connect",
    does = "closes the connection as soon as it stands",
    accept = { wire.CLOSE },
    anew = true,
    json = true,
    kind = "network",
    retryable = true,
    says = { "failed", "no connection", "without an answer" },
  },
  {
    name = "dns_hangs",
    does = "the name server says nothing",
    names = "hang",
    cold = true,
    json = true,
    options = named("silent", { connect = 0.4 }),
    kind = "timeout",
    limit = "connect",
    retryable = true,
    says = "no connection within 0.4 s",
  },
  {
    name = "dns_knows_no_such_name",
    does = "the name server knows no such name",
    names = "unknown",
    cold = true,
    json = true,
    options = named("unknown"),
    kind = "network",
    retryable = true,
    says = "the host's name cannot be resolved",
  },
}
