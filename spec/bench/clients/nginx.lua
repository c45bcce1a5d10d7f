--- One nginx worker that reads streams one after the other (nginx_worker.lua).
---
---     lua nginx.lua WAY BASE-URL REQUESTS
---
--- WAY is `claude`, the library; `discard`, a loop that throws away what comes; `floor`, one that
--- cuts a string for each delta out of it; `decoded`, one that hands it to the core and asks for no
--- delta; or `cjson`. Prints what the worker says, as JSON: what came, and the CPU time of the
--- worker (`cpu`), which is no child of this process.
local nginx = require("spec.support.nginx")

local LOCATION = [[
  location = /run {
    content_by_lua_block { require("spec.bench.clients.nginx_worker").run("%s", "%s", %d) }
  }
]]

local server = nginx.start({
  log_level = "error",
  http = "lua_socket_log_errors off;",
  locations = LOCATION:format(arg[1], arg[2], tonumber(arg[3])),
})
local answer = server:get("/run")
io.stderr:write(server:log())
server:stop()
assert(answer.status == 200, answer.body)
io.write(answer.body)
