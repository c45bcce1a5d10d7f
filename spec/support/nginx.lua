--- A real nginx with the Lua module: one worker on a free port of loopback, everything it
--- writes in a temporary folder of its own.
---
---     local server = nginx.start { locations = [[
---       location /hello { content_by_lua_block { ngx.say "hello" } }
---     ]] }
---     server:get("/hello").body, server.url, server.worker, server:log()
---     server:stop()
---
--- nginx runs LuaJIT, whatever runs the specs: the C modules are built for that as well.
local child = require("spec.support.child")
local raw_http = require("spec.support.raw_http")
local servers = require("spec.support.servers")

local M = {}

local MODULES = { "ndk_http_module.so", "ngx_http_lua_module.so" }
local MODULE_FOLDERS = { "/usr/lib/nginx/modules", "/usr/lib64/nginx/modules" }

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

local function output(command)
  local pipe = assert(io.popen(command, "r"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

--- The program, if it is installed.
---@return string? program
function M.program()
  for _, name in ipairs { "openresty", "nginx" } do
    local path = output(("PATH=$PATH:/usr/sbin:/usr/local/sbin command -v %s"):format(name))
    if path ~= "" then return (path:gsub("%s+$", "")) end
  end
end

-- The lines that load the Lua module; none where it is built in; nil where there is none.
local function load_lines(nginx)
  if output(nginx .. " -V 2>&1"):find("lua", 1, true) then return "" end
  for _, folder in ipairs(MODULE_FOLDERS) do
    if exists(folder .. "/" .. MODULES[2]) then
      local lines = {}
      for i, name in ipairs(MODULES) do
        lines[i] = ("load_module %s/%s;\n"):format(folder, name)
      end
      return table.concat(lines)
    end
  end
end

--- What every configuration begins with here: the Lua module, and the user if it is root.
---@return string
function M.head()
  local user = output("id -u"):find("^0%s") and "user root;\n" or ""
  return load_lines(assert(M.program())) .. user
end

--- Why there can be no nginx here; nil where there can.
---@return string?
function M.missing()
  local nginx = M.program()
  if not nginx then return "nginx is not installed" end
  if not load_lines(nginx) then return "nginx has no Lua module (libnginx-mod-http-lua)" end
end

local ROOT = output("pwd"):gsub("%s+$", "")
-- Of a make that runs the specs, or of the sanitizers, nothing may reach nginx.
local CLEAN = "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u CFLAGS -u CC -u BUILD -u LD_PRELOAD "
local MODULES_BUILT = "build/nginx/luajit"

-- The core for the Lua in nginx, in a folder of its own: whatever else is being built.
local function built()
  local command = "%smake -s LUA=luajit BUILD=build/nginx %s/claude/core.so"
  local made = child.run(command:format(CLEAN, MODULES_BUILT))
  assert(made.status == 0, made.err)
  return ROOT .. "/" .. MODULES_BUILT
end

local CONFIGURATION = [[
${head}worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log ${log_level};
${main}
events { worker_connections 2048; }
http {
  access_log off;
  client_body_temp_path ${folder}/client_body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  lua_package_path "${root}/?.lua;${root}/lua/?.lua;${root}/lua/?/init.lua;;";
  lua_package_cpath "${modules}/?.so;;";
  ${http}
  server {
    listen 127.0.0.1:${port};
    ${server}
    location = /spec/pid { content_by_lua_block { ngx.say("worker ", ngx.worker.pid()) } }
    ${locations}
  }
}
]]

local function filled(text, values)
  return (text:gsub("%${([%w_]+)}", function(name) return values[name] or "" end))
end

---@class spec.Nginx: spec.Server
---@field folder string
---@field worker integer process id of the worker
local Server = setmetatable({}, { __index = servers.Server })
Server.__index = Server

--- What stands in the error log.
---@return string
function Server:log()
  local file = assert(io.open(self.folder .. "/error.log", "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

--- Asks it, on a connection of its own, and waits for the whole answer.
---@param path string
---@param headers? table<string, string>
---@return spec.Answer
function Server:get(path, headers)
  local bytes = raw_http.exchange(self.port, raw_http.request("GET", path, headers or {}))
  return raw_http.parse(bytes)
end

---@param path string
---@param body string
---@param headers? table<string, string>
---@return spec.Answer
function Server:post(path, body, headers)
  local bytes = raw_http.exchange(self.port, raw_http.request("POST", path, headers or {}, body))
  return raw_http.parse(bytes)
end

--- Asks for all paths at once.
---@param paths string[]
---@return spec.Answer[]
function Server:together(paths)
  local requests = {}
  for i, path in ipairs(paths) do
    requests[i] = raw_http.request("GET", path, {})
  end
  local answers = {}
  for i, bytes in ipairs(raw_http.together(self.port, requests)) do
    answers[i] = raw_http.parse(bytes)
  end
  return answers
end

--- Asks it and hangs up as soon as what has come satisfies `enough`; returns that.
---@param path string
---@param enough fun(received: string): boolean
---@return string
function Server:hang_up(path, enough)
  return (raw_http.exchange(self.port, raw_http.request("GET", path, {}), enough))
end

--- Whether the worker has mapped a library, by a part of its path.
---@param name string
---@return boolean
function Server:maps(name)
  local file = assert(io.open(("/proc/%d/maps"):format(self.worker), "r"))
  local maps = file:read("*a")
  file:close()
  return maps:find(name, 1, true) ~= nil
end

--- Ends it and removes its folder.
function Server:stop()
  if not self.pid then return end
  servers.Server.stop(self)
  os.execute(("rm -r '%s'"):format(self.folder))
end

-- The pid file is written when the sockets listen. nginx ends with whoever started it.
local START = [[
cd '${folder}'
${clean}'${program}' -p . -e error.log -c nginx.conf >/dev/null 2>&1 &
pid=$!
while ! [ -s '${folder}/nginx.pid' ] && kill -0 $pid 2>/dev/null; do sleep 0.02; done
[ -s '${folder}/nginx.pid' ] || cat '${folder}/error.log' >&2
echo ${port} $pid
( while kill -0 $PPID && kill -0 $pid; do sleep 1; done; kill $pid ) >/dev/null 2>&1 &
wait $pid]]

---@param folder string
---@param configuration string
---@param environment? string as the shell takes it
---@return spec.Nginx
local function run(folder, port, configuration, environment)
  local file = assert(io.open(folder .. "/nginx.conf", "wb"))
  file:write(configuration)
  file:close()
  local started, server = pcall(
    servers.spawn,
    filled(START, {
      folder = folder,
      root = ROOT,
      port = tostring(port),
      program = assert(M.program()),
      clean = CLEAN .. (environment or ""),
    })
  )
  if not started then
    os.execute(("rm -r '%s'"):format(folder))
    error(server, 0)
  end
  server.folder = folder
  return setmetatable(server, Server)
end

---@class spec.NginxOptions
---@field locations? string what stands in the server block
---@field server? string directives of the server block
---@field http? string directives of the http block
---@field main? string directives at the top
---@field log_level? string "info" without it

-- Where the worker is, or what kept nginx from answering.
local function find_worker(server)
  local answers, answer = pcall(server.get, server, "/spec/pid")
  if not answers then
    local log = server:log()
    server:stop()
    error(log, 0)
  end
  server.worker = tonumber(answer.body:match("%d+"))
end

local function new_folder() return (output("mktemp -d"):gsub("%s+$", "")) end

--- A configuration for a program of one's own: ${head}, ${root} and ${modules} stand for what
--- every configuration begins with, for the tree and for the modules that are built for it.
---@param text string
---@param values table<string, string> for what else is in it
---@return string
function M.configured(text, values)
  values.head, values.root, values.modules = M.head(), ROOT, built()
  return filled(text, values)
end

--- Starts nginx. In all texts ${folder} and ${root} stand for its folder and for the tree.
---@param options spec.NginxOptions
---@return spec.Nginx
function M.start(options)
  local modules = built() -- before a port is chosen: this may take a while
  local folder, port = new_folder(), servers.free_port()
  local values = {
    folder = folder,
    root = ROOT,
    port = tostring(port),
    head = M.head(),
    modules = modules,
    log_level = options.log_level or "info",
  }
  for _, name in ipairs { "main", "http", "server", "locations" } do
    values[name] = filled(options[name] or "", values)
  end
  local server = run(folder, port, filled(CONFIGURATION, values))
  find_worker(server)
  return server
end

local function replaced(text, from, to)
  local first, last = text:find(from, 1, true)
  assert(first, "the configuration does not say: " .. from)
  return text:sub(1, first - 1) .. to .. text:sub(last + 1)
end

-- Everything that a configuration leaves to where nginx is installed, and where this tree is.
local SURROUNDINGS = [[
daemon off;
pid nginx.pid;
error_log error.log info;
]]
local HTTP = [[http {
  client_body_temp_path client_body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;]]

-- Without the lines that begin with one of these words.
local function without(text, words)
  for _, word in ipairs(words) do
    text = text:gsub("\n%s*" .. word .. " [^\n]*", "")
  end
  return text
end

--- Starts nginx with a configuration that is meant for somebody else's machine: its port, its
--- paths and its log are made those of a temporary folder and of this tree.
---@param path string
---@param changes? string[][] pairs: what it must say, and what it says here instead
---@param environment? string as the shell takes it
---@return spec.Nginx
function M.start_example(path, changes, environment)
  local file = assert(io.open(path, "rb"))
  local text = "\n" .. file:read("*a")
  file:close()
  local modules = built()
  local folder, port = new_folder(), servers.free_port()
  for _, change in ipairs(changes or {}) do
    text = replaced(text, change[1], change[2])
  end
  text = replaced(text, text:match("listen 127%.0%.0%.1:%d+"), "listen 127.0.0.1:" .. port)
  text = without(text, { "load_module", "daemon", "pid", "error_log", "[%w_]+_temp_path" })
  text = replaced(text, "\nhttp {", "\n" .. HTTP)
  text = replaced(
    text,
    'lua_package_path "',
    ('lua_package_path "%s/lua/?.lua;%s/lua/?/init.lua;'):format(ROOT, ROOT)
  )
  text = replaced(text, 'lua_package_cpath "', ('lua_package_cpath "%s/?.so;'):format(modules))
  text = text:gsub("%$prefix", ROOT)
  return run(folder, port, M.head() .. SURROUNDINGS .. text, environment)
end

return M
