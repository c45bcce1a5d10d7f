local claude = require("claude")
local core = require("claude.core")

local transform = claude.transform_schema

local function string_with(members)
  members.type = "string"
  return members
end

-- What is given, and what becomes of it.
local CASES = {
  {
    "closes objects",
    { type = "object", properties = { a = { type = "object" } } },
    '{"additionalProperties":false,"properties":{"a":{"additionalProperties":false,'
      .. '"properties":{},"type":"object"}},"type":"object"}',
  },
  {
    "closes objects that were open",
    { type = "object", additionalProperties = true, properties = {} },
    '{"additionalProperties":false,"properties":{},"type":"object"}',
  },
  {
    "tells what further properties were to be",
    { type = "object", additionalProperties = { type = "string" } },
    '{"additionalProperties":false,"description":"{additionalProperties: {\\"type\\":'
      .. '\\"string\\"}}","properties":{},"type":"object"}',
  },
  {
    "keeps what is required, also when it is empty",
    { type = "object", properties = { a = { type = "null" } }, required = {} },
    '{"additionalProperties":false,"properties":{"a":{"type":"null"}},"required":[],'
      .. '"type":"object"}',
  },
  {
    "tells limits of numbers in the description",
    { type = "integer", maximum = 5, minimum = 1 },
    '{"description":"{minimum: 1, maximum: 5}","type":"integer"}',
  },
  {
    "tells exclusive limits and multiples",
    { type = "number", exclusiveMaximum = 2.5, exclusiveMinimum = 0, multipleOf = 0.5 },
    '{"description":"{exclusiveMinimum: 0, exclusiveMaximum: 2.5, multipleOf: 0.5}",'
      .. '"type":"number"}',
  },
  {
    "tells lengths and patterns of strings",
    string_with({ maxLength = 9, minLength = 2, pattern = "^a" }),
    '{"description":"{minLength: 2, maxLength: 9, pattern: \\"^a\\"}","type":"string"}',
  },
  {
    "keeps formats that are known",
    string_with({ format = "uri" }),
    '{"format":"uri","type":"string"}',
  },
  {
    "tells formats that are not",
    string_with({ format = "weird", minLength = 1 }),
    '{"description":"{minLength: 1, format: \\"weird\\"}","type":"string"}',
  },
  {
    "tells formats of what is no string",
    { type = "integer", format = "date" },
    '{"description":"{format: \\"date\\"}","type":"integer"}',
  },
  {
    "keeps minItems of 0 and 1",
    { type = "array", items = { type = "string" }, minItems = 1 },
    '{"items":{"type":"string"},"minItems":1,"type":"array"}',
  },
  {
    "tells other limits of arrays",
    { type = "array", minItems = 3, maxItems = 5, uniqueItems = true },
    '{"description":"{uniqueItems: true, maxItems: 5, minItems: 3}","type":"array"}',
  },
  {
    "transforms items",
    { type = "array", items = { type = "integer", minimum = 2 } },
    '{"items":{"description":"{minimum: 2}","type":"integer"},"type":"array"}',
  },
  {
    "adds to a description that is there",
    string_with({ description = "A name.", minLength = 2 }),
    '{"description":"A name.\\n\\n{minLength: 2}","type":"string"}',
  },
  {
    "replaces an empty description",
    { type = "integer", description = "", minimum = 1 },
    '{"description":"{minimum: 1}","type":"integer"}',
  },
  {
    "keeps descriptions and titles",
    { type = "boolean", description = "D", title = "T" },
    '{"description":"D","title":"T","type":"boolean"}',
  },
  {
    "tells defaults, examples and what nobody knows, by their names",
    { type = "number", examples = { 1 }, default = 2, ["x-unit"] = "m" },
    '{"description":"{default: 2, examples: [1], x-unit: \\"m\\"}","type":"number"}',
  },
  {
    "drops $schema, wherever it stands",
    {
      type = "object",
      ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
      properties = { a = string_with({ ["$schema"] = "x" }) },
    },
    '{"additionalProperties":false,"properties":{"a":{"type":"string"}},"type":"object"}',
  },
  {
    "makes anyOf of oneOf",
    { oneOf = { string_with({ minLength = 1 }), { type = "null" } }, description = "D" },
    '{"anyOf":[{"description":"{minLength: 1}","type":"string"},{"type":"null"}],'
      .. '"description":"D"}',
  },
  {
    "tells oneOf beside anyOf",
    { oneOf = { { type = "null" } }, anyOf = { { type = "string" } } },
    '{"anyOf":[{"type":"string"}],"description":"{oneOf: [{\\"type\\":\\"null\\"}]}"}',
  },
  {
    "transforms allOf",
    { allOf = { { type = "object" }, { ["$ref"] = "#/$defs/A" } } },
    '{"allOf":[{"additionalProperties":false,"properties":{},"type":"object"},'
      .. '{"$ref":"#/$defs/A"}]}',
  },
  {
    "keeps enum, which says the type",
    string_with({ enum = { "x", "y" }, minLength = 1 }),
    '{"description":"{minLength: 1}","enum":["x","y"]}',
  },
  { "keeps const, null too", { const = claude.null }, '{"const":null}' },
  {
    "tells an enum of objects",
    { type = "object", enum = { { a = 1 } } },
    '{"additionalProperties":false,"description":"{enum: [{\\"a\\":1}]}","properties":{},'
      .. '"type":"object"}',
  },
  {
    "keeps a list of types",
    { type = { "string", "null" }, maxLength = 3, format = "date" },
    '{"description":"{maxLength: 3}","format":"date","type":["string","null"]}',
  },
  {
    "closes an object that may be null, and keeps its properties",
    { type = { "object", "null" }, properties = { a = string_with({ minLength = 1 }) } },
    '{"additionalProperties":false,"properties":{"a":{"description":"{minLength: 1}",'
      .. '"type":"string"}},"type":["object","null"]}',
  },
  {
    "keeps the items of an array that may be null",
    { type = { "array", "null" }, items = { type = "integer", minimum = 0 }, minItems = 1 },
    '{"items":{"description":"{minimum: 0}","type":"integer"},"minItems":1,'
      .. '"type":["array","null"]}',
  },
  {
    "keeps a reference alone",
    { ["$ref"] = "#/$defs/A", description = "D" },
    '{"$ref":"#/$defs/A"}',
  },
  {
    "transforms definitions, and keeps them beside a reference",
    { ["$ref"] = "#/$defs/A", ["$defs"] = { A = { type = "object" } } },
    '{"$defs":{"A":{"additionalProperties":false,"properties":{},"type":"object"}},'
      .. '"$ref":"#/$defs/A"}',
  },
  {
    "transforms definitions under their older name",
    { type = "null", definitions = { A = { type = "object" } } },
    '{"definitions":{"A":{"additionalProperties":false,"properties":{},"type":"object"}},'
      .. '"type":"null"}',
  },
}

