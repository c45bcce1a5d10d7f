local core = require("claude.core")

local user = { role = "user", content = "Hi" }
local assistant = { role = "assistant", content = "Hello" }

describe("core.is_text", function()
  it(
    "is true of a text of the user's or the assistant's, whatever else is in the message",
    function()
      assert.is_true(core.is_text(user))
      assert.is_true(core.is_text(assistant))
      assert.is_true(core.is_text({ role = "user", content = " \0 x", name = "else" }))
      assert.is_true(core.is_text({ role = "user", content = "\0" }))
      assert.is_true(core.is_text({ role = "assistant", content = " " }))
    end
  )

  it("is false of a text of which something is wrong", function()
    for _, text in ipairs({ "", " ", " \t\n\v\f\r" }) do
      assert.is_false(core.is_text({ role = "user", content = text }), text)
    end
    assert.is_false(core.is_text({ role = "assistant", content = "" }))
    for _, role in ipairs({ "", "system", "User", "users", "user\0" }) do
      assert.is_false(core.is_text({ role = role, content = "Hi" }), role)
    end
  end)

  it("is false of what is more than a text, or none", function()
    local others = {
      false,
      1,
      "Hi",
      core.null,
      {},
      { role = "user" },
      { content = "Hi" },
      { role = 1, content = "Hi" },
      { role = "user", content = 1 },
      { role = "user", content = { { type = "text", text = "Hi" } } },
      { role = "user", content = "Hi", "Hi" },
      setmetatable({ role = "user", content = "Hi" }, {}),
      core.object({ { "role", "user" }, { "content", "Hi" } }),
      core.raw('{"role":"user","content":"Hi"}'),
    }
    for i, other in ipairs(others) do
      assert.is_false(core.is_text(other), tostring(i))
    end
    assert.has_error(function() core.is_text() end)
  end)
end)

describe("core.are_texts", function()
  it("is true of a list of nothing else", function()
    assert.is_true(core.are_texts({ user }))
    assert.is_true(core.are_texts({ user, assistant, user }))
  end)

  it("is false of a list with something else in it, wherever that stands", function()
    for place = 1, 3 do
      local list = { user, assistant, user }
      list[place] = { role = "user", content = "" }
      assert.is_false(core.are_texts(list))
    end
  end)

  it("is false of what is no plain list of messages, or has none", function()
    local others = {
      false,
      "Hi",
      {},
      user,
      { user, x = user },
      { [2] = user },
      { user, nil, user },
      { user, [1.5] = user },
      setmetatable({ user }, {}),
      core.array({ user }),
      core.raw("[]"),
    }
    for i, other in ipairs(others) do
      assert.is_false(core.are_texts(other), tostring(i))
    end
    assert.has_error(function() core.are_texts() end)
  end)
end)
