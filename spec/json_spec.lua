local json = require("claude.json")

describe("json", function()
  it(
    "decodes objects, arrays, strings and numbers",
    function() assert.same({ a = { 1, "two", true } }, json.decode('{"a":[1,"two",true]}')) end
  )

  it(
    "leaves null members out, at every depth",
    function()
      assert.same({ error = { type = "x" } }, json.decode('{"error":{"type":"x","details":null}}'))
    end
  )

  it("gives integers for integral numbers, as far as doubles are exact", function()
    local value = json.decode('{"a":12,"b":[3.0,-0.5],"c":1e300,"d":9007199254740993}')
    assert.same({ a = 12, b = { 3, -0.5 }, c = 1e300, d = 2 ^ 53 }, value)
    assert.equal("12", tostring(value.a))
    assert.equal("3", tostring(value.b[1]))
    assert.equal("7", tostring(json.decode("7")))
  end)

  it("gives nil and a reason for what is not JSON", function()
    local value, problem = json.decode("<html>502 Bad Gateway</html>")
    assert.is_nil(value)
    assert.is_string(problem)
    assert.is_nil((json.decode("")))
  end)

  it("is not reached by the settings of other users of cjson", function()
    local cjson = require("cjson")
    cjson.decode_max_depth(1)
    local value = json.decode('{"a":{"b":{"c":1}}}')
    cjson.decode_max_depth(1000)
    assert.same({ a = { b = { c = 1 } } }, value)
  end)

  describe("in Neovim", function()
    local saved, loaded
    before_each(function()
      saved, loaded = rawget(_G, "vim"), package.loaded["claude.json"]
      package.loaded["claude.json"] = nil
    end)
    after_each(function()
      rawset(_G, "vim", saved)
      package.loaded["claude.json"] = loaded
    end)

    it("uses vim.json, and its null", function()
      local null = {}
      local seen
      rawset(_G, "vim", {
        NIL = null,
        json = {
          decode = function(text)
            seen = text
            return { a = 1, b = null }
          end,
        },
      })
      assert.same({ a = 1 }, require("claude.json").decode("text"))
      assert.equal("text", seen)
    end)
  end)
end)
