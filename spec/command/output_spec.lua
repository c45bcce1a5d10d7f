local child = require "spec.support.child"
local exits = require "claude.command.exits"
local output = require "claude.command.output"

local function failing(why, number)
  local function fail() return nil, why, number end
  return { write = fail, flush = fail }
end

describe("output that cannot be written", function()
  for _, verb in ipairs { "write", "flush" } do
    it("is an error with status 1: " .. verb, function()
      local done, err = pcall(output[verb], failing("No space left on device", 28), "text")
      assert.is_false(done)
      assert.equal("cannot write the output: No space left on device", tostring(err))
      assert.equal(1, exits.of_error(err))
      assert.is_false(err.silent)
    end)

    it("needs no word when its reader has gone: " .. verb, function()
      local _, err = pcall(output[verb], failing("Broken pipe", 32), "text")
      assert.equal(141, exits.of_error(err))
      assert.is_true(err.silent)
    end)
  end

  it("is told by a write, not taken for success", function()
    local file = assert(io.open("/dev/null", "r"))
    assert.is_false(pcall(function()
      output.write(file, "text")
      output.flush(file)
    end))
    file:close()
  end)
end)

describe("a standard descriptor closed at the start", function()
  it("is not taken by what is opened next", function()
    local path = child.temporary()
    local script = [[
      local kept = require("claude.command.output").fill_closed()
      local file = assert(io.open(arg[1], "w"))
      io.stdout:write "lost"
      io.stdout:flush()
      file:write(#kept)
      file:close()
    ]]
    local call = child.lua .. " - " .. path
    for redirect, kept in pairs { [">&-"] = "1", [">&- 2>&-"] = "2", [""] = "0" } do
      child.run(call .. " " .. redirect, script)
      local file = assert(io.open(path))
      assert.equal(kept, file:read "*a")
      file:close()
    end
    os.remove(path)
  end)
end)
