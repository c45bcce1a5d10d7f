--- The user turn that is being written: answers to tool calls, what the user said,
--- a system message. Everything in it is JSON already, so that tables changed later
--- change nothing; it becomes messages when the turn is sent.

local core = require("claude.core")

---@class claude.Draft
---@field results table<string, string> tool_use id -> tool_result block
---@field content string[] each the JSON of a text, or of a list of blocks
---@field system string[] contents of system messages
---@field problem? claude.Error what was said and cannot be sent
local Draft = {}
Draft.__index = Draft

local M = {}

local STOPPED = "stopped by the user"
local UNCERTAIN = "interrupted: it had begun to run, and whether it came to its end is not known"

-- How a list of changes begins, its members in canonical order.
local TOOL_CHANGE = '[{"tool":'

-- A message as encode_messages writes it, its members in canonical order.
local HEAD, TAIL = '{"content":', ',"role":"%s"}'
local USER_TAIL = TAIL:format("user")
local LIST_HEAD, USER_LIST_TAIL = HEAD .. "[", "]" .. USER_TAIL

---@return claude.Draft
function M.new() return setmetatable({ results = {}, content = {}, system = {} }, Draft) end

---@return claude.Draft
function Draft:copy()
  local copy = M.new()
  for id, block in pairs(self.results) do
    copy.results[id] = block
  end
  for i, content in ipairs(self.content) do
    copy.content[i] = content
  end
  for i, content in ipairs(self.system) do
    copy.system[i] = content
  end
  copy.problem = self.problem
  return copy
end

--- Whether a person said something in it.
---@return boolean
function Draft:says_something() return #self.content > 0 or self.problem ~= nil end

--- Forgets what was said; answers to tool calls stay.
---@return boolean something was there
function Draft:unsay()
  local said = self:says_something() or #self.system > 0
  self.content, self.system, self.problem = {}, {}, nil
  return said
end

--- The raw value of `content` in the JSON of one message.
---@param message string canonical JSON
---@param role string
---@return string
local function content_of(message, role)
  local tail = TAIL:format(role)
  assert(message:sub(1, #HEAD) == HEAD and message:sub(-#tail) == tail, "message is not canonical")
  local content = message:sub(#HEAD + 1, -#tail - 1)
  -- JSON text given for a single block.
  return content:sub(1, 1) == "{" and "[" .. content .. "]" or content
end

---@param content string JSON of a text or a list
---@return string blocks separated by commas
local function as_blocks(content)
  if content:sub(1, 1) == "[" then return content:sub(2, -2) end
  return '{"text":' .. content .. ',"type":"text"}'
end

-- Takes the answers to open calls out of the blocks of a message.
---@param content string JSON
---@param calls claude.ToolCall[]
---@return string? content what is left
function Draft:_take_answers(content, calls)
  local scratch, open = core.transcript(), {}
  if not scratch:append(HEAD .. content .. TAIL:format("user")) then return content end
  for _, call in ipairs(calls) do
    open[call.id] = true
  end
  local rest = {}
  for _, raw in ipairs(scratch:blocks(1)) do
    local block = core.decode(raw)
    if type(block) == "table" and block.type == "tool_result" and open[block.tool_use_id] then
      self.results[block.tool_use_id] = raw
    else
      rest[#rest + 1] = raw
    end
  end
  return rest[1] and "[" .. table.concat(rest, ",") .. "]" or nil
end

--- Adds what the user said; tool results in it answer their calls.
---@param message string JSON of a user message
---@param calls claude.ToolCall[] of the reply before
function Draft:say(message, calls)
  local content = content_of(message, "user")
  if #calls > 0 and content:sub(1, 1) == "[" then content = self:_take_answers(content, calls) end
  self.content[#self.content + 1] = content
end

--- Adds a system message for this place of the conversation. Changes of the tools that
--- follow one another are one message.
---@param message string JSON of a system message
function Draft:instruct(message)
  local content, list = content_of(message, "system"), self.system
  local last = list[#list]
  if last and last:find(TOOL_CHANGE, 1, true) == 1 and content:find(TOOL_CHANGE, 1, true) == 1 then
    list[#list] = last:sub(1, -2) .. "," .. content:sub(2)
  else
    list[#list + 1] = content
  end
end

--- Answers the calls that have no answer yet.
---@param calls claude.ToolCall[]
---@param warn claude.Warn
---@param begun? table<string, string> calls that had begun when the program ended, by id
---@return integer count
function Draft:stop(calls, warn, begun)
  local count = 0
  for _, call in ipairs(calls) do
    if not self.results[call.id] then
      local text = begun and begun[call.id] and UNCERTAIN or STOPPED
      self.results[call.id] =
        require("claude.tool_loop.result").refusal(call, text, { warn = warn })
      count = count + 1
    end
  end
  return count
end

---@class claude.NewMessage: string[] the pieces of its JSON, for transcript:append
---@field role "user"|"system"

---@param pieces string[]
---@param inner string
local function add_block(pieces, inner)
  if #pieces > 1 then pieces[#pieces + 1] = "," end
  pieces[#pieces + 1] = inner
end

-- One text stays a text; everything else is a list, results first, in call order.
---@param calls claude.ToolCall[]
---@return claude.NewMessage?
function Draft:_user_message(calls)
  local content, pieces = self.content, { LIST_HEAD, role = "user" }
  for _, call in ipairs(calls) do
    local block = self.results[call.id]
    if block then add_block(pieces, block) end
  end
  if #pieces == 1 and #content <= 1 then
    return content[1] and { HEAD, content[1], USER_TAIL, role = "user" } or nil
  end
  for _, said in ipairs(content) do
    local inner = as_blocks(said)
    if inner ~= "" then add_block(pieces, inner) end
  end
  pieces[#pieces + 1] = USER_LIST_TAIL
  return pieces
end

--- The messages it becomes. Calls without an answer are left out: see stop().
---@param calls claude.ToolCall[] of the reply before
---@return claude.NewMessage[]
function Draft:messages(calls)
  local messages = { self:_user_message(calls) }
  for _, text in ipairs(self.system) do
    messages[#messages + 1] = { HEAD, text, TAIL:format("system"), role = "system" }
  end
  return messages
end

--- Keeps the answers of a user message that leaves the conversation.
---@param message table decoded
---@param raws string[] its blocks, as bytes
function Draft:take_back(message, raws)
  for i, raw in ipairs(raws) do
    local block = message.content[i]
    if type(block) == "table" and block.type == "tool_result" then
      self.results[block.tool_use_id] = raw
    end
  end
end

return M
