--- Searches for the key in every way in which a program may run: `lua spec/secrets/run.lua`.
---
--- First the hosts (spec/hosts), where it comes through a FIFO and so is in no environment at
--- all; then programs that have it in their environment (modes.lua), which no process that they
--- start may have. Each gets a key of its own. With QUICK only one of the hosts.
local child = require("spec.support.child")
local echo = require("spec.secrets.echo")
local modes = require("spec.secrets.modes")
local planted = require("spec.secrets.planted")
local process = require("spec.hosts.process")
local secrets = require("spec.hosts.secrets")
local servers = require("spec.support.servers")
local uv = require("luv")

local ROOT = uv.cwd()
local BUILD = os.getenv("BUILD") or "build"
local QUICK_HOSTS = "nginx"
local SECONDS = 100
local TRIES = 20

local counts = { passed = 0, failed = 0 }
local total = { places = 0, modes = 0, found = 0 }

local function check(ok, name, what, details)
  counts[ok and "passed" or "failed"] = counts[ok and "passed" or "failed"] + 1
  if not ok then print(("FAILED %s: %s\n  %s"):format(name, what, details or "")) end
end

-- "searched NAME: 1 objects, 2 arguments, …"
local function add_places(line)
  for number in line:match("^searched .-: (.*)$"):gmatch("%d+") do
    total.places = total.places + tonumber(number)
  end
end

local function environment_of(place, key, base)
  local list = {
    "ANTHROPIC_API_KEY=" .. key,
    "ANTHROPIC_BASE_URL=" .. base,
    "ANTHROPIC_LOG=debug",
    "HOME=" .. place.folder,
    "TMPDIR=" .. place.folder,
    "XDG_RUNTIME_DIR=" .. place.folder,
  }
  for name in ("PATH LANG LUA_PATH LUA_CPATH LD_PRELOAD ASAN_OPTIONS"):gmatch("%S+") do
    local value = os.getenv(name)
    if value then list[#list + 1] = name .. "=" .. value end
  end
  return list
end

local function add(list, more)
  for _, one in ipairs(more) do
    list[#list + 1] = one
  end
end

-- Looks while it runs, and lets it end once it and what it started were looked at.
local function watcher(mode, place, secret, since)
  local watch = { found = {}, looks = 0, children = 0 }
  function watch.look(pid)
    local found, seen = secrets.in_processes(secret, { [pid] = true })
    add(watch.found, found)
    add(watch.found, secrets.in_files(secret, { place.folder }, since))
    add(watch.found, secrets.in_open_files(secret, pid, since))
    if not seen[pid] then return end
    watch.looks = watch.looks + 1
    for _, one in ipairs(secrets.family(pid)) do
      if one ~= pid and seen[one] then watch.children = watch.children + 1 end
    end
    local enough = watch.looks > 1 and (watch.children > 0 or not mode.children)
    if enough and mode.stop then uv.kill(pid, "sigterm") end
    if enough and mode.children then assert(io.open(place.folder .. "/seen", "w")):close() end
  end
  return watch
end

local used = {} -- the keys of all modes

local function run_mode(mode, place, simulator)
  local name = mode[1]
  local key, secret = secrets.new_key()
  local since = os.time()
  local base = mode.base and place.echo .. "/" .. mode.base or simulator.url
  local watch = watcher(mode, place, secret, since)
  local run
  for _ = 1, TRIES do
    run = process.run(mode[2](place), environment_of(place, key, base), SECONDS, watch.look)
    if watch.looks > 0 then break end -- what ends at once may be missed
  end
  if secrets.in_text(run.out, secret) then watch.found[#watch.found + 1] = "what it wrote" end
  os.remove(place.folder .. "/seen")
  check(
    run.status == (mode.status or "exit 0"),
    name,
    "it ends as it should",
    run.status .. run.out
  )
  local said = run.out:find(mode.says or "", 1, true)
  check(said, name, "it does what is searched", run.out)
  check(watch.looks > 0, name, "it was looked at while it ran")
  check(watch.children > 0 or not mode.children, name, "what it started was looked at")
  check(#watch.found == 0, name, "the key is nowhere", table.concat(watch.found, "\n  "))
  total.modes, total.found = total.modes + 1, total.found + #watch.found
  used[#used + 1] = secret
  local line = secrets.summary(name)
  print(line)
  add_places(line)
end

-- Files anywhere else, once for all: there may be many.
local function search_everywhere(since)
  local found = secrets.in_files(used, { "/tmp", "/var/tmp", "/dev/shm", BUILD }, since)
  check(#found == 0, "all", "no key is in any file", table.concat(found, "\n  "))
  total.found = total.found + #found
  local line = secrets.summary("everywhere")
  print(line)
  add_places(line)
end

local function run_modes()
  local since = os.time()
  local folder = assert(uv.fs_mkdtemp("/tmp/claude-secrets-XXXXXX"))
  local heard = echo.start()
  local simulator = servers.spawn(("exec %s spec/hosts/simulator.lua"):format(servers.LUA))
  local place = { folder = folder, lua = servers.LUA, echo = heard.url }
  place.command = (BUILD:sub(1, 1) == "/" and BUILD or ROOT .. "/" .. BUILD) .. "/lua-claude"
  for _, mode in ipairs(modes.ALL) do
    run_mode(mode, place, simulator)
  end
  search_everywhere(since)
  simulator:stop()
  heard:close()
  child.run("rm -rf " .. folder)
end

-- The suite of all hosts, with its own search.
local function run_hosts(names)
  local pipe = assert(io.popen(("exec %s spec/hosts/run.lua %s"):format(servers.LUA, names)))
  for line in pipe:lines() do
    local passed, failed = line:match("^%S+: (%d+) passed, (%d+) failed$")
    if passed then
      counts.passed, counts.failed = counts.passed + passed, counts.failed + failed
      total.modes = total.modes + 1
    end
    if line:find("^searched ") then add_places(line) end
    if line:find("the key is in", 1, true) then total.found = total.found + 1 end
    -- What is counted here must not be counted once more.
    print(passed and "host " .. line:gsub(": ", ", ", 1) or line)
  end
  pipe:close()
end

local function main()
  io.stdout:setvbuf("line")
  for _, one in ipairs(planted.all()) do
    check(one.found, "planted", one.what .. ": it is found where it is planted")
  end
  secrets.summary("planted")
  run_modes()
  run_hosts((os.getenv("QUICK") or "") ~= "" and QUICK_HOSTS or "")
  print(("%d passed, %d failed"):format(counts.passed, counts.failed))
  print(
    ("secrets: %d places searched in %d modes, found %d"):format(
      total.places,
      total.modes,
      total.found
    )
  )
  os.exit(counts.failed == 0 and total.found == 0 and 0 or 1)
end

main()
