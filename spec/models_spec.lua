local models = require("claude.models")

describe("models", function()
  it("knows a model by its alias, dated id and -latest", function()
    local alias = models.capabilities("claude-sonnet-4-5")
    assert.equal(64000, alias.max_tokens)
    assert.equal(alias, models.capabilities("claude-sonnet-4-5-20250929"))
    assert.equal(alias, models.capabilities("claude-sonnet-4-5-latest"))
  end)

  it("knows the first dated ids of a generation, which had no zero", function()
    assert.equal("claude-sonnet-4-0", models.capabilities("claude-sonnet-4-20250514").id)
    assert.equal(32000, models.capabilities("claude-opus-4-20250514").max_tokens)
  end)

  it("knows the names other platforms give a model", function()
    local id = "claude-sonnet-4-5"
    assert.equal(id, models.capabilities("anthropic.claude-sonnet-4-5-20250929-v1:0").id)
    assert.equal(id, models.capabilities("us.anthropic.claude-sonnet-4-5-20250929-v1:0").id)
    assert.equal(id, models.capabilities("claude-sonnet-4-5@20250929").id)
  end)

  it("does not take a newer model for the one whose name it starts with", function()
    assert.equal("claude-opus-5-5", models.capabilities("claude-opus-5-5").id)
    assert.is_nil(models.capabilities("claude-opus-5-9"))
    assert.is_nil(models.capabilities("claude-opus-5-5-turbo"))
  end)

  it("knows nothing about an unknown model or a name that is no string", function()
    assert.is_nil(models.capabilities("my-own-model"))
    assert.is_nil(models.capabilities(nil))
    assert.is_nil(models.capabilities({}))
  end)

  it("lists thinking types per model", function()
    local function types(name) return models.names(models.capabilities(name).thinking) end
    assert.same({ "adaptive", "disabled", "enabled" }, types("claude-sonnet-4-6"))
    assert.same({ "adaptive", "between_tools" }, types("claude-sonnet-5-5"))
    assert.same({ "adaptive" }, types("claude-opus-5-5"))
    assert.same({ "disabled", "enabled" }, types("claude-haiku-4-5"))
  end)

  it("gives each known model limits, a way of thinking and its own name", function()
    for _, name in ipairs(models.known()) do
      local model = models.capabilities(name)
      assert.equal(name, model.id)
      assert.is_number(model.max_tokens, name)
      assert.is_number(model.context, name)
      assert.is_string(model.thinks, name)
      assert.is_table(model.thinking, name)
    end
  end)

  describe("with what the API told", function()
    local info = {
      id = "claude-sonnet-4-6",
      max_tokens = 200000,
      max_input_tokens = 2000000,
      capabilities = {
        thinking = { types = { enabled = { supported = false }, newest = { supported = true } } },
        effort = { supported = true, low = { supported = true }, max = { supported = false } },
      },
    }

    it("puts it before the built-in table", function()
      local model = models.capabilities(info.id, { [info.id] = info })
      assert.equal(200000, model.max_tokens)
      assert.equal(2000000, model.context)
      assert.same({ "adaptive", "disabled", "newest" }, models.names(model.thinking))
      assert.same({ low = true, max = false }, model.efforts)
      assert.equal("messages", model.thinking_loses)
    end)

    it("leaves the built-in table as it was", function()
      models.capabilities(info.id, { [info.id] = info })
      assert.equal(128000, models.capabilities(info.id).max_tokens)
      assert.is_true(models.capabilities(info.id).thinking.enabled)
    end)

    it("knows a model that the table does not", function()
      local fresh = {
        id = "claude-next",
        max_tokens = 5,
        capabilities = { effort = {
          supported = false,
        } },
      }
      local model = models.capabilities("claude-next", { ["claude-next"] = fresh })
      assert.equal(5, model.max_tokens)
      assert.is_false(model.efforts)
      assert.same({}, model.thinking)
    end)

    it("stands a model object without capabilities", function()
      local model = models.capabilities("x", { x = { id = "x" } })
      assert.equal("x", model.id)
      assert.is_nil(model.max_tokens)
    end)
  end)
end)
