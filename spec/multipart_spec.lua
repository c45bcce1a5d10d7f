local core = require("claude.core")
local multipart = require("claude.multipart")
local parser = require("claude.simulator.multipart")

describe("multipart", function()
  local function parse(fields)
    local body, content_type = multipart.body(fields)
    return assert(parser.parse(body:tostring(), assert(parser.boundary(content_type))))
  end

  it("writes the fields in order, each with its head", function()
    local body, content_type, offsets = multipart.body({
      { name = "file", value = "abc", filename = "a.txt", content_type = "text/plain" },
      { name = "expires_in_seconds", value = "3600" },
    })
    local mark = content_type:match("^multipart/form%-data; boundary=(lua%-claude%-%x+)$")
    local text = body:tostring()
    assert.equal(
      table.concat({
        "--" .. mark,
        'Content-Disposition: form-data; name="file"; filename="a.txt"',
        "Content-Type: text/plain",
        "",
        "abc",
        "--" .. mark,
        'Content-Disposition: form-data; name="expires_in_seconds"',
        "",
        "3600",
        "--" .. mark .. "--",
        "",
      }, "\r\n"),
      text
    )
    assert.equal("abc", text:sub(offsets[1] + 1, offsets[1] + 3))
    assert.equal("3600", text:sub(offsets[2] + 1, offsets[2] + 4))
  end)

  it("carries any bytes", function()
    local bytes = "\0\r\n--\r\n\255--lua-claude-\r\n\r\n"
    assert.equal(bytes, parse({ { name = "file", value = bytes, filename = "x" } }).file.value)
    assert.equal("", parse({ { name = "file", value = "", filename = "x" } }).file.value)
  end)

  it("escapes in names what would end them", function()
    local body = multipart.body({ { name = "file", value = "", filename = 'a "q" é\r\nX: y' } })
    local text = body:tostring()
    assert.truthy(text:find('filename="a %22q%22 é%0D%0AX: y"', 1, true), text)
    assert.equal(
      'a "q" é\r\nX: y',
      parse({ { name = "file", value = "", filename = 'a "q" é\r\nX: y' } }).file.filename
    )
  end)

  it("has another boundary each time, which nobody can guess", function()
    local seen = {}
    for _ = 1, 50 do
      local _, content_type = multipart.body({ { name = "a", value = "b" } })
      assert.is_nil(seen[content_type])
      seen[content_type] = true
    end
  end)

  it("does not read a file before it is sent", function()
    local path = os.tmpname()
    local file = assert(core.open_file(path)) -- empty
    assert.equal("", parse({ { name = "file", value = file, filename = "x" } }).file.value)
    file:close()
    os.remove(path)
  end)
end)

describe("the simulator's reading of forms", function()
  local refused = {
    { "a body that begins otherwise", "x--b\r\n" },
    { "a part without an end", '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue' },
    { "a part without a name", "--b\r\nContent-Type: text/plain\r\n\r\nvalue\r\n--b--\r\n" },
    {
      "a part that is an attachment",
      '--b\r\nContent-Disposition: attachment; name="a"\r\n\r\n\r\n--b--',
    },
    { "a body without an end", '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n--b' },
    {
      "a field that comes twice",
      ('--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n'):rep(2) .. "--b--\r\n",
    },
  }
  for _, case in ipairs(refused) do
    it("refuses " .. case[1], function()
      local fields, problem = parser.parse(case[2], "b")
      assert.is_nil(fields)
      assert.is_string(problem)
    end)
  end

  it("knows a boundary from other headers", function()
    assert.equal("b", parser.boundary("multipart/form-data; boundary=b"))
    assert.equal("a b", parser.boundary('Multipart/Form-Data; charset=x; boundary="a b"'))
    assert.is_nil(parser.boundary("application/json"))
    assert.is_nil(parser.boundary("multipart/form-data"))
    assert.is_nil(parser.boundary(nil))
  end)
end)
