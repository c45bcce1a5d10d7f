--- The HTTP/1.1 decoder behind a plain socket, beside libcurl: one server, the same answers.
local core = require("claude.core")
local raw = require("spec.support.raw_http")
local requests = require("spec.support.exchange")
local servers = require("spec.support.servers")

local SCENARIOS = {
  "ok",
  "slow_ok",
  "pings_then_ok",
  "error_429",
  "error_529",
  "error_500",
  "html_502",
  "html_200",
  "error_event",
  "ended_in_event",
  "redirect",
  "no_such_scenario",
  "reset_at_once",
  "close_at_once",
  "cut_in_headers",
  "reset_in_headers",
  "cut_before_first_chunk",
  "cut_in_chunk_header",
  "cut_in_event",
  "reset_in_event",
  "cut_before_stop_reason",
  "cut_after_stop_reason",
  "cut_in_message_stop",
  "short_body",
}

local function read_all(response)
  local seen = {}
  local kind, text, index = response:next()
  while kind do
    seen[#seen + 1] = { kind, text or false, index or false, response:event() or false }
    kind, text, index = response:next()
  end
  seen.last = text
  return seen
end

-- What a reader can tell of a response; the words for a broken connection are each one's own.
local function account(response, deliveries)
  local failure = response:failure()
  return {
    status = response:status(),
    headers = response:headers(),
    deliveries = deliveries,
    body = response:body(),
    complete = response:complete(),
    message = response:complete() and response:message_json(),
    kind = failure and failure.kind,
    type = failure and failure.type,
    words = failure and failure.kind ~= "network" and failure.message or nil,
  }
end

local function by_libcurl(server, scenario)
  local exchange = assert(requests.start({ url = server.url .. "/" .. scenario .. "/v1/messages" }))
  local response = exchange.response
  while not response:finished() do
    exchange:wait()
  end
  local all = account(response, read_all(response))
  exchange:close()
  return all
end

local function by_decoder(server, scenario)
  local response = core.response()
  local decoder, fed = core.http1(response), 0
  local request = ("GET /%s/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"):format(scenario)
  raw.exchange(server.port, request, function(received)
    decoder:feed(received:sub(fed + 1))
    fed = #received
    return decoder:done()
  end)
  decoder:finish()
  return account(response, read_all(response))
end

describe("core.http1 and libcurl make the same of", function()
  local server
  setup(function() server = servers.fault_server() end)
  teardown(function() server:stop() end)

  for _, scenario in ipairs(SCENARIOS) do
    it(
      "the server's " .. scenario,
      function() assert.same(by_libcurl(server, scenario), by_decoder(server, scenario)) end
    )
  end
end)
