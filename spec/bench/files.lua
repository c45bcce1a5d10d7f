--- What a large file costs: uploads and downloads one of SIZE megabytes (500 without it), and
--- prints how long that took and how much memory it added.
---
---     lua spec/bench/files.lua [SIZE] [DIRECTORY]
local claude = require("claude")
local files_server = require("spec.support.files_server")
local now = require("claude.net").now
local servers = require("spec.support.servers")

local MEGABYTE = 1024 * 1024

local size = (tonumber(arg[1]) or 500) * MEGABYTE
local path = (arg[2] or os.getenv("TMPDIR") or "/tmp") .. "/lua-claude-bench-files"

local server = servers.files_server()
local client = claude.new({ api_key = "bench", base_url = server.url })

local function measure(what, run)
  collectgarbage()
  local before, most, calls = servers.resident(), 0, 0
  local start = now()
  run(function()
    calls = calls + 1
    most = math.max(most, servers.resident())
  end)
  local seconds = now() - start
  print(
    ("%s: %.0f MB in %.1f s, %.0f MB/s; resident %.1f MB before, %.1f MB at most, %d calls"):format(
      what,
      size / MEGABYTE,
      seconds,
      size / MEGABYTE / seconds,
      before / 1e6,
      most / 1e6,
      calls
    )
  )
end

files_server.write(path, size)
measure("upload", function(look)
  local file = assert(client.files:upload({ path = path, on_progress = look }))
  assert(file.size_bytes == size, "what arrived is not what was sent")
end)
os.remove(path)
measure(
  "download",
  function(look)
    assert(client.files:download(("file_%d"):format(size), path, { on_progress = look }))
  end
)
assert(files_server.right_in(path) == size, "what was written is not what was sent")
os.remove(path)
server:stop()