-- The same, given in an order.
local ORDERED = {
  {
    "keeps the order of properties, and of what it tells",
    '{"type":"object","properties":{"z":{"type":"string","pattern":"a","minLength":1},'
      .. '"a":{"type":"integer"}},"title":"T"}',
    '{"type":"object","properties":{"z":{"type":"string","description":"{pattern: \\"a\\",'
      .. ' minLength: 1}"},"a":{"type":"integer"}},"title":"T","additionalProperties":false}',
  },
  {
    "closes where the schema says so already",
    '{"additionalProperties":true,"type":"object","description":"D","maxProperties":2}',
    '{"additionalProperties":false,"type":"object","description":"D\\n\\n{maxProperties: 2}",'
      .. '"properties":{}}',
  },
  {
    "puts anyOf last where it was oneOf",
    '{"oneOf":[{"type":"null"}]}',
    '{"anyOf":[{"type":"null"}]}',
  },
  { "keeps numbers exact", '{"const":12345678901234567890}', '{"const":12345678901234567890}' },
}

local WRONG = {
  {
    "a schema without a type",
    { properties = {} },
    "^claude.transform_schema: a schema needs a type",
  },
  {
    "one deep inside, with its place",
    { type = "array", items = { anyOf = { { type = "object", properties = { x = {} } } } } },
    "items.anyOf[1].properties.x: a schema needs a type",
  },
  {
    "a boolean for a schema",
    { type = "object", properties = { x = true } },
    "properties.x: a schema must be a table, not a boolean",
  },
  { "a list for a schema", { { type = "string" } }, "a schema must have names, and is a list" },
  { "what is no table", "string", "a schema must be a table, not a string" },
  { "anyOf that is no list", { anyOf = true }, "anyOf: must be a list of schemas" },
  {
    "a description that is no text",
    { type = "null", description = {} },
    "description: must be a string",
  },
  {
    "what cannot be written as JSON",
    { type = "null", default = print },
    "default: a function cannot be written as JSON",
  },
}

describe("claude.transform_schema", function()
  for _, case in ipairs(CASES) do
    it(case[1], function() assert.equal(case[3], core.encode(transform(case[2]), {})) end)
  end

  for _, case in ipairs(ORDERED) do
    it("of a schema in an order " .. case[1], function()
      assert.equal(case[3], core.encode(transform(claude.json(case[2]))))
      assert.equal(case[3], core.encode(transform(core.decode_ordered(case[2]))))
    end)
  end

  for _, case in ipairs(WRONG) do
    it("refuses " .. case[1], function()
      local ok, raised = pcall(function() return (transform(case[2])) end)
      assert.is_false(ok)
      assert.matches("^spec/schema_transform_spec.lua:%d+: ", raised)
      assert.truthy(raised:find(case[3]:gsub("^%^", ""), 1, true), raised)
    end)
  end

  it("refuses a schema that contains itself", function()
    local schema = { type = "array" }
    schema.items = schema
    local ok, raised = pcall(transform, schema)
    assert.is_false(ok)
    assert.matches("contains itself", raised)
  end)

  it("changes nothing of what it is given", function()
    local schema = { type = "object", properties = { a = string_with({ minLength = 1 }) } }
    local before = core.encode(schema)
    transform(schema)
    assert.equal(before, core.encode(schema))
  end)

  it("changes nothing more the second time", function()
    for _, case in ipairs(CASES) do
      local once = transform(case[2])
      assert.equal(core.encode(once), core.encode(transform(once)), case[1])
    end
  end)
end)
