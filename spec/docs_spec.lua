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

describe("README.md", function()
  it("begins with an agent in ten lines", function()
    local first = examples_of("README.md")[1].text
    assert.equal(9, select(2, first:gsub("\n", "")))
    assert.truthy(first:find("chat:run()", 1, true))
  end)
end)
