local claude = require("claude")
local files_server = require("spec.support.files_server")
local growth_of = require("spec.support.growth").of
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
  end)
  teardown(function()
    server:stop()
    requests.settle()
    os.remove(path)
    os.remove(path .. ".down")
  end)

  it("goes up without being in memory", function()
    local growth = growth_of("upload", server.url, path)
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
    local id = ("file_%d"):format(SIZE)
    local growth = growth_of("download", server.url, id, path .. ".down")
    assert.is_true(growth < MOST, growth)
    assert.equal(SIZE, files_server.right_in(path .. ".down"))
  end)
end)
