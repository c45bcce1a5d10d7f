local simulator = require("claude.simulator")

describe("claude.simulator.run", function()
  local function run(script, options) return simulator.run({ "/bin/sh", "-c", script }, options) end

  it("gives the command an address, a key and no proxy, and its exit code back", function()
    local file = os.tmpname()
    assert.equal(
      7,
      run(('echo "$ANTHROPIC_BASE_URL $ANTHROPIC_API_KEY $NO_PROXY" >%s; exit 7'):format(file))
    )
    local handle = assert(io.open(file))
    local text = handle:read("*a")
    handle:close()
    os.remove(file)
    assert.matches("^http://127%.0%.0%.1:%d+ simulated%-key 127%.0%.0%.1\n$", text)
  end)

  it(
    "keeps real credentials and headers from it",
    function() assert.equal(0, run('test -z "$ANTHROPIC_AUTH_TOKEN$ANTHROPIC_CUSTOM_HEADERS"')) end
  )

  it("serves it while it runs", function()
    -- A shell without a client of ours: bash can open a TCP connection itself.
    local code = simulator.run({
      "bash",
      "-c",
      [[
      port=${ANTHROPIC_BASE_URL##*:}
      exec 3<>/dev/tcp/127.0.0.1/$port
      printf 'GET /v1/models HTTP/1.0\r\nx-api-key: %s\r\nanthropic-version: 2023-06-01\r\n\r\n' \
        "$ANTHROPIC_API_KEY" >&3
      grep -q '"has_more"' <&3
    ]],
    })
    assert.equal(0, code)
  end)

  it(
    "reports a signal as 128 and its number",
    function() assert.equal(128 + 9, run("kill -9 $$")) end
  )

  it("says when there is no such command", function()
    local code, problem = simulator.run({ "/no/such/program" })
    assert.is_nil(code)
    assert.matches("^/no/such/program: ENOENT", problem)
  end)
end)
