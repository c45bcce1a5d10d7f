--- What somebody may try to put into a request so that it becomes two, or another: each case
--- names the field that refuses it. For the specs here and for the suite of all hosts.
local claude = require("claude")
local tasks = require("claude.tasks")

local M = {}

--- What ends a line or a text somewhere, or has no business in a header.
M.EVIL = {
  "a\r\nx-injected: 1",
  "a\r\n\r\nGET /injected HTTP/1.1\r\nhost: x\r\n\r\n",
  "a\nx-injected: 1",
  "a\rx-injected: 1",
  "a\0b",
  "a\27[31m",
  "a\127",
}

local PARAMS = {
  model = "claude-opus-4-8",
  max_tokens = 100,
  messages = { { role = "user", content = "Hi" } },
}

local function params_with(name, value)
  local params = {}
  for key, member in pairs(PARAMS) do
    params[key] = member
  end
  params[name] = value
  return params
end

local function changing(change)
  return {
    middleware = {
      function(request, send)
        change(request)
        return send(request)
      end,
    },
  }
end

local function upload(client, field, value)
  local given = { bytes = "x", filename = "a.txt" }
  given[field] = value
  return client.files:upload(given)
end

---@class spec.Injection
---@field [1] string part of the error's text: the field
---@field [2] fun(make: fun(options?: table): claude.Client, evil: string): any, string?
---@field only? fun(evil: string): boolean

--- `make` makes a client of a server that looks at what comes.
---@type spec.Injection[]
M.REFUSED = {
  { "x-api-key", function(make, evil) return make({ api_key = evil }) end },
  { "authorization", function(make, evil) return make({ api_key = false, auth_token = evil }) end },
  { "anthropic-version", function(make, evil) return make({ version = evil }) end },
  { "betas", function(make, evil) return make({ betas = { evil } }) end },
  { "headers", function(make, evil) return make({ headers = { ["x-a"] = evil } }) end },
  { "headers", function(make, evil) return make({ headers = { [evil] = "1" } }) end },
  { "proxy", function(make, evil) return make({ proxy = "http://127.0.0.1:1/" .. evil }) end },
  { "no_proxy", function(make, evil) return make({ no_proxy = evil }) end },
  { "ca_file", function(make, evil) return make({ ca_file = evil }) end },
  { "base_url", function(make, evil) return make({ base_url = "http://127.0.0.1/" .. evil }) end },
  {
    "anthropic-version",
    function(make, evil) return make().messages:create(PARAMS, { version = evil }) end,
  },
  {
    "anthropic-beta",
    function(make, evil) return make().messages:create(PARAMS, { betas = { evil } }) end,
  },
  {
    "anthropic-beta",
    function(make, evil) return make().messages:create(params_with("betas", { evil })) end,
  },
  {
    "a header x-a",
    function(make, evil)
      local options = { headers = { ["x-a"] = evil } }
      return make().messages:create(PARAMS, options)
    end,
  },
  {
    "a header has a name",
    function(make, evil) return make().messages:create(PARAMS, { headers = { [evil] = "1" } }) end,
  },
  { "model", function(make, evil) return make().messages:create(params_with("model", evil)) end },
  {
    "model",
    function(make, evil)
      local chat = make():conversation({ model = evil, max_tokens = 1 })
      return chat:user("x"):send()
    end,
  },
  { "models:retrieve", function(make, evil) return make().models:retrieve(evil) end },
  { "batches:retrieve", function(make, evil) return make().messages.batches:retrieve(evil) end },
  { "batches:results", function(make, evil) return make().messages.batches:results(evil) end },
  {
    "custom_id",
    function(make, evil)
      local requests = { { custom_id = evil, params = PARAMS } }
      return make().messages.batches:create({ requests = requests })
    end,
  },
  { "files:delete", function(make, evil) return make().files:delete(evil) end },
  { "filename", function(make, evil) return upload(make(), "filename", evil) end },
  { "mime_type", function(make, evil) return upload(make(), "mime_type", evil) end },
  { "path", function(make, evil) return make():request("GET", "/v1/" .. evil) end },
  { "method", function(make, evil) return make():request("GET " .. evil, "/v1/x") end },
  {
    "tool.name",
    function(_, evil) return claude.tool({ name = evil, input_schema = { type = "object" } }) end,
  },
  {
    "request.url",
    function(make, evil)
      local client = make(changing(function(request) request.url = request.url .. evil end))
      return client.messages:create(PARAMS)
    end,
  },
  {
    "a header x-b",
    function(make, evil)
      local client = make(changing(function(request) request.headers["x-b"] = evil end))
      return client.messages:create(PARAMS)
    end,
  },
  {
    "a header has a name",
    function(make, evil)
      local client = make(changing(function(request) request.headers[evil] = "1" end))
      return client.messages:create(PARAMS)
    end,
  },
  {
    "a header x-b",
    function(make, evil)
      local client = make({ sign = function(request) request.headers["x-b"] = evil end })
      return client.messages:create(PARAMS)
    end,
  },
}

--- What may be any text goes out written so that it ends nothing.
---@type (fun(make: fun(options?: table): claude.Client, evil: string): any)[]
M.WRITTEN = {
  function(make, evil) return make():request("GET", "/v1/x", { query = { q = evil } }) end,
  function(make, evil) return make():request("GET", "/v1/x", { query = { [evil] = "q" } }) end,
  function(make, evil) return make().models:list({ after_id = evil }):next_page() end,
  function(make, evil)
    local messages = { { role = "user", content = evil } }
    return make().messages:create(params_with("messages", messages))
  end,
  function(make, evil) return make().messages:create(params_with("system", evil)) end,
}

--- What became of it: how it was refused, or nil. Nothing else may be raised.
---@param try function
---@param make fun(options?: table): claude.Client
---@param evil string
---@return string? refusal
function M.refusal_of(try, make, evil)
  -- On PUC 5.1 nothing waits under pcall.
  local call = tasks.running() and tasks.call or pcall
  local returned, value, text = call(try, make, evil)
  if not returned then return tostring(value) end
  if value == nil then return text end
  return nil
end

return M
