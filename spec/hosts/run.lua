--- Runs the same suite in every host: `lua5.4 spec/hosts/run.lua [host…]`.
---
--- Each host is a folder here with a `host.lua` (see plain_host.lua for its fields), or a
--- folder of one's own, given by its path. It gets
--- a simulator and a fault server of its own, and a new API key through a FIFO: never as an
--- argument, in its environment or in a file. While it runs and afterwards the key is looked
--- for in all processes and in everything that was written.
local names = require("spec.hosts.names")
local process = require("spec.hosts.process")
local raw_http = require("spec.support.raw_http")
local secrets = require("spec.hosts.secrets")
local servers = require("spec.support.servers")
local uv = require("luv")

local ROOT = uv.cwd()
local BUILD = os.getenv("BUILD") or "build"
local BUILD_PATH = BUILD:sub(1, 1) == "/" and BUILD or ROOT .. "/" .. BUILD
local SECONDS = 120 -- that a host may take
local EVERYWHERE = { "/tmp", "/var/tmp", "/dev/shm" }

---@class claude.HostPlace what a host's command may depend on
---@field root string the tree
---@field directory string a folder for whatever it writes
---@field fifo string where its key comes from
---@field simulator string
---@field faults string

local function new_place()
  local directory = assert(uv.fs_mkdtemp("/tmp/claude-hosts-XXXXXX"))
  assert(uv.fs_mkdir(directory .. "/home", 448))
  local fifo = directory .. "/key"
  os.execute("mkfifo -m 600 " .. fifo)
  return { root = ROOT, directory = directory, fifo = fifo }
end

-- The FIFO is open on this side as long as the host runs: nobody waits for the other.
local function fill_fifo(fifo, key)
  local fd = assert(uv.fs_open(fifo, "r+", 0))
  assert(uv.fs_write(fd, key .. "\n"))
  return function() uv.fs_close(fd) end
end

local function modules_path(lua) return ("%s/%s/?.so;;"):format(BUILD_PATH, lua) end

