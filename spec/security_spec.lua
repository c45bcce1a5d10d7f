--- SECURITY.md says what the sources say: every limit with its value, every limit there is, and
--- only commands and specs that exist.
local child = require("spec.support.child")

local function read(path)
  local file = assert(io.open(path, "rb"), path)
  local text = file:read("*a")
  file:close()
  return text
end

local TEXT = read("SECURITY.md")

local UNITS = { KiB = 1024, MiB = 1024 ^ 2, GiB = 1024 ^ 3, MB = 1e6, s = 1, [""] = 1 }

---@return { what: string, value: number, file: string, name: string }[]
local function rows()
  local list = {}
  for line in TEXT:gmatch("[^\n]+") do
    local what, default, file, name =
      line:match("^| (.-) | ([%d.]+ ?%a*) | .- | `([%w_/.]+%.[%a]+)` ([%w_.]+) |$")
    if what then
      local number, unit = default:match("^([%d.]+) ?(%a*)$")
      local value = tonumber(number) * assert(UNITS[unit], unit)
      list[#list + 1] = { what = what, value = value, file = file, name = name }
    end
  end
  return list
end

-- "64 * 1024", "2 ^ 30", "((size_t)1 << 30)", "MEGABYTE".
local function evaluated(text)
  text = text:gsub("%(size_t%)", ""):gsub("MEGABYTE", "1048576")
  text = text:gsub("(%d+)%s*<<%s*(%d+)", "%1 * 2 ^ %2")
  return assert((loadstring or load)("return " .. text))() -- luacheck: ignore 113
end

-- What stands between a name and its value, where it is given one.
local FORMS = { "%s*=%s*", "%s+or%s+", "%s+", ",%s*", ",[%u_, ]+=%s*" }

---@param text string behind that
---@return string? expression
local function expression_at(text)
  if text:find("^MEGABYTE") then return "MEGABYTE" end
  return text:match("^%b()") or text:match("^%d[%d%s%*%^%.]*")
end

---@return number?
local function value_in(source, name)
  local pattern = "%f[%w_]" .. name:gsub("%.", "%%.")
  for _, form in ipairs(FORMS) do
    local from = source:match(pattern .. form .. "()")
    local text = from and expression_at(source:sub(from, from + 80))
    if text then return evaluated(text) * (name:find("MEGABYTES") and 1048576 or 1) end
  end
end

-- Names that sound like limits and are none of what comes from outside: sizes of pieces, what
-- is shown to people, what the API itself allows, what stands in for "for ever".
local OTHERS = {
  ["csrc/bind/core/body.c"] = "DEFAULT_PIECE MOST_MARKS",
  ["csrc/bind/core/json_keys.c"] = "LONGEST_KEY MOST_STEPS",
  ["csrc/bind/core/response_reading.c"] = "MOST_IN_A_ROW MOST_JOINED MOST_TO_PASS",
  ["csrc/bind/core/sse.c"] = "DEFAULT_MAX_BYTES",
  ["csrc/core/ahead.c"] = "MOST_DOUBTS",
  ["csrc/core/base.h"] = "CM_ERR_LIMIT",
  ["csrc/core/delta.c"] = "MOST_DIGITS",
  ["csrc/core/delta.h"] = "CM_DELTA_HEAD_MAX",
  ["csrc/core/journal.c"] = "HASHED_AT_MOST",
  ["csrc/core/json_number.c"] = "MOST_DIGITS MOST_EXPONENT MOST_PRECISION",
  ["csrc/core/json_string.c"] = "LONGEST_CHARACTER LONGEST_ESCAPE LONGEST_PIECE",
  ["csrc/core/response_reader.c"] = "MOST_AT_ONCE",
  ["csrc/core/rate_limit.h"] = "CM_RATE_LIMIT_LONGEST",
  ["csrc/core/splice.h"] = "CM_OVERLAY_MAX CM_SPLICE_MAX",
  ["csrc/net/transfer.c"] = "MAX_WHOLE",
  ["csrc/os/tree.c"] = "NAME_LIMIT",
  ["lua/claude/api_error.lua"] = "LONGEST_NUMBER LONGEST_SECRET LONGEST_WAIT MAX_DECODED MAX_SHOWN"
    .. " SPEND_LIMIT_HINT",
  ["lua/claude/batch_requests.lua"] = "LIMITS",
  ["lua/claude/cache/plan.lua"] = "MOST",
  ["lua/claude/check/cache.lua"] = "MOST",
  ["lua/claude/check/media.lua"] = "MOST MOST_OF_SMALL",
  ["lua/claude/command/view.lua"] = "MAX_SHOWN",
  ["lua/claude/doctor/reach.lua"] = "LIMITS",
  ["lua/claude/download.lua"] = "MOST_AT_ONCE",
  ["lua/claude/loop/init.lua"] = "LONGEST",
  ["lua/claude/address.lua"] = "DEFAULT",
  ["lua/claude/batch_wait.lua"] = "LONGEST",
  ["lua/claude/media.lua"] = "LONGEST_NAME MOST_BYTES",
  ["lua/claude/memory_tool.lua"] = "MOST_LINES",
  ["lua/claude/nvim/naming.lua"] = "MOST",
  ["lua/claude/nvim/show.lua"] = "MOST_SHOWN MOST_LINES",
  ["lua/claude/nvim/tools.lua"] = "MOST_FILES",
  ["lua/claude/request.lua"] = "MOST_KEPT",
  ["lua/claude/simulator/batches.lua"] = "DEFAULT_SECONDS MOST",
  ["lua/claude/simulator/diagnosis.lua"] = "MOST",
  ["lua/claude/simulator/files.lua"] = "MOST_CHARACTERS MOST_BYTES LONGEST",
  ["lua/claude/simulator/http.lua"] = "MAX_BODY_OF",
  ["lua/claude/simulator/models.lua"] = "DEFAULTS",
  ["lua/claude/simulator/validate/schemas.lua"] = "DEEPEST",
  ["lua/claude/structured_output.lua"] = "SHOWN",
  ["csrc/core/http_syntax.h"] = "CM_HTTP_MOST_BYTES",
  ["lua/claude/journal/log.lua"] = "LONGEST",
  ["lua/claude/wire.lua"] = "MOST_LISTS",
  ["lua/claude/retry.lua"] = "LONGEST_DELAY",
  ["lua/claude/upload.lua"] = "LONGEST",
  ["lua/claude/tasks/hosted.lua"] = "MOST_SPARE",
  ["lua/claude/tasks/nginx.lua"] = "LONGEST LONGEST_REST",
  ["lua/claude/tool_loop/result.lua"] = "LONGEST_SECRET DEEPEST LEAST_ERROR",
  ["lua/claude/transport/cosocket.lua"] = "MOST",
  ["lua/claude/transport/failures.lua"] = "LIMITS",
  ["lua/claude/transport/limits.lua"] = "DEFAULTS",
}

local SOUNDS = { "MAX", "LIMIT", "DEFAULT", "DEEPEST", "LONGEST", "HIGH_WATER", "MOST", "DEPTH" }

local function sounds_like_a_limit(name)
  for _, part in ipairs(SOUNDS) do
    if name:find(part, 1, true) then return true end
  end
  return false
end

-- Names that are given a value: in Lua at the beginning of a line, in C in enums and defines.
local function names_in(path)
  local names, source = {}, "\n" .. read(path)
  local function add(name)
    if sounds_like_a_limit(name) then names[name] = true end
  end
  if path:find("%.lua$") then
    for list in source:gmatch("\nlocal ([%u_][%u%d_, ]*) = ") do
      list:gsub("[%u%d_]+", add)
    end
    source:gsub("\nM%.([%u_]+) = ", add)
  else
    source:gsub("%f[%w_]([%u][%u%d_]+) = ", add)
    source:gsub("#define ([%u_]+) %(", add)
  end
  return names
end

describe("the limits in SECURITY.md", function()
  local listed = rows()

  it("are many", function() assert.is_true(#listed > 40, tostring(#listed)) end)

  for _, row in ipairs(listed) do
    it(
      ("say what %s says of %s"):format(row.file, row.name),
      function() assert.equal(row.value, value_in(read(row.file), row.name), row.what) end
    )
  end

  it("are all that there are", function()
    local known = {}
    for _, row in ipairs(listed) do
      known[row.file .. " " .. row.name:gsub("^M%.", "")] = true
    end
    for file, names in pairs(OTHERS) do
      names:gsub("%S+", function(name) known[file .. " " .. name] = true end)
    end
    local missing = {}
    local files = child.run("find lua csrc -name '*.lua' -o -name '*.[ch]'").out
    for path in files:gmatch("[^\n]+") do
      for name in pairs(path:find("types%.lua$") and {} or names_in(path)) do
        if not known[path .. " " .. name] then missing[#missing + 1] = path .. " " .. name end
      end
    end
    table.sort(missing)
    assert.same({}, missing)
  end)
end)

describe("what SECURITY.md says is shown", function()
  it("is shown by specs and commands that exist", function()
    local makefile, count = read("Makefile"), 0
    for path in TEXT:gmatch("`(spec/[%w_/]+%.lua)`") do
      read(path)
      count = count + 1
    end
    for target in TEXT:gmatch("`make ([%w-]+)`") do
      assert.truthy(makefile:find("\n## " .. target .. ": ", 1, true), target)
      count = count + 1
    end
    assert.is_true(count > 20)
  end)
end)
