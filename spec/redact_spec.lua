local redact = require("claude.redact")

describe("redact", function()
  local secret_names = {
    "authorization",
    "Proxy-Authorization",
    "x-api-key",
    "Api-Key",
    "apikey",
    "cookie",
    "Set-Cookie",
    "x-amz-security-token",
    "x-gateway-secret",
    "access_token",
    "X-Auth",
    "sig",
  }
  local open_names = {
    "request-id",
    "anthropic-ratelimit-tokens-remaining",
    "content-type",
    "retry-after",
    "x-monkey",
    "www-authenticate",
  }

  it("knows a secret by its name", function()
    for _, name in ipairs(secret_names) do
      assert.is_true(redact.is_secret(name), name)
    end
    for _, name in ipairs(open_names) do
      assert.is_false(redact.is_secret(name), name)
    end
  end)

  it("shows of request headers those that are known to be harmless, and no others", function()
    for _, name in ipairs({ "Accept", "anthropic-version", "anthropic-beta", "User-Agent" }) do
      assert.is_true(redact.is_shown(name), name)
    end
    for _, name in ipairs({ "x-api-key", "X-Gate", "anthropic-admin-key" }) do
      assert.is_false(redact.is_shown(name), name)
    end
  end)

  local KNOWN = 'open/sesame+"please"'
  local cases = {
    { "a known secret", KNOWN, "[redacted]" },
    { "one in JSON", [["open/sesame+\"please\""]], '"[redacted]"' },
    { "one in JSON that escapes slashes", [["open\/sesame+\"please\""]], '"[redacted]"' },
    { "one in a URL", "q=open%2Fsesame%2B%22please%22&v=1", "q=[redacted]&v=1" },
    { "one in a URL, in lower case", "open%2fsesame%2b%22please%22", "[redacted]" },
    {
      "one in JSON inside JSON",
      [["{\"k\":\"open/sesame+\\\"please\\\"\"}"]],
      [["{\"k\":\"[redacted]\"}"]],
    },
    { "one in JSON three levels deep", [[open\/sesame+\\\\\\\"please\\\\\\\"]], "[redacted]" },
    {
      "one whose characters are written by number",
      [[\u006fpen\u002Fsesame\\u002b\u0022please\"]],
      "[redacted]",
    },
    {
      "one in a URL in JSON",
      [["q=open%2Fsesame%2B%22please%22\u0026v=1"]],
      [["q=[redacted]\u0026v=1"]],
    },
    { "two in a row", KNOWN .. KNOWN, "[redacted][redacted]" },
    { "one behind a beginning of its own", "open/" .. KNOWN, "open/[redacted]" },
    { "a key of the API", "key sk-ant-api03-abc_DEF-9, yes", "key [redacted], yes" },
    { "a key of another maker", "sk-proj-0123456789abcdefghij", "[redacted]" },
    { "a JWT", "eyJhbGciOi.eyJzdWIiOiIx.c2ln-X_0 end", "[redacted] end" },
    { "an AWS key id", "AKIAIOSFODNN7EXAMPLE", "[redacted]" },
    { "a bearer", "Authorization: Bearer abc123.def", "Authorization: Bearer [redacted]" },
    { "a password in a URL", "https://me:pw@host/x", "https://[redacted]@host/x" },
    {
      "a query's key",
      "/x?api-version=1&api_key=5&sig=q#f",
      "/x?api-version=1&api_key=[redacted]" .. "&sig=[redacted]#f",
    },
    {
      "a member of JSON",
      [[{"x-api-key": "a\"b", "n": 1}]],
      [[{"x-api-key": "[redacted]", "n": 1}]],
    },
    {
      "one in JSON inside JSON",
      [["{\"token\":\"a\",\"n\":1}"]],
      [["{\"token\":\"[redacted]\",\"n\":1}"]],
    },
    { "one that was cut", [[{"authorization_token":"abc]], '{"authorization_token":"[redacted]' },
  }
  for _, case in ipairs(cases) do
    it(
      "takes out " .. case[1],
      function() assert.equal(case[3], redact.text(case[2], { KNOWN })) end
    )
  end

  local harmless = {
    "Bearer authentication is required",
    "Basic authentication failed",
    "sk-learn and task-force-one",
    '{"max_tokens":1000,"usage":{"input_tokens":"5"}}',
    '{"type":"thinking","signature":"EqQBCkYIBRgCKkA"}',
    "/v1/models?limit=20&after_id=claude-opus-5",
    "req_011CSHoEeqs5C35K2UUqR7Fy",
  }
  for _, text in ipairs(harmless) do
    it("leaves alone " .. text, function() assert.equal(text, redact.text(text, { KNOWN })) end)
  end

  it("takes out a secret with backslashes, however often it was escaped", function()
    local secret = [[pass\\word\with"quotes]]
    local text = secret
    for _ = 1, 4 do
      assert.equal("<[redacted]>", redact.text("<" .. text .. ">", { secret }))
      text = text:gsub('[\\"]', "\\%0")
    end
    assert.equal([[pass\word]], redact.text([[pass\word]], { secret }))
  end)

  it("takes out every secret of any printable characters in any spelling", function()
    local dice = require("spec.support.dice").new(7)
    local spellings = {
      function(char) return char end,
      function(char) return ("%%%02X"):format(char:byte()) end,
      function(char) return ("%%%02x"):format(char:byte()) end,
      function(char) return ("\\u%04x"):format(char:byte()) end,
      function(char) return char:find('[\\"/]') and "\\" .. char or char end,
      function(char) return char:find('[\\"]') and "\\\\\\" .. char or char end,
    }
    for _ = 1, 300 do
      local secret = {}
      for i = 1, 9 + dice:number(30) do
        secret[i] = string.char(32 + dice:number(94))
      end
      secret = table.concat(secret)
      for _, spell in ipairs(spellings) do
        local text = redact.known("(" .. secret:gsub(".", spell) .. ")", { secret })
        assert.equal("([redacted])", text, secret)
      end
    end
  end)

  it("leaves words alone that a short secret consists of", function()
    local text = redact.text("a simulated text", { "simulated" })
    assert.equal("a simulated text", text)
  end)

  -- Each took a minute and more when what had been looked through was looked through again.
  local LONG = 128 * 1024
  local hostile = {
    ["beginnings of tokens"] = ("eyJ-"):rep(LONG / 4),
    ["backslashes"] = ("\\"):rep(LONG),
    ["a member of escaped quotes"] = '"token":"' .. ('\\"'):rep(LONG / 2),
    ["a member of backslashes"] = '"token":"' .. ("\\"):rep(LONG) .. '"',
    ["members"] = ('"token":"",'):rep(LONG / 8),
  }
  for what, text in pairs(hostile) do
    it("looks through a text once, whatever it is made of: " .. what, function()
      local began = os.clock()
      redact.text(text, { KNOWN })
      assert.is_true(os.clock() - began < 20)
    end)
  end
end)
