local claude = require("claude")
local core = require("claude.core")
local tools = require("claude.tools")

local SCHEMA = { type = "object", properties = {} }

local function fields(more)
  local tool = { name = "t", description = "d", input_schema = SCHEMA }
  for name, value in pairs(more) do
    tool[name] = value ~= tools and value or nil
  end
  return tool
end

describe("claude.tool", function()
  it("gives the table that goes out, with its function beside it", function()
    local function run() end
    local tool = claude.tool(fields({ run = run }))
    assert.equal(run, tool.run)
    assert.equal(
      '{"description":"d","input_schema":{"properties":{},"type":"object"},"name":"t"}',
      core.encode(tool, { request = true })
    )
  end)

  it("leaves the table it was given alone", function()
    local given = fields({ run = print })
    claude.tool(given)
    assert.equal(print, given.run)
    assert.is_nil(getmetatable(given))
  end)

  it("takes a schema as ordered object or JSON text", function()
    assert(claude.tool(fields({ input_schema = claude.json('{"type":"object"}') })))
    assert(claude.tool(fields({ input_schema = claude.object({ { "type", "object" } }) })))
  end)

  it("takes the API's own tools as they are", function()
    local tool = claude.tool({ type = "bash_20250124", name = "bash", run = print })
    assert.equal(print, tool.run)
    assert(claude.tool({ type = "web_search_20260318", name = "web_search", max_uses = 3 }))
  end)

  local wrong = {
    { "no name", { name = tools }, "tool.name must be a string, not a nil" },
    { "a name with a blank", { name = "my tool" }, 'tool.name "my tool" must be 1 to 64' },
    { "an empty name", { name = "" }, "must be 1 to 64" },
    { "a name of 65 letters", { name = ("x"):rep(65) }, "must be 1 to 64" },
    { "a description that is no text", { description = 1 }, "t: description must be a string" },
    { "no schema", { input_schema = tools }, "t: input_schema must be a JSON schema" },
    { "a schema of another type", { input_schema = { type = "array" } }, 'must be "object"' },
    { "a run that is no function", { run = "f" }, "tool.run must be a function, not a string" },
  }
  for _, case in ipairs(wrong) do
    it("refuses " .. case[1] .. ", at the caller's line", function()
      local made, problem = pcall(function() claude.tool(fields(case[2])) end)
      assert.is_false(made)
      assert.truthy(problem:find(case[3], 1, true), problem)
      assert.truthy(problem:find("tools_spec.lua", 1, true), problem)
    end)
  end

  it("refuses what is no table", function()
    assert.has_error(function() claude.tool("t") end)
  end)
end)

describe("a list of tools", function()
  it("makes tools of plain tables with a function", function()
    local list = tools.list({ fields({ run = print }) }, 1)
    assert.is_true(tools.is(list.list[1]))
    assert.equal(print, tools.find(list, { name = "t" }).run)
  end)

  it("leaves plain tables without a function as they are", function()
    local given = { type = "web_fetch_20260318", name = "web_fetch" }
    assert.equal(given, tools.list({ given }, 1).list[1])
  end)

  it("finds the members of a toolset", function()
    local computer = claude.tool({ type = "computer_toolset_20260801", run = print })
    local list = tools.list({ computer }, 1)
    local call = { name = "screenshot", toolset_name = "computer" }
    assert.equal(computer, tools.find(list, call))
    assert.is_nil(tools.find(list, { name = "screenshot" }))
  end)

  it("refuses two tools of one name", function()
    assert.has_error(function() tools.list({ fields({}), fields({}) }, 1) end)
  end)
end)

describe("claude.content", function()
  local content = require("claude.content")

  it("makes blocks of texts and keeps blocks", function()
    local image = { type = "image", source = { type = "url", url = "https://x" } }
    local made = claude.content({ "Here:", image })
    assert.is_true(content.is(made))
    assert.same({ type = "text", text = "Here:" }, made[1])
    assert.equal(image, made[2])
  end)

  it("takes one text or one block alone", function()
    assert.equal("a", claude.content("a")[1].text)
    assert.equal("b", claude.content({ type = "text", text = "b" })[1].text)
  end)

  it("refuses what is neither", function()
    assert.has_error(function() claude.content({ 1 }) end)
    assert.has_error(function() claude.content({ {} }) end)
    assert.has_error(function() claude.content(nil) end)
  end)
end)
