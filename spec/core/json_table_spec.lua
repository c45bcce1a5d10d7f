-- The table of what is JSON, through everything that reads JSON here, and back.
local core = require("claude.core")
local strict_json = require("spec.cuts.strict_json")
local table_of = require("spec.core.json_table")

-- All that read a whole text.
local READERS = {
  { "core.decode", core.decode },
  { "core.decode_ordered", core.decode_ordered },
  { "core.raw", core.raw },
}

local function name_of(case)
  local shown = case[2]:gsub("[%c\127-\255]", ".")
  if #shown > 30 then shown = shown:sub(1, 27) .. "..." end
  return ("%s: %s"):format(case[1], shown)
end

local function check_readers(case, is_accepted)
  for _, reader in ipairs(READERS) do
    local value, problem = reader[2](case[2])
    assert.equal(is_accepted, value ~= nil, reader[1])
    if not is_accepted then assert.is_string(problem, reader[1]) end
  end
end

-- What is written of what was read; and the same once more.
local function check_written(case, expected)
  local written = core.encode(core.decode(case[2]))
  assert.equal(expected, written)
  assert.equal(expected, core.encode(core.decode(written)))
  assert.equal(case[2], tostring(core.raw(case[2])))
end

describe("JSON that is accepted:", function()
  for _, case in ipairs(table_of.accepted) do
    it(name_of(case), function()
      check_readers(case, true)
      check_written(case, case[3] or case[2])
    end)
  end
end)

describe("what is no JSON, and is refused:", function()
  for _, case in ipairs(table_of.refused) do
    it(name_of(case), function() check_readers(case, false) end)
  end
end)

describe("JSON that RFC 8259 leaves open:", function()
  for _, case in ipairs(table_of.chosen) do
    it(name_of(case), function()
      check_readers(case, case[3] ~= false)
      if case[3] then check_written(case, case[3]) end
    end)
  end
end)

describe("the second reader that `make cuts` judges with", function()
  it("accepts and refuses the same, but for how deep it goes", function()
    for kind, cases in pairs(table_of) do
      for _, case in ipairs(cases) do
        local deep = case[1]:find("are read", 1, true) ~= nil
        local accepted = kind == "accepted" or case[3] ~= nil and case[3] ~= false
        if not deep then assert.equal(accepted, strict_json.read(case[2]) ~= nil, name_of(case)) end
      end
    end
  end)
end)
