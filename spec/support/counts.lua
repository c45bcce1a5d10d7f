--- A busted output handler: one line per file, every failure in full after its file and once
--- more at the end, and the counts last, as every suite of this project prints them.
local function text_of(message)
  if type(message) == "string" then return message end
  return require("pl.pretty").write(message)
end

local function print_problem(problem)
  local trace = problem.element.trace or problem.trace or {}
  local where = (trace.short_src or "?") .. ":" .. (trace.currentline or "?")
  io.write("\nFAILED ", problem.name, "\n  at ", where, "\n")
  io.write(text_of(problem.message), "\n")
  if problem.trace and problem.trace.traceback then io.write(problem.trace.traceback, "\n") end
end

return function(options)
  local busted = require "busted"
  local handler = require "busted.outputHandlers.base"()
  local now_seconds = require("system").monotime
  local before, printed

  -- All failures and errors from the places given, or all there are.
  local function print_problems(from)
    for kind, first in pairs(from) do
      for i = first, #handler[kind] do
        print_problem(handler[kind][i])
      end
    end
  end

  local function totals()
    return {
      passed = handler.successesCount,
      failed = handler.failuresCount + handler.errorsCount,
      skipped = handler.pendingsCount,
    }
  end

  function handler.file_start(file)
    before = totals()
    before.clock = now_seconds()
    printed = { failures = #handler.failures + 1, errors = #handler.errors + 1 }
    -- Named before it runs: when the interpreter dies, the culprit is known.
    io.write(file.name, " ")
    io.flush()
    return nil, true
  end

  function handler.file_end(file)
    local now = totals()
    io.write(now.passed - before.passed, " passed")
    for _, kind in ipairs { "failed", "skipped" } do
      if now[kind] > before[kind] then io.write(", ", now[kind] - before[kind], " ", kind) end
    end
    io.write((" (%.1f s)\n"):format(now_seconds() - before.clock))
    print_problems(printed)
    io.flush()
    require("spec.support.ended_file").forget(file)
    handler.successes = {}
    return nil, true
  end

  function handler.suite_end()
    print_problems({ failures = 1, errors = 1 })
    for _, test in ipairs(handler.pendings) do
      io.write("skipped: ", test.name, test.message and ": " .. text_of(test.message) or "", "\n")
    end
    local total = totals()
    if total.skipped > 0 then io.write(total.skipped, " skipped\n") end
    io.write(total.passed, " passed, ", total.failed, " failed\n")
    io.flush()
    return nil, true
  end

  local subscribe = handler.subscribe
  function handler:subscribe(opts)
    subscribe(self, opts or options)
    busted.subscribe({ "file", "start" }, handler.file_start)
    busted.subscribe({ "file", "end" }, handler.file_end)
    busted.subscribe({ "suite", "end" }, handler.suite_end)
  end

  return handler
end
