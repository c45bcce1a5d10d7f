local core = require("claude.core")

-- The same numbers on every Lua version.
local function generator(seed)
  local state = seed
  return function(limit)
    state = (state * 16807) % 2147483647
    return state % limit + 1
  end
end

local PIECES = { "a", "\n", '"', "\\", "/", "\0", "\31", "é", "日", "😀", "\127", "key", " " }

local function random_text(pick)
  local parts = {}
  for i = 1, pick(6) - 1 do
    parts[i] = PIECES[pick(#PIECES)]
  end
  return table.concat(parts)
end

local function random_number(pick)
  local kinds = {
    function() return pick(1000) - 500 end,
    function() return (pick(2 ^ 30) - 2 ^ 29) / pick(1000) end,
    function() return pick(2 ^ 30) * 10 ^ (pick(580) - 300) end,
    function() return 2 ^ (pick(2000) - 1000) end,
    function() return pick(2 ^ 30) * 2 ^ 22 + pick(2 ^ 22) end,
  }
  return kinds[pick(#kinds)]()
end

local random_value

local function random_table(pick, depth)
  local value = {}
  if pick(2) == 1 then
    for i = 1, pick(5) - 1 do
      value[i] = random_value(pick, depth - 1)
    end
    return core.array(value)
  end
  for _ = 1, pick(5) - 1 do
    value[random_text(pick)] = random_value(pick, depth - 1)
  end
  return core.object(value)
end

function random_value(pick, depth)
  local kind = pick(depth > 0 and 6 or 4)
  if kind == 1 then return random_text(pick) end
  if kind == 2 then return random_number(pick) end
  if kind == 3 then return pick(2) == 1 end
  if kind == 4 then return core.raw(tostring(pick(1000000))) end
  return random_table(pick, depth)
end

describe("core.encode and core.decode", function()
  it("give a value back as what it was, and the same text again", function()
    for seed = 1, 400 do
      local value = random_value(generator(seed), 4)
      local text = assert(core.encode(value))
      local again, message = core.decode(text)
      assert.is_nil(message)
      assert.equal(text, core.encode(again), "seed " .. seed)
    end
  end)

  it("give every number back exactly", function()
    local pick = generator(7)
    for _ = 1, 3000 do
      local number = random_number(pick)
      local text = assert(core.encode(number))
      assert.equal(number, (core.decode(text)), text)
    end
  end)

  it("give every cut of a text a partial value, the same as the text completed", function()
    local pick = generator(11)
    for _ = 1, 40 do
      local text = assert(core.encode({ root = random_value(pick, 3) }))
      for cut = 1, #text do
        local value, message = core.decode_partial(text:sub(1, cut))
        assert.is_table(value, message)
        assert.is_string(core.encode(value))
      end
      assert.equal(text, core.encode(core.decode_partial(text)))
    end
  end)
end)
