--- As whom requests go: credentials and headers. Values are looked at and never told,
--- not even a part of one.

local headers = require("claude.headers")

local M = {}

local MISSING_HINT = "export ANTHROPIC_API_KEY, or pass claude.new { api_key = … };"
  .. " lua-claude simulate runs a program without one"
local NGINX_HINT = "; nginx hides the environment from its workers: add the line"
  .. " `env ANTHROPIC_API_KEY;` at the top of nginx.conf"

-- What a value that was pasted or quoted wrongly looks like: pattern, words, what to do.
local FORMS = {
  { "[%z\1-\31\127]", "has a line break or control character in it", "set it again, on one line" },
  { "^[\"']", "has quotation marks around it", "take them out: they are part of the value" },
  { "[\"']$", "has a quotation mark at its end", "take it out: it is part of the value" },
  { "^%u[%u_]+=", "has its variable's name in it", "give the value alone" },
  { "^[Bb]earer ", "begins with the word Bearer", "give the value alone: the word is added" },
  { "%s", "has a blank in it", "set it again: no key has one" },
  { "[\128-\255]", "has characters in it that no key has", "set it again, from where it came" },
}

---@param value string
---@return string? problem
---@return string? hint
local function form_problem(value)
  for _, form in ipairs(FORMS) do
    if value:find(form[1]) then return form[2], form[3] end
  end
  return nil
end

---@param name string
---@return string?
local function from_environment(name)
  local value = os.getenv(name)
  value = value and value:match("^%s*(.-)%s*$")
  return value ~= "" and value or nil
end

-- What is sent to say who asks, in the order that claude.new has.
---@param options claude.ClientOptions
---@return { value: string, source: string, how: string }[]
local function sources(options)
  local list = {}
  local function add(value, source, how)
    value = value and value:match("^%s*(.-)%s*$")
    if value and value ~= "" then
      list[#list + 1] = { value = value, source = source, how = how }
    end
  end
  if options.api_key ~= nil or options.auth_token ~= nil then
    add(options.api_key or nil, "api_key", "x-api-key")
    add(options.auth_token, "auth_token", "a bearer")
  elseif not options.sign then
    add(from_environment("ANTHROPIC_API_KEY"), "ANTHROPIC_API_KEY", "x-api-key")
    add(from_environment("ANTHROPIC_AUTH_TOKEN"), "ANTHROPIC_AUTH_TOKEN", "a bearer")
  end
  return list
end

---@param found claude.Report
---@param first { value: string, source: string, how: string }
---@param second? { source: string }
local function tell_credentials(found, first, second)
  local problem, hint = form_problem(first.value)
  if problem then
    return found:add("credentials", false, ("%s %s"):format(first.source, problem), hint)
  end
  local text = ("%s is set, and sent as %s"):format(first.source, first.how)
  if not second then return found:add("credentials", true, text) end
  text = ("%s; %s is set, too, and is not sent"):format(text, second.source)
  found:add("credentials", nil, text, "unset the one that is not meant")
end

---@param found claude.Report
---@param options claude.ClientOptions
---@param header_list table[]
local function look_at_credentials(found, options, header_list)
  local list = sources(options)
  if list[1] then return tell_credentials(found, list[1], list[2]) end
  local known = headers.credentials({ api_key = options.api_key, headers = header_list })
  if options.sign then
    found:add("credentials", true, "made by sign for each request; the environment's are not sent")
  elseif options.api_key == false then
    found:add("credentials", nil, "none are sent, as api_key = false asks")
  elseif known.present then
    found:add("credentials", true, "in a header of your own")
  else
    local hint = MISSING_HINT .. (rawget(_G, "ngx") and NGINX_HINT or "")
    found:add("credentials", false, "no API key: ANTHROPIC_API_KEY is not set", hint)
  end
end

---@param list table[]
---@return string
local function names_of(list)
  local names = {}
  for _, header in ipairs(list) do
    names[#names + 1] = header[1]
  end
  return table.concat(names, ", ")
end

---@param found claude.Report
---@param options claude.ClientOptions
---@return table[] list
local function look_at_headers(found, options)
  local own = options.headers and headers.from_table(options.headers) or {}
  if own[1] then found:add("headers", true, names_of(own) .. " (headers)") end
  local text = from_environment("ANTHROPIC_CUSTOM_HEADERS")
  if not text then return own end
  local given, problem = headers.parse_lines(text)
  if not given then
    local hint = "write lines of Name: value"
    found:add("headers", false, "ANTHROPIC_CUSTOM_HEADERS " .. problem, hint)
    return own
  end
  found:add("headers", true, names_of(given) .. " (ANTHROPIC_CUSTOM_HEADERS)")
  for _, header in ipairs(own) do
    given[#given + 1] = header
  end
  return given
end

--- Adds what it finds.
---@param found claude.Report
---@param options claude.ClientOptions
function M.look(found, options)
  local header_list = look_at_headers(found, options)
  look_at_credentials(found, options, header_list)
end

return M
