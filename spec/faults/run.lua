--- Tries every situation of spec/faults/situations.lua over every transport there is here:
---
---     make faults               all
---     make faults ONLY=chunk    those whose name has that in it
---     make faults QUICK=1       all, but those with TLS over libcurl only
---
--- Each transport is a program of its own, with a server of its own; they run side by side.
local child = require("spec.support.child")
local nginx = require("spec.support.nginx")
local servers = require("spec.support.servers")
local situations = require("spec.faults.situations")
local uv = require("luv")

local BUILD = os.getenv("BUILD") or "build"
local QUICK = os.getenv("QUICK") == "1"
local ONLY = os.getenv("ONLY") or ""
local SECONDS = 600 -- that a transport may take

local function shim()
  local path = ("%s/%s/faults/shim.so"):format(BUILD, servers.LUA)
  if path:sub(1, 1) ~= "/" then path = uv.cwd() .. "/" .. path end
  local file = io.open(path)
  if file then file:close() end
  return file and path
end

local function ports_text(ports)
  local words = {}
  for door, port in pairs(ports) do
    words[#words + 1] = ("%s=%d"):format(door, port)
  end
  return table.concat(words, " ")
end

local function with_environment(variables, command)
  local words = { "env -u MAKEFLAGS -u MFLAGS -u HTTPS_PROXY -u https_proxy -u ALL_PROXY" }
  for name, value in pairs(variables) do
    words[#words + 1] = name .. "=" .. child.quote(tostring(value))
  end
  words[#words + 1] = command
  return table.concat(words, " ")
end

local PREPARATIONS = {}

function PREPARATIONS.libcurl(place)
  place.variables.FAULTS_CA = place.directory .. "/ca.pem"
  return ("timeout %d %s spec/faults/libcurl.lua 2>&1"):format(SECONDS, servers.LUA)
end

local NGINX = [[
${head}
worker_processes 1;
daemon off;
pid nginx.pid;
error_log stderr emerg;
env FAULTS_PORTS; env FAULTS_SHIM; env FAULTS_QUICK; env FAULTS_ONLY;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  lua_socket_log_errors off;
  lua_package_path "${root}/?.lua;${root}/lua/?.lua;${root}/lua/?/init.lua;;";
  lua_package_cpath "${modules}/?.so;;";
  lua_ssl_trusted_certificate ${directory}/ca.pem;
  lua_ssl_protocols TLSv1.2 TLSv1.3;
  resolver 127.0.0.1:${names} valid=1s ipv6=off;
  init_worker_by_lua_block { require("spec.faults.nginx").start() }
}
]]

function PREPARATIONS.nginx(place)
  local text = nginx.configured(NGINX, {
    directory = place.directory,
    names = tostring(place.ports.names),
  })
  local folder = place.directory .. "/nginx"
  assert(uv.fs_mkdir(folder, 448))
  local file = assert(io.open(folder .. "/nginx.conf", "wb"))
  file:write(text)
  file:close()
  local form = "timeout %d %s -p %s -e stderr -c nginx.conf 2>&1"
  return form:format(SECONDS, nginx.program(), folder)
end

-- What a program needs: certificates, a server, its environment.
local function start(transport)
  local directory = servers.certificates()
  servers.bad_certificates(directory)
  local server, ports = servers.fault_doors(directory)
  local library = shim()
  local place = { directory = directory, server = server, ports = ports, transport = transport }
  place.variables = {
    FAULTS_PORTS = ports_text(ports),
    FAULTS_NAMES = ports.names,
    FAULTS_SHIM = library or "",
    LD_PRELOAD = library or "",
    FAULTS_QUICK = QUICK and "1" or "",
    FAULTS_ONLY = ONLY,
  }
  local command = PREPARATIONS[transport](place)
  place.pipe = assert(io.popen(with_environment(place.variables, command)))
  return place
end

local function take_line(line, outcome)
  local name, seconds = line:match("^survived ([%w_]+) ([%d.]+)$")
  local failed = line:match("^FAILED ([%w_]+) over")
  if name or failed then outcome.tried[name or failed] = true end
  local descriptors, bytes = line:match("^left (%-?%d+) descriptors (%-?%d+) bytes$")
  if name then
    outcome.survived[name] = tonumber(seconds)
  elseif descriptors then
    outcome.descriptors, outcome.bytes = tonumber(descriptors), tonumber(bytes)
  else
    print(line)
    if line:find("^%w+: %d+ passed, %d+ failed$") then outcome.counted = true end
  end
end

local function finish(place)
  local outcome = { survived = {}, tried = {} }
  for line in place.pipe:lines() do
    take_line(line, outcome)
  end
  place.pipe:close()
  place.server:stop()
  os.execute("rm -rf " .. child.quote(place.directory))
  if not outcome.counted then print(place.transport .. ": 0 passed, 1 failed") end
  return outcome
end

-- One survives when it does over every transport that it is tried over.
local function count(outcomes)
  local survived, tried = 0, 0
  for _, situation in ipairs(situations.list) do
    local over, well = 0, 0
    for _, outcome in pairs(outcomes) do
      if outcome.tried[situation.name] then over = over + 1 end
      if outcome.survived[situation.name] then well = well + 1 end
    end
    if over > 0 then tried = tried + 1 end
    if over > 0 and well == over then survived = survived + 1 end
  end
  return survived, tried
end

local function slowest(outcomes)
  for transport, outcome in pairs(outcomes) do
    for name, seconds in pairs(outcome.survived) do
      if seconds > 10 then print(("  %s over %s took %.1f s"):format(name, transport, seconds)) end
    end
  end
end

local function main()
  io.stdout:setvbuf("line")
  local transports, places, outcomes = { "libcurl" }, {}, {}
  local missing = nginx.missing()
  if missing then
    print(("nginx: skipped (%s)"):format(missing))
  else
    transports[2] = "nginx"
  end
  for i, transport in ipairs(transports) do
    places[i] = start(transport)
  end
  local descriptors, bytes = 0, 0
  for i, transport in ipairs(transports) do
    local outcome = finish(places[i])
    outcomes[transport] = outcome
    descriptors = descriptors + (outcome.descriptors or 0)
    bytes = bytes + (outcome.bytes or 0)
  end
  slowest(outcomes)
  local survived, tried = count(outcomes)
  local form = "faults: %d survived of %d tried, on %d transports, %d descriptors and %d bytes left"
  print(form:format(survived, tried, #transports, descriptors, bytes))
  if tried == 0 then
    io.stderr:write(("no situation has %q in its name: doc/faults.md has them all\n"):format(ONLY))
    os.exit(1)
  end
  os.exit(survived == tried and descriptors <= 0 and bytes <= 0 and 0 or 1)
end

main()
