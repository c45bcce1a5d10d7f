--- The form in which a conversation is kept: a text that people can read and whose
--- messages are the exact bytes that went to the API and came from it.
---
---   lua-claude conversation 1
---   param model 19
---   "claude-sonnet-4-6"
---   system 17
---   "You are concise."
---   tools 2
---   []
---   state 24
---   {"stop_reason":"tool_use"}
---   message 37
---   {"content":"Hello","role":"user"}
---   result 60
---   {"content":"4","tool_use_id":"toolu_1","type":"tool_result"}
---   said 7
---   "Hello"
---   instruct 10
---   "Be brief"
---   call 31
---   {"id":"toolu_2","name":"shell"}
---   sha256 64
---   3f1c…
---
--- Each section is a line with its name and the number of bytes, then so many bytes
--- of JSON, then a line end. `param`, `message`, `result`, `said`, `instruct` and `call` come
--- as often as they are needed, messages in their order; the others at most once.
--- `result`, `said` and `instruct` are the turn that was being written; `call` is one whose
--- tool had begun to run, as a journal knows. The last section is the SHA-256 of every byte
--- before it. Credentials, headers, functions and mcp_servers (which hold tokens) are no part
--- of it.

local core = require("claude.core")

local M = {}

M.MAGIC = "lua-claude conversation "
local VERSION = "1"
local FIRST_LINE = M.MAGIC .. VERSION .. "\n"

---@class claude.Saved
---@field params { name: string, json: string }[]
---@field system? string
---@field tools? string
---@field state string
---@field messages string[]
---@field results string[]
---@field said string[]
---@field instruct string[]
---@field calls string[]

local LISTS = {
  message = "messages",
  result = "results",
  said = "said",
  instruct = "instruct",
  call = "calls",
}
local LISTS_IN_ORDER = { "message", "result", "said", "instruct", "call" }
local SINGLE = { system = true, tools = true, state = true }

--- Adds a section to a list of pieces.
---@param out string[]
---@param head string its name, with what it is about
---@param bytes string
function M.put(out, head, bytes)
  out[#out + 1] = ("%s %d\n"):format(head, #bytes)
  out[#out + 1] = bytes
  out[#out + 1] = "\n"
end

local put = M.put

--- Adds the sections of a whole conversation.
---@param out string[]
---@param saved claude.Saved
function M.put_all(out, saved)
  for _, param in ipairs(saved.params) do
    put(out, "param " .. param.name, param.json)
  end
  if saved.system then put(out, "system", saved.system) end
  if saved.tools then put(out, "tools", saved.tools) end
  put(out, "state", saved.state)
  for _, name in ipairs(LISTS_IN_ORDER) do
    for _, json in ipairs(saved[LISTS[name]]) do
      put(out, name, json)
    end
  end
end

--- The text of a conversation.
---@param saved claude.Saved
---@return string
function M.write(saved)
  local out = { FIRST_LINE }
  M.put_all(out, saved)
  local text = table.concat(out)
  local last = {}
  put(last, "sha256", core.sha256(text))
  return text .. table.concat(last)
end

--- Cuts the next section off the text.
---@param text string
---@param at integer first byte of its line
---@return string? name nil when the section is broken
---@return string? about
---@return string? bytes
---@return integer? next first byte after it
function M.read_section(text, at)
  local line_end = text:find("\n", at, true)
  -- Names are short: a hostile line must not be matched at any length.
  if not line_end or line_end - at > 200 then return nil end
  local name, about, length = text:sub(at, line_end - 1):match("^(%l[%l%d]*) ?(%S*) (%d+)$")
  if not name or #length > 15 then return nil end
  local first, last = line_end + 1, line_end + tonumber(length)
  if last + 1 > #text or text:sub(last + 1, last + 1) ~= "\n" then return nil end
  return name, about, text:sub(first, last), last + 2
end

--- Nothing yet, for `take`.
---@return claude.Saved
function M.empty()
  local saved = { params = {} }
  for _, list in pairs(LISTS) do
    saved[list] = {}
  end
  return saved
end

--- Takes what a section says into what was read so far.
---@param saved claude.Saved
---@param name string
---@param about string
---@param bytes string
---@return string? problem
function M.take(saved, name, about, bytes)
  if name == "param" and about ~= "" then
    saved.params[#saved.params + 1] = { name = about, json = bytes }
  elseif about ~= "" then
    return ("section %s has a name too many"):format(name)
  elseif LISTS[name] then
    local list = saved[LISTS[name]]
    list[#list + 1] = bytes
  elseif SINGLE[name] then
    if saved[name] then return ("section %s comes twice"):format(name) end
    saved[name] = bytes
  else
    return ("section %s is unknown"):format(name)
  end
  return nil
end

---@param text string
---@return string? problem
local function check_first_line(text)
  if text:sub(1, #M.MAGIC) ~= M.MAGIC then return "this is no saved conversation" end
  if text:sub(1, #FIRST_LINE) == FIRST_LINE then return nil end
  local version = text:match("^(%d+)\n", #M.MAGIC + 1)
  if not version then return "the first line is damaged" end
  return ("this is version %s, and this library reads version %s"):format(version, VERSION)
end

---@param text string
---@param at integer first byte of the last section
---@param hash string
---@param after integer
---@return string? problem
local function check_end(text, at, hash, after)
  if after ~= #text + 1 then return ("something follows the end, at byte %d"):format(after - 1) end
  if hash ~= core.sha256(text:sub(1, at - 1)) then return "the checksum does not match" end
  return nil
end

--- Takes a text apart and checks that it is whole. What the sections hold is for the
--- conversation to judge.
---@param text string
---@return claude.Saved? saved
---@return string? problem
function M.read(text)
  local problem = check_first_line(text)
  if problem then return nil, problem end
  local saved = M.empty()
  local at = #FIRST_LINE + 1
  while true do
    local name, about, bytes, after = M.read_section(text, at)
    if not name then return nil, ("damaged or cut off at byte %d"):format(at - 1) end
    if name == "sha256" then
      problem = check_end(text, at, bytes, after)
      break
    end
    problem = M.take(saved, name, about, bytes)
    if problem then return nil, ("%s, at byte %d"):format(problem, at - 1) end
    at = after
  end
  if not problem and not saved.state then problem = "section state is missing" end
  if problem then return nil, problem end
  return saved
end

local ZERO_BYTE = "the path holds a zero byte"

--- Writes a file so that a reader finds the old text or the new one, whole: first to
--- a file beside it, then in its place. A file that was there keeps its mode, a new one
--- is its owner's alone.
---@param path string
---@param text string
---@return true? ok
---@return string? problem
function M.write_file(path, text)
  if path:find("%z") then return nil, ZERO_BYTE end
  return core.replace_file(path, text)
end

---@param path string
---@return string? text
---@return string? problem
function M.read_file(path)
  -- The system would open what stands before it.
  if path:find("%z") then return nil, ZERO_BYTE end
  local text, problem = core.read_file(path)
  if not text then return nil, ("%s: %s"):format(path, problem) end
  return text
end

return M
