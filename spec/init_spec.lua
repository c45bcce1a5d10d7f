local claude = require("claude")

-- Runs code in a Lua of its own, with this one's paths; returns what it prints.
local function run_alone(code)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(("package.path, package.cpath = %q, %q\n"):format(package.path, package.cpath), code)
  file:close()
  local pipe = assert(io.popen(('"%s" %s 2>&1'):format(os.getenv("LUA") or arg[-1], path)))
  local output = pipe:read("*a")
  pipe:close()
  os.remove(path)
  return output
end

describe("claude", function()
  it("maps no libcurl until the first request", function()
    local output = run_alone([[
      local claude = require "claude"
      local client = claude.new { api_key = "k" }
      local message, text = client.messages:create { model = "x" }
      assert(message == nil and text:find("max_tokens", 1, true), text)
      local maps = assert(io.open("/proc/self/maps")):read("*a")
      print(maps:find("claude/core.so", 1, true) ~= nil, maps:find("libcurl", 1, true) ~= nil)
    ]])
    assert.equal("true\tfalse\n", output)
  end)

  it("loads its parts when they are used", function()
    local output = run_alone([[
      local claude = require "claude"
      local function loaded(name) return tostring(package.loaded[name] ~= nil) end
      io.write(loaded("claude.core"), " ", loaded("claude.client"), " ")
      assert(claude.new)
      print(loaded("claude.client"), loaded("claude.conversation"), loaded("claude.simulator"),
        loaded("cjson"))
    ]])
    assert.equal("false false true\tfalse\tfalse\tfalse\n", output)
  end)

  it("loads for a first answer what that takes, and nothing else", function()
    local server = require("spec.support.servers").simulator()
    local output = run_alone(([[
      local claude = require "claude"
      local client = claude.new { api_key = "k", base_url = %q }
      assert(client.messages:create {
        model = "claude-opus-4-8",
        max_tokens = 2000,
        thinking = { type = "adaptive", display = "summarized" },
        messages = { { role = "user", content = "What is 127 * 389?" } },
      })
      local names = {}
      for name in pairs(package.loaded) do
        local mine = name:match("^claude%%.(.*)")
        if mine or name:find("cjson", 1, true) or name == "luv" then
          names[#names + 1] = mine or name
        end
      end
      table.sort(names)
      print(table.concat(names, " "))
    ]]):format(server.url))
    server:stop()
    assert.equal(
      "address c_part check check.fields check.messages check.output check.rules "
        .. "check.thinking check.values client client_options core errors guard headers host "
        .. "ledger loop loop.blocking loop.timers message messages models net prices "
        .. "queue reading receiver reply request retry stream tables tasks tasks.own "
        .. "tasks.scheduler transport transport.curl transport.failures transport.limits usage "
        .. "version wire\n",
      output
    )
  end)

  it("has its version, and nothing for names it does not know", function()
    assert.equal(require("claude.version"), claude._VERSION)
    assert.is_nil(claude.nonsense)
  end)

  it("has values that say what Lua's cannot", function()
    local core = require("claude.core")
    local text = core.encode({
      a = claude.array({}),
      b = claude.object({ { "z", 1 }, { "y", claude.null } }),
      c = claude.json('{"k": 1.0}'),
    })
    assert.equal('{"a":[],"b":{"z":1,"y":null},"c":{"k": 1.0}}', text)
  end)

  it("raises for JSON text that is none: a member must not silently go missing", function()
    local ok, message = pcall(claude.json, "{1}")
    assert.is_false(ok)
    assert.truthy(message:find("claude.json", 1, true))
  end)

  it("tells its errors from other values", function()
    local err = claude.Error.new({ kind = "network", message = "x" })
    assert.is_true(claude.Error.is(err))
    assert.is_false(claude.Error.is("x"))
  end)
end)
