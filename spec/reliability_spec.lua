-- What doc/reliability.md says can be run, and what it counts.
local table_of = require("spec.core.json_table")

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local DOC = read("doc/reliability.md")

local function fuzz_targets()
  local names = {}
  for path in io.popen("ls spec/fuzz/*_fuzz.c"):lines() do
    names[#names + 1] = path:match("([%w_]+)_fuzz%.c$")
  end
  return names
end

describe("doc/reliability.md", function()
  it("names only commands that make knows", function()
    local makefile = read("Makefile")
    local count = 0
    for target in DOC:gmatch("\n    [%w_= ]-make ([%w-]+)") do
      count = count + 1
      assert.truthy(makefile:find("\n" .. target:gsub("%-", "%%-") .. ":"), target)
    end
    assert.truthy(count > 0)
  end)

  it("has a row for every fuzz target, which has a corpus and a dictionary", function()
    for _, name in ipairs(fuzz_targets()) do
      assert.truthy(DOC:find("\n| `" .. name .. "` |", 1, true), name)
      assert.truthy(#read("spec/fuzz/" .. name .. ".dict") > 0, name)
      assert.is_string(io.popen("ls spec/fuzz/corpus/" .. name):read("*l"), name)
    end
  end)

  it("counts the corpus", function()
    local files, bytes = 0, 0
    for path in io.popen("find spec/fuzz/corpus -type f"):lines() do
      files, bytes = files + 1, bytes + #read(path)
    end
    local told = ("%d files, %.0f kB"):format(files, bytes / 1000)
    assert.truthy(DOC:find(told, 1, true), told)
  end)

  it("counts the scenarios in which memory fails", function()
    local words = {
      core = "%d go through the Lua classes of the core",
      net = "%d through those of libcurl, pollers",
      library = "%d are what\nusers write",
      journals = "%d are conversations with a\njournal",
    }
    for file, form in pairs(words) do
      local count = 0
      for _ in pairs(dofile(("spec/alloc/%s.lua"):format(file))) do
        count = count + 1
      end
      if rawget(_G, "jit") and file == "library" then count = count + 1 end -- one is for other Luas
      assert.truthy(DOC:find(form:format(count), 1, true), form:format(count))
    end
  end)

  it("counts the texts of the JSON table", function()
    local counts = { #table_of.accepted, #table_of.refused, #table_of.chosen }
    local told = { DOC:match("A table of (%d+) texts.-(%d+) that are JSON, (%d+) that are not") }
    assert.same({ counts[1] + counts[2] + counts[3], counts[1], counts[2] }, {
      tonumber(told[1]),
      tonumber(told[2]),
      tonumber(told[3]),
    })
    assert.truthy(DOC:find(counts[3] .. " that\nRFC 8259 leaves open", 1, true))
  end)
end)
