--- What a tool's function returned, as the tool_result block that goes to the API: valid
--- whatever the function made, of a bounded size, and no error with a secret of the client.

local content = require("claude.content")
local core = require("claude.core")
local tables = require("claude.tables")

local M = {}

---@alias claude.Warn fun(code: string, text: string)

---@class claude.ResultRules
---@field warn claude.Warn
---@field scrub? fun(text: string): string takes secrets out of what an error says
---@field max_bytes? number|false most bytes of text in a result, M.MAX_BYTES without it
---@field max_turn_bytes? number|false most bytes of all results of a turn together, images and
--- documents included, M.MAX_TURN_BYTES without it
---@field taken? integer of that, by the results before

--- A text of so many bytes is a quarter of a million tokens, more or less.
M.MAX_BYTES = 1024 * 1024
--- Of all results of a turn: the API takes requests of 32 MB.
M.MAX_TURN_BYTES = 24 * 1024 * 1024

local LEFT_OUT = "the tool ran, but its result was left out: %s, and %s;"
  .. " ask for less of it, such as a part or a summary"
local OF_ONE = "one result may have at most %d"
local OF_ALL = "the results of a turn may have at most %d together"
local LONGEST_SECRET = 8 * 1024

---@param given? number|false
---@param default number
---@return number
local function limit_of(given, default)
  if given == false then return math.huge end
  return given or default
end

---@param rules claude.ResultRules
---@return number
local function text_limit(rules) return limit_of(rules.max_bytes, M.MAX_BYTES) end

---@param rules claude.ResultRules
---@return number
local function turn_limit(rules) return limit_of(rules.max_turn_bytes, M.MAX_TURN_BYTES) end

-- What is left of the turn's for this result.
---@param rules claude.ResultRules
---@return number
local function room(rules) return math.max(turn_limit(rules) - (rules.taken or 0), 1) end

---@param size string such as "17 bytes"
---@param rules claude.ResultRules
---@param of_turn? boolean it is the turn's limit that stands in its way
---@return string problem
local function too_large(size, rules, of_turn)
  local limit = of_turn and OF_ALL:format(turn_limit(rules)) or OF_ONE:format(text_limit(rules))
  return LEFT_OUT:format(size, limit)
end

---@param text string
---@param where string
---@param warn claude.Warn
---@return string
local function valid_text(text, where, warn)
  local scrubbed, count = core.utf8_scrub(text)
  if count > 0 then
    warn("tool_result_utf8", ("%s: %d places are not UTF-8 and became U+FFFD"):format(where, count))
  end
  return scrubbed
end

local DEEPEST = 2000 -- deeper than the encoder goes, which says so

-- A copy of plain data whose strings are valid; shared and cyclic tables stay that, for the
-- encoder to judge.
---@param value any
---@param copies table<table, table>
---@param depth integer
---@return any
local function scrubbed_copy(value, copies, depth)
  if type(value) == "string" then return (core.utf8_scrub(value)) end
  if type(value) ~= "table" or depth > DEEPEST then return value end
  if copies[value] then return copies[value] end
  local meta = getmetatable(value)
  if meta ~= nil and type(meta) ~= "table" then return value end -- a protected metatable
  local copy = {}
  copies[value] = copy
  for key, member in next, value do
    copy[scrubbed_copy(key, copies, depth + 1)] = scrubbed_copy(member, copies, depth + 1)
  end
  return setmetatable(copy, meta)
end

local NO_JSON = "the tool's result cannot be written as JSON: "

-- A small table can be large as JSON, where it holds others many times: what is written ends
-- at the limit.
---@param value any
---@param where string
---@param rules claude.ResultRules
---@param opts { max_bytes: number, request: boolean? }
---@return string? json
---@return string? problem
local function encode(value, where, rules, opts)
  local json, problem = core.encode(value, opts)
  if json then return json end
  if problem:find("invalid UTF-8", 1, true) then
    local again
    json, again = core.encode(scrubbed_copy(value, {}, 0), opts)
    if json then rules.warn("tool_result_utf8", where .. ": what is not UTF-8 became U+FFFD") end
    problem = again
  end
  if json then return json end
  local most = problem:match("more than (%d+) bytes of JSON$")
  if not most then return nil, NO_JSON .. problem end
  return nil, too_large(("more than %s bytes"):format(most), rules, opts.request)
end

