local child = require "spec.support.child"
local core = require "claude.core"

local CLEAN = "unset ANTHROPIC_API_KEY ANTHROPIC_AUTH_TOKEN ANTHROPIC_BASE_URL "
  .. "ANTHROPIC_CUSTOM_HEADERS HTTPS_PROXY https_proxy ALL_PROXY all_proxy NO_PROXY no_proxy "
  .. "SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE; "
local COMMAND = child.lua .. " bin/lua-claude doctor "
local SECRET = "Zq7xW9vK3pLm5TyR8nBd"

-- A file with a certificate's beginning: this machine may have no authorities.
local authorities = os.tmpname()
do
  local file = assert(io.open(authorities, "w"))
  file:write "-----BEGIN CERTIFICATE-----\n"
  file:close()
end

local function doctor(arguments, environment)
  return child.run(
    ("%sSSL_CERT_FILE=%s %s %s%s"):format(
      CLEAN,
      authorities,
      environment or "",
      COMMAND,
      arguments or ""
    )
  )
end

local function finding_of(json, name)
  for _, finding in ipairs(assert(core.decode(json)).findings) do
    if finding.name == name then return finding end
  end
end

describe("lua-claude doctor", function()
  teardown(function() os.remove(authorities) end)

  it("prints what it found, with status 0 when nothing stands in the way", function()
    local result = doctor("", "ANTHROPIC_API_KEY=" .. SECRET)
    assert.equal(0, result.status)
    assert.equal("", result.err)
    assert.matches("\nok   libcurl +%d", result.out)
    assert.matches("\nNothing stands in the way of requests%.\n$", result.out)
    assert.not_matches(SECRET:sub(1, 4), result.out)
  end)

  it("has status 1 when something does, and says what to do", function()
    local result = doctor()
    assert.equal(1, result.status)
    assert.matches("\nFAIL credentials +no API key", result.out)
    assert.matches("\n +hint: export ANTHROPIC_API_KEY", result.out)
  end)

  it("prints JSON when asked", function()
    local result = doctor("--json", "HTTPS_PROXY='http://\"me:" .. SECRET .. "@proxy.test:1'")
    assert.equal(1, result.status)
    assert.equal(1, select(2, result.out:gsub("\n", "")))
    local report = assert(core.decode(result.out))
    assert.is_false(report.ok)
    assert.equal("http://proxy.test:1", finding_of(result.out, "proxy").text:match "^%S+")
    assert.is_nil(finding_of(result.out, "proxy").hint)
    assert.is_string(finding_of(result.out, "credentials").hint)
    assert.not_matches(SECRET:sub(1, 4), result.out)
  end)

  it("prints JSON whatever bytes a path has", function()
    local environment = [[SSL_CERT_FILE="$(printf '/nowhere/\377 \\ "\001')"]]
    for _, lua_path in ipairs { "", "LUA_CPATH=/nowhere/?.so " } do
      local result = doctor("--json", lua_path .. environment)
      local text = finding_of(result.out, "CA").text
      assert.matches('^/nowhere/[^\255]+ \\ "\1 cannot be opened', text)
    end
  end)

  it("asks nobody unless told to", function()
    local result = doctor("--json", "ANTHROPIC_BASE_URL=http://127.0.0.1:1")
    assert.is_nil(finding_of(result.out, "reach"))
  end)

  it("asks the API when told to", function()
    local call = CLEAN .. "SSL_CERT_FILE=" .. authorities .. " "
    local result = child.run(
      call
        .. child.lua
        .. " bin/lua-claude simulate -- "
        .. COMMAND
        .. "--reach --timeout 20 --json"
    )
    assert.equal(0, result.status, result.out)
    assert.matches("answered 200 after %d+ ms", finding_of(result.out, "reach").text)
    assert.equal("accepted", finding_of(result.out, "key").text)
  end)

  it("has status 1 when the API cannot be reached", function()
    local result = doctor("--reach", "ANTHROPIC_API_KEY=k ANTHROPIC_BASE_URL=http://127.0.0.1:1")
    assert.equal(1, result.status)
    assert.matches("\nFAIL reach +http://127.0.0.1:1: no connection", result.out)
    assert.matches("hint: check the address", result.out)
  end)

  it("waits no longer than told to", function()
    local servers = require "spec.support.servers"
    local server = servers.fault_server()
    local url = server.url .. "/stall_before_headers"
    local environment = "ANTHROPIC_API_KEY=k ANTHROPIC_BASE_URL=" .. url
    local result = doctor("--reach --timeout 0.3 --json", environment)
    server:stop()
    assert.matches("no answer within 0%.3 s", finding_of(result.out, "reach").text)
  end)

  it("works without the C parts, which the other commands do not", function()
    local missing = "LUA_CPATH=/nowhere/?.so "
    local result = doctor("--json", missing)
    assert.equal(1, result.status)
    assert.equal("", result.err)
    assert.is_false(finding_of(result.out, "claude.core").ok)
    assert.is_false(finding_of(result.out, "claude.net").ok)
    local replay = child.run(missing .. child.lua .. " bin/lua-claude replay /dev/null")
    assert.equal(1, replay.status)
    assert.matches("^lua%-claude: claude%.core, a C part of lua%-claude", replay.err)
    assert.not_matches("traceback", replay.err)
  end)

  it("takes only seconds as seconds", function()
    local result = doctor "--reach --timeout soon"
    assert.equal(2, result.status)
    assert.matches("'soon'", result.err)
  end)
end)
