local claude = require("claude")
local files_server = require("spec.support.files_server")
local requests = require("spec.support.exchange")
local servers = require("spec.support.servers")

if os.getenv("ASAN_OPTIONS") then
  return it(
    "needs memory that is freed when it is given back",
    function() pending("sanitizers") end
  )
end

local SIZE = 64 * 1024 * 1024
local MOST = 12e6 -- bytes that a file of any size may add: buffers of libcurl, and garbage

describe("a file of 64 MB", function()
  local server, client, path
  setup(function()
    server = servers.files_server()
    client = claude.new({ api_key = "k", base_url = server.url })
    path = os.tmpname()
    files_server.write(path, SIZE)
    -- Whatever the first request and the first file load is no matter of size.
    assert(client.files:upload({ bytes = files_server.pattern(0, 100), filename = "a" }))
    assert(client.files:download("file_100", path .. ".down"))
  end)
  teardown(function()
    server:stop()
    requests.settle()
    os.remove(path)
    os.remove(path .. ".down")
  end)

  local function growth_of(run)
    collectgarbage()
    local before, most = servers.resident(), 0
    run(function() most = math.max(most, servers.resident() - before) end)
    return most
  end

  it("goes up without being in memory", function()
    local growth = growth_of(function(look)
      local file = assert(client.files:upload({ path = path, on_progress = look }))
      assert.equal(SIZE, file.size_bytes) -- so many arrived and were right
    end)
    assert.is_true(growth < MOST, growth)
  end)

  it("is not sent to its end when the API refuses it at once", function()
    local stranger = claude.new({ api_key = "refused", base_url = server.url })
    local _, _, err = stranger.files:upload(path)
    assert.same({ 401, "authentication_error" }, { err.status, err.type })
    requests.settle()
    local taken = assert(client:request("GET", "/taken")).body
    assert.is_true(tonumber(taken) < SIZE / 2, taken)
  end)

  it("comes down without being in memory", function()
    local growth = growth_of(function(look)
      local id = ("file_%d"):format(SIZE)
      assert.equal(SIZE, assert(client.files:download(id, path .. ".down", { on_progress = look })))
    end)
    assert.is_true(growth < MOST, growth)
    assert.equal(SIZE, files_server.right_in(path .. ".down"))
  end)
end)
