--- Runs every Lua example of the documentation, in order, against the
--- simulator. What an example calls `local` at its left margin is there for
--- the examples below it, as a reader of the page would expect.
local compile = require "spec.support.chunk"
local simulator = require "claude.simulator"

local function links_of(path)
  local links = {}
  for line in io.lines(path) do
    for target in line:gmatch "%]%(([^)#]+)" do
      if not target:find "^https?:" then links[#links + 1] = target end
    end
  end
  return links
end

local function examples_of(path)
  local examples, lines, number, from = {}, nil, 0, nil
  for line in io.lines(path) do
    number = number + 1
    if line == "```lua" then
      lines, from = {}, number
    elseif line == "```" and lines then
      examples[#examples + 1] = { line = from, text = table.concat(lines, "\n") }
      lines = nil
    elseif lines then
      lines[#lines + 1] = line
    end
  end
  return examples
end

--- Top-level locals become fields of the environment that a page's examples
--- share; a bare `local a, b` list works the same way.
local function shared(text)
  text = ("\n" .. text):gsub("\nlocal ([%w_, ]+=)", "\n%1")
  return (text:gsub("\nlocal (function [%w_]+%()", "\n%1"))
end

local PAGES = {
  "README.md",
  "doc/caching.md",
  "doc/durable.md",
  "doc/endpoints.md",
  "doc/files.md",
  "doc/errors.md",
  "doc/loading.md",
  "doc/mcp.md",
  "doc/middleware.md",
  "doc/servers.md",
  "doc/simulator.md",
  "doc/structured-output.md",
  "doc/tasks.md",
  "doc/thinking.md",
  "doc/tools.md",
  "doc/values.md",
}

for _, page in ipairs(PAGES) do
  describe(page, function()
    local sim, printed, environment

    -- busted has no place for work around a whole page but these two.
    setup(function()
      sim = simulator.start {}
      printed = {}
      local function record(...)
        for i = 1, select("#", ...) do
          printed[#printed + 1] = tostring((select(i, ...)))
        end
      end
      local claude = setmetatable({
        new = function(options)
          options = options or { base_url = sim.url, api_key = "simulated" }
          options.on_warning = function() end
          return require("claude").new(options)
        end,
      }, { __index = require "claude" })
      environment = setmetatable({
        print = record,
        io = setmetatable({ write = record }, { __index = io }),
        require = function(name) return name == "claude" and claude or require(name) end,
      }, { __index = _G })
    end)
    teardown(function() sim:close() end)

    it("links to files that are there", function()
      for _, target in ipairs(links_of(page)) do
        assert.truthy(io.open(page:gsub("[^/]*$", "") .. target), target)
      end
    end)

    for _, example in ipairs(examples_of(page)) do
      it("has an example at line " .. example.line .. " that runs", function()
        local before = #printed + #sim.requests
        compile(shared(example.text), "@" .. page .. ":" .. example.line, environment)()
        -- Only the lines that set up a client say and send nothing.
        if not example.text:find("claude.new()", 1, true) or #example.text > 200 then
          assert.is_true(#printed + #sim.requests > before)
        end
      end)
    end
  end)
end

describe("doc/deviations.md", function()
  local sections = {}
  for line in io.lines "doc/deviations.md" do
    local title = line:match "^## (.*)"
    if title then sections[#sections + 1] = { title = title, text = "" } end
    local section = sections[#sections]
    if section then section.text = section.text .. line .. "\n" end
  end

  for _, section in ipairs(sections) do
    it("names the specs that show: " .. section.title, function()
      assert.truthy(section.text:find "`spec/")
      for path in section.text:gmatch "`(spec/[%w_/]+%.lua)`" do
        assert.truthy(io.open(path), path)
      end
    end)
  end
end)

-- These are read by specs of their own, or have no examples.
local ELSEWHERE = {
  ["doc/deviations.md"] = true,
  ["doc/faults.md"] = true,
  ["doc/hosts.md"] = true,
  ["doc/imperfect-replies.md"] = true,
  ["doc/nginx.md"] = true,
  ["doc/performance.md"] = true,
  ["doc/reliability.md"] = true,
}

describe("every option", function()
  local function options_of(path, class)
    local names, found = {}, false
    for line in io.lines(path) do
      local name = line:match "^%-%-%-@field ([%w_]+)"
      if line:find "^%-%-%-@class" then found = line:match "^%-%-%-@class ([%w_.]+)" == class end
      if found and name then names[#names + 1] = name end
    end
    return names
  end

  local text = ""
  for page in io.popen("ls README.md doc/*.md"):lines() do
    text = text .. assert(io.open(page)):read "*a"
  end

  for class, path in pairs {
    ["claude.ClientOptions"] = "lua/claude/types.lua",
    ["claude.CallOptions"] = "lua/claude/types.lua",
    ["claude.RunOptions"] = "lua/claude/types.lua",
    ["claude.Limits"] = "lua/claude/types.lua",
    ["claude.MemoryOptions"] = "lua/claude/types.lua",
    ["claude.UploadOptions"] = "lua/claude/types.lua",
    ["claude.mcp.Options"] = "lua/claude/types.lua",
    ["claude.simulator.Options"] = "lua/claude/simulator/init.lua",
  } do
    it("of " .. class .. " is told in the documentation", function()
      local names = options_of(path, class)
      assert.truthy(#names > 0)
      for _, name in ipairs(names) do
        local is_told = text:find("`" .. name .. "%f[^%w_]")
          or text:find("%f[%w_]" .. name .. " = ")
        assert.truthy(is_told, name)
      end
    end)
  end
end)

describe("every page of the documentation", function()
  it("is run by a spec, and is named in README.md", function()
    local is_run = {}
    for _, page in ipairs(PAGES) do
      is_run[page] = true
    end
    local readme = assert(io.open "README.md"):read "*a"
    for page in io.popen("ls doc/*.md"):lines() do
      assert.truthy(is_run[page] or ELSEWHERE[page], page)
      assert.truthy(readme:find(page, 1, true), page)
    end
  end)
end)

describe("README.md", function()
  it("begins with an agent in ten lines", function()
    local first = examples_of("README.md")[1].text
    assert.equal(9, select(2, first:gsub("\n", "")))
    assert.truthy(first:find("chat:run()", 1, true))
  end)
end)
