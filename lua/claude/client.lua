--- A client: where requests go, as whom, and with which limits.

local address = require("claude.address")
local check_receiver = require("claude.receiver").check
local client_options = require("claude.client_options")
local errors = require("claude.errors")
local headers = require("claude.headers")

---@class claude.ClientOptions: claude.RetryOptions
---@field api_key? string|false else ANTHROPIC_API_KEY; sent as x-api-key. false: none is needed
---@field auth_token? string else ANTHROPIC_AUTH_TOKEN; sent as a bearer
---@field base_url? string else ANTHROPIC_BASE_URL, else https://api.anthropic.com
---@field version? string API version, "2026-10-21" when not given
---@field betas? string[] beta names sent with every request
---@field headers? table<string, string|false> headers sent with every request
---@field max_concurrency? integer requests under way at once; more wait in line
---@field limits? claude.Limits
---@field on_binding_error? "error"|"repair" what conversations do when thinking is refused
---@field on_warning? fun(text: string, code: string) else warnings go to stderr, once each
---@field middleware? fun(request: claude.Request, send: function): ...[] around each attempt
---@field sign? fun(request: claude.Request) last before it goes out, instead of a key
---@field log_level? claude.LogLevel else ANTHROPIC_LOG, else "off" ("info" with a logger)
---@field logger? fun(level: claude.LogLevel, text: string, fields: table) else the host's log
---@field allow_http? boolean http to other machines than this one
---@field interleaved_thinking? boolean false: no beta header for manual thinking between tools
---@field http_version? "1.1"|"2"
---@field prices? table<string, claude.Price> by model, in US dollars; see doc/caching.md
---@field proxy? string
---@field no_proxy? string hosts that are asked directly
---@field ca_file? string
---@field ca_path? string
---@field max_event_bytes? integer one event of a stream; a larger one is an error (64 MiB)
---@field max_body_bytes? integer a whole answer; a larger one is an error (512 MiB)
---@field max_line_bytes? integer one result of a batch; a larger one is an error (64 MiB)

---@class claude.Client
---@field messages claude.Messages
---@field models claude.Models
---@field files claude.Files
---@field base_url string
---@field version string
---@field betas string[]
---@field limits claude.Limits
---@field max_retries integer
---@field max_retry_wait number
---@field time_budget? number
---@field on_retry? claude.OnRetry
---@field transport_options fun(): table a proxy among them may have a password
---@field response_limits table max_event_bytes, max_body_bytes, max_line_bytes
---@field prices table<string, claude.Price>
---@field package message_limits table the same, for an answer that is to be a message
---@field package places claude.Places|false with max_concurrency
---@field package log claude.Log|false if anything is to be logged
---@field package hooks false|fun(): function[], function? middleware and sign, if there are any
---@field package ledger claude.Ledger
---@field private credentials claude.Credentials
local Client = { __name = "claude.Client" }

-- Parts that load when they are first used.
local PARTS = {
  files = function(self) return require("claude.file_api").new(self) end,
  models = function(self) return require("claude.model_api").new(self) end,
  ledger = function() return require("claude.ledger").new() end,
}

function Client:__index(name)
  if not PARTS[name] then return Client[name] end
  local part = PARTS[name](self)
  rawset(self, name, part)
  return part
end

local TWO_CREDENTIALS = "ANTHROPIC_API_KEY and ANTHROPIC_AUTH_TOKEN are both set: the key is sent"

local MISSING_KEY = "no API key: ANTHROPIC_API_KEY is not set, and claude.new got no api_key"
local MISSING_KEY_HINT = "export ANTHROPIC_API_KEY, or pass claude.new { api_key = … };"
  .. " without a key, run the program against the simulator:"
  .. " lua-claude simulate -- lua my.lua"
local NGINX_HINT = "; nginx hides the environment from its workers: add the line"
  .. " `env ANTHROPIC_API_KEY;` at the top of nginx.conf"

---@param name string
---@return string?
local function from_environment(name)
  local value = os.getenv(name)
  value = value and value:match("^%s*(.-)%s*$")
  return value ~= "" and value or nil
end

---@param options claude.ClientOptions
---@param names string[]
---@return table
local function picked(options, names)
  local result = {}
  for _, name in ipairs(names) do
    result[name] = options[name]
  end
  return result
end

---@param message string
---@param hint string
---@return claude.Error
local function unusable(message, hint)
  return errors.new({ kind = "invalid", message = message, hint = hint })
