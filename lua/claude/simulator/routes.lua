--- From a request to the answer: which endpoint, who asks, what is wrong, and
--- what is said.
local core = require("claude.core")
local diagnosis = require("claude.simulator.diagnosis")
local faults = require("claude.simulator.faults")
local histories = require("claude.simulator.history")
local lists = require("claude.simulator.lists")
local models = require("claude.simulator.models")
local replies = require("claude.simulator.reply")
local sse = require("claude.simulator.sse")
local validate = require("claude.simulator.validate")

local M = {}

local ORGANIZATION = "00000000-0000-4000-8000-000000000000"

---@class claude.simulator.Exchange one request on its way through the simulator
---@field sim claude.simulator.Simulator
---@field http claude.simulator.http.Request
---@field path string without the query
---@field query string
---@field id string request id
---@field rates? claude.simulator.Rates whose headers the answer has
---@field entry claude.simulator.LogEntry
---@field given? table the decoded body, of one request among those of a batch
---@field exact? table the same with its null members, if the batch has any

local function headers_of(exchange, kind, more)
  local headers = {
    { "content-type", kind },
    { "request-id", exchange.id },
    { "anthropic-organization-id", ORGANIZATION },
    { "server", "lua-claude-simulator" },
  }
  for _, header in ipairs(exchange.rates and exchange.rates:headers() or {}) do
    headers[#headers + 1] = header
  end
  local names = {}
  for name in pairs(more or {}) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local place = name:lower() == "content-type" and 1 or #headers + 1
    headers[place] = { name, more[name] }
  end
  return headers
end

local function refuse(exchange, fault)
  fault = faults.complete(fault)
  exchange.entry.status, exchange.entry.error = fault.status, fault.message
  return {
    status = fault.status,
    body = faults.body(fault, exchange.id),
    headers = headers_of(exchange, "application/json", fault.headers),
  }
end

local function answer_json(exchange, body)
  exchange.entry.status = 200
  return { status = 200, headers = headers_of(exchange, "application/json"), body = body }
end

--- The decoded body, or nil and a fault; third the body with its null members, if any.
local function decode(exchange)
  if exchange.given then return exchange.given, nil, exchange.exact end
  local encoding = exchange.http.headers["content-encoding"]
  if encoding and encoding:lower() ~= "identity" then
    local fault = faults.invalid("Unsupported Content-Encoding: " .. encoding)
    fault.details = { error_code = "request_body_encoding_unsupported" }
    return nil, fault
  end
  local request, problem = core.decode(exchange.http.body)
  if request == nil then
    local why = tostring(problem):gsub("^invalid JSON: ", "")
    return nil, faults.invalid("The request body is not valid JSON: " .. why)
  end
  local has_nulls = exchange.http.body:find("null", 1, true)
  return request, nil, has_nulls and core.decode(exchange.http.body, { nulls = true }) or nil
end

---@return claude.simulator.validate.Context
local function context_of(exchange, exact, counting)
  local sim = exchange.sim
  return {
    exact = exact,
    beta = exchange.beta,
    batch = exchange.given ~= nil,
    counting = counting,
    find_model = sim.find_model,
    version = exchange.http.headers["anthropic-version"],
    threads = sim.threads,
  }
end

--- The messages as the model gets them; nil and a fault when what they name is not there.
local function read_history(exchange, view, model)
  local sim = exchange.sim
  local history, fault = histories.read(view, {
    sealer = sim.sealer,
    model = model,
    strict = sim.strict,
    foreign = sim.foreign,
  })
  fault = fault or sim.files:missing_in(view.messages)
  fault = fault or sim.compaction:check(view, exchange.beta)
  return not fault and history or nil, fault
end

--- Checks a body and reads its history; what every endpoint with a prompt does.
local function read_prompt(exchange, counting)
  local sim = exchange.sim
  local request, fault, exact = decode(exchange)
  if fault then return nil, fault end
  local context = context_of(exchange, exact, counting)
  local view, history, whole
  fault, view, whole = validate.body(request, context)
  if fault then return nil, fault end
  history, fault = read_history(exchange, view, context.model)
  if not history then return nil, fault end
  local credit
  credit, fault = sim.credits:redeem(request)
  if fault then return nil, fault end
  -- A token that was redeemed lets the model go on with what another one said.
  context.paused = sim.paused[history.prefix.content]
    or credit == "redeemed"
    or request.compaction ~= nil
  fault = validate.history(view, context, history.tokens)
  if fault then return nil, fault end
  return {
    request = whole,
    view = view,
    model = context.model,
    history = history,
    credit = credit,
  }
end

local function info_of(exchange, prompt)
  local sim = exchange.sim
  return {
    count = sim.answered,
    model = prompt.model,
    beta = exchange.beta,
    thinking = replies.thinking_type(prompt.request, prompt.model),
    request_headers = exchange.http.names,
    seed = sim.seed,
  }
end

local function choose(turn, settings, name)
  if turn[name] ~= nil then return turn[name] end
  return settings[name]
end

--- The events that go out, and where the connection is cut in them.
local function plan_events(exchange, turn, message)
  local settings = exchange.sim.settings
  local events = sse.events(message, {
    piece = choose(turn, settings, "piece") or 24,
    padding = choose(turn, settings, "padding"),
    ping_every = choose(turn, settings, "ping_every"),
  })
  local cut = choose(turn, settings, "cut")
  local stop = cut and cut.after_event
  if turn.stream_error then stop = turn.stream_error.after_event or math.ceil(#events / 2) end
  if not stop then return events, cut end
  local kept = {}
  for i = 1, math.min(stop, #events) do
    kept[i] = events[i]
  end
  if turn.stream_error then
    local fault = faults.complete({
      status = 529,
      type = turn.stream_error.type,
      message = turn.stream_error.message,
    })
    kept[#kept + 1] = sse.error(faults.body(fault, exchange.id))
    return kept, nil
  end
  return kept, cut
end

local function deliver(exchange, turn, message, streamed)
  local settings = exchange.sim.settings
  local kind = streamed and "text/event-stream; charset=utf-8" or "application/json"
  local response = {
    status = 200,
    headers = headers_of(exchange, kind, turn.headers),
    chunk = choose(turn, settings, "chunk"),
    pace = choose(turn, settings, "pace"),
    delay = choose(turn, settings, "delay"),
  }
  if streamed then
    response.headers[#response.headers + 1] = { "cache-control", "no-cache" }
    response.pieces, response.cut = plan_events(exchange, turn, message)
  else
    response.body, response.cut = sse.json(message), choose(turn, settings, "cut")
  end
  exchange.entry.status = 200
  exchange.entry.stop_reason = message.stop_reason
  return response
end

--- What is called when the reply in a thread went out, whole or not.
local function hold_thread(sim, turn, prompt, message)
  local settle = sim.threads:hold(prompt.request, core.decode(sse.json(message)))
  return function(whole) settle(whole and not turn.stream_error) end
end

local function create_message(exchange)
  local sim = exchange.sim
  local prompt, fault = read_prompt(exchange, false)
  fault = fault or sim.rates and sim.rates:admit()
  if fault then return refuse(exchange, fault) end
  local turn
  if prompt.request.compaction then
    turn = sim.compaction:turn(prompt.view, prompt.history.tokens, sim.ids)
  else
    turn = sim.next_turn(prompt.request, info_of(exchange, prompt))
  end
  sim.answered = sim.answered + 1
  if turn.error then return refuse(exchange, turn.error) end
  local asked = diagnosis.prompt(prompt.history, prompt.model.id)
  local delay = choose(turn, sim.settings, "delay") or 0
  local message = replies.build(turn, {
    credit = prompt.credit,
    stop_details = sim.credits:details(turn, prompt.request, exchange.beta, sim.ids),
    request = prompt.request,
    model = prompt.model,
    history = prompt.history,
    sealer = sim.sealer,
    ids = sim.ids,
    cached = sim.cache:account(prompt.history, prompt.model.cache_min, delay),
  })
  message.diagnostics = sim.diagnosis:of(prompt.request, asked, prompt.history)
  sim.diagnosis:remember(message.id, asked)
  if sim.rates then sim.rates:used(message.usage) end
  if message.stop_reason == "pause_turn" or message.stop_reason == "compaction" then
    sim.paused[prompt.history.prefix.content] = true
  end
  local response = deliver(exchange, turn, message, prompt.request.stream == true)
  if prompt.request.thread then response.settled = hold_thread(sim, turn, prompt, message) end
  return response
end

local function count_tokens(exchange)
  local prompt, fault = read_prompt(exchange, true)
  if not prompt then return refuse(exchange, fault) end
  return answer_json(exchange, ('{"input_tokens":%d}'):format(prompt.history.tokens))
end

local function list_models(exchange)
  local page, fault = lists.page(models.all, exchange.query, models.info)
  return page and answer_json(exchange, page) or refuse(exchange, fault)
end

local function show_model(exchange)
  local id = exchange.path:match("^/v1/models/(.+)$")
  local model = exchange.sim.find_model(id)
  if not model then return refuse(exchange, { status = 404, message = "model: " .. id }) end
  return answer_json(exchange, assert(core.encode(models.info(model))))
end

--- An endpoint of what answers with JSON, or nil and a fault.
local function of_json(answer)
  return function(exchange)
    local json, fault = answer(exchange)
    if not json then return refuse(exchange, fault) end
    return answer_json(exchange, json)
  end
end

local function file_id(exchange) return exchange.path:match("^/v1/files/([^/]+)") end

local upload_file = of_json(function(exchange) return exchange.sim.files:upload(exchange) end)
local list_files = of_json(
  function(exchange) return exchange.sim.files:page(lists.query(exchange.query)) end
)
local show_file = of_json(
  function(exchange) return exchange.sim.files:metadata(file_id(exchange)) end
)
local delete_file = of_json(
  function(exchange) return exchange.sim.files:delete(file_id(exchange)) end
)

local function file_content(exchange)
  local file, fault = exchange.sim.files:content(file_id(exchange))
  if not file then return refuse(exchange, fault) end
  local settings = exchange.sim.settings
  exchange.entry.status = 200
  return {
    status = 200,
    headers = headers_of(exchange, file.mime_type),
    body = file.bytes,
    chunk = settings.chunk,
    pace = settings.pace,
    delay = settings.delay,
    cut = settings.cut,
  }
end

-- What one request of a batch is answered with.
local function answer_of_batch(exchange)
  return function(batch, params, exact)
    local id = exchange.sim.ids("req_")
    local one = { sim = exchange.sim, http = batch.http, beta = batch.beta, id = id }
    one.entry, one.given, one.exact = {}, params, exact
    local answer = create_message(one)
    return answer.status, answer.body
  end
end

-- The batches as they stand by now.
local function batches_of(exchange)
  local batches = exchange.sim.batches
  batches:settle(answer_of_batch(exchange))
  return batches
end

local function batch_id(exchange) return exchange.path:match("^/v1/messages/batches/([^/]+)") end

local create_batch = of_json(function(exchange)
  local body, fault, exact = decode(exchange)
  if fault then return nil, fault end
  return exchange.sim.batches:create(exchange, body, exact)
end)
local list_batches = of_json(
  function(exchange) return batches_of(exchange):list(exchange.query) end
)
local show_batch = of_json(
  function(exchange) return batches_of(exchange):show(batch_id(exchange)) end
)
local cancel_batch = of_json(
  function(exchange) return batches_of(exchange):cancel(batch_id(exchange)) end
)
local delete_batch = of_json(
  function(exchange) return batches_of(exchange):delete(batch_id(exchange)) end
)

local function batch_results(exchange)
  local lines, fault = batches_of(exchange):results(batch_id(exchange))
  if not lines then return refuse(exchange, fault) end
  local settings = exchange.sim.settings
  exchange.entry.status = 200
  return {
    status = 200,
    headers = headers_of(exchange, "application/x-jsonl"),
    pieces = lines,
    chunk = settings.chunk,
    pace = settings.pace,
    cut = settings.cut,
  }
end

--- What clients ask before the first request, to open the connection: no key, no version.
local function greet(exchange) return answer_json(exchange, '{"message":"hello"}') end

local ROUTES = {
  { "^/$", { HEAD = greet }, open = true },
  { "^/api/hello$", { GET = greet, HEAD = greet }, open = true },
  { "^/v1/files$", { GET = list_files, POST = upload_file } },
  { "^/v1/files/[^/]+$", { GET = show_file, DELETE = delete_file } },
  { "^/v1/files/[^/]+/content$", { GET = file_content } },
  { "^/v1/messages$", { POST = create_message } },
  { "^/v1/messages/count_tokens$", { POST = count_tokens } },
  { "^/v1/messages/batches$", { GET = list_batches, POST = create_batch } },
  { "^/v1/messages/batches/[^/]+$", { GET = show_batch, DELETE = delete_batch } },
  { "^/v1/messages/batches/[^/]+/cancel$", { POST = cancel_batch } },
  { "^/v1/messages/batches/[^/]+/results$", { GET = batch_results } },
  { "^/v1/models$", { GET = list_models } },
  { "^/v1/models/[^/]+$", { GET = show_model } },
}

local function find_route(exchange)
  for _, route in ipairs(ROUTES) do
    if exchange.path:find(route[1]) then
      local endpoint = route[2][exchange.http.method]
      if endpoint then return endpoint, nil, route.open end
      return nil, { status = 405, message = "Method Not Allowed" }
    end
  end
  return nil, { status = 404, message = "Not Found" }
end

--- The next of the faults that the simulator was told to make.
local function next_fault(exchange)
  for _, fault in ipairs(exchange.sim.faults) do
    local meant = not fault.path or fault.path == exchange.path
    if meant and (fault.left or fault.times or 1) > 0 then
      fault.left = (fault.left or fault.times or 1) - 1
      return fault
    end
  end
end

local function respond(exchange)
  local endpoint, fault, open = find_route(exchange)
  if not endpoint then return refuse(exchange, fault) end
  if open then return endpoint(exchange) end
  fault = validate.headers(exchange.http.headers, exchange.sim)
  if fault then return refuse(exchange, fault) end
  exchange.beta = validate.betas(exchange.http.headers, exchange.query)
  fault = exchange.sim.on_request and exchange.sim.on_request(exchange.entry)
  fault = fault or next_fault(exchange)
  if fault then return refuse(exchange, fault) end
  return endpoint(exchange)
end

--- Answers a request. What the script raises is an api_error that tells it.
---@param sim claude.simulator.Simulator
---@param request claude.simulator.http.Request
---@return claude.simulator.Response
function M.answer(sim, request)
  local path, query = request.target:match("^([^?]*)%??(.*)$")
  local exchange = { sim = sim, http = request, path = path, query = query, id = sim.ids("req_") }
  exchange.rates = path == "/v1/messages" and sim.rates or nil
  exchange.entry = sim:log(exchange)
  local ok, response = xpcall(function() return respond(exchange) end, debug.traceback)
  if ok then return response end
  return refuse(exchange, { status = 500, message = "simulator: " .. tostring(response) })
end

--- Answers what was no request.
---@param sim claude.simulator.Simulator
---@param failure { status: integer, text: string }
---@return claude.simulator.Response
function M.refuse_bytes(sim, failure)
  local exchange = { id = sim.ids("req_"), entry = {} }
  return refuse(exchange, { status = failure.status, message = failure.text })
end

return M
