--- One of every public object of this library, made with a key, and what can be seen of them:
--- their texts, their fields, the fields of their metatables, however deep. What closures hold
--- is not looked at: there the key is, and has to be.
local claude = require("claude")

local M = {}

local MOST = 200000 -- tables of one walk

local PARAMS = {
  model = "claude-opus-4-8",
  max_tokens = 8000,
  messages = { { role = "user", content = "What is 6 * 7?" } },
}

local CHAT = { model = "claude-opus-4-8", max_tokens = 8000 }

-- The parts of Lua and of the host that lead everywhere.
local function outside()
  local list = { [_G] = true, [package] = true }
  for name, module in pairs(package.loaded) do
    if type(module) == "table" and not tostring(name):find("^claude") then list[module] = true end
  end
  return list
end

local function name_of(key)
  return type(key) == "string" and key:find("^[%w_]+$") and #key < 40 and key or type(key)
end

local function visit(value, walk, where)
  local kind = type(value)
  if kind == "string" then return walk.text(value, where) end
  if kind ~= "table" and kind ~= "userdata" then return end
  if walk.seen[value] or walk.count > MOST then return end
  walk.seen[value], walk.count = true, walk.count + 1
  local told, text = pcall(tostring, value)
  walk.text(told and text or "", where .. " as text")
  local meta = debug.getmetatable(value)
  if type(meta) == "table" then
    walk.classes[rawget(meta, "__name") or ""] = true
    visit(meta, walk, where .. "'s metatable")
  end
  if kind ~= "table" then return end
  for key, member in next, value do
    visit(key, walk, where .. "'s key")
    visit(member, walk, where .. "." .. name_of(key))
  end
end

--- Hands every text that can be reached from the objects to a function.
---@param objects any[]
---@param text fun(text: string, where: string)
---@param own? table what the program itself keeps the key in, such as an argument of its tasks
---@return integer count tables and userdata that were seen
---@return table<string, true> classes by the names of their metatables
function M.walk(objects, text, own)
  local walk = { text = text, seen = outside(), count = 0, classes = {} }
  walk.seen[own or {}] = true
  local vim = rawget(_G, "vim")
  local inspect = type(vim) == "table" and vim.inspect
  local skipped = { process = function(item) return item ~= own and item or nil end }
  for i, object in ipairs(objects) do
    visit(object, walk, "object " .. i)
    if inspect then text(inspect(object, skipped), ("object %d, inspected"):format(i)) end
  end
  return walk.count, walk.classes
end

local function tool()
  return claude.tool({
    name = "t",
    input_schema = { type = "object" },
    run = function(_, call) return call.name end,
  })
end

local function clients(key, base_url, list)
  -- What middleware is given of an answer; its request has the key, to be signed.
  local function keep(request, send)
    local answer, text, err = send(request)
    list[#list + 1] = answer or err
    return answer, text, err
  end
  local function make(options)
    options.api_key = options.api_key or key
    options.base_url = base_url
    options.on_warning = function() end
    return claude.new(options)
  end
  return {
    make({}),
    make({
      max_concurrency = 2,
      logger = function() end,
      log_level = "debug",
      headers = { authorization = "Bearer " .. key, ["x-gate"] = key },
      proxy = "http://user:" .. key .. "@127.0.0.1:1",
      no_proxy = "*",
      middleware = { keep },
      sign = function(request) request.headers["x-seal"] = key end,
    }),
  }
end

-- What a conversation brings: a reply, a run in its middle and at its end, a fork.
local function add_conversation(list, client)
  local params = { tools = { tool() }, cache = "auto" }
  for name, value in pairs(CHAT) do
    params[name] = value
  end
  local chat = client:conversation(params)
  list[#list + 1] = chat:user("What is 2 * 3?")
  list[#list + 1] = assert(chat:send())
  list[#list + 1] = chat:fork()
  local run = chat:user("And 3 * 4?"):run()
  list[#list + 1] = run
  run:next()
  list[#list + 1] = assert(run:final_message())
  list[#list + 1] = chat:messages()
  list[#list + 1] = chat:usage()
  list[#list + 1] = assert(chat:dump())
end

local function add_streams(list, client)
  local stream = client.messages:stream(PARAMS)
  list[#list + 1] = stream
  stream:next()
  list[#list + 1] = stream.response
  list[#list + 1] = assert(stream:final_message())
  list[#list + 1] = claude.response(list[#list])
  local reply, text, err = client.messages:create({ model = "none-such", max_tokens = 1 })
  list[#list + 1] = reply or { text, err }
  local dropped = client.messages:stream(PARAMS)
  dropped:next()
  list[#list + 1] = dropped
  dropped:cancel()
end

local function add_endpoints(list, client)
  local models = client.models:list()
  list[#list + 1] = models
  list[#list + 1] = { models:next() }
  list[#list + 1] = client.models
  list[#list + 1] = client.files
  list[#list + 1] = client.messages.batches
  local file = assert(client.files:upload({ bytes = "x", filename = "x.txt" }))
  list[#list + 1] = file
  list[#list + 1] = client.files:list()
  local download = assert(client:request("GET", "/v1/models", { stream = true }))
  list[#list + 1] = download
  download:close()
  list[#list + 1] = assert(client:request("GET", "/v1/models"))
  list[#list + 1] = client.messages.batches:results("msgbatch_1")
  list[#list + 1] = { client:request("GET", "/v1/none-such") }
end

local function add_others(list, client, key)
  list[#list + 1] = claude.content({ "a", { type = "text", text = "b" } })
  list[#list + 1] = claude.image({ url = "https://example.com/a.png" })
  list[#list + 1] = tool()
  list[#list + 1] =
    claude.doctor({ reach = true, client = { base_url = client.base_url, api_key = key } })
  list[#list + 1] = claude.spawn(function() return client end)
  local group = require("claude.tasks").group()
  group:add(1, function() return 1 end)
  list[#list + 1] = group
  list[#list + 1] = claude.mcp({ command = { "true" }, env = { ANTHROPIC_API_KEY = false } })
  list[#list + 1] = claude
  list[#list + 1] = require("claude.tasks").running() or "outside tasks"
end

--- Makes them; waits for a server that answers as the API does.
---@param key string
---@param base_url string of a simulator
---@return any[]
function M.all(key, base_url)
  local list = {}
  for _, client in ipairs(clients(key, base_url, list)) do
    list[#list + 1] = client
    add_streams(list, client)
    add_conversation(list, client)
    add_endpoints(list, client)
    add_others(list, client, key)
    list[#list + 1] = client:usage()
    client:close()
  end
  return list
end

return M
