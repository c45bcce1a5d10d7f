--- The recorded answer, cut after each of its bytes, as a conversation gets it: through
--- libcurl, through the sockets of a host, and in the end over real ones.
local claude = require("claude")
local core = require("claude.core")
local damage = require("spec.cuts.damage")
local hub = require("claude.loop")
local message_views = require("claude.message")
local recording = require("spec.cuts.recording")
local reference = require("spec.cuts.reference")
local reference_http = require("spec.cuts.reference_http")
local requests = require("spec.support.exchange")
local scripted = require("spec.support.scripted_socket")
local strict_json = require("spec.cuts.strict_json")
local tasks = require("claude.tasks")
local verdict = require("spec.cuts.verdict")

local M = {}

local WHOLE = strict_json.read(recording.MESSAGE)
local TEXT = strict_json.plain(WHOLE.object.content.array[4].object.text.string)
-- What stands between the brackets of the message's content, block by block.
local BLOCKS = {}
for i, block in ipairs(assert(core.split(recording.MESSAGE:match('"content":(%b[])')))) do
  BLOCKS[i] = block
end
local QUESTION = "What are 10,000 at 5 % for 10 years?"

local function new_client(url)
  return claude.new({
    api_key = "key-of-the-spec",
    base_url = url,
    max_retries = 0,
    on_warning = function() end,
  })
end

local function new_chat(client)
  local chat = client:conversation({ model = "claude-opus-4-8", max_tokens = 8000 })
  return chat:user(QUESTION)
end

local function content_of(chat) return assert(core.encode(chat:messages())) end

-- A message by the bytes of its blocks.
local function wrong_message(message)
  local right = message.stop_reason == "tool_use" and #message.content == #BLOCKS
  for i, block in ipairs(message.content) do
    right = right and message_views.raw_of(block) == BLOCKS[i]
  end
  return not right and "the message is not the right one" or nil
end

-- Whether a message is what the bytes say, wrong as they are.
local function is_told(message, told)
  if not told.whole then return false end
  for i, block in ipairs(told.message.object.content.array) do
    local raw = message_views.raw_of(message.content[i] or {})
    if not raw or not verdict.same_block(strict_json.read(raw), block) then return false end
  end
  return #message.content == #told.blocks
end

-- The bytes of the last turn, as they are saved.
local function last_turn(chat)
  local dump, turn = assert(chat:dump()), nil
  for length, at in dump:gmatch("\nmessage (%d+)\n()") do
    turn = dump:sub(at, at + tonumber(length) - 1)
  end
  return turn
end

