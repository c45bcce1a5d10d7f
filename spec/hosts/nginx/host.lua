local nginx = require("spec.support.nginx")

local CONFIGURATION = [[
%s
worker_processes 1;
daemon off;
pid nginx.pid;
error_log stderr crit;
env HOST_NAME;
env HOST_KEY_FIFO;
env HOST_SIMULATOR;
env HOST_FAULTS;
events { worker_connections 2048; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  lua_socket_log_errors off;
  init_worker_by_lua_block { require("spec.hosts.nginx.main").start() }
  server {
    listen unix:%s/suite.socket;
    location = /suite { content_by_lua_block { require("spec.hosts.nginx.main").suite() } }
  }
}
]]

---@type claude.Host
return {
  lua = "luajit",
  missing = nginx.missing,
  command = function(place)
    local file = assert(io.open(place.directory .. "/nginx.conf", "w"))
    file:write(CONFIGURATION:format(nginx.head(), place.directory))
    file:close()
    return { nginx.program(), "-p", place.directory, "-e", "stderr", "-c", "nginx.conf" }
  end,
}
