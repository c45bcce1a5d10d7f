local core = require("claude.core")

local SALT = "saltsalt"

-- A journal whose records were each synced before the next, or, with `synced`, as it says.
local function journal(payloads, synced)
  local bytes, mark = core.journal_first(SALT), 0
  for i, payload in ipairs(payloads) do
    local known = synced and synced[i] or #bytes
    local head, behind = core.journal_head(SALT, #bytes, known, 2, payload, mark)
    bytes, mark = bytes .. head .. payload, behind
  end
  return bytes, mark
end

local function payloads_of(records)
  local list = {}
  for i, record in ipairs(records) do
    list[i] = record.payload
  end
  return list
end

local function flipped(bytes, at)
  local byte = bytes:byte(at)
  return bytes:sub(1, at - 1) .. string.char((byte + 1) % 256) .. bytes:sub(at + 1)
end

describe("the form of a journal", function()
  it(
    "begins with a line that people can read",
    function() assert.equal("lua-claude journal 1 73616c7473616c74\n", core.journal_first(SALT)) end
  )

  it("gives back every record, with its kind and its place", function()
    local bytes, mark = journal({ "one", "", ("x"):rep(100000) })
    local records, info = core.journal_read(bytes)
    assert.same({ "one", "", ("x"):rep(100000) }, payloads_of(records))
    assert.same({ kept = #bytes, torn = false, mark = mark, salt = SALT }, info)
    assert.equal(38, records[1].offset)
    assert.equal(2, records[1].kind)
  end)

  it("reads of any beginning of a file the records that are whole", function()
    local payloads = { "one", "two two", "three three three" }
    local bytes, ends = journal(payloads), {}
    for i = 1, #payloads do
      local some = {}
      for k = 1, i do
        some[k] = payloads[k]
      end
      ends[i] = #journal(some)
    end
    for length = 0, #bytes do
      local expected, kept = {}, length >= 38 and 38 or 0
      for i, last in ipairs(ends) do
        if last <= length then
          expected[i], kept = payloads[i], last
        end
      end
      local records, info = core.journal_read(bytes:sub(1, length))
      assert.same(expected, payloads_of(records), length)
      assert.same({ kept, kept < length }, { info.kept, info.torn }, length)
    end
  end)

  it("says where it is damaged when what follows says that it was whole", function()
    local bytes = journal({ "one", "two", "three" })
    for at = 39, 38 + 48 + 3 do
      local records, text, offset = core.journal_read(flipped(bytes, at))
      assert.is_nil(records)
      assert.equal(38, offset)
      assert.truthy(text:find("damaged", 1, true), text)
    end
  end)

  it("takes for torn what nothing says was ever synced, holes in front of it included", function()
    local bytes = journal({ "one", "two", "three" }, { 38, 38, 38 })
    local second = 38 + 48 + 3
    local hole = ("\0"):rep(48 + 3)
    local holed = bytes:sub(1, second) .. hole .. bytes:sub(second + #hole + 1)
    assert.equal(#bytes, #holed)
    local records, info = core.journal_read(holed)
    assert.same({ "one" }, payloads_of(records))
    assert.same({ second, true }, { info.kept, info.torn })
  end)

  it("takes no record that was written elsewhere, or for another file", function()
    local bytes = journal({ "one" })
    local record = bytes:sub(39)
    local records, info = core.journal_read(bytes .. record)
    assert.same({ "one" }, payloads_of(records))
    assert.is_true(info.torn)
    local other = core.journal_first("SALTSALT") .. record
    records, info = core.journal_read(other)
    assert.same({}, records)
    assert.same({ 38, true }, { info.kept, info.torn })
  end)

  it("takes no record that was written behind another than the one that is there", function()
    local bytes = journal({ "one", "two", "three" }, { 38, 38, 38 })
    -- The second was torn and cut off with what followed; another has taken its place.
    local anew = journal({ "one", "TWO" }, { 38, 38 })
    local records, info = core.journal_read(anew .. bytes:sub(#anew + 1))
    assert.same({ "one", "TWO" }, payloads_of(records))
    assert.same({ #anew, true }, { info.kept, info.torn })
  end)

  it("refuses what is no journal, and versions that it does not know", function()
    local _, text = core.journal_read("Dear diary, today I wrote a parser.\n")
    assert.equal("the file is no journal", text)
    _, text = core.journal_read("lua-claude journal 2 73616c7473616c74\n")
    assert.equal("the journal is of another version than this library knows", text)
    _, text = core.journal_read("lua-claude conversation 1\nparam model 3\n")
    assert.equal("the file is no journal", text)
  end)

  it("begins anew where the first line was never written", function()
    for _, bytes in ipairs({ "", "lua-claude jour", ("\0"):rep(38), ("\0"):rep(20) }) do
      local records, info = core.journal_read(bytes)
      assert.same({}, records)
      assert.same({ kept = 0, torn = bytes ~= "", mark = 0 }, info)
    end
  end)

  it("keeps a file whose first line is damaged and whose records say that it was there", function()
    local bytes = journal({ "one", "two" })
    local _, text, offset = core.journal_read(("\0"):rep(38) .. bytes:sub(39))
    assert.equal(0, offset)
    assert.truthy(text:find("damaged", 1, true), text)
    _, text = core.journal_read("X" .. bytes:sub(2))
    assert.truthy(text:find("damaged", 1, true), text)
  end)

  it("answers in bounded time for a file made of heads that each claim all that follows", function()
    local pieces, length = { core.journal_first(SALT), "damage" }, 44
    for i = 1, 4000 do
      local head = core.journal_head(SALT, length, 0, 2, "", 0)
      local left = (4000 - i) * 48
      local claim =
        string.char(left % 256, math.floor(left / 256) % 256, math.floor(left / 65536), 0)
      pieces[#pieces + 1] = head:sub(1, 4) .. claim .. head:sub(9)
      length = length + 48
    end
    local started = os.clock()
    core.journal_read(table.concat(pieces))
    assert.is_true(os.clock() - started < 20)
  end)
end)
