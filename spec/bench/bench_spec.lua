-- What `make bench` does with what its sides print, and what becomes of that.
local child = require("spec.support.child")
local core = require("claude.core")
local goals = require("spec.bench.goals")
local page = require("spec.bench.page")
local plot = require("spec.bench.plot")
local statistics = require("spec.bench.statistics")
local summary = require("spec.bench.summary")

if child.run("uname").out ~= "Linux\n" then return end -- the server is written for epoll

local HERE = "spec/bench"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

describe("statistics", function()
  it("has the one in the middle, or what is between the two there", function()
    assert.equal(3, statistics.median({ 9, 3, 1 }))
    assert.equal(2.5, statistics.median({ 4, 1, 2, 3 }))
  end)

  it("has an exponent of 1 where twice as much costs twice as much", function()
    local function exponent(cost)
      return statistics.exponent({ size = 1, cost = 1 }, { size = 2, cost = cost })
    end
    assert.equal(1, exponent(2))
    assert.equal(2, exponent(4))
  end)
end)

describe("a goal", function()
  local ratio = goals.ratio("a", "b", { at_most = 5 })

  it("compares two runs of one round", function()
    local value = ratio.value({ a = { cost = 12 }, b = { cost = 3 } })
    assert.equal(4, value)
    assert.is_true(ratio.good(value))
    assert.is_false(ratio.good(5.1))
    assert.equal("<= 5", ratio.goal)
  end)

  it("is printed and not judged without limits", function()
    local shown = goals.ratio("a", "b")
    assert.equal("none", shown.goal)
    assert.is_true(shown.good(shown.value({ a = { cost = 12 }, b = { cost = 3 } })))
  end)

  it("has the least that hands out and decodes beside what only receives", function()
    local round = { floor = { cost = 6 }, decoded = { cost = 5 }, bare = { cost = 2 } }
    assert.equal((6 - 2 + 5) / 2, goals.floor_and_decoding("bare").value(round))
    round.floor = nil
    assert.is_nil(goals.floor_and_decoding("bare").value(round))
  end)

  it(
    "is not measured in a round that has not both",
    function() assert.is_nil(ratio.value({ a = { cost = 12 } })) end
  )
end)