-- Empty text blocks are refused by the API and say nothing.
---@param value claude.Content
---@param change? fun(text: string): string
---@return table[]
local function blocks_of(value, change)
  local blocks = {}
  for _, block in ipairs(content.blocks(value)) do
    local is_text = block.type == "text" and type(block.text) == "string"
    if is_text and change then block = tables.merged(block, { text = change(block.text) }) end
    if not (is_text and block.text == "") then blocks[#blocks + 1] = block end
  end
  return blocks
end

-- What images and documents hold is no text.
---@param blocks table[]
---@return integer
local function bytes_of_files(blocks)
  local count = 0
  for _, block in ipairs(blocks) do
    local source = type(block.source) == "table" and block.source or {}
    if source.type == "base64" and type(source.data) == "string" then
      count = count + #source.data
    end
  end
  return count
end

-- JSON of the blocks; nil where there are none.
---@param blocks table[]
---@param where string
---@param rules claude.ResultRules
---@return string? json
---@return string? problem
local function blocks_json(blocks, where, rules)
  if #blocks == 0 then return nil end
  local opts = { request = true, max_bytes = room(rules) }
  local json, problem = encode({ content = blocks }, where, rules, opts)
  if not json then return nil, problem end
  json = json:sub(#'{"content":' + 1, -2)
  local size = #json - bytes_of_files(blocks)
  if size <= text_limit(rules) then return json end
  return nil, too_large(("%d bytes of text"):format(size), rules)
end

---@param text string
---@param where string
---@param rules claude.ResultRules
---@return string? json
---@return string? problem
local function text_json(text, where, rules)
  if #text > text_limit(rules) then return nil, too_large(("%d bytes"):format(#text), rules) end
  -- Nearly all is UTF-8, and the encoder looks at it anyway.
  return core.encode(text) or core.encode(valid_text(text, where, rules.warn))
end

---@param value any
---@param where string
---@param rules claude.ResultRules
---@return string? json of the member `content`, nil when there is none
---@return string? problem
local function content_json(value, where, rules)
  if value == nil or value == "" then return nil end
  if type(value) == "string" then return text_json(value, where, rules) end
  if type(value) == "boolean" then return core.encode(tostring(value)) end
  if content.is(value) then return blocks_json(blocks_of(value), where, rules) end
  if type(value) == "number" then
    -- A number that JSON has no form for is shown as Lua shows it.
    return core.encode(core.encode(value) or tostring(value))
  end
  local json, problem = encode(value, where, rules, { max_bytes = text_limit(rules) })
  if not json then return nil, problem end
  return core.encode(json)
end

---@param call claude.ToolCall
---@param is_error boolean
---@param json? string
---@return string block
local function block(call, is_error, json)
  local parts = { "{" }
  if json then parts[#parts + 1] = '"content":' .. json .. "," end
  if is_error then parts[#parts + 1] = '"is_error":true,' end
  parts[#parts + 1] = '"tool_use_id":' .. assert(core.encode(call.id)) .. ","
  if type(call.toolset_name) == "string" then
    parts[#parts + 1] = '"toolset_name":' .. assert(core.encode(call.toolset_name)) .. ","
  end
  parts[#parts + 1] = '"type":"tool_result"}'
  return table.concat(parts)
end

-- The block of a text, written in one go; nil where something has to be said about it.
---@param call claude.ToolCall
---@param text any
---@param rules claude.ResultRules
---@return string? block JSON
local function text_block(call, text, rules)
  if type(text) ~= "string" or text == "" or #text > text_limit(rules) then return nil end
  local toolset = type(call.toolset_name) == "string" and call.toolset_name or nil
  local json = core.encode({
    content = text,
    tool_use_id = call.id,
    toolset_name = toolset,
    type = "tool_result",
  })
  return json and #json <= room(rules) and json or nil
end

--- The block for a success.
---@param call claude.ToolCall
---@param value any
---@param rules claude.ResultRules
---@return string block JSON
---@return boolean is_error the value has no form the API takes, or is too large
function M.success(call, value, rules)
  local whole = text_block(call, value, rules)
  if whole then return whole, false end
  local where = ("result of %s"):format(call.name)
  local json, problem = content_json(value, where, rules)
  if json and #json > room(rules) then
    problem = too_large(("%d bytes"):format(#json), rules, true)
  end
  if not problem then return block(call, false, json), false end
  if problem:sub(1, #NO_JSON) ~= NO_JSON then
    rules.warn("tool_result_size", where .. ": " .. problem)
  end
  return M.failure(call, problem, rules), true
end

---@param err any
---@return string
local function raised_text(err)
  if type(err) == "table" then
    local meta = getmetatable(err)
    if not (type(meta) == "table" and meta.__tostring) and type(err.message) == "string" then
      return err.message
    end
  end
  return tostring(err)
end

--- The text of a value that was raised or returned as an error. Never raises.
---@param err any
---@return string
function M.error_text(err)
  -- A __tostring of the user's may fail as well.
  local told, text = pcall(raised_text, err)
  return told and type(text) == "string" and text or ("an error of type " .. type(err))
end

local LEAST_ERROR = 1000 -- bytes: what this library says is shorter

-- Only its beginning, where it is long; a secret at the cut is found before it is cut, and what
-- may be half of one is left out, however much shorter the text has become.
---@param text string
---@param rules claude.ResultRules
---@return string
local function shown_error(text, rules)
  local most, size = math.max(text_limit(rules), LEAST_ERROR), #text
  local is_cut = size > most + LONGEST_SECRET
  if is_cut then text = text:sub(1, most + LONGEST_SECRET) end
  if rules.scrub then text = rules.scrub(text) end
  if size <= most and #text <= most then return text end
  local last = is_cut and math.max(0, math.min(most, #text - LONGEST_SECRET)) or most
  local rest = text:sub(math.max(1, last - 3), last):gsub("[\192-\255]?[\128-\191]*$", "")
  return ("%s%s… (%d bytes in all)"):format(text:sub(1, math.max(0, last - 4)), rest, size)
end

--- The block for a failure; "Error: " stands before the text.
---@param call claude.ToolCall
---@param err any
---@param rules claude.ResultRules
---@return string block JSON
function M.failure(call, err, rules)
  if content.is(err) then
    local function change(text) return shown_error(text, rules) end
    local blocks = blocks_of(err, change)
    local json, problem = blocks_json(blocks, ("error of %s"):format(call.name), rules)
    if json then return block(call, true, json) end
    err = problem or err
  end
  return M.refusal(call, "Error: " .. M.error_text(err), rules)
end

--- The block for a call that did not run, with the text as it is.
---@param call claude.ToolCall
---@param text string
---@param rules claude.ResultRules
---@return string block JSON
function M.refusal(call, text, rules)
  local where = ("error of %s"):format(call.name)
  local valid = valid_text(shown_error(text, rules), where, rules.warn)
  return block(call, true, core.encode(valid))
end

return M
