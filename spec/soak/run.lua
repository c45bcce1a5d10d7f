--- A day of a client in some minutes: what it holds must not grow, in a plain program, in tasks
--- and in luv's loop.
---
---     lua spec/soak/run.lua SERVER REQUESTS [HOST]
---
--- HOST: one of these alone. SERVER is the program of spec/bench/server.c. Then leaks are
--- planted, and have to be found. Prints what was held on the way, and "N passed, N failed".
local child = require("spec.support.child")
local flat = require("spec.soak.flat")
local servers = require("spec.support.servers")

local DROPPED_REPLIES, DROPPED_LIMIT = 3000, 200e6
local CHECK_REQUESTS = 20000 -- with a planted leak
local passed, failed = 0, 0

local function check(ok, text)
  if ok then
    passed = passed + 1
  else
    failed = failed + 1
    print("soak: " .. text)
  end
end

local server

---@return table<string, number>[]? samples
local function samples_of(requests, host, leak, leak_size)
  local words = { child.lua, "spec/soak/client.lua", server.url, ("%d"):format(requests), host }
  if leak then words[#words + 1] = leak .. " " .. leak_size end
  local pipe, samples = assert(io.popen(table.concat(words, " "))), {}
  for line in pipe:lines() do
    local made, rss, heap, descriptors = line:match("^(%d+) (%d+) (%d+) (%d+)$")
    samples[#samples + 1] = {
      requests = tonumber(made),
      rss = tonumber(rss),
      heap = tonumber(heap),
      descriptors = tonumber(descriptors),
    }
  end
  pipe:close()
  local last = samples[#samples]
  check(last and last.requests >= requests, host .. ": it did not come to its end")
  return last and last.requests >= requests and samples or nil
end

-- Everything by name, as text, at some places on the way.
local function along(samples, name, unit, form)
  local texts = {}
  for i, part in ipairs({ 0.1, 0.5, 1 }) do
    texts[i] = form:format(flat.at(samples, part)[name] / unit)
  end
  return table.concat(texts, ", ")
end

local function soak(requests, host)
  local samples = samples_of(requests, host)
  if not samples then return 0 end
  for name in pairs(flat.ALLOWED) do
    local growth, allowed = flat.growth(samples, name)
    check(
      growth <= allowed,
      ("%s: %s grew by %d, allowed are %d"):format(host, name, growth, allowed)
    )
  end
  local made = samples[#samples].requests
  print(
    ("%s, %d requests: at 10, 50 and 100 %%: RSS %s MB, Lua heap %s kB, descriptors %s"):format(
      host,
      made,
      along(samples, "rss", 1e6, "%.2f"),
      along(samples, "heap", 1e3, "%.0f"),
      along(samples, "descriptors", 1, "%d")
    )
  )
  return made
end

local function find_planted(requests, leak, name)
  requests = math.min(requests / 2, CHECK_REQUESTS)
  local samples = samples_of(requests, "tasks", leak, requests < CHECK_REQUESTS and 1000 or 100)
  if not samples then return 0 end
  local growth, allowed = flat.growth(samples, name)
  check(growth > allowed, ("a leak was planted, and %s seems flat"):format(name))
  return growth > allowed and 1 or 0
end

-- What a program holds at most that drops replies of a megabyte beside a heap of 35 MB.
local function drop_replies(what)
  local growth =
    require("spec.support.growth").of("dropped", server.url, what, ("%d"):format(DROPPED_REPLIES))
  check(growth < DROPPED_LIMIT, ("dropped replies, %s: %.0f MB"):format(what, growth / 1e6))
  print(("%d dropped replies of 1 MB, %s: %.0f MB"):format(DROPPED_REPLIES, what, growth / 1e6))
end

local function main(program, requests, hosts)
  local made, found = 0, 0
  if not io.open("/proc/self/statm") then return print("soak: skipped (no /proc)") end
  server = servers.spawn("exec " .. child.quote(program) .. " 0")
  for _, host in ipairs(hosts) do
    made = made + soak(requests, host)
  end
  found = found + find_planted(requests, "lua", "heap")
  found = found + find_planted(requests, "c", "rss")
  found = found + find_planted(requests, "descriptor", "descriptors")
  if requests >= CHECK_REQUESTS then
    drop_replies("read")
    drop_replies("unread")
  end
  server:stop()
  print(("%d passed, %d failed"):format(passed, failed))
  print(
    ("soak: %d requests in %s; RSS, heap and descriptors %s; %d of 3 planted leaks found"):format(
      made,
      table.concat(hosts, ", "),
      failed == 0 and "flat" or "NOT flat",
      found
    )
  )
  os.exit(failed == 0 and 0 or 1)
end

main(arg[1], tonumber(arg[2]), arg[3] and { arg[3] } or { "plain", "tasks", "luv" })
