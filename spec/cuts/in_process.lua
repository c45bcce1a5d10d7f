--- The recorded reply, cut after each of its bytes and with each of them changed, through the
--- core's decoders: no socket, no Lua of the library.
local core = require("claude.core")
local damage = require("spec.cuts.damage")
local reference = require("spec.cuts.reference")
local reference_http = require("spec.cuts.reference_http")
local strict_json = require("spec.cuts.strict_json")
local verdict = require("spec.cuts.verdict")

local M = {}

-- What was handed out, by block and kind: it must be what the blocks say in the end.
local function drain(response)
  local said = {}
  repeat
    local kind, text, index = response:next()
    if kind == "text" or kind == "thinking" then
      local key = kind .. " " .. index
      said[key] = (said[key] or "") .. text
    end
  until not kind
  return said
end

local function wrong_in_deltas(said, told)
  for _, block in ipairs(told.blocks) do
    for _, kind in ipairs({ "text", "thinking" }) do
      local field = block.fields.object[kind]
      local text = field and field.string and strict_json.plain(field.string) or ""
      local heard = said[kind .. " " .. block.index] or ""
      -- Who breaks off between two halves of a character has heard of none of them.
      if heard ~= text then return "what was handed out is not what the block says" end
    end
  end
end

local function read_stream(bytes, failure)
  local response = core.response({})
  response:feed_header("HTTP/1.1 200 OK")
  response:feed_header("content-type: text/event-stream; charset=utf-8")
  response:feed(bytes)
  response:finish(failure)
  return response, drain(response)
end

local function check_kept(response, whole)
  if response:complete() then return nil end
  local turn = response:seal("keep")
  return turn and verdict.kept(turn, whole)
end

-- How a connection ends, and the kind of failure that is.
local ENDINGS = { { nil, "incomplete" }, { "connection reset by peer", "network" } }

--- Cuts the stream after each of its bytes, with both kinds of end.
---@param run spec.Run
---@param stream string
---@param whole table the right message
function M.cuts(run, stream, whole)
  local reason_at = stream:find('"stop_reason":"tool_use"', 1, true)
  for length = 0, #stream do
    local bytes = stream:sub(1, length)
    local told = reference.read(bytes)
    for _, ending in ipairs(ENDINGS) do
      local response, said = read_stream(bytes, ending[1])
      local message = response:message_json()
      run:check(
        ("cut after byte %d, then %s"):format(length, ending[2]),
        verdict.response(response, told, ending[2])
          or wrong_in_deltas(said, told)
          or check_kept(response, whole)
          or message and verdict.beginning(
            verdict.message_of(message),
            whole,
            told.message.object.stop_reason.string ~= nil
          )
          or told.whole and length < reason_at and "a message without its end is whole"
      )
    end
  end
end

local function any() return true end

--- Changes each byte of the stream in every way.
---@param run spec.Run
---@param stream string
---@param stride integer
function M.flips(run, stream, stride)
  damage.each(stream, stride, any, function(bytes, at, way)
    local told = reference.read(bytes)
    local response, said = read_stream(bytes)
    run:check(
      ("byte %d changed in way %d"):format(at, way),
      verdict.response(response, told, "incomplete") or wrong_in_deltas(said, told)
    )
  end)
end

local function read_http(bytes)
  local response = core.response({ expects_message = true })
  local decoder = core.http1(response)
  decoder:feed(bytes)
  decoder:finish()
  return response, decoder
end

local function is_success(status) return status and status >= 200 and status < 300 end

--- What is wrong with how an answer's bytes were decoded.
local function wrong_answer(bytes)
  local answered = reference_http.read(bytes)
  local response, decoder = read_http(bytes)
  drain(response)
  if decoder:done() ~= (answered.how == "done") then return "whether the answer is whole" end
  local told = reference.read(answered.body)
  if not is_success(answered.status) then
    return response:complete() and "a failure is a whole message" or nil
  end
  if response:complete() ~= told.whole then return "whether the message is whole" end
  if not told.message then return nil end
  local message = strict_json.read(response:message_json() or "")
  return not strict_json.equal(message, told.message) and told.whole and "the message" or nil
end

--- Changes each byte of an answer's framing in every way: the head, the chunks, the trailer.
---@param run spec.Run
---@param answer string
---@param framing fun(at: integer): boolean
---@param stride integer
function M.framing_flips(run, answer, framing, stride)
  damage.each(
    answer,
    stride,
    framing,
    function(bytes, at, way)
      run:check(("framing byte %d changed in way %d"):format(at, way), wrong_answer(bytes))
    end
  )
end

return M
