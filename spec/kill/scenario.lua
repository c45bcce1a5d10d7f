--- A conversation with everything that a journal has to get right: tools that run at once and
--- early, a turn that is taken back, a call that a person answers, a repair, a fork, a summary.
--- Whoever plays it finds out from the conversation how far it is, and goes on from there.
local claude = require("claude")
local support = require("spec.support.chat")

local M = {}

M.KEY = "key-of-the-spec"

--- Whoever plays tells what has happened, in this order:
---@class spec.Teller
---@field begin fun(id: string) a tool begins with the call
---@field effect fun(id: string, name: string) it does what it is for
---@field result fun(id: string) its result was handed out
---@field reply fun(id: string, json: string) a message came to its end: its bytes
---@field dropped fun() a call that began early belongs to no reply, and somebody was warned
---@field void fun() what is in the conversation may leave it

local function tool(tell, name, idempotent)
  return claude.tool({
    name = name,
    description = "For specs",
    input_schema = { type = "object", properties = { text = { type = "string" } } },
    idempotent = idempotent,
    run = function(input, call)
      tell.begin(call.id)
      tell.effect(call.id, name)
      return "did " .. input.text
    end,
  })
end

--- Opens the conversation in a journal.
---@param client claude.Client
---@param journal string|claude.JournalStorage
---@param tell spec.Teller
---@return claude.Conversation?
---@return string? text
---@return claude.Error? err
function M.open(client, journal, tell)
  local human = claude.tool({
    name = "ask",
    description = "Asks a person",
    input_schema = { type = "object" },
  })
  return client:conversation(support.params({
    journal = journal,
    system = "Be brief.",
    tools = { human, tool(tell, "look", true), tool(tell, "record", false) },
  }))
end

--- What the model says: by the last text of the user, and how many replies followed it.
---@type table<string, table>
M.REPLIES = {
  ["one 0"] = {
    { thinking = "Hm." },
    "Let me see.",
    { name = "record", text = "a" },
    { name = "look", text = "b" },
    { name = "record", text = "c" },
  },
  ["one 1"] = { { name = "record", text = "d" } },
  ["one 2"] = { "Finished one." },
  ["draft 0"] = { "Finished draft." },
  ["two 0"] = { "Finished two." },
  ["three 0"] = {
    { thinking = "Ask." },
    { name = "ask", text = "e" },
    { name = "record", text = "f" },
  },
  ["three 1"] = { "Finished three." },
  ["aside 0"] = { "Finished aside." },
  ["four 0"] = {
    { name = "record", text = "g" },
    { name = "record", text = "h" },
    { name = "look", text = "i" },
  },
  ["four 1"] = { "Finished four." },
}

-- What the conversation shows of itself.
local function look(chat)
  local seen = { said = {}, thinks = false }
  for _, message in ipairs(chat:messages()) do
    local content = message.content
    if type(content) == "string" then content = { { type = "text", text = content } } end
    seen.role = message.role
    for _, block in ipairs(content) do
      if block.type == "text" then
        seen.said[block.text] = true
        seen.last = block.text
      elseif block.type == "thinking" then
        seen.thinks = true
      elseif block.type == "compaction" then
        seen.compacted = true
      end
    end
  end
  return seen
end

---@class spec.Play
---@field chat claude.Conversation
---@field tell spec.Teller
---@field problem? claude.Error
local Play = {}
Play.__index = Play

-- What a verb gave, or an end of the play.
local function need(value, _, err)
  if value == nil or (value == false and err) then error(err, 0) end
  return value
end

function Play:answer_what_is_open()
  for _, call in ipairs(self.chat:pending()) do
    if call.name == "ask" then
      need(self.chat:answer(call.id, "did by hand"))
    elseif call.uncertain and call.name ~= "look" then
      need(self.chat:answer(call.id, "not known"))
    end
  end
end

-- The reply that came last.
function Play:last_reply()
  local transcript = self.chat.transcript
  local last = transcript:count()
  while transcript:role(last) ~= "assistant" do
    last = last - 1
  end
  return transcript:get(last)
end

function Play:run(options)
  local run, heard = self.chat:run(options), 0
  while true do
    local kind, _, index, call = run:next()
    while run.messages[heard + 1] do
      heard = heard + 1
      self.tell.reply(run.messages[heard].id, self:last_reply())
    end
    if not kind and index then error(index, 0) end
    if not kind then return end
    if kind == "tool_end" then self.tell.result(call.id) end
  end
end

-- Says a text unless it was said, and goes on until the model has finished with it.
function Play:turn(text, options)
  if not look(self.chat).said[text] then need(self.chat:user(text)) end
  while look(self.chat).last ~= ("Finished %s."):format(text) do
    self:answer_what_is_open()
    self:run(options)
  end
end

function Play:taken_back()
  if look(self.chat).said.two then return end
  self:turn("draft")
  self.tell.void()
  need(self.chat:undo())
  need(self.chat:user("two"))
end

function Play:repaired()
  if not look(self.chat).thinks then return end
  self.tell.void()
  need(self.chat:repair({ recipe = "strip_thinking" }))
end

function Play:forked()
  local fork = self.chat:fork()
  need(fork:user("aside"))
  need(fork:send())
end

function Play:summed_up()
  self.tell.void()
  need(self.chat:compact())
  self.tell.reply("compaction", self:last_reply())
end

local function play(self)
  if not look(self.chat).compacted then
    if not look(self.chat).said["Finished one."] then self:turn("one", { eager = true }) end
    self:taken_back()
    if not look(self.chat).said["Finished two."] then self:turn("two") end
    if not look(self.chat).said["Finished three."] then self:turn("three") end
    self:repaired()
    self:forked()
    self:summed_up()
  end
  self:turn("four", { max_parallel = 2 })
  need(self.chat:sync())
end

--- Plays on to the end.
---@param chat claude.Conversation
---@param tell spec.Teller
---@return true? done
---@return claude.Error|string|nil problem
function M.play(chat, tell)
  local self = setmetatable({ chat = chat, tell = tell }, Play)
  local done, problem = pcall(play, self)
  if done then return true end
  return nil, problem
end

return M
