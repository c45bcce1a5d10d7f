--- Records in storages: appended, synced together, cut back, read again. What a conversation
--- writes into them is checked by spec/conversation/journal_spec.lua.
local child = require("spec.support.child")
local claude = require("claude")
local core = require("claude.core")
local failing = require("spec.support.failing_storage").new
local logs = require("claude.journal.log")
local tasks = require("claude.tasks")

local CHANGE = logs.CHANGE

local function payloads(records)
  local list = {}
  for i, record in ipairs(records) do
    list[i] = record.payload
  end
  return list
end

-- What would be read now.
local function stored(storage) return payloads((assert(core.journal_read(storage:read())))) end

describe("a log of records", function()
  it("gives back what was appended, when it is opened again", function()
    local storage = claude.journal.memory()
    local log, records = assert(logs.open(storage))
    assert.same({}, records)
    assert(log:append(logs.WHOLE, "all"))
    assert(log:append(CHANGE, "more"))
    log:close()
    local again
    again, records = assert(logs.open(claude.journal.memory(storage:read())))
    assert.same({ "all", "more" }, payloads(records))
    assert.same({ logs.WHOLE, CHANGE }, { records[1].kind, records[2].kind })
    assert(again:append(CHANGE, "and more"))
    assert.same({ "all", "more", "and more" }, stored(again.storage))
  end)

  it("cuts off what is torn, and says how much", function()
    local storage = claude.journal.memory()
    local log = assert(logs.open(storage))
    assert(log:append(CHANGE, "one"))
    local whole = storage:read()
    assert(log:append(CHANGE, "two"))
    local torn = claude.journal.memory(storage:read():sub(1, -2))
    local again, records = assert(logs.open(torn))
    assert.same({ "one" }, payloads(records))
    assert.equal(48 + 2, again.cut)
    assert.equal(whole, torn:read())
  end)

  it("leaves alone what is damaged, or no journal", function()
    local storage = claude.journal.memory()
    local log = assert(logs.open(storage))
    for _, payload in ipairs({ "one", "two" }) do
      assert(log:append(CHANGE, payload))
      assert(log:sync())
    end
    local bytes = storage:read():gsub("one", "eno")
    for _, wrong in ipairs({ bytes, "Dear diary" }) do
      local kept = claude.journal.memory(wrong)
      local none, problem = logs.open(kept)
      assert.is_nil(none)
      assert.truthy(problem:find("(at byte ", 1, true), problem)
      assert.equal(wrong, kept:read())
    end
  end)

  it("has one conversation in a storage at a time", function()
    local storage = claude.journal.memory()
    local log = assert(logs.open(storage))
    local none, problem = logs.open(storage)
    assert.is_nil(none)
    assert.equal("another conversation has it open", problem)
    log:close()
    assert(logs.open(storage))
  end)

  it("is what it was after an append that failed half-way", function()
    local storage = failing()
    local log = assert(logs.open(storage))
    assert(log:append(CHANGE, "one"))
    local before = storage:read()
    storage.fails.append = 20
    local done, problem = log:append(CHANGE, "two")
    assert.is_nil(done)
    assert.equal("No space left on device", problem)
    assert.equal(before, storage:read())
    assert(log:append(CHANGE, "three"))
    assert.same({ "one", "three" }, stored(storage))
  end)

  it("cuts off later what it could not cut off at once", function()
    local storage = failing()
    local log = assert(logs.open(storage))
    assert(log:append(CHANGE, "one"))
    storage.fails.append, storage.fails.truncate = 20, true
    assert.is_nil(log:append(CHANGE, "two"))
    assert.same({ "one" }, stored(storage))
    assert(log:append(CHANGE, "three"))
    assert.same({ "one", "three" }, stored(storage))
  end)

  it("tells in each record how much was on the disk before", function()
    local storage = claude.journal.memory()
    local log = assert(logs.open(storage))
    assert(log:append(CHANGE, "one"))
    assert(log:append(CHANGE, "two"))
    assert(log:sync())
    local known = #storage:read()
    assert(log:append(CHANGE, "three"))
    local records = assert(core.journal_read(storage:read()))
    assert.same({ 0, 0, known }, { records[1].synced, records[2].synced, records[3].synced })
  end)

  it(
    "trusts nothing since the last good sync once one has failed, and begins there anew",
    function()
      local storage = failing()
      local log = assert(logs.open(storage))
      assert(log:append(logs.WHOLE, "all"))
      assert(log:sync())
      assert(log:append(CHANGE, "lost"))
      storage.fails.sync = true
      local done, problem = log:sync()
      assert.is_nil(done)
      assert.truthy(problem:find("Input/output error", 1, true), problem)
      assert.is_nil(log:sync())
      assert.is_nil(log:append(CHANGE, "more"))
      assert.equal(2, storage.syncs)
      assert(log:restart("all and more"))
      assert(log:sync())
      assert.same({ "all", "all and more" }, stored(storage))
    end
  )

  it("syncs once for all who wait", function()
    local storage = failing()
    local log = assert(logs.open(storage))
    local appended, done = 0, 0
    claude.loop(function()
      storage.gate = tasks.signal()
      for i = 1, 10 do
        claude.spawn(function()
          assert(log:append(CHANGE, "record " .. i))
          appended = appended + 1
          assert(log:sync())
          done = done + 1
        end)
      end
      while appended < 10 do
        claude.sleep(0.001)
      end
      storage.gate:set()
    end)
    assert.equal(10, done)
    assert.is_true(storage.syncs <= 2, storage.syncs)
    assert.equal(#storage:read(), log.durable)
  end)

  it("tells all who wait that a sync failed", function()
    local storage = failing()
    local log = assert(logs.open(storage))
    assert(log:append(CHANGE, "one"))
    local failed = 0
    claude.loop(function()
      storage.gate, storage.fails.sync = tasks.signal(), true
      for _ = 1, 3 do
        claude.spawn(function()
          if not log:sync() then failed = failed + 1 end
        end)
      end
      while storage.syncs == 0 do
        claude.sleep(0.001)
      end
      storage.gate:set()
    end)
    assert.same({ 3, 1 }, { failed, storage.syncs })
    assert.is_string(log.in_doubt)
  end)

  it("is of no use once it is closed", function()
    local log = assert(logs.open(claude.journal.memory()))
    log:close()
    log:close()
    local done, problem = log:append(CHANGE, "one")
    assert.is_nil(done)
    assert.equal("the journal was closed", problem)
  end)
end)

describe("a journal in a file", function()
  local folder, path

  local function sh(command) return child.run(command).out end

  local function opening(name)
    local file, text, err = claude.journal.file(name)
    assert.is_nil(file)
    assert.equal("storage", err.kind)
    return text
  end

  before_each(function()
    folder = sh("mktemp -d"):match("%S+")
    path = folder .. "/chat.journal"
  end)

  after_each(function() sh("rm -rf " .. folder) end)

  it("is its owner's alone", function()
    local file = assert(claude.journal.file(path))
    file:close()
    assert.equal("600\n", sh("stat -c %a " .. path .. " 2>/dev/null || stat -f %Lp " .. path))
  end)

  it("keeps the mode of a file that is there", function()
    sh(": >" .. path .. "; chmod 640 " .. path)
    assert(claude.journal.file(path)):close()
    assert.equal("640\n", sh("stat -c %a " .. path .. " 2>/dev/null || stat -f %Lp " .. path))
  end)

  it("holds what was appended, and no more than is kept", function()
    local file = assert(claude.journal.file(path))
    assert.equal("", file:read())
    assert(file:append("one two"))
    assert(file:truncate(3))
    assert(file:append("!"))
    assert(file:sync())
    assert.equal("one!", file:read())
    file:close()
    file:close()
    local _, problem = file:append("late")
    assert.equal("it is closed", problem)
    assert.equal("one!", sh("cat " .. path))
  end)

  it("opens once at a time, in this process and in others", function()
    local file = assert(claude.journal.file(path))
    assert.truthy(opening(path):find("it is in use", 1, true))
    local code = ('print(select(2, require("claude.core").journal_file(%q)))'):format(path)
    local program = folder .. "/second.lua"
    local out = assert(io.open(program, "w"))
    out:write(code)
    out:close()
    local second = child.run(child.lua .. " " .. program)
    assert.truthy(second.out:find("it is in use", 1, true), second.out)
    file:close()
    assert(claude.journal.file(path)):close()
  end)

  it("is no directory, symbolic link or pipe", function()
    assert.truthy(opening(folder):find("it is a directory", 1, true))
    sh("ln -s " .. path .. " " .. folder .. "/link; mkfifo " .. folder .. "/pipe")
    assert.truthy(opening(folder .. "/link"):find("it is a symbolic link", 1, true))
    assert.truthy(opening(folder .. "/pipe"):find("it is no regular file", 1, true))
    assert.truthy(opening("/dev/null"):find("it is no regular file", 1, true))
  end)

  it("says why it cannot be opened", function()
    assert.truthy(opening(folder .. "/none/chat"):find("No such file", 1, true))
    assert.truthy(opening(path .. "\0x"):find("the path holds a zero byte", 1, true))
  end)

  it("notices that it was deleted, moved or replaced", function()
    local gone = "it is not at its path any more: it was deleted, moved or replaced"
    for _, how in ipairs({
      "rm " .. path,
      ("mv %s %s/elsewhere"):format(path, folder),
      ("mv %s %s/elsewhere; touch %s"):format(path, folder, path),
      ("touch %s/other; mv %s/other %s"):format(folder, folder, path),
      ("mkdir %s/below; cp %s %s/below; rm -r %s"):format(folder, path, folder, path),
    }) do
      local storage = assert(claude.journal.file(path))
      local log = assert(logs.open(storage))
      assert(log:append(CHANGE, "one"))
      sh(how)
      for _ = 1, 2 do
        assert.same({ nil, gone }, { log:append(CHANGE, "two") })
        assert.same({ nil, gone }, { log:sync() })
      end
      log:close()
      sh("rm -rf " .. path)
    end
  end)

  it("is where it was when it comes back, or has another name as well", function()
    local storage = assert(claude.journal.file(path))
    local log = assert(logs.open(storage))
    assert(log:append(CHANGE, "one"))
    sh(("mv %s %s/elsewhere"):format(path, folder))
    assert.is_nil((log:append(CHANGE, "two")))
    sh(("mv %s/elsewhere %s; ln %s %s/too"):format(folder, path, path, folder))
    assert(log:append(CHANGE, "two"))
    assert(log:sync())
    assert.same({ "one", "two" }, stored(storage))
    log:close()
  end)

  it("raises for what is no path and no option", function()
    assert.has_error(function() claude.journal.file(7) end, "claude.journal.file takes a path")
    local function with(options)
      return function() claude.journal.file(path, options) end
    end
    assert.has_error(with(7), "claude.journal.file takes a table of options, not a number")
    assert.has_error(with({ lock = 1 }), "claude.journal.file: there is no option lock")
    assert.has_error(with({ sync = 1 }), "claude.journal.file: sync must be a boolean")
    assert.has_error(
      function() claude.journal.memory(7) end,
      "claude.journal.memory takes the bytes of a journal, not a number"
    )
  end)

  it("takes nothing that does not fit, and is what it was", function()
    local program = folder .. "/full.lua"
    local out = assert(io.open(program, "w"))
    out:write(([[
      local logs = require("claude.journal.log")
      local storage = assert(require("claude").journal.file(%q))
      local log = assert(logs.open(storage))
      assert(log:append(logs.WHOLE, ("x"):rep(1000)))
      local before = storage:read()
      local done, problem = log:append(logs.CHANGE, ("y"):rep(100000))
      print(done, problem, storage:read() == before)
      print(log:append(logs.CHANGE, "short"))
    ]]):format(path))
    out:close()
    -- Blocks of 512 bytes or of 1024, whatever the shell counts.
    local limited = child.run(("trap '' XFSZ; ulimit -f 16; exec %s %s"):format(child.lua, program))
    assert.equal("nil\tFile too large\ttrue\ntrue\n", limited.out)
  end)

  it("is told of the limit of its process where it writes anew, too, and lives on", function()
    local program = folder .. "/large.lua"
    local out = assert(io.open(program, "w"))
    out:write(([[
      local file = assert(require("claude").journal.file(%q))
      print(file:rewrite(90000, "x"))
    ]]):format(path))
    out:close()
    local whole = assert(claude.journal.file(path))
    assert(whole:append(("y"):rep(100000)))
    whole:close()
    local limited = child.run(("ulimit -f 16; exec %s %s"):format(child.lua, program))
    assert.equal("nil\tFile too large\n", limited.out)
  end)
end)
