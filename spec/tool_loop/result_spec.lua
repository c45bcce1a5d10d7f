local claude = require("claude")
local core = require("claude.core")
local errors = require("claude.errors")
local result = require("claude.tool_loop.result")

local CALL = { id = "toolu_1", name = "lookup" }

local function silent() end

local function success(value, more)
  local warnings = {}
  local rules = {
    warn = function(code, text) warnings[#warnings + 1] = code .. ": " .. text end,
  }
  for name, rule in pairs(more or {}) do
    rules[name] = rule
  end
  local block, failed = result.success(CALL, value, rules)
  local decoded = assert(core.decode(block))
  assert.equal("tool_result", decoded.type)
  assert.equal("toolu_1", decoded.tool_use_id)
  return decoded.content, failed, warnings, block
end

describe("what a tool returns", function()
  it("is a text as it is", function() assert.equal("a\n\0b", (success("a\n\0b"))) end)

  it("is no content for nothing and for an empty text", function()
    assert.is_nil((success(nil)))
    assert.is_nil((success("")))
  end)

  it("is a number in its shortest form", function()
    assert.equal("5", (success(5)))
    assert.equal("0.1", (success(0.1)))
    assert.equal("1000000", (success(1e6)))
    assert.truthy((success(0 / 0)):find("nan"))
    assert.truthy((success(1 / 0)):find("inf"))
  end)

  it("is true or false", function()
    assert.equal("true", (success(true)))
    assert.equal("false", (success(false)))
  end)

  it("is a table as JSON, keys sorted", function()
    assert.equal('{"a":[1,2],"b":{"c":"d"}}', (success({ b = { c = "d" }, a = { 1, 2 } })))
    assert.equal("{}", (success({})))
    assert.equal("[]", (success(claude.array({}))))
    assert.equal('{"z":1,"a":2}', (success(claude.object({ { "z", 1 }, { "a", 2 } }))))
    assert.equal('{"n": 1.0}', (success(claude.json('{"n": 1.0}'))))
    assert.equal("null", (success(claude.null)))
  end)

  it("is blocks for claude.content, without empty texts", function()
    local image = { type = "image", source = { type = "file", file_id = "f" } }
    local content = success(claude.content({ "one", "", image }))
    assert.same({ { type = "text", text = "one" }, image }, content)
    assert.is_nil((success(claude.content({}))))
  end)

  it("has U+FFFD for what is not UTF-8, with a warning", function()
    local content, failed, warnings = success("a\255b")
    assert.equal("a\239\191\189b", content)
    assert.is_false(failed)
    assert.truthy(warnings[1]:find("result of lookup: 1 places are not UTF-8", 1, true))
    content, failed, warnings = success({ text = "a\255b", list = { "\192" } })
    assert.equal('{"list":["\239\191\189"],"text":"a\239\191\189b"}', content)
    assert.is_false(failed)
    assert.equal(1, #warnings)
    content, failed, warnings = success(claude.content({ "a\255b" }))
    assert.is_false(failed)
    assert.equal("a\239\191\189b", content[1].text)
    assert.equal(1, #warnings)
  end)

  it("is an error, naming the path, when JSON has no form for it", function()
    local cycle = {}
    cycle.me = cycle
    for _, value in ipairs({ { f = print }, cycle, { 1, nil, 3, x = 1 }, print }) do
      local content, failed = success(value)
      assert.is_true(failed)
      assert.truthy(content:find("Error: the tool's result cannot be written", 1, true), content)
    end
    assert.truthy((success({ list = { print } })):find("list[1]", 1, true))
  end)
end)

describe("what a tool raises", function()
  local function failure(err, rules)
    local block = assert(core.decode(result.failure(CALL, err, rules or { warn = silent })))
    assert.is_true(block.is_error)
    return block.content
  end

  it(
    "is told with Error before it",
    function() assert.equal("Error: no city", failure("no city")) end
  )

  it("is text for any value", function()
    assert.equal("Error: from a field", failure({ message = "from a field" }))
    local err = errors.new({ kind = "network", message = "refused" })
    assert.equal("Error: network: refused", failure(err))
    assert.equal("Error: nil", failure(nil))
    local broken = setmetatable({}, { __tostring = function() error("no") end })
    assert.equal("Error: an error of type table", failure(broken))
  end)

  it(
    "may be content with blocks",
    function() assert.equal("look", failure(claude.content({ "look" }))[1].text) end
  )

  it(
    "has U+FFFD for what is not UTF-8",
    function() assert.equal("Error: \239\191\189", failure("\255")) end
  )
end)

describe("a result that is too large", function()
  local LEFT_OUT = "Error: the tool ran, but its result was left out: %s;"
    .. " ask for less of it, such as a part or a summary"
  local BYTES = "%s, and one result may have at most %d"

  local function assert_left_out(size, limit, value, rules)
    local content, failed, warnings = success(value, rules)
    assert.is_true(failed)
    assert.equal(LEFT_OUT:format(BYTES:format(size, limit)), content)
    assert.equal(1, #warnings)
    assert.matches("^tool_result_size: result of lookup: the tool ran", warnings[1])
  end

  it("is an error that says how large it was, and how large it may be", function()
    assert_left_out("1048577 bytes", 1048576, ("x"):rep(1024 * 1024 + 1))
    assert_left_out("11 bytes", 10, "hello world", { max_bytes = 10 })
    assert.equal("hello worl", (success("hello worl", { max_bytes = 10 })))
    assert.equal(2e6, #success(("x"):rep(2e6), { max_bytes = false }))
  end)

  it("is as well a table whose JSON is, and a list of texts", function()
    assert_left_out(
      "more than 20 bytes",
      20,
      { list = { 1, 2, 3, 4, 5, 6, 7 } },
      { max_bytes = 20 }
    )
    assert_left_out(
      "86 bytes of text",
      60,
      claude.content({ ("x"):rep(20), ("y"):rep(13) }),
      { max_bytes = 60 }
    )
  end)

  it("may be a small table that holds another many times", function()
    local value = { "x" }
    for _ = 1, 60 do
      value = { value, value }
    end
    assert_left_out("more than 1048576 bytes", 1048576, value)
  end)

  it("is one whose image or document goes beyond what all results may have", function()
    local image = {
      type = "image",
      source = { type = "base64", media_type = "image/png", data = ("A"):rep(2000) },
    }
    local rules = { max_bytes = 200, max_turn_bytes = 3000 }
    assert.equal("image", success(claude.content({ image }), rules)[1].type)
    rules.taken = 1500
    local content, failed = success(claude.content({ image }), rules)
    assert.is_true(failed)
    local size = "more than 1500 bytes, and the results of a turn may have at most 3000 together"
    assert.equal(LEFT_OUT:format(size), content)
    rules.taken = 10000
    content, failed = success("short", rules)
    assert.is_true(failed)
    size = "7 bytes, and the results of a turn may have at most 3000 together"
    assert.equal(LEFT_OUT:format(size), content)
  end)

  it("keeps of an error its beginning, whole characters, and says so", function()
    local function failure(err, most)
      local rules = { warn = silent, max_bytes = most }
      return core.decode(result.failure(CALL, err, rules)).content
    end
    local long = ("x"):rep(2000)
    local beginning = "Error: " .. long:sub(1, 1493)
    assert.equal(beginning .. "… (2007 bytes in all)", failure(long, 1500))
    assert.equal(
      beginning:sub(1, -3) .. "… (2007 bytes in all)",
      failure(long:sub(1, 1491) .. "äö" .. long:sub(1496), 1499)
    )
    assert.equal("Error: " .. long, failure(long, 2007))
  end)
end)

describe("whatever a tool makes", function()
  local function assert_valid(value)
    local _, _, _, block = success(value)
    assert(core.raw(block), block)
    assert.is_nil(block:find("[%z\1-\31]"), block)
    assert.is_nil(block:find("\\u[dD][89a-fA-F]"), block)
    assert.equal(0, select(2, core.utf8_scrub(block)))
    block = result.failure(CALL, value, { warn = silent })
    assert(core.raw(block), block)
    assert.equal(0, select(2, core.utf8_scrub(block)))
  end

  it("goes out as valid JSON and UTF-8", function()
    local surrogate, overlong = "\237\160\128", "\192\128"
    for _, text in ipairs({
      "\0",
      "\1\27[31m\127",
      surrogate,
      overlong,
      "\255\254",
      "\244\144\128\128",
      "a\r\n",
    }) do
      assert_valid(text)
      assert_valid({ text, key = nil })
      assert_valid({ [text] = { text } })
      assert_valid(claude.content({ text, "and" }))
    end
    for _, number in ipairs({ 1e308, -1e308, 2 ^ 63, -2 ^ 63, 1 / 0, -1 / 0, 0 / 0, 5e-324 }) do
      assert_valid(number)
      assert_valid({ number })
    end
    for _, value in ipairs({
      print,
      coroutine.create(function() end),
      io.stdout,
      setmetatable({}, { __index = error }),
    }) do
      assert_valid(value)
      assert_valid({ value })
    end
  end)

  it("may be nested as deep as it likes", function()
    local value = {}
    for _ = 1, 100000 do
      value = { value }
    end
    assert_valid(value)
    assert_valid({ "\255", value })
    local content, failed = success(value)
    assert.is_true(failed)
    assert.matches("nested deeper than 1024 levels$", content)
  end)
end)

describe("an error of a tool", function()
  local KEY = "sk-ant-api03-the-key-of-this-client"
  local client = claude.new({ api_key = KEY, headers = { ["x-gate"] = 'open "sesame" now' } })
  local rules = { warn = silent, scrub = client.credentials.scrub }

  local function told(err, most)
    rules.max_bytes = most
    return result.failure(CALL, err, rules)
  end

  it("tells the model no secret of the client", function()
    for _, err in ipairs({
      "401 for " .. KEY,
      { message = "x-api-key: " .. KEY },
      setmetatable({}, { __tostring = function() return "Headers " .. KEY end }),
      claude.content({ "the header was", KEY }),
      'gate {"x-gate":"open \\"sesame\\" now"}',
    }) do
      local block = told(err)
      assert.is_nil(block:find("the-key-of", 1, true), block)
      assert.is_nil(block:find("sesame", 1, true), block)
      assert.truthy(block:find("[redacted]", 1, true), block)
    end
  end)

  it("tells no part of one that stands where it is cut", function()
    local before = ("refused: "):rep(110)
    for most = #before, #before + #KEY + 20 do
      local block = told(before .. KEY .. " is no key", most)
      assert.is_nil(block:find("the-key-of", 1, true), block)
    end
  end)

  it("is cut in time, whatever bytes it is made of", function()
    local began = os.clock()
    local block = told(("\191"):rep(200000), 150000)
    assert.is_true(os.clock() - began < 20)
    assert.matches("200007 bytes in all", block)
  end)

  it("tells no part of one that is nearer to the beginning once others are gone", function()
    local gate = 'open "sesame" now'
    for shift = 1, #gate + 1 do
      local block = told(("x"):rep(shift) .. (gate .. "\n"):rep(2000), 20000)
      assert.is_nil(block:find("open", 1, true), block:sub(-100))
    end
  end)
end)