-- Only what every program needs is taken over: no credentials, no proxies.
local function environment_of(name, host, place)
  local list = {
    "HOME=" .. place.directory .. "/home",
    "TMPDIR=" .. place.directory,
    "XDG_RUNTIME_DIR=" .. place.directory,
    "LUA_PATH=" .. ("%s/?.lua;%s/lua/?.lua;%s/lua/?/init.lua;;"):format(ROOT, ROOT, ROOT),
    "LUA_CPATH=" .. modules_path(host.lua),
    "HOST_NAME=" .. name,
    "HOST_KEY_FIFO=" .. place.fifo,
    "HOST_SIMULATOR=" .. place.simulator,
    "HOST_FAULTS=" .. place.faults,
  }
  for _, variable in ipairs({ "PATH", "LANG", "LC_ALL", "USER", "LD_PRELOAD", "ASAN_OPTIONS" }) do
    local value = os.getenv(variable)
    if value then list[#list + 1] = variable .. "=" .. value end
  end
  return list
end

-- What the fault server saw last, as it came.
local function last_head(port)
  local request = raw_http.request("GET", "/last_head", {})
  local received = raw_http.exchange(port, request, function(received)
    local head, body = received:match("^(.-\r\n)\r\n(.*)$")
    return head ~= nil and #body >= tonumber(head:match("Content%-Length: (%d+)"))
  end)
  return received
end

-- Names the checks of this side, and counts them.
local function judge(name, counts)
  return function(ok, what, details)
    if ok then
      counts.passed = counts.passed + 1
      return
    end
    counts.failed = counts.failed + 1
    print(("FAILED %s: %s\n  %s"):format(name, what, (details or ""):gsub("\n", "\n  ")))
  end
end

-- The lines for people are passed on; the counts and the digest are kept.
local function read_output(name, out)
  local passed, failed, digest, objects
  for line in out:gmatch("[^\n]+") do
    local host, p, f = line:match("^(%S+): (%d+) passed, (%d+) failed$")
    if host == name then
      passed, failed = tonumber(p), tonumber(f)
    elseif line:find("^digest ") then
      digest = line:match("^digest (%x+)$")
    elseif line:find("^objects %d+$") then
      objects = tonumber(line:match("%d+"))
    else
      print(line)
    end
  end
  return passed, failed, digest, objects
end

local function add(list, more)
  for _, one in ipairs(more) do
    list[#list + 1] = one
  end
end

-- Looks for the key while the host runs, also in files that will be gone at its end.
local function watcher(secret, directory, since)
  local watch = { in_processes = {}, in_files = {}, saw_host = false }
  function watch.look(pid)
    local found, seen = secrets.in_processes(secret)
    add(watch.in_processes, found)
    add(watch.in_files, secrets.in_files(secret, { directory }, since))
    add(watch.in_files, secrets.in_open_files(secret, pid, since))
    watch.saw_host = watch.saw_host or seen[pid] or false
  end
  return watch
end

local function check_key(check, secret, key, watch, run, faults, since)
  watch.look(-1)
  local processes, files = watch.in_processes, watch.in_files
  check(#processes == 0, "the key is in no process", table.concat(processes, "\n"))
  check(watch.saw_host, "the host was looked at while it ran")
  add(files, secrets.in_files(secret, { BUILD_PATH }, since))
  add(files, secrets.in_files(secret, EVERYWHERE, since))
  check(#files == 0, "the key is in no file", table.concat(files, "\n"))
  local shown = secrets.in_text(run.out, secret)
  check(not shown, "the key is in nothing that the host wrote")
  check(last_head(faults.port):find(key, 1, true) ~= nil, "the servers got the key")
end

local function run_host(name, host, reference)
  local counts = { passed = 0, failed = 0 }
  local check = judge(name, counts)
  local key, secret = secrets.new_key()
  local since, place = os.time(), new_place()
  local watch = watcher(secret, place.directory, since)
  local sim = servers.spawn(("exec %s spec/hosts/simulator.lua"):format(servers.LUA))
  local faults = servers.fault_server()
  place.simulator, place.faults = sim.url, faults.url
  local close_fifo = fill_fifo(place.fifo, key)
  local command = host.command
  if type(command) == "function" then command = command(place) end
  local environment = environment_of(name, host, place)
  local run = process.run(command, environment, host.seconds or SECONDS, watch.look)
  close_fifo()
  local passed, failed, digest, objects = read_output(name, run.out)
  check(passed ~= nil, "the suite came to its end")
  check(run.status == "exit 0", "the host ended well", run.status)
  check_key(check, secret, key, watch, run, faults, since)
  if reference.digest and digest then
    check(digest == reference.digest, "the bytes are those of host " .. reference.name)
  elseif digest then
    reference.digest, reference.name = digest, name
  end
  print(secrets.summary(name, objects))
  sim:stop()
  faults:stop()
  os.execute("rm -rf " .. place.directory)
  return counts.passed + (passed or 0), counts.failed + (failed or 0)
end

-- Lua 5.1 gives the status as a number.
local function succeeds(command)
  local status = os.execute(command)
  return status == true or status == 0
end

local function build(lua)
  local form = "%s --no-print-directory -s BUILD='%s' LUA=%s modules"
  return succeeds(form:format(os.getenv("MAKE") or "make", BUILD, lua))
end

-- What CI installs must be there in CI.
local function skip(name, host, why)
  if os.getenv("CI") == "true" and not host.optional then
    print(("FAILED %s: %s"):format(name, why))
    return ("%s: 0 passed, 1 failed"):format(name), false
  end
  return ("%s: skipped (%s)"):format(name, why), true
end

local function run_one(name, folder, reference)
  local host = dofile(folder .. "/host.lua")
  local why = host.missing()
  if why then return skip(name, host, why) end
  print("-- " .. name)
  if not build(host.lua) then return ("%s: 0 passed, 1 failed"):format(name), false end
  local passed, failed = run_host(name, host, reference)
  return ("%s: %d passed, %d failed"):format(name, passed, failed), failed == 0
end

local function main(wanted)
  io.stdout:setvbuf("line")
  local lines, all_well, reference = {}, true, {}
  for _, one in ipairs(names.chosen(wanted)) do
    local line, well = run_one(one.name, one.folder, reference)
    lines[#lines + 1] = line
    all_well = all_well and well
  end
  print(table.concat(lines, "\n"))
  os.exit(all_well and 0 or 1)
end

main({ ... })
