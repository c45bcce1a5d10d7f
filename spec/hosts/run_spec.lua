-- The search for the key finds it in each place where it could be.
local child = require("spec.support.child")
local secrets = require("spec.hosts.secrets")
local uv = require("luv")

local function found(list, part)
  for _, place in ipairs(list) do
    if place:find(part, 1, true) then return true end
  end
  return false
end

-- `cat` waits for its standard input before it looks at its other arguments.
local function with_process(options, check)
  local stdin = uv.new_pipe(false)
  options.stdio = { stdin }
  local process, pid = uv.spawn("cat", options, function() end)
  assert(process, pid)
  check(pid)
  process:kill("sigkill")
  process:close()
  stdin:close()
  uv.run("nowait")
end

-- What a process was called with shows a moment after it was started.
local function search_soon(secret)
  for _ = 1, 500 do
    local places, seen = secrets.in_processes(secret)
    if places[1] then return places, seen end
    uv.sleep(10)
  end
  return {}, {}
end

describe("the search for a secret", function()
  local key, secret
  before_each(function()
    key, secret = secrets.new_key()
  end)

  it("knows two keys apart", function()
    local other = secrets.new_key()
    assert.not_equal(key, other)
    assert.matches("^sk%-ant%-api03%-%x+$", key)
    assert.truthy(key:find(secret, 1, true))
  end)

  it("finds it among a process's arguments", function()
    with_process({ args = { "-", key } }, function(pid)
      local places, seen = search_soon(secret)
      assert.is_true(found(places, ("the arguments of process %d (cat)"):format(pid)))
      assert.is_true(seen[pid])
      local _, other = secrets.new_key()
      assert.same({}, (secrets.in_processes(other)))
    end)
  end)

  it("finds it in a process's environment, unless it was put there", function()
    with_process({ env = { "PATH=" .. os.getenv("PATH"), "KEY=" .. key } }, function(pid)
      local places = search_soon(secret)
      assert.is_true(found(places, ("the environment of process %d (cat)"):format(pid)))
      assert.same({}, (secrets.in_processes(secret, { [pid] = true })))
    end)
  end)

  it("finds it in a file that a process has open, though its name is gone", function()
    local path = child.temporary()
    local file = assert(io.open(path, "w"))
    file:write(("before "):rep(100000), key)
    file:close()
    local fd = assert(uv.fs_open(path, "r", 0))
    os.remove(path)
    local places = secrets.in_open_files(secret, uv.os_getpid(), os.time() - 5)
    assert.is_true(found(places, "(deleted)"), table.concat(places, ", "))
    uv.fs_close(fd)
    assert.same({}, secrets.in_open_files(secret, uv.os_getpid(), os.time() - 5))
  end)

  it("finds it in any form, and in part", function()
    local core = require("claude.core")
    local function each(form)
      return (key:gsub(".", function(char) return form:format(char:byte()) end))
    end
    for what, text in pairs({
      plain = key,
      ["with a line break"] = key:sub(1, 30) .. "\n" .. key:sub(31),
      ["its end"] = secret:sub(-30),
      base64 = core.base64(key),
      ["base64 of basic auth"] = core.base64("me:" .. key),
      ["base64 of JSON"] = core.base64('{"k":"' .. key .. '"}'),
      hexadecimal = each("%02x"),
      ["URL"] = "?k=" .. each("%%%02X"),
      ["JSON by number"] = each("\\u%04x"),
      reversed = key:reverse(),
      capitals = key:upper(),
    }) do
      assert.is_true(secrets.in_text("some " .. text .. " more", secret), what)
    end
    assert.is_false(secrets.in_text(secrets.new_key() .. key:sub(1, 13), secret))
  end)

  it("finds it in files below a folder, and not in older ones", function()
    local folder = child.temporary()
    child.run(("mkdir -p %s/deep/er && mkfifo %s/fifo"):format(folder, folder))
    local file = assert(io.open(folder .. "/deep/er/log", "w"))
    file:write(("before "):rep(300000), key, (" after"):rep(300000))
    file:close()
    local now = os.time()
    assert.same(
      { "the file " .. folder .. "/deep/er/log" },
      secrets.in_files(secret, { folder }, now - 5)
    )
    assert.same({}, secrets.in_files(secret, { folder }, now + 60))
    assert.same({}, secrets.in_files(select(2, secrets.new_key()), { folder }, now - 5))
    child.run("rm -rf " .. folder)
  end)
end)

describe("make hosts", function()
  local function run(hosts, ci)
    return child.run(("CI=%s %s spec/hosts/run.lua %s"):format(ci or "", child.lua, hosts))
  end

  it("counts a host as failed that shows the key", function()
    local result = run("spec/support/leaky_host")
    assert.equal(1, result.status)
    for _, what in ipairs({
      "the key is in no process\n  the arguments of process %d+",
      "the environment of process %d+",
      "the key is in no file\n  the file /tmp/claude%-hosts%-%w+/notes",
      "the key is in nothing that the host wrote",
      "the servers got the key",
      "the suite came to its end",
    }) do
      assert.matches(what, result.out)
    end
    assert.matches("\nleaky_host: %d+ passed, %d+ failed\n$", result.out)
  end)

  it("says which host is not installed, and takes that for a failure in CI", function()
    local absent = "spec/support/absent_host"
    local result = run(absent)
    assert.equal("absent_host: skipped (nobody has it)\n", result.out)
    assert.equal(0, result.status)
    result = run(absent, "true")
    assert.matches("absent_host: 0 passed, 1 failed\n$", result.out)
    assert.equal(1, result.status)
  end)

  it("knows its hosts by name", function()
    local result = run("nohost")
    assert.equal(1, result.status)
    assert.matches("there is no host nohost; there are blocking .*luv", result.err)
  end)
end)
