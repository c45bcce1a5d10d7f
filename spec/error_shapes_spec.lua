local json = require("claude.json")
local shapes = require("claude.error_shapes")

describe("error_shapes", function()
  local cases = {
    {
      "the API's own",
      '{"type":"error","error":{"type":"api_error","message":"Oh"},"request_id":"r"}',
      { "Oh", "api_error" },
    },
    {
      "OpenAI's",
      '{"error":{"message":"Oh","type":"invalid_request_error","param":null,"code":"no_model"}}',
      { "Oh", "invalid_request_error", "no_model" },
    },
    {
      "a gateway's in Python, with values that are none",
      '{"error":{"message":"Oh","type":"None","param":"None","code":"400"}}',
      { "Oh" },
    },
    { "a number as its code", '{"error":{"code":500,"message":"Oh"}}', { "Oh" } },
    { "a text as its error", '{"error":"Oh"}', { "Oh" } },
    { "one of OAuth", '{"error":"denied","error_description":"Oh"}', { "Oh", nil, "denied" } },
    { "a framework's detail", '{"detail":"Not Found"}', { "Not Found" } },
    {
      "a framework's list of details",
      '{"detail":[{"loc":["body","messages",0],"msg":"field required","type":"missing"},'
        .. '{"loc":["body"],"msg":"more"}]}',
      { "body.messages.0: field required; body: more" },
    },
    {
      "an error inside a detail",
      '{"detail":{"error":{"type":"overloaded_error","message":"Oh"}}}',
      { "Oh", "overloaded_error" },
    },
    { "a proxy's message", '{"message":"no Route matched"}', { "no Route matched" } },
    {
      "problem details",
      '{"type":"about:blank","title":"Oh","status":403}',
      { "Oh" },
    },
    { "a list of errors", '{"errors":[{"message":"a"},"b"]}', { "a; b" } },
    { "a list around it", '[{"error":{"code":429,"message":"Oh"}}]', { "Oh" } },
    { "an error inside the message", '{"error":{"message":{"detail":"Oh"}}}', { "Oh" } },
  }
  for _, case in ipairs(cases) do
    it(
      "reads " .. case[1],
      function() assert.same(case[3], { shapes.read((json.decode(case[2]))) }) end
    )
  end

  for _, body in ipairs({ "{}", "[]", '"text"', "5", '{"error":{}}', '{"error":null}', "nil" }) do
    it(
      "finds nothing in " .. body,
      function() assert.is_nil((shapes.read((json.decode(body))))) end
    )
  end

  it("tells an error that came with status 200 from other objects", function()
    for body, is in pairs({
      ['{"error":{"message":"Oh"}}'] = true,
      ['{"error":"Oh"}'] = true,
      ['{"type":"error"}'] = true,
      ['{"error":null,"id":"x"}'] = false,
      ['{"content":[],"error":{"message":"Oh"}}'] = false,
      ['{"choices":[]}'] = false,
      ["[]"] = false,
    }) do
      assert.equal(is, shapes.is_error((json.decode(body))), body)
    end
  end)
end)
