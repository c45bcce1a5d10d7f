--- Puts a key into one place of each kind, and says whether the search finds it there: a search
--- that finds nothing anywhere proves nothing.
local child = require("spec.support.child")
local core = require("claude.core")
local secrets = require("spec.hosts.secrets")
local uv = require("luv")

local M = {}

-- `cat` waits for its standard input before it looks at its other arguments.
local function with_process(options, look)
  local stdin = uv.new_pipe(false)
  options.stdio = { stdin }
  local process, pid = uv.spawn("cat", options, function() end)
  assert(process, pid)
  local found = false
  for _ = 1, 500 do
    found = look(pid)
    if found then break end
    uv.sleep(10)
  end
  process:kill("sigkill")
  process:close()
  stdin:close()
  uv.run("nowait")
  return found
end

local function names(places, part) return table.concat(places, "\n"):find(part, 1, true) ~= nil end

local PLACES = {
  arguments = function(key, secret)
    return with_process(
      { args = { "-", key } },
      function(pid)
        return names(secrets.in_processes(secret), ("the arguments of process %d "):format(pid))
      end
    )
  end,
  environment = function(key, secret)
    local env = { "PATH=" .. os.getenv("PATH"), "KEY=" .. key }
    return with_process(
      { env = env },
      function(pid)
        return names(secrets.in_processes(secret), ("the environment of process %d "):format(pid))
      end
    )
  end,
  ["a file"] = function(key, secret)
    local folder = child.temporary()
    child.run(("mkdir %s && printf %%s %s >%s/x"):format(folder, key, folder))
    local found = names(secrets.in_files(secret, { folder }, os.time() - 60), folder .. "/x")
    child.run("rm -rf " .. folder)
    return found
  end,
  ["an open file without a name"] = function(key, secret)
    local path = child.temporary()
    child.run(("printf %%s %s >%s"):format(key, path))
    local fd = assert(uv.fs_open(path, "r", 0))
    os.remove(path)
    local places = secrets.in_open_files(secret, uv.os_getpid(), os.time() - 60)
    uv.fs_close(fd)
    return names(places, "(deleted)")
  end,
  ["what a program wrote"] = function(key, secret)
    return secrets.in_text("<" .. key .. ">", secret)
  end,
  ["base64"] = function(key, secret) return secrets.in_text(core.base64("me:" .. key), secret) end,
  ["percents"] = function(key, secret)
    local text = key:gsub(".", function(c) return ("%%%02X"):format(c:byte()) end)
    return secrets.in_text(text, secret)
  end,
  ["two halves"] = function(key, secret)
    return secrets.in_text(key:sub(1, 37) .. "\r\n " .. key:sub(38), secret)
  end,
}

---@return { what: string, found: boolean }[]
function M.all()
  local list = {}
  for what, plant in pairs(PLACES) do
    list[#list + 1] = { what = what, found = plant(secrets.new_key()) }
  end
  return list
end

return M
