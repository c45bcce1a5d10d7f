--- An API to develop against without a key: a server on 127.0.0.1 that answers
--- as the Messages API does, with a simulated model.
---
---     local simulator = require "claude.simulator"
---     local sim = assert(simulator.start { script = { "Hello!" } })
---     local client = claude.new { api_key = "any", base_url = sim.url }
---     …
---     sim:close()
---
--- It runs on luv's default loop in this process.
local core = require("claude.c_part")("claude.core")

local batches = require("claude.simulator.batches")
local caches = require("claude.simulator.cache")
local diagnosis = require("claude.simulator.diagnosis")
local file_stores = require("claude.simulator.files")
local ids = require("claude.simulator.ids")
local models = require("claude.simulator.models")
local rates = require("claude.simulator.rates")
local routes = require("claude.simulator.routes")
local scripts = require("claude.simulator.script")
local seals = require("claude.simulator.seal")
local threads = require("claude.simulator.threads")
local words = require("claude.simulator.words")

local M = {}

local LOG_LENGTH = 10000

---@class claude.simulator.Options
---@field port? integer 0, the default, takes any free port
---@field script? claude.simulator.Script what the model says; default: the built-in model
---@field seed? string|integer what ids and signatures depend on; default 1
---@field strict? boolean true, the default: signatures bind what stands before them on every
--- model; false: on the models where they do so at the API
---@field foreign_signatures? "refuse"|"drop" thinking that the real API signed: left out of the
--- prompt as that of another organization (the default), or refused
---@field threads? boolean false: requests with `thread` are refused, as by servers without them
---@field key? string the only key that is taken; default: any
---@field models? table<string, string> more model ids, each with the id of one it behaves like
---@field faults? claude.simulator.Fault[] made before anything else, each `times` times (1), where
--- it has a `path`: there
---@field rate_limits? claude.simulator.RateLimits a minute; messages tell of them in headers, and
--- what is over one is refused
---@field chunk? integer bytes per write; default: one event
---@field pace? number seconds between writes
---@field delay? number seconds before a response
---@field ping_every? integer a ping after every so many events
---@field padding? integer|boolean blanks in events, at most so many; true: 16
---@field piece? integer bytes of text per delta; default 24
---@field cut? claude.simulator.Cut ends every reply early
---@field batches? claude.simulator.BatchOptions how long batches take, and how they end
---@field on_request? fun(entry: claude.simulator.LogEntry): claude.simulator.Fault|nil

---@class claude.simulator.LogEntry
---@field method string
---@field path string
---@field query string
---@field headers string[] names of the headers, in order; never their values
---@field version? string anthropic-version
---@field beta? string anthropic-beta
---@field body string as it came
---@field request? table the body decoded, anew at each access
---@field status? integer of the answer
---@field error? string what was refused, and why
---@field stop_reason? string

local LogEntry = {}
LogEntry.__name = "claude.simulator.LogEntry"

function LogEntry.__index(entry, name)
  if name == "request" then return (core.decode(rawget(entry, "body"))) end
end

---@class claude.simulator.Simulator
---@field url string e.g. "http://127.0.0.1:34567"
---@field port integer
---@field requests claude.simulator.LogEntry[] what was asked, without credentials
---@field files claude.simulator.Files
---@field answered integer requests to /v1/messages that reached the script
local Simulator = {}
Simulator.__index = Simulator
Simulator.__name = "claude.simulator.Simulator"

