--- The built-in model: it works arithmetic, time and file questions through the
--- tools it is offered, thinks between calls, and says that it is simulated.
---
--- It keeps no state: each reply follows from the request alone.
local arithmetic = require("claude.simulator.arithmetic")
local content = require("claude.simulator.content")
local core = require("claude.core")
local tasks = require("claude.simulator.tasks")
local toolbox = require("claude.simulator.toolbox")

local M = {}

local LABEL = "[Simulated reply; no model was asked.] "

-- What clients put beside the user's words, as Claude Code does: no question.
local REMINDER = "<system%-reminder>.-</system%-reminder>"

--- The text of a message, without what tools said and what a client added.
local function text_of(message)
  local parts = {}
  for _, block in ipairs(content.blocks(message.content)) do
    local text = block.type == "text" and block.text:gsub(REMINDER, "")
    if text and text:find("%S") then parts[#parts + 1] = text end
  end
  return table.concat(parts, "\n")
end

local function result_text(block)
  local parts = {}
  for _, part in ipairs(content.blocks(block.content)) do
    if part.type == "text" then parts[#parts + 1] = part.text end
  end
  return table.concat(parts, "\n")
end

---@class claude.simulator.model.Turn the open turn of a conversation
---@field question string
---@field rounds integer replies with calls so far
---@field results { text: string, failed: boolean }[] in the order of the calls

local function has_results(message)
  for _, block in ipairs(content.blocks(message.content)) do
    if block.type == "tool_result" then return true end
  end
  return false
end

--- Where the question of the open turn stands.
local function question_at(messages)
  for at = #messages, 1, -1 do
    if messages[at].role == "user" and not has_results(messages[at]) then return at end
  end
  return 1
end

--- What stands for the conversation where it was summed up.
local function summary_of(messages)
  for _, block in ipairs(content.blocks(messages[1].content)) do
    if block.type == "compaction" then return block.content end
  end
end

local function read_turn(messages)
  local first = question_at(messages)
  local turn = { question = text_of(messages[first]), rounds = 0, results = {} }
  while first > 1 and messages[first - 1].role == "user" and not has_results(messages[first - 1]) do
    first = first - 1
    turn.question = text_of(messages[first]) .. "\n" .. turn.question
  end
  if turn.question == "" then turn.question = summary_of(messages) or "" end
  local place, calls = {}, 0
  for at = first, #messages do
    local before = calls
    for _, block in ipairs(content.blocks(messages[at].content)) do
      if block.type == "tool_use" then
        calls = calls + 1
        place[block.id] = calls
      elseif block.type == "tool_result" and place[block.tool_use_id] then
        turn.results[place[block.tool_use_id]] =
          { text = result_text(block), failed = block.is_error == true }
      end
    end
    if calls > before then turn.rounds = turn.rounds + 1 end
  end
  return turn
end

--- The steps of a question with what is known of them so far. Those with a tool
--- are called in their order, so the n-th result is that of the n-th of them.
local function plan(turn, kit)
  local steps, step_of, called = {}, {}, 0
  for index, task in ipairs(tasks.of(turn.question)) do
    local step = { kind = task.kind, label = task.label, argument = task.argument }
    local source = task.from and step_of[task.from]
    if source then
      local text = source.result and not source.result.failed and source.result.text
      step.argument = text and task.make(text)
      step.waits = source.calls and not source.result
      step.skipped = not step.waits and not step.argument
    end
    step.tool = kit[task.kind]
    step.calls = step.tool ~= nil and not step.skipped
    if step.calls then
      called = called + 1
      step.result = turn.results[called]
    end
    steps[index], step_of[task] = step, step
  end
  return steps
end

--- The steps to take next: look-ups together, calculations one by one.
local function next_steps(steps, parallel)
  local ready = {}
  for _, step in ipairs(steps) do
    if step.calls and not step.result then
      if #ready > 0 and (not parallel or step.kind == "calculate") then break end
      ready[#ready + 1] = step
    end
  end
  if ready[1] and ready[1].kind == "calculate" then return { ready[1] } end
  return ready
end

local function call(step)
  return {
    type = "tool_use",
    name = step.tool.name,
    input = toolbox.input(step.tool, step.kind, step.argument),
  }
end

local VERBS = { calculate = "calculate ", clock = "look up ", read = "read " }

local function intention(steps)
  local parts = {}
  for _, step in ipairs(steps) do
    parts[#parts + 1] = VERBS[step.kind] .. (step.argument or step.label)
  end
  return table.concat(parts, " and ")
end

local function shorten(text, length)
  text = text:gsub("%s+", " ")
  if #text <= length then return text end
  return (core.utf8_scrub(text:sub(1, length):gsub("[\192-\255]?[\128-\191]*$", ""))) .. "..."
end

--- What the model thinks before it takes these steps.
local function thought(turn, steps)
  local last = turn.results[#turn.results]
  local seen = last and ('The last result was "%s". '):format(shorten(last.text, 80))
    or ('(Simulated thinking.) The question is: "%s" '):format(shorten(turn.question, 120))
  if #steps == 0 then return seen .. "That is all I need; now I can answer." end
  local names = {}
  for index, step in ipairs(steps) do
    names[index] = step.tool.name
  end
  return ("%sNext I should %s, so I call %s."):format(
    seen,
    intention(steps),
    table.concat(names, " and ")
  )
end

local function describe_file(step, question)
  local text, lower = step.result.text, question:lower()
  local _, lines = text:gsub("\n", "\n")
  local _, words = text:gsub("%S+", "")
  if lower:find("word", 1, true) then return ("%s has %d words."):format(step.label, words) end
  if lower:find("line", 1, true) then
    return ("%s has %d lines."):format(step.label, text:find("[^\n]$") and lines + 1 or lines)
  end
  return ("%s begins: %s"):format(step.label, shorten(text, 160))
end

local tell = {}

function tell.calculate(step)
  local result = shorten(step.result.text, 80)
  if step.label == step.argument then return ("%s = %s."):format(step.argument, result) end
  local label = step.label:sub(1, 1):upper() .. step.label:sub(2)
  return ("%s: %s = %s."):format(label, shorten(step.argument, 80), result)
end

function tell.clock(step)
  local text = step.result.text
  local time = text:match("%a* ?%d%d%d%d%-%d%d%-%d%d[ T]%d%d:%d%d[:%d]*")
    or text:match("%d%d?:%d%d[:%d]*")
  if time then return ("It is %s."):format(time) end
  return ("The clock says: %s."):format((shorten(text, 80):gsub("%.$", "")))
end

tell.read = describe_file

local WITHOUT = {
  clock = "I was given no clock, so I cannot tell the time.",
  read = "I was given no tool that reads files, so I cannot look into %s.",
}

local function sentence(step, question)
  if step.skipped then return nil end
  if step.result and step.result.failed then
    return ("I could not %s%s: %s."):format(
      VERBS[step.kind],
      step.argument or step.label,
      shorten(step.result.text, 120)
    )
  end
  if step.result then return tell[step.kind](step, question) end
  if step.kind ~= "calculate" then return WITHOUT[step.kind]:format(step.label) end
  local value = step.argument and arithmetic.evaluate(step.argument)
  return value and ("%s = %s."):format(step.argument, arithmetic.format(value))
end

local function other_answers(turn)
  local parts = {}
  for _, result in ipairs(turn.results) do
    parts[#parts + 1] = (result.failed and "The tool failed: " or "The tool said: ")
      .. shorten(result.text, 200)
  end
  return parts
end

local function small_talk(question)
  return (
    'You asked: "%s". A real model would answer this at length; the simulator can only show '
    .. "how an answer streams. Ask it for arithmetic, for the time or about a file, and offer it "
    .. "tools, to see an agent at work."
  ):format(shorten(question, 200))
end

local function answer_text(turn, steps)
  local parts = {}
  for _, step in ipairs(steps) do
    parts[#parts + 1] = sentence(step, turn.question)
  end
  if #parts == 0 then parts = other_answers(turn) end
  if #parts == 0 then parts[1] = small_talk(turn.question) end
  return LABEL .. table.concat(parts, " ")
end

--- A tool of no known kind, when the question names what it does.
local function fitting(others, question)
  local lower = question:lower()
  for _, tool in ipairs(others) do
    for word in tool.name:lower():gmatch("%a+") do
      if #word > 3 and lower:find(word, 1, true) then return tool end
    end
  end
end

local function find_tool(tools, name)
  for _, tool in ipairs(tools or {}) do
    if tool.name == name then return tool end
  end
end

local function call_other(tool, question)
  return {
    type = "tool_use",
    name = tool.name,
    input = toolbox.sample(tool.input_schema or {
      type = "object",
    }, question),
  }
end

--- The tool that must be called, when tool_choice says so.
local function forced(request, steps, others, kit)
  local choice = request.tool_choice or {}
  if choice.type == "tool" then return find_tool(request.tools, choice.name) end
  if choice.type ~= "any" or #steps > 0 then return nil end
  return others[1] or kit.calculate or kit.clock or kit.read
end

local function may_think(info, turn)
  if info.thinking == "disabled" then return false end
  if turn.rounds == 0 then return info.thinking ~= "between_tools" end
  if info.thinking ~= "enabled" then return true end
  return info.model.interleaves and info.beta["interleaved-thinking-2025-05-14"] == true
end

local function calls_for(request, steps)
  local choice = request.tool_choice or {}
  if choice.type == "none" then return {} end
  return next_steps(steps, choice.disable_parallel_tool_use ~= true)
end

--- What the model says to a request.
---@param request table
---@param info claude.simulator.script.Info
---@return claude.simulator.Turn
function M.answer(request, info)
  local format = request.output_config and request.output_config.format
  local turn = read_turn(request.messages)
  if format then
    local value = toolbox.sample(format.schema, turn.question)
    return { content = { assert(core.encode(value, { request = true })) } }
  end
  local kit, others = toolbox.sort(request.tools)
  local steps = plan(turn, kit)
  local ready = calls_for(request, steps)
  local said = {}
  if may_think(info, turn) then said[1] = { type = "thinking", thinking = thought(turn, ready) } end
  local other = forced(request, ready, others, kit)
    or (
      #steps == 0
      and turn.rounds == 0
      and (request.tool_choice or {}).type ~= "none"
      and fitting(others, turn.question)
    )
  if other then
    said[#said + 1] = call_other(other, turn.question)
    return { content = said }
  end
  if #ready == 0 then
    said[#said + 1] = answer_text(turn, steps)
    return { content = said }
  end
  if turn.rounds == 0 then said[#said + 1] = LABEL .. "I will " .. intention(ready) .. "." end
  for _, step in ipairs(ready) do
    said[#said + 1] = call(step)
  end
  return { content = said }
end

return M
