--- A server that says what it heard: the key in headers, bodies, events and places to go to.
local api = require("spec.support.api_server")

local function heard(request)
  return request.headers["x-api-key"] or request.headers.authorization or "nothing"
end

-- As others would quote it: in JSON in JSON, in a URL, cut in two by a line end.
local function quoted(key)
  local form = 'bad key %s {"error":"{\\"x-api-key\\":\\"%s\\"}"} https://me:%s@host/?api_key=%s'
  return form:format(key, key, key, key)
end

local function answer(request)
  local kind, key = request.path:match("^/(%w+)"), heard(request)
  local headers = { ["x-echo"] = key, ["x-api-key"] = key, location = "https://h/?key=" .. key }
  if kind == "event" then
    local failure = { type = "error", error = { type = "api_error", message = quoted(key) } }
    return api.stream({ failure }, { headers = { ["content-type"] = "text/event-stream" } })
  end
  return api.failure(tonumber(kind), "authentication_error", quoted(key), headers)
end

return { start = function() return api.start({ answer }) end }