--- Writes down a request.
function Simulator:log(exchange)
  local request = exchange.http
  local entry = setmetatable({
    method = request.method,
    path = exchange.path,
    query = exchange.query,
    headers = request.names,
    body = request.body,
    version = request.headers["anthropic-version"],
    beta = request.headers["anthropic-beta"],
  }, LogEntry)
  if #self.requests >= LOG_LENGTH then table.remove(self.requests, 1) end
  self.requests[#self.requests + 1] = entry
  return entry
end

--- Lets so many seconds pass for the prompt cache, for threads, files and batches, at once.
---@param seconds number
function Simulator:advance(seconds)
  if type(seconds) ~= "number" or seconds < 0 then
    error("sim:advance takes a number of seconds from 0", 2)
  end
  self.ahead = self.ahead + seconds
end

--- Adds a file to the account: one that was uploaded earlier, or (`downloadable`) one that
--- code execution made.
---@param fields { filename: string, bytes: string, mime_type?: string, downloadable?: boolean }
---@return string id
function Simulator:add_file(fields)
  if
    type(fields) ~= "table"
    or type(fields.filename) ~= "string"
    or type(fields.bytes) ~= "string"
  then
    error("simulator:add_file takes { filename = …, bytes = … }", 2)
  end
  return self.files:add(fields).id
end

--- Ends every connection and frees the port. May be called again.
function Simulator:close()
  if self.server then self.server:close() end
  self.server = nil
end

local function check_number(options, name, lowest, highest)
  local value = options[name]
  if value == nil then return end
  if type(value) == "number" and value >= lowest and value <= (highest or math.huge) then return end
  local range = highest and ("from %d to %d"):format(lowest, highest) or "of at least " .. lowest
  error(("simulator.start: %s must be a number %s, got %s"):format(name, range, tostring(value)), 4)
end

local KNOWN = {}
for name in
  ([[port script seed strict foreign_signatures threads key models faults rate_limits
  chunk pace delay ping_every padding piece cut batches on_request]]):gmatch("%S+")
do
  KNOWN[name] = true
end

-- It takes any key and anybody's word: nothing but this machine may reach it.
local ADDRESSES = { address = true, bind = true, host = true, interface = true, ip = true }
local ONE_ADDRESS = "simulator.start: %s is no option: it listens on 127.0.0.1 only"

local function check(options)
  for name in pairs(options) do
    if ADDRESSES[name] then error(ONE_ADDRESS:format(name), 3) end
    if not KNOWN[name] then error("simulator.start: unknown option " .. tostring(name), 3) end
  end
  check_number(options, "port", 0, 65535)
  check_number(options, "chunk", 1)
  check_number(options, "piece", 1)
  check_number(options, "ping_every", 1)
  check_number(options, "pace", 0)
  check_number(options, "delay", 0)
  local problem = words.of_cut(options.cut)
    or words.of_faults(options.faults)
    or batches.problem(options.batches)
    or rates.problem(options.rate_limits)
  local fits, why = pcall(scripts.source, options.script)
  problem = problem or not fits and why
  if problem then error("simulator.start: " .. problem, 3) end
end

--- Finds models: the API's, and those the user named.
local function finder(more)
  return function(id)
    local name = more and more[id]
    if not name then return models.find(id) end
    local like = assert(models.find(name), "simulator: models: unknown model " .. tostring(name))
    local model = {}
    for field, value in pairs(like) do
      model[field] = value
    end
    model.id, model.group = id, id
    return model
  end
end

local function copies(list)
  local found = {}
  for index, item in ipairs(list or {}) do
    found[index] = {}
    for name, value in pairs(item) do
      found[index][name] = value
    end
  end
  return found
end

local function report(problem) io.stderr:write("claude.simulator: ", tostring(problem), "\n") end

local function guard(step)
  local ok, problem = xpcall(step, debug.traceback)
  if not ok then report(problem) end
end

local function new(options)
  local uv = require("luv")
  local seed, sim = tostring(options.seed or 1), nil
  local new_id = ids.generator(seed)
  local function clock() return uv.hrtime() / 1e9 + sim.ahead end
  sim = setmetatable({
    settings = options,
    seed = seed,
    strict = options.strict ~= false,
    foreign = options.foreign_signatures or "drop",
    key = options.key,
    requests = {},
    answered = 0,
    paused = {},
    credits = require("claude.simulator.credits").new(),
    compaction = require("claude.simulator.compaction").new(),
    faults = copies(options.faults),
    on_request = options.on_request,
    ids = new_id,
    batches = batches.new(options.batches, clock, new_id),
    files = file_stores.new(new_id, function() return os.time() + sim.ahead end),
    sealer = seals.new(seed),
    ahead = 0,
    cache = caches.new(function() return uv.now() / 1000 + sim.ahead end),
    threads = options.threads ~= false and threads.new(clock) or nil,
    diagnosis = diagnosis.new(),
    next_turn = scripts.source(options.script),
    find_model = finder(options.models),
  }, Simulator)
  if options.rate_limits then sim.rates = rates.new(options.rate_limits, clock) end
  return sim
end

--- Has waiting calls of this library run luv's loop, where the transport is there.
local function use_luv()
  local found, loop = pcall(require, "claude.loop")
  if found then return loop.use("luv") end
  if not tostring(loop):find("module 'claude.loop' not found", 1, true) then error(loop, 0) end
end

--- Starts a simulator in this process, on luv's default loop; waiting calls of
--- this library then run that loop.
---@param options? claude.simulator.Options
---@return claude.simulator.Simulator|nil sim
---@return string|nil problem
function M.start(options)
  options = options or {}
  if type(options) ~= "table" then error("simulator.start: a table of options expected", 2) end
  check(options)
  local sim = new(options)
  local server, problem = require("claude.simulator.server").listen({
    port = options.port or 0,
    handle = function(request) return routes.answer(sim, request) end,
    refuse = function(failure) return routes.refuse_bytes(sim, failure) end,
    guard = guard,
  })
  if not server then return nil, problem end
  sim.server, sim.port = server, server.port
  sim.url = "http://127.0.0.1:" .. server.port
  use_luv()
  return sim
end

--- Serves until the process ends; `ready` is called once with the simulator.
---@param options? claude.simulator.Options
---@param ready? fun(sim: claude.simulator.Simulator)
---@return nil, string problem when it cannot listen
function M.serve(options, ready)
  local sim, problem = M.start(options)
  if not sim then return nil, problem end
  if ready then ready(sim) end
  require("luv").run("default")
  sim:close()
  return nil, "the loop ended"
end

--- Runs a command against a simulator of its own: its environment gets
--- ANTHROPIC_BASE_URL and a key that opens nothing else.
---@param command string[] the program and its arguments
---@param options? claude.simulator.Options
---@return integer|nil code the command's exit code; 128 and the number when a signal ended it
---@return string|nil problem
function M.run(command, options)
  local sim, problem = M.start(options)
  if not sim then return nil, problem end
  local code
  code, problem = require("claude.simulator.child").run(command, sim.url)
  sim:close()
  return code, problem
end

return M