end

-- What the environment says wrongly is told by the first request: claude.new itself
-- only raises for its caller's own mistakes.
---@param options claude.ClientOptions
---@param level integer
---@return string base
---@return claude.Error? problem
local function find_base(options, level)
  local url = options.base_url
  local base, problem = address.check(
    url or from_environment("ANTHROPIC_BASE_URL") or address.DEFAULT,
    options.allow_http
  )
  if base then return base end
  if url then error("claude.new: base_url " .. problem, level + 1) end
  return address.DEFAULT, unusable("ANTHROPIC_BASE_URL " .. problem, "correct the variable")
end

---@param options claude.ClientOptions
---@param level integer
---@return table[] list
---@return claude.Error? problem
local function find_headers(options, level)
  local own, problem = headers.from_table(options.headers or {})
  if not own then error("claude.new: headers: a header " .. problem, level + 1) end
  local text = from_environment("ANTHROPIC_CUSTOM_HEADERS")
  local given, wrong = headers.parse_lines(text or "")
  if not given then
    return own, unusable("ANTHROPIC_CUSTOM_HEADERS " .. wrong, "write lines of Name: value")
  end
  -- Options come last, so that they win; false takes a header away only when sent.
  for _, header in ipairs(own) do
    given[#given + 1] = header
  end
  return given
end

---@param options claude.ClientOptions
---@param header_list table[]
---@return claude.Credentials
---@return boolean both whether the environment has two
local function find_credentials(options, header_list)
  local key, token, both = options.api_key, options.auth_token, false
  -- What signs requests is for another platform: the environment's key is not.
  if options.sign and key == nil and token == nil then key = false end
  if key == nil and token == nil then
    key, token = from_environment("ANTHROPIC_API_KEY"), from_environment("ANTHROPIC_AUTH_TOKEN")
    both = key ~= nil and token ~= nil
  end
  return headers.credentials({ api_key = key, auth_token = token, headers = header_list }), both
end

---@param credentials claude.Credentials
---@return claude.Error?
local function credential_problem(credentials)
  if credentials.problem then
    return unusable("the API key " .. credentials.problem, "set it again, on one line")
  end
  if credentials.present then return nil end
  local hint = MISSING_KEY_HINT .. (rawget(_G, "ngx") and NGINX_HINT or "")
  local err = unusable(MISSING_KEY, hint)
  err.type = "authentication_error"
  return err
end

local M = {}

-- In a closure: what they hold is nobody's who looks at the client's fields.
---@param options claude.ClientOptions
---@return false|fun(): function[], function?
local function hooks_of(options)
  local list, sign = {}, options.sign
  for i, middleware in ipairs(options.middleware or {}) do
    list[i] = middleware
  end
  if not list[1] and not sign then return false end
  return function() return list, sign end
end

local WRONG_LEVEL = "ANTHROPIC_LOG is not off, error, warn, info or debug: nothing is logged"

-- That part loads where something is to be logged.
---@param client claude.Client
---@param options claude.ClientOptions
local function set_up_log(client, options)
  local given = from_environment("ANTHROPIC_LOG")
  local level = options.log_level or given or (options.logger and "info")
  if not level or level == "off" then return end
  local log = require("claude.log")
  if not log.is_level(level) then return client:warn("log_level", WRONG_LEVEL, "") end
  client.log = log.new(level, options.logger, client.credentials.scrub)
  client.has_logger = options.logger ~= nil
end

local VERSION_IN_PATH = "base_url ends in %s: requests go to %s/v1/messages;"
  .. " leave %s away, unless it is meant"

--- Makes a client. Options come first, then the environment. Raises when an option
--- is wrong; what is missing or wrong in the environment is told by the first request.
---@param options? claude.ClientOptions
---@return claude.Client
function M.new(options)
  options = options or {}
  client_options.check(options, 2)
  local base, base_problem = find_base(options, 2)
  local header_list, header_problem = find_headers(options, 2)
  local credentials, both = find_credentials(options, header_list)
  local self = setmetatable({
    base_url = base,
    version = options.version or headers.API_VERSION,
    betas = options.betas or {},
    limits = options.limits or {},
    max_retries = options.max_retries or 2,
    max_retry_wait = options.max_retry_wait or 120,
    time_budget = options.time_budget,
    on_retry = options.on_retry,
    on_binding_error = options.on_binding_error,
    interleaved_thinking = options.interleaved_thinking ~= false,
    on_warning = options.on_warning,
    prices = options.prices or {},
    response_limits = picked(options, client_options.RESPONSE),
    message_limits = picked(options, client_options.RESPONSE),
    log = false, -- what is absent is looked for among methods and parts, too
    retrieved = {},
    warned = {},
    credentials = credentials,
    problem = base_problem or header_problem or credential_problem(credentials),
  }, Client)
  -- Users' headers, and a proxy with its password, may be secret: no field shows them.
  local transport_options = picked(options, client_options.TRANSPORT)
  self.user_headers = function() return header_list end
  self.transport_options = function() return transport_options end
  self.hooks = hooks_of(options)
  local most = options.max_concurrency
  self.places = most and require("claude.places").new(most) or false
  self.message_limits.expects_message = true
  self.messages = require("claude.messages").new(self)
  set_up_log(self, options)
  local ending = base:match("/v1$") or base:match("/v1/messages$")
  if ending then
    self:warn("base_url_version", VERSION_IN_PATH:format(ending, ending, ending), "")
  end
  if both then self:warn("two_credentials", TWO_CREDENTIALS, "") end
  return self
end

function Client:__tostring() return ("claude.Client (%s)"):format(self.base_url) end

--- Tells the user about something that works, but not as it seems. With `about`,
--- once for each thing it is about; without a handler, once for each code.
---@param code string
---@param text string
---@param about? string
function Client:warn(code, text, about)
  local key = code .. " " .. (about or "")
  if (about or not self.on_warning) and self.warned[key] then return end
  self.warned[key] = true
  text = self.credentials.scrub(text)
  if self.on_warning then return self.on_warning(text, code) end
  if self.has_logger then return self.log:line("warn", text, { code = code }) end
  require("claude.host").log("warning", text)
end

--- What all replies of this client used so far, and what they cost.
---@return claude.Usage
function Client:usage()
  check_receiver(self, Client, "client:usage()")
  return self.ledger:usage()
end

--- What one message cost, in US dollars; nil and the reason where a price is not known.
---@param message claude.Message or any table with its model and usage
---@return number? dollars
---@return string? why
function Client:cost(message)
  check_receiver(self, Client, "client:cost(…)")
  if type(message) ~= "table" or type(message.usage) ~= "table" then
    error("client:cost takes a message", 2)
  end
  return require("claude.ledger").cost(message, self.prices)
end

--- A conversation: append-only, exact, savable. With `journal`, a path or a storage (see
--- claude/journal/init.lua), it is written down as it goes, and goes on from there if something
--- is there already.
---@param params table see claude.Conversation
---@return claude.Conversation? chat nil only where there is a journal that does not open
---@return string? text
---@return claude.Error? err
function Client:conversation(params)
  if getmetatable(self) ~= Client then error("write client:conversation{…} with a colon", 2) end
  -- No tail call: errors count the levels up to the caller.
  local chat, text, err = require("claude.conversation").new(self, params)
  return chat, text, err
end

--- Loads a conversation that `chat:save` wrote, or what `chat:dump` returned.
---@param path string path or dump
---@param params? table what a file cannot hold, such as tools
---@return claude.Conversation? chat
---@return string? text
---@return claude.Error? err
function Client:load(path, params)
  if getmetatable(self) ~= Client then error("write client:load(…) with a colon", 2) end
  local chat, text, err = require("claude.conversation").load(self, path, params)
  return chat, text, err
end

--- Asks any endpoint, for what this library has no function of its own for.
---@param method "GET"|"POST"|"PUT"|"PATCH"|"DELETE"
---@param path string below the base URL, such as "/v1/skills"
---@param options? claude.RequestOptions body, query, stream and the options of any call
---@return claude.Response|claude.Download|nil answer a status from 300 on is a failure
---@return string? text
---@return claude.Error? err
function Client:request(method, path, options)
  check_receiver(self, Client, "client:request(…)")
  local answer, text, err = require("claude.any_endpoint").request(self, method, path, options, 2)
  return answer, text, err
end

--- Closes the client: running streams go on, new requests are refused.
function Client:close()
  check_receiver(self, Client, "client:close()")
  self.problem = errors.new({ kind = "cancelled", message = "the client was closed" })
end
Client.__close = Client.close

return M
