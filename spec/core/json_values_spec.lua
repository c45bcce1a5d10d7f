local core = require("claude.core")

--- Runs `check` while package.loaded has `library` under `name`.
local function with_loaded(name, library, check)
  local before = package.loaded[name]
  package.loaded[name] = library
  local ok, problem = pcall(check)
  package.loaded[name] = before
  if not ok then error(problem, 0) end
end

describe("core.array", function()
  it("marks a table so that it is an array also when empty", function()
    assert.equal('{"a":[]}', core.encode({ a = core.array() }))
    assert.equal("[]", core.encode(core.array({})))
    local list = { 1 }
    assert.equal(list, core.array(list))
    assert.equal("[1]", core.encode(list))
    list[2] = 2
    assert.equal("[1,2]", core.encode(list))
  end)

  it("does not hide what is no element", function()
    local _, message = core.encode(core.array({ x = 1 }))
    assert.equal("x: a key beside elements", message)
    assert.is_nil((core.encode(core.array({ 1, nil, 3 }))))
  end)

  it("refuses what is no table, and one with a metatable of its own", function()
    assert.has_error(function() core.array("x") end)
    assert.has_error(function() core.array(setmetatable({}, {})) end)
  end)

  it("can be taken back by core.object and the other way", function()
    local value = core.object({})
    assert.equal("[]", core.encode(core.array(value)))
    assert.equal("{}", core.encode(core.object(value)))
  end)
end)

describe("core.object", function()
  it("writes pairs in their order", function()
    local value =
      core.object({ { "reasoning", { type = "string" } }, { "answer", core.null }, { "", 0 } })
    assert.equal('{"reasoning":{"type":"string"},"answer":null,"":0}', core.encode(value))
  end)

  it("marks a table with keys, or an empty one", function()
    assert.equal('{"a":1,"b":2}', core.encode(core.object({ b = 2, a = 1 })))
    assert.equal("{}", core.encode(core.object()))
  end)

  it("refuses what is no pair", function()
    assert.has_error(
      function() core.object({ { "a", 1 }, { "b" } }) end,
      "element 2 of an object must be a { key, value } pair"
    )
    assert.has_error(function() core.object({ { 1, 2 } }) end)
    assert.has_error(function() core.object({ "a" }) end)
    local value = core.object({ { "a", 1 } })
    value[2] = { "b" }
    local _, message = core.encode({ x = value })
    assert.equal("x: element 2 of an object is no { key, value } pair", message)
  end)

  it("refuses the same key twice", function()
    local _, message, path =
      core.encode({ o = core.object({ { "a", 1 }, { "b", 2 }, { "a", 3 } }) })
    assert.equal("o.a: the same key twice", message)
    assert.equal("o.a", path)
  end)

  it("refuses elements beside keys", function()
    local value = core.object({ a = 1 })
    value[1] = 2
    assert.is_nil((core.encode(value)))
  end)
end)

describe("core.raw", function()
  it("goes out as it is", function()
    local text = ' {"b" : 1.0, "a":[ ]}'
    assert.equal("[" .. text .. "]", core.encode({ core.raw(text) }))
    assert.equal(text, tostring(core.raw(text)))
  end)

  it("refuses what is not JSON, by position", function()
    local value, message, position = core.raw('{"a":}')
    assert.is_nil(value)
    assert.equal("invalid JSON at byte 6: a value was expected", message)
    assert.equal(6, position)
    assert.is_nil((core.raw('"\255"')))
    assert.is_nil((core.raw("")))
    assert.has_error(function() core.raw({}) end)
  end)

  it("is equal to the same text", function()
    assert.is_true(core.raw("12") == core.raw("12"))
    assert.is_false(core.raw("12") == core.raw("13"))
  end)

  it("can be told from all other values", function()
    assert.is_true(core.is_raw(core.raw("1")))
    assert.is_false(core.is_raw(io.stdout))
    assert.is_false(core.is_raw(core.null))
    assert.is_false(core.is_raw("1"))
    assert.is_false(core.is_raw(nil))
  end)
end)

describe("values of other libraries", function()
  it("are lua-cjson's null and metatables", function()
    local empty_array = assert(io.tmpfile())
    local cjson = {
      null = core.null,
      empty_array = empty_array,
      array_mt = {},
      empty_array_mt = {},
    }
    for _, name in ipairs({ "cjson", "cjson.safe" }) do
      with_loaded(
        name,
        cjson,
        function()
          assert.equal(
            '{"a":null,"b":[],"c":[],"d":[1]}',
            core.encode({
              a = cjson.null,
              b = empty_array,
              c = setmetatable({}, cjson.empty_array_mt),
              d = setmetatable({ 1 }, cjson.array_mt),
            })
          )
        end
      )
    end
    empty_array:close()
  end)

  it("are those of the real lua-cjson", function()
    local cjson = require("cjson")
    assert.equal(core.null, cjson.null)
    assert.equal("[null]", core.encode({ cjson.null }))
  end)

  it("are Neovim's, found as a loaded module or as a global", function()
    local null = assert(io.tmpfile())
    local vim = { NIL = null, _empty_dict_mt = {} }
    local value = { a = null, b = setmetatable({}, vim._empty_dict_mt) }
    assert.is_nil((core.encode(value)))
    with_loaded("vim", vim, function() assert.equal('{"a":null,"b":{}}', core.encode(value)) end)
    local global = rawget(_G, "vim")
    rawset(_G, "vim", vim)
    local text = core.encode(value)
    rawset(_G, "vim", global)
    assert.equal('{"a":null,"b":{}}', text)
    null:close()
  end)

  it("are tables whose metatable says __jsontype", function()
    assert.equal("[]", core.encode(setmetatable({}, { __jsontype = "array" })))
    assert.equal("{}", core.encode(setmetatable({}, { __jsontype = "object" })))
  end)

  it("are not looked for by loading anything", function()
    local loaded = package.loaded["cjson"]
    package.loaded["cjson"] = nil
    core.encode({ setmetatable({}, {}), core.null, { core.array() } })
    local after = package.loaded["cjson"]
    package.loaded["cjson"] = loaded
    assert.is_nil(after)
  end)
end)

describe("core.utf8_valid", function()
  it("says where text stops being UTF-8", function()
    assert.is_true(core.utf8_valid("plain, é, 日本, 😀"))
    assert.is_true(core.utf8_valid(""))
    assert.same({ false, 3 }, { core.utf8_valid("ab\255") })
    assert.same({ false, 1 }, { core.utf8_valid("\237\160\128") })
    assert.same({ false, 21 }, { core.utf8_valid(("x"):rep(20) .. "\226\130") })
  end)
end)

describe("core.utf8_scrub", function()
  it("gives valid text back as it is", function()
    assert.same({ "é", 0 }, { core.utf8_scrub("é") })
    assert.same({ "", 0 }, { core.utf8_scrub("") })
  end)

  it("puts U+FFFD for each invalid part and counts them", function()
    assert.same({ "a\239\191\189b", 1 }, { core.utf8_scrub("a\255b") })
    assert.same({ "\239\191\189\239\191\189", 2 }, { core.utf8_scrub("\192\175") })
    assert.same({ "\239\191\189", 1 }, { core.utf8_scrub("\240\159\152") })
  end)
end)
