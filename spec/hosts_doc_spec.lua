--- Runs every example of doc/hosts.md as a program of its own, against a simulator.
local child = require("spec.support.child")
local servers = require("spec.support.servers")

local PAGE = "doc/hosts.md"

local function examples()
  local found, lines, number, from = {}, nil, 0, nil
  for line in io.lines(PAGE) do
    number = number + 1
    if line == "```lua" then
      lines, from = {}, number
    elseif line == "```" and lines then
      found[#found + 1] = { line = from, text = table.concat(lines, "\n") .. "\n" }
      lines = nil
    elseif lines then
      lines[#lines + 1] = line
    end
  end
  return found
end

local function links()
  local found = {}
  for line in io.lines(PAGE) do
    for target in line:gmatch("%]%(([^)#]+)") do
      found[#found + 1] = target
    end
  end
  return found
end

describe(PAGE, function()
  local sim
  setup(function() sim = servers.simulator() end)
  teardown(function() sim:stop() end)

  local function run(text)
    local path = child.temporary()
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
    local form = "ANTHROPIC_BASE_URL=%s ANTHROPIC_API_KEY=simulated timeout 30 %s %s"
    local result = child.run(form:format(sim.url, child.lua, path))
    os.remove(path)
    return result
  end

  it("links to files that are there", function()
    for _, target in ipairs(links()) do
      assert.truthy(io.open("doc/" .. target), target)
    end
  end)

  for _, example in ipairs(examples()) do
    it("has a program at line " .. example.line .. " that answers and ends", function()
      if example.text:find("cqueues") and not pcall(require, "cqueues") then return end
      local result = run(example.text)
      assert.same({ 0, "" }, { result.status, result.err })
      if example.text:find("127", 1, true) then assert.matches("49403", result.out) end
      for n = 2, example.text:find("* 100", 1, true) and 4 or 1 do
        assert.matches(("= %d00"):format(n), result.out)
      end
    end)
  end
end)
