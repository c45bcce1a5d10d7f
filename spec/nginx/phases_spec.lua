local nginx = require("spec.support.nginx")
local servers = require("spec.support.servers")

if nginx.missing() then
  return it("needs nginx", function() pending(nginx.missing()) end)
end

local HTTP = [[
  lua_shared_dict told 1m;
  init_by_lua_block {
    require("spec.nginx.phases").init("${fault}/ok")
  }
  init_worker_by_lua_block {
    require("spec.nginx.phases").spawn("init_worker")
  }
]]

local LOCATIONS = [[
  location = /told {
    content_by_lua_block { ngx.print(ngx.shared.told:get(ngx.var.arg_key)) }
  }
  location = /rewrite { rewrite_by_lua_block { require("spec.nginx.phases").ask() ngx.exit(200) } }
  location = /access { access_by_lua_block { require("spec.nginx.phases").ask() ngx.exit(200) } }
  location = /timer {
    content_by_lua_block { ngx.timer.at(0, require("spec.nginx.phases").ask) }
  }
  location = /header_filter {
    return 200 "";
    header_filter_by_lua_block { require("spec.nginx.phases").ask() }
  }
  location = /body_filter {
    return 200 "some bytes";
    body_filter_by_lua_block { require("spec.nginx.phases").ask() }
  }
  location = /log {
    return 200 "";
    log_by_lua_block {
      require("spec.nginx.phases").ask()
      require("spec.nginx.phases").spawn("log_spawn")
    }
  }
]]

describe("in nginx, the phase", function()
  local server, fault

  setup(function()
    fault = servers.fault_server()
    server = nginx.start({ http = HTTP:gsub("%${fault}", fault.url), locations = LOCATIONS })
  end)

  teardown(function()
    if server then server:stop() end
    if fault then fault:stop() end
  end)

  -- What a phase has told about itself, as soon as it has.
  local function told(key)
    for _ = 1, 500 do
      local body = server:get("/told?key=" .. key).body
      if body ~= "nil" then return body end
      os.execute("sleep 0.01")
    end
  end

  for _, phase in ipairs({ "rewrite", "access", "timer" }) do
    it(phase .. " may ask", function()
      server:get("/" .. phase)
      assert.equal("Hello", told(phase))
    end)
  end

  for _, phase in ipairs({ "header_filter", "body_filter", "log" }) do
    it(phase .. " cannot wait: the error names it, and what to do", function()
      server:get("/" .. phase)
      local text = told(phase)
      assert.is_truthy(text:find("^invalid invalid request: .* in the phase " .. phase), text)
      assert.is_truthy(text:find("claude.spawn", 1, true), text)
      assert.is_truthy(text:find("ngx.timer.at(0", 1, true), text)
    end)
  end

  it("init can make a client, and not ask", function()
    local text = told("init")
    assert.is_truthy(text:find("^invalid .* in the phase init\n.*init_worker_by_lua"), text)
  end)

  it(
    "init starts no task: it says so",
    function() assert.is_truthy(told("init_spawn"):find("nginx starts no timer", 1, true)) end
  )

  for _, phase in ipairs({ "init_worker", "log_spawn" }) do
    it(phase .. ": claude.spawn hands the work to a timer", function()
      if phase == "log_spawn" then server:get("/log") end
      assert.equal("timer Hello", told(phase))
    end)
  end
end)
