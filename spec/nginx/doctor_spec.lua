local nginx = require("spec.support.nginx")
local servers = require("spec.support.servers")

local LOCATIONS = [[
  location = /doctor {
    content_by_lua_block {
      ngx.print(tostring(require("claude").doctor {
        reach = ngx.var.arg_base ~= nil,
        client = { base_url = ngx.var.arg_base, api_key = ngx.var.arg_key },
      }))
    }
  }
]]

describe("claude.doctor in nginx", function()
  local missing = nginx.missing()
  local server, simulator

  setup(function()
    if missing then return end
    simulator = servers.simulator()
    server = nginx.start({ locations = LOCATIONS })
  end)
  teardown(function()
    if missing then return end
    server:stop()
    simulator:stop()
  end)

  local function nginx_it(what, check)
    it(what, function()
      if missing then return pending(missing) end
      check()
    end)
  end

  nginx_it("tells of its sockets and its configuration, and loads no libcurl", function()
    local said = server:get("/doctor?key=k").body
    assert.matches("\nok   Lua +LuaJIT[^\n]+in nginx", said)
    assert.matches("\n%-    claude%.net +not loaded: requests go over the sockets of nginx\n", said)
    assert.matches("\nok   loop +nginx", said)
    assert.matches("\n%-    CA [^\n]+\n +hint: write lua_ssl_trusted_certificate", said)
    assert.matches("\nNothing stands in the way of requests%.$", said)
    assert.is_false(server:maps("libcurl"))
  end)

  nginx_it(
    "says how a worker gets the key from the environment",
    function()
      assert.matches(
        "hint: export ANTHROPIC_API_KEY.+`env ANTHROPIC_API_KEY;`",
        server:get("/doctor").body
      )
    end
  )

  nginx_it("reaches the API over them", function()
    local said = server:get("/doctor?key=k&base=" .. simulator.url).body
    assert.matches(
      "\nok   reach +http://127[%d.:]+ answered 200 after %d+ ms, over HTTP/1%.1\n",
      said
    )
    assert.matches("\nok   key +accepted\n", said)
    assert.is_false(server:maps("libcurl"))
  end)
end)
