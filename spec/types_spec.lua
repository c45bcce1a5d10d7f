--- Whether lua/claude/types.lua names everything that users can call.
local child = require "spec.support.child"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local types = read "lua/claude/types.lua"

-- "Stream:next" and "claude.new", and bare names, as types.lua declares them.
local declared, names = {}, {}
for owner, mark, name in types:gmatch "\nfunction ([%w_]+)([.:])([%w_]+)%(" do
  declared[owner .. mark .. name] = true
  names[name] = true
end
for name in types:gmatch "%-%-%-@field ([%w_]+)" do
  names[name] = true
end

--- Methods that a file defines on its classes: global names of the language
--- and what is marked as internal left out.
local function methods_of(path)
  local found, internal = {}, false
  for line in io.lines(path) do
    if line:find "^%-%-%-@private" or line:find "^%-%-%-@package" then internal = true end
    local owner, name = line:match "^function (%u[%w_]+)[.:]([%w_]+)%("
    if owner and not internal and name:sub(1, 1) ~= "_" then
      found[#found + 1] = owner .. ":" .. name
    end
    if not line:find "^%-%-" then internal = false end
  end
  return found
end

-- The files whose classes users hold in their hands.
local PUBLIC = {
  "batch_results",
  "batches",
  "client",
  "conversation",
  "content",
  "download",
  "errors",
  "file_api",
  "mcp",
  "message",
  "messages",
  "model_api",
  "nvim/init",
  "pages",
  "response",
  "stream",
  "tasks",
  "tool_loop",
}

describe("types.lua", function()
  for _, name in ipairs(PUBLIC) do
    it("declares every method of " .. name .. ".lua", function()
      local missing = {}
      for _, method in ipairs(methods_of("lua/claude/" .. name .. ".lua")) do
        local plain = method:match ":(.*)"
        if not (declared[method] or method:find "^M:" and names[plain]) then
          missing[#missing + 1] = method
        end
      end
      assert.equal("", table.concat(missing, " "))
    end)
  end

  it("declares everything that the module claude has", function()
    local missing = {}
    for name in
      read("lua/claude/init.lua"):match("\nlocal PARTS = {(.-)\n}"):gmatch "\n  ([%w_]+) ="
    do
      if not names[name] then missing[#missing + 1] = name end
    end
    assert.equal("", table.concat(missing, " "))
  end)

  -- The options that a file knows, by the table in which it keeps them.
  local OPTIONS = {
    {
      "claude.ClientOptions",
      "lua/claude/client_options.lua",
      "\nlocal TYPES = {(.-)\n}",
      "\n  ([%w_]+) =",
    },
    {
      "claude.CallOptions",
      "lua/claude/wire.lua",
      "\nlocal OPTION_TYPES = {(.-)\n}",
      "\n  ([%w_]+) =",
    },
    {
      "claude.UploadOptions",
      "lua/claude/upload.lua",
      "\nlocal OPTIONS = {(.-)\n}",
      "\n  ([%w_]+) =",
    },
    { "claude.Limits", "lua/claude/transport/limits.lua", "\nM.DEFAULTS = {(.-)}", "([%w_]+) =" },
    {
      "claude.RunOptions",
      "lua/claude/tool_loop/options.lua",
      "\nlocal OPTIONS = {(.-)\n}",
      "\n  ([%w_]+) =",
    },
    {
      "claude.mcp.Options",
      "lua/claude/mcp/options.lua",
      "\nlocal TYPES = {(.-)\n}",
      "\n  ([%w_]+) =",
    },
    {
      "claude.nvim.Options",
      "lua/claude/nvim/options.lua",
      "\nlocal TYPES = {(.-)\n}",
      "\n  ([%w_]+) =",
    },
    {
      "claude.simulator.Options",
      "lua/claude/simulator/init.lua",
      "KNOWN = {}.-%[%[(.-)%]%]",
      "%S+",
    },
  }
  for _, case in ipairs(OPTIONS) do
    it("declares every option of " .. case[1], function()
      local fields = {}
      local class = (types .. read(case[2])):match(
        "\n%-%-%-@class " .. case[1] .. "[^\n]*\n(.-)\n\n"
      )
      for name in class:gmatch "%-%-%-@field ([%w_]+)" do
        fields[name] = true
      end
      local missing, count = {}, 0
      for name in read(case[2]):match(case[3]):gmatch(case[4]) do
        count = count + 1
        if not fields[name] then missing[#missing + 1] = name end
      end
      assert.is_true(count > 2)
      assert.equal("", table.concat(missing, " "))
    end)
  end

  it("declares every function and method of the C modules", function()
    local missing = {}
    for path in child.run("find csrc/bind -name '*.c'").out:gmatch "[^\n]+" do
      local source = read(path)
      local function check(name)
        if name:sub(1, 2) ~= "__" and not names[name] then
          missing[#missing + 1] = path .. ":" .. name
        end
      end
      for name in source:gmatch '{%s*"([%w_]+)",%s*[%w_]+%s*}' do
        check(name)
      end
      for name in source:gmatch 'setfield%(L, %-[23], "([%w_]+)"%);%s*\n}' do
        check(name)
      end
    end
    assert.equal("", table.concat(missing, " "))
  end)

  it("declares nothing that is not there", function()
    local sources =
      child.run "cat $(find lua csrc -name '*.lua' -o -name '*.c' | grep -v types.lua)".out
    local missing = {}
    for name in pairs(names) do
      if not sources:find("%f[%w_]" .. name .. "%f[^%w_]") then missing[#missing + 1] = name end
    end
    assert.equal("", table.concat(missing, " "))
  end)

  it(
    "is Lua",
    function() assert.equal(0, child.run(child.lua .. " lua/claude/types.lua").status) end
  )
end)
