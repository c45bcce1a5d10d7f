local claude = require("claude")
local core = require("claude.core")
local errors = require("claude.errors")
local result = require("claude.tool_loop.result")

local CALL = { id = "toolu_1", name = "lookup" }

local function success(value)
  local warnings = {}
  local block, failed = result.success(
    CALL,
    value,
    function(code, text) warnings[#warnings + 1] = code .. ": " .. text end
  )
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
  local function failure(err)
    local block = assert(core.decode(result.failure(CALL, err, function() end)))
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
