--- Lets a conversation answer, tools and all, and shows it as it comes.
local complaint = require "claude.command.complaint"
local core = require "claude.core"
local exits = require "claude.command.exits"
local usage = require "claude.usage"

local M = {}

---@class claude.command.Tally
---@field input integer tokens of all requests, cached ones included
---@field cached integer of these, read from the cache
---@field output integer
---@field thinking integer of these, spent on thinking

--- What the replies of a run used, added up.
---@param messages claude.Message[]
---@return claude.command.Tally
function M.tally(messages)
  local total = usage.zero()
  for _, message in ipairs(messages) do
    for _, part in ipairs(usage.parts(message)) do
      usage.add(total, part.counts)
    end
  end
  return {
    input = usage.prompt(total),
    cached = total.cache_read_input_tokens,
    output = total.output_tokens,
    thinking = total.thinking_tokens,
  }
end

-- What this library adds to a message and the API did not send.
local OURS = { request_id = true, timings = true }

--- A message as one line of JSON.
---@param message claude.Message
---@return string
function M.json(message)
  local plain = {}
  for name, value in pairs(message) do
    if not OURS[name] then plain[name] = value end
  end
  return assert(core.encode(plain))
end

--- Calls `stop` at Ctrl-C until the function returned is called. With luv the
--- signal is an event of its loop; without, the interpreter raises an error. A
--- second Ctrl-C ends the process, should a tool keep the loop from running.
local function watch_interrupts(stop)
  local found, uv = pcall(require, "luv")
  if not found then
    return function() end
  end
  require("claude.loop").use "luv"
  local watch = uv.new_signal()
  uv.signal_start_oneshot(watch, "sigint", stop)
  return function()
    watch:close()
    uv.run "nowait" -- a closed handle is let go of in the loop
  end
end

local function show(view, kind, text, index, call)
  if kind == "tool_start" then
    view:call(call.name, call.input)
  elseif kind == "tool_end" then
    view:result(call.name, text, call.is_error)
  else
    view:delta(kind, text, index)
  end
end

local function show_all(run, view)
  while true do
    local kind, text, index, call = run:next()
    if not kind then return index end
    show(view, kind, text, index, call)
  end
end

-- Why a run may end without a stop reason of the API.
local UNFINISHED = { pending = true, max_requests = true }

local function finish(run, view)
  local last = run.messages[#run.messages]
  local first = run.messages[1]
  if last then
    local timings = first.timings or {}
    view:usage(M.tally(run.messages), run.reason or last.stop_reason, timings.first_token)
  end
  if UNFINISHED[run.reason] then return exits.cut_answer end
  return exits.of_stop(run.reason)
end

--- Lets `chat` answer what its user said last.
---@param chat claude.Conversation
---@param view table a `claude.command.view`
---@param options { max_requests: integer|nil }
---@return integer status
---@return claude.Run run
function M.run(chat, view, options)
  local run = chat:run { max_requests = options.max_requests }
  local interrupted = false
  local forget = watch_interrupts(function()
    interrupted = true
    run:cancel()
  end)
  local shown, err = pcall(show_all, run, view)
  forget()
  view:finish()
  if not shown and not exits.is_interrupt(err) then error(err, 0) end
  if interrupted or not shown then
    run:cancel()
    if view.aside.is_terminal then view.aside:write "\n" end -- after the terminal's ^C
    return exits.interrupted, run
  end
  if err then
    complaint.say(err)
    return exits.of_error(err), run
  end
  return finish(run, view), run
end

return M
