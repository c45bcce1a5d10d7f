--- What the model of the chat specs says: it does what the last question names.
local THINKING = "First this.\n\nThen that."

local answers = {}

function answers.think()
  return { content = { { type = "thinking", thinking = THINKING }, "Thought.\nTwice." } }
end

-- Line ends of all kinds, control characters and large characters, a character at a time.
function answers.odd() return { piece = 1, content = { "a\r\nb\n\n\tc\27[31m \0 d\rе́ 🙂\n" } } end

-- Goes on for longer than any spec.
function answers.endless()
  return { pace = 0.02, piece = 5, content = { "Begin. " .. ("and on "):rep(10000) } }
end

function answers.long() return { piece = 8, content = { ("line of text\n"):rep(3000) } } end

function answers.refuse() return { stop_reason = "refusal", content = {} } end

function answers.cut() return { content = { ("word "):rep(5000) } } end

local function call(text) return { type = "tool_use", name = "note", input = { text = text } } end

function answers.tool() return { content = { call("n1") } } end

function answers.tools() return { content = { "Two calls.", call("n1"), call("n2") } } end

local overloaded = true

-- Refused the first time, answered the second.
function answers.overload()
  local now = overloaded
  overloaded = not overloaded
  return now and { error = { status = 529, message = "Busy today" } } or "Better now."
end

function answers.broken() return { content = { "Half an answer" }, cut = { after_event = 4 } } end

local function parts_of(message)
  if type(message.content) == "string" then return { { type = "text", text = message.content } } end
  return message.content
end

local function result_text(block)
  local content = block.content
  return type(content) == "table" and content[1].text or content
end

local function answer(request)
  local parts = parts_of(request.messages[#request.messages])
  local last = parts[#parts]
  if last.type == "tool_result" then
    local results = {}
    for _, part in ipairs(parts) do
      results[#results + 1] = part.type == "tool_result" and result_text(part) or nil
    end
    return "Results: " .. table.concat(results, ", ") .. "."
  end
  local known = answers[last.text:match("^%a+")]
  return known and known() or ("You said %d messages: %s"):format(#request.messages, last.text)
end

return { script = answer }