describe("chunks", function()
  local chunks = require("spec.bench.clients.chunks")
  local BYTES = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n5\r\nhello\r\nB\r\n, and again\r\n0\r\n\r\n"

  it("are taken apart wherever the bytes are cut", function()
    for size = 1, #BYTES do
      local got = {}
      local take = chunks.without(function(bytes) got[#got + 1] = bytes end)
      for at = 1, #BYTES, size do
        take(BYTES:sub(at, at + size - 1))
      end
      assert.equal("hello, and again", table.concat(got))
    end
  end)
end)

describe("a row", function()
  local measure = require("spec.bench.measure")
  local folder = child.temporary()
  local bench = { server = { url = "http://127.0.0.1:1" }, quick = true, programs = folder }

  setup(function()
    assert.equal(0, child.run("mkdir " .. folder).status)
    local cc = "cc -std=c99 -D_GNU_SOURCE -O1 -o %s/%s"
    for program, sources in pairs({ launch = "launch.c", stream_server = "stream_server.c %s" }) do
      local command = cc:format(folder, program) .. " " .. HERE .. "/" .. sources
      local built = child.run((command:gsub("%%s", HERE .. "/event_stream.c")))
      assert.equal("", built.err)
    end
  end)
  teardown(function() child.run("rm -r " .. folder) end)

  -- The same stream as text, and its totals.
  local function server_says(what)
    return child.run(("%s/stream_server %s /events-40"):format(folder, what)).out
  end

  it("has texts that are cut out of the stream wherever its bytes are cut", function()
    local stream = server_says("events")
    local reader = require("spec.bench.clients.cut").reader
    for _, size in ipairs({ 1, 7, 100, #stream }) do
      local spelled = 0
      local take = reader(function(text) spelled = spelled + #text end)
      for at = 1, #stream, size do
        take(stream:sub(at, at + size - 1))
      end
      assert.equal(core.decode(server_says("totals")).spelled, spelled)
    end
  end)

  local function run(...)
    local sides = {}
    for i, command in ipairs({ ... }) do
      sides[i] = { name = "side " .. i, command = { "sh", "-c", command }, requests = 1 }
    end
    local row = { name = "r", unit = "s", path = "/events-20", per = 1, sides = sides, goals = {} }
    return measure.row(bench, row, 2)
  end

  local totals
  local function right()
    totals = totals or child.run(folder .. "/stream_server totals /events-20").out
    return ("echo '%s'"):format((totals:gsub("\n", "")))
  end

  it("has a sample for each turn whose totals are the server's", function()
    local result = run(right())
    assert.same({}, result.problems)
    assert.equal(2, #result.sides["side 1"])
    assert.equal("number", type(result.rounds[1]["side 1"].cost))
  end)

  it("counts no turn with a wrong total, and says which", function()
    local result = run([[echo '{"text":1}']], right())
    assert.equal(0, #result.sides["side 1"])
    assert.equal(2, #result.sides["side 2"])
    assert.matches("^side 1: text: 1 instead of %d+$", result.problems[1])
  end)

  it(
    "counts no turn that counted nothing",
    function() assert.equal("side 1: it counted nothing", run("echo '{}'").problems[1]) end
  )

  it("counts no turn with streams that failed", function()
    local result = run([[echo '{"text":1,"failed":3}']])
    assert.equal("side 1: 3 streams failed", result.problems[1])
  end)

  it("counts no turn that ends badly, and tells what it said", function()
    local result = run("echo oh no >&2; exit 3")
    assert.same({ 0, 2 }, { result.passed, result.failed })
    assert.equal("side 1: it ended with status 3: oh no", result.problems[1])
  end)

  it("leaves out a side that cannot be had", function()
    local side = { name = "x", command = {}, requests = 1 }
    function side.missing() return "it is not here" end
    local row = { name = "r", unit = "s", path = "/events-20", per = 1, sides = { side } }
    local result = measure.row(bench, row, 1)
    assert.same({ x = "it is not here" }, result.left_out)
    assert.same({ 0, 0 }, { result.passed, result.failed })
  end)
end)

describe("a name that no row has", function()
  it("is told at once, with those there are", function()
    local lua = os.getenv("LUA") or arg[-1]
    local told = child.run(("ROWS='events no-row' %s spec/bench/run.lua"):format(lua))
    assert.matches("no row is called no%-row; there are: deltas%-64k ", told.err)
    assert.equal("", told.out)
  end)
end)

describe("ROUNDS", function()
  it("that are no whole number from 1 are told at once", function()
    local lua = os.getenv("LUA") or arg[-1]
    for _, wrong in ipairs({ "0", "-1", "1.5", "many" }) do
      local told = child.run(("ROUNDS=%s ROWS=events %s spec/bench/run.lua"):format(wrong, lua))
      assert.equal(2, told.status)
      assert.equal(("ROUNDS is %s, and must be a whole number from 1\n"):format(wrong), told.err)
    end
  end)
end)

describe("bench-document", function()
  local path = child.temporary()
  after_each(function() os.remove(path) end)

  -- What it says of a file with these bytes; the tree stays as it is.
  local function refused(bytes)
    if bytes then
      local file = assert(io.open(path, "w"))
      file:write(bytes)
      file:close()
    end
    local before = read("doc/performance.json")
    local lua = os.getenv("LUA") or arg[-1]
    local told = child.run(("%s spec/bench/document.lua %s"):format(lua, path))
    assert.equal(1, told.status)
    assert.equal(before, read("doc/performance.json"))
    return (told.err:gsub("^bench%-document: ", "", 1))
  end

  it(
    "says that there are no samples yet, and what writes them",
    function() assert.equal(("there is no %s: make bench writes it\n"):format(path), refused()) end
  )

  it("refuses what are no samples", function()
    assert.matches("invalid JSON", refused("{"))
    assert.matches("these are no samples", refused("1"))
    assert.matches("has no samples of deltas%-64k", refused(read("doc/performance.json")))
  end)

  it("refuses samples of some rows, since the page would lose the others", function()
    local rows = {}
    for _, name in ipairs(require("spec.bench.rows")) do
      rows[name] = { problems = {}, sides = {}, goals = {} }
    end
    rows.core, rows.latency = nil, nil
    local said = refused(core.encode(rows))
    assert.truthy(said:find("make bench ROWS='core latency'", 1, true), said)
  end)
end)

describe("the summary", function()
  it("has medians of what was measured", function()
    local function sample(cost)
      local report = { p50_us = cost * 2 }
      return { cost = cost, peak_kb = 1, report = report }
    end
    local sides = { project = { sample(1), sample(3), sample(2) }, sdk = {} }
    local row =
      { about = "a", unit = "s", machine = {}, goals = {}, problems = { "one" }, sides = sides }
    local found = summary.of({ row = row }).row
    assert.same({ median = 2, least = 1, greatest = 3 }, found.sides.project.cost)
    assert.equal(4, found.sides.project.p50_us.median)
    assert.is_nil(found.sides.sdk)
    assert.equal(1, found.no_measurement)
  end)

  it("has no cost of a side of which only counts what it prints", function()
    local sides = { floor = { { cost = 7, peak_kb = 1, report = { after_10 = 2 } } } }
    local row = { machine = {}, goals = {}, problems = {}, sides = sides }
    row.without_cost = { floor = true }
    local found = summary.of({ row = row }).row.sides.floor
    assert.is_nil(found.cost)
    assert.equal(2, found.after_10.median)
  end)
end)

describe("what is printed", function()
  local print_rows = require("spec.bench.print_rows")
  local side = { name = "sdk" }
  local goal = { text = "sdk / project", goal = "<= 5", value = function() end }
  local row = { name = "r", about = "a row", unit = "s", sides = { side }, goals = { goal } }
  local result = { rounds = {}, sides = { sdk = {} }, left_out = { sdk = "it is not here" } }
  result.problems = {}

  local function printed(quick)
    local lines, real = {}, print
    _G.print = function(line) lines[#lines + 1] = line end
    local went, problem = pcall(print_rows.result, row, result, quick)
    _G.print = real
    assert.is_true(went, problem)
    return table.concat(lines, "\n")
  end

  it(
    "in the quick form tells in the words of .ci/suites what was left out",
    function() assert.equal("r: a row\nr-sdk: skipped (it is not here)", printed(true)) end
  )

  it("names the row of each figure, measured or not", function()
    local text = printed(false)
    assert.matches("  sdk          left out: it is not here\n", text)
    assert.matches("  r: sdk / project +goal <= 5 +not measured$", text)
  end)
end)

describe("the page", function()
  it("says ok or short of what has a goal, and nothing of other figures", function()
    local function figure(goal, ok)
      return { text = "f", goal = goal, median = 2, least = 1, greatest = 3, ok = ok }
    end
    local goals_of = { figure("<= 2", true), figure("<= 1", false), figure("none", true) }
    local machine = { system = "s", software = "w", date = "2026-01-01" }
    local row = { unit = "s", machine = machine, sides = {}, goals = goals_of }
    local text = page.write(read("doc/performance.md"), { core = row })
    assert.truthy(text:find("| core | f | 2 (1 – 3) | <= 2 | ok |", 1, true))
    assert.truthy(text:find("| core | f | 2 (1 – 3) | <= 1 | **short** |", 1, true))
    assert.truthy(text:find("| core | f | 2 (1 – 3) | none |  |", 1, true))
  end)

  it("writes three figures, and large numbers without an exponent", function()
    local goal = { text = "f", goal = "none", median = 2523.4, least = 0.01234, greatest = 102432 }
    local machine = { system = "s", software = "w", date = "2026-01-01" }
    local row = { unit = "s", machine = machine, sides = {}, goals = { goal } }
    local text = page.write(read("doc/performance.md"), { core = row })
    assert.truthy(text:find("| core | f | 2520 (0.0123 – 102000) | none |  |", 1, true))
  end)

  it("says from when to when its rows were measured", function()
    local function row(date)
      local machine = { system = "s", software = "w", date = date }
      return { unit = "s", machine = machine, sides = {}, goals = {} }
    end
    local rows = { core = row("2026-01-01"), turns = row("2026-01-03") }
    local text = page.write(read("doc/performance.md"), rows)
    assert.truthy(text:find("s; w. 2026-01-01 to 2026-01-03.", 1, true))
  end)

  it("says which rows were measured with another Lua than most", function()
    local function row(software)
      local machine = { system = "s", software = software, date = "2026-01-01" }
      return { unit = "s", machine = machine, sides = {}, goals = {} }
    end
    local rows = { core = row("5.4"), turns = row("5.4"), start = row("5.1") }
    local text = page.write(read("doc/performance.md"), rows)
    assert.truthy(text:find("s; 5.4. 2026-01-01.\nstart: s; 5.1. 2026-01-01.\n", 1, true))
  end)
end)

describe("doc/performance.md", function()
  local all = assert(core.decode(read("doc/performance.json")))

  it("has the tables that its summary makes", function()
    local text = read("doc/performance.md")
    assert.equal(page.write(text, all), text)
  end)

  it(
    "has the plot that its summary makes",
    function() assert.equal(plot.draw(all), read("doc/performance.svg")) end
  )
end)
