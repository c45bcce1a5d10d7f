local goals = require("spec.bench.goals")
local nginx = require("spec.support.nginx")
local sides = require("spec.bench.sides")

local function worker(name, way, requests)
  return {
    name = name,
    command = { sides.LUA, "spec/bench/clients/nginx.lua", way, "{base}", "{requests}" },
    requests = requests,
    started = true, -- the worker measures itself, after its start
  }
end

return {
  name = "nginx",
  about = "every delta of 200,000-event streams in an nginx worker, HTTP chunks of 64 KiB",
  unit = "CPU s per million events",
  path = "/events-{events}/framing-64k",
  events = 200000,
  missing = nginx.missing,
  check = function(report, requests, totals, compare)
    if not report.received then return compare(report, requests, totals) end
    if report.received < totals.bytes * requests then return "bytes are missing" end
  end,
  sides = {
    worker("project", "claude", 5),
    worker("discard", "discard", 10),
    worker("floor", "floor", 5),
    worker("decoded", "decoded", 5),
    worker("cjson", "cjson", 1),
  },
  goals = {
    goals.ratio("project", "discard", { at_most = 2.3 }),
    goals.ratio("floor", "discard"),
    goals.ratio("decoded", "discard"),
    goals.floor_and_decoding("discard"),
    goals.ratio("cjson", "project", { at_least = 10 }),
  },
}