-- The message as far as it came, as bytes and as its view says it.
local function wrong_partial(partial)
  local json = message_views.response_of(partial):message_json()
  local text = partial:text()
  if TEXT:sub(1, #text) ~= text and TEXT:sub(1, #text - 3) ~= text:gsub("\239\191\189$", "") then
    return "the text of the partial"
  end
  return verdict.beginning(strict_json.read(json), WHOLE, partial.stop_reason ~= nil)
end

-- A fork of the conversation may keep what came; it is then one like any other.
local function wrong_kept(chat, partial)
  local fork = chat:fork()
  local kept, _, err = fork:keep(partial)
  if not kept then return err.kind ~= "invalid" and "keeping failed with " .. err.kind or nil end
  local wrong = verdict.kept(last_turn(fork), WHOLE)
  if wrong then return wrong end
  local again = assert(fork.client:load(fork:user("Go on."):dump()))
  return #again:messages() ~= 3 and "what was kept cannot be saved" or nil
end

-- What the error must be: where a message had begun, that it has no end matters most.
local function wrong_error(err, told, kind)
  local expected = told.message and "incomplete" or kind
  if err.kind ~= expected then return ("the kind %s, not %s"):format(err.kind, expected) end
  if not err.retryable then return "an error that may not be tried again" end
  return (err.partial ~= nil) ~= (told.message ~= nil) and "whether there is a partial" or nil
end

-- The conversation waits for its reply as before, and gets it from whoever is asked again.
local function wrong_afterwards(chat, before)
  if content_of(chat) ~= before then return "the conversation is another" end
  local message, text = chat:send()
  if not message then return "the same request again: " .. text end
  return wrong_message(message) or #chat:pending() ~= 1 and "the call does not wait" or nil
end

-- `bytes` are what arrives; with `exact` all of them surely do. `kind` is that of the error
-- when no message has begun.
local function wrong_turn(client, bytes, kind, exact)
  local chat = new_chat(client)
  local before = content_of(chat)
  local message, _, err = chat:send()
  local told = reference.read(reference_http.read(bytes).body)
  if message then
    if exact and not told.whole then return "a message without its end is whole" end
    return wrong_message(message)
  end
  if exact and told.whole then return "a whole message is an error: " .. tostring(err) end
  return exact and wrong_error(err, told, kind)
    or err.partial and (wrong_partial(err.partial) or wrong_kept(chat, err.partial))
    or wrong_afterwards(chat, before)
end

---@class spec.Ending
---@field name string
---@field of fun(length: integer): string the bytes up to a cut
---@field longest integer
---@field reset? boolean
---@field kind string

-- Cut anywhere in the answer's bytes; or the stream is cut, and the body ends as it should.
local function endings()
  local answer = recording.answer()
  local function cut(length) return answer:sub(1, length) end
  return {
    { name = "closed", of = cut, longest = #answer, kind = "network" },
    { name = "reset", of = cut, longest = #answer, kind = "network", reset = true },
    {
      name = "ended",
      of = function(length) return recording.chunked(recording.STREAM:sub(1, length), { 1 }) end,
      longest = #recording.STREAM,
      kind = "incomplete",
    },
  }
end

local function each_cut(run, stride, turn)
  for _, ending in ipairs(endings()) do
    for length = 0, ending.longest, stride do
      local what = ("%s after byte %d"):format(ending.name, length)
      run:check(what, turn(ending.of(length), ending))
    end
  end
end

-- libcurl reads chunks less strictly than RFC 9112 would have it: the body as it gives it out.
local function body_by_libcurl(server, bytes)
  server:expect(bytes, false)
  local response = core.response({ keep_body = true })
  requests.run({ url = server.url .. "/v1/messages", body = "{}", response = response })
  return response:body()
end

-- What is taken for a message is what the bytes of the body say.
local function wrong_changed(client, server, bytes)
  server:expect(bytes, false)
  local chat = new_chat(client)
  local before = content_of(chat)
  local message, text, err = chat:send()
  if not message then
    if not (text and err and err.kind) then return "a failure that says nothing" end
    return wrong_afterwards(chat, before)
  end
  if not wrong_message(message) then return nil end
  local told = reference.read(body_by_libcurl(server, bytes))
  return not is_told(message, told) and "another message than its body says" or nil
end

--- Each byte of the answer's framing changed in every way, over real sockets to libcurl.
---@param run spec.Run
---@param answer string
---@param is_framing fun(at: integer): boolean
---@param stride integer
function M.framing_flips(run, answer, is_framing, stride)
  hub.use("luv")
  local server = require("spec.cuts.server").start((recording.answer()))
  local client = new_client(server.url)
  damage.each(answer, stride, is_framing, function(bytes, at, way)
    local what = ("framing byte %d changed in way %d"):format(at, way)
    run:check(what, wrong_changed(client, server, bytes))
  end)
  server:close()
  hub.use("blocking")
end

--- Through the sockets of a host, which say what they are told to.
---@param run spec.Run
---@param stride integer
function M.scripted(run, stride)
  local client, whole = new_client("http://127.0.0.1:1"), recording.answer()
  each_cut(run, stride, function(bytes, ending)
    local script = { ending.reset and "reset" or "closed" }
    if bytes ~= "" then table.insert(script, 1, bytes) end
    tasks.use(scripted.host({ script, { whole } }))
    return wrong_turn(client, bytes, ending.kind, true)
  end)
  tasks.use(nil)
end

-- Over loopback; who resets a connection may take bytes back that were on their way.
local function over_sockets(run, stride)
  local server = require("spec.cuts.server").start((recording.answer()))
  local client = new_client(server.url)
  each_cut(run, stride, function(bytes, ending)
    server:expect(bytes, ending.reset or false)
    return wrong_turn(client, bytes, ending.kind, not ending.reset)
  end)
  server:close()
end

--- Over real sockets through libcurl.
---@param run spec.Run
---@param stride integer
function M.libcurl(run, stride)
  hub.use("luv")
  over_sockets(run, stride)
  hub.use("blocking")
end

--- Over real sockets of a host.
---@param run spec.Run
---@param stride integer
function M.host_sockets(run, stride)
  tasks.use(require("spec.support.luv_sockets"))
  over_sockets(run, stride)
  tasks.use(nil)
end

return M
