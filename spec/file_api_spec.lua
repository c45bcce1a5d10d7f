local claude = require("claude")
local requests = require("spec.support.exchange")
local servers = require("spec.support.servers")
local tasks = require("claude.tasks")
local simulator = require("claude.simulator")

local PNG = "\137PNG\r\n\26\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1"

describe("client.files", function()
  local sim, client, folder

  local function start(options, client_options)
    sim = assert(simulator.start(options))
    client_options = client_options or {}
    client_options.api_key, client_options.base_url = "key-of-the-spec", sim.url
    client = claude.new(client_options)
  end

  local function write(name, bytes)
    local path = folder .. "/" .. name
    local file = assert(io.open(path, "wb"))
    file:write(bytes)
    file:close()
    return path
  end

  local function read(path)
    local file = assert(io.open(path, "rb"))
    local bytes = file:read("*a")
    file:close()
    return bytes
  end

  local function names_in_folder()
    local pipe = assert(io.popen("ls -A '" .. folder .. "'"))
    local names = pipe:read("*a")
    pipe:close()
    return (names:gsub("\n$", ""))
  end

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir '" .. folder .. "'"))
  end)
  after_each(function()
    if sim then sim:close() end
    requests.settle()
    os.execute("rm -rf '" .. folder .. "'")
  end)

  describe(":upload", function()
    it("sends a file by its path, with its name and what it is", function()
      start()
      local file = assert(client.files:upload(write("Grüße 1.png", PNG)))
      assert.same(
        { "file", "Grüße 1.png", "image/png", #PNG, false },
        { file.type, file.filename, file.mime_type, file.size_bytes, file.downloadable }
      )
      assert.matches("^file_", file.id)
      assert.is_true(sim.files:find(file.id).bytes == PNG)
      assert.equal("POST", sim.requests[1].method)
    end)

    it("sends bytes under a name, and what else the API takes", function()
      start()
      local file = assert(client.files:upload({
        bytes = "a,b\n",
        filename = "table",
        mime_type = "text/csv",
        expires_in_seconds = 3600,
      }))
      assert.same({ "table", "text/csv" }, { file.filename, file.mime_type })
      assert.is_string(file.expires_at)
      assert.equal("a,b\n", sim.files:find(file.id).bytes)
    end)

    it("sends a large file as it is", function()
      start()
      local bytes = ("0123456789abcdef\0\255"):rep(200000)
      local file = assert(client.files:upload(write("large.bin", bytes)))
      assert.is_true(sim.files:find(file.id).bytes == bytes)
    end)

    it("tells how far it is, up to the end", function()
      start()
      local told, total = {}, nil
      assert(client.files:upload({
        path = write("a.bin", ("x"):rep(3000000)),
        on_progress = function(sent, of)
          told[#told + 1], total = sent, of
        end,
      }))
      assert.equal(3000000, total)
      assert.equal(3000000, told[#told])
      assert.is_true(#told > 1)
      for i = 2, #told do
        assert.is_true(told[i] > told[i - 1])
      end
    end)

    it("ends when on_progress raises, and raises that", function()
      start()
      local before = servers.descriptors_in_use()
      local problem = { "mine" }
      local done, raised = pcall(function()
        client.files:upload({
          path = write("a.bin", ("x"):rep(3000000)),
          on_progress = function() error(problem) end,
        })
      end)
      assert.is_false(done)
      assert.equal(problem, raised)
      requests.settle()
      assert.is_true(servers.open_descriptors() <= before + 1)
    end)

    it("lets on_progress wait, and others run meanwhile", function()
      start()
      local seen = 0
      claude.loop(function()
        local other = claude.spawn(function()
          while true do
            claude.sleep(0.001)
            seen = seen + 1
          end
        end)
        assert(client.files:upload({
          path = write("a.bin", ("x"):rep(1000000)),
          on_progress = function() claude.sleep(0.005) end,
        }))
        other:cancel()
      end)
      assert.is_true(seen > 0)
    end)

    it("goes through middleware, which can look at it without having it in memory", function()
      local seen
      start(nil, {
        middleware = {
          function(request, send)
            claude.sleep(0.001)
            seen = { #request.body, request.body:sha256() }
            return send(request)
          end,
        },
      })
      local told
      local file = assert(client.files:upload({
        path = write("a.bin", ("x"):rep(3000000)),
        on_progress = function(sent) told = sent end,
      }))
      assert.same({ 3000000, 3000000 }, { file.size_bytes, told })
      assert.is_true(seen[1] > 3000000)
      assert.equal(require("claude.core").sha256(sim.requests[1].body), seen[2])
    end)

    it("is given up with its task, and closes the file", function()
      start()
      local path = write("a.bin", ("x"):rep(8000000))
      assert(client.files:upload({ bytes = "x", filename = "a" }))
      local before = servers.descriptors_in_use()
      claude.loop(function()
        local begun = tasks.signal()
        local task = claude.spawn(function()
          return client.files:upload({
            path = path,
            on_progress = function()
              begun:set() -- a moment later all of it may have been sent
              claude.sleep(5)
            end,
          })
        end)
        begun:wait()
        task:cancel()
        local _, _, err = task:wait()
        assert.equal("cancelled", err.kind)
      end)
      requests.settle()
      assert.is_true(servers.open_descriptors() <= before + 1)
      assert.equal(1, #sim.requests)
    end)

    it("closes the file when it is done", function()
      start()
      local path = write("a.txt", "a")
      assert(client.files:upload(path))
      local before = servers.descriptors_in_use()
      for _ = 1, 5 do
        assert(client.files:upload(path))
      end
      assert.is_true(servers.open_descriptors() <= before)
    end)

    it("tries again from the beginning of the file", function()
      start({ faults = { { status = 529 } } })
      local bytes = ("0123456789"):rep(100000)
      local told = {}
      local file = assert(client.files:upload({
        path = write("a.bin", bytes),
        on_progress = function(sent) told[#told + 1] = sent end,
      }))
      assert.is_true(sim.files:find(file.id).bytes == bytes)
      assert.equal(2, #sim.requests)
      assert.equal(#bytes, told[#told])
    end)

    it("goes out with a beta where one is named, and needs none", function()
      start()
      local path = write("a.txt", "a")
      assert(client.files:upload(path))
      assert.is_nil(sim.requests[1].beta)
      assert(client.files:upload(path, { betas = { "files-api-2025-04-14" } }))
      assert.equal("files-api-2025-04-14", sim.requests[2].beta)
    end)

    local refused = {
      { "a file that is not there", "file_unreadable", "No such file", "/nowhere/a.pdf" },
      { "a folder", "file_unreadable", "directory", { path = ".", filename = "a" } },
      { "a device", "file_unreadable", "no regular file", { path = "/dev/zero" } },
      {
        "a name that the API does not take",
        "file_name",
        '"a:b"',
        { bytes = "x", filename = "a:b" },
      },
      { "a name with a line break", "file_name", "control", { bytes = "x", filename = "a\r\nb" } },
      {
        "a name of 256 characters",
        "file_name",
        "255",
        { bytes = "x", filename = ("é"):rep(256) },
      },
      { "a path that ends in no name", "file_name", '""', "folder/" },
      { "a name that is not UTF-8", "file_name", "filename", { bytes = "x", filename = "\255" } },
      {
        "a media type that is none",
        "file_type",
        '"pdf"',
        { bytes = "x", filename = "a", mime_type = "pdf" },
      },
      {
        "a media type that ends its line",
        "file_type",
        "mime_type",
        { bytes = "x", filename = "a", mime_type = "a/b\r\nX: y" },
      },
      {
        "too short a time",
        "file_expiry",
        "3599",
        { bytes = "x", filename = "a", expires_in_seconds = 3599 },
      },
      {
        "half a second",
        "file_expiry",
        "3600.5",
        { bytes = "x", filename = "a", expires_in_seconds = 3600.5 },
      },
      {
        "too long a time",
        "file_expiry",
        "7776001",
        { bytes = "x", filename = "a", expires_in_seconds = 7776001 },
      },
    }
    for _, case in ipairs(refused) do
      it("refuses " .. case[1] .. " without asking", function()
        start()
        local file, text, err = client.files:upload(case[4])
        assert.is_nil(file)
        assert.same({ "invalid", case[2] }, { err.kind, err.rule })
        assert.truthy(err.path and err.hint)
        assert.truthy(text:find(case[3], 1, true), text)
        assert.equal(0, #sim.requests)
      end)
    end

    it("takes a name of 255 characters, whatever bytes they are", function()
      start()
      assert(client.files:upload({ bytes = "x", filename = ("é"):rep(255) }))
    end)

    it("refuses what is larger than a file may be, and reads nothing of it", function()
      start()
      local path = write("hole", "")
      local file = assert(io.open(path, "wb"))
      file:seek("set", 500 * 1024 * 1024)
      file:write("x")
      file:close()
      local _, _, err = client.files:upload(path)
      assert.equal("file_size", err.rule)
      assert.equal(0, #sim.requests)
    end)

    local raised = {
      { "nothing", "takes a path, or a table" },
      { "neither path nor bytes", "give path or bytes", {} },
      { "both", "give path or bytes", { path = "a", bytes = "b", filename = "c" } },
      { "bytes without a name", "bytes need a filename", { bytes = "x" } },
      { "an option that is none", "there is no option file", { file = "a" } },
      {
        "an option of another type",
        "on_progress must be a function",
        { path = "a", on_progress = 1 },
      },
    }
    for _, case in ipairs(raised) do
      it("raises at the caller's line for " .. case[1], function()
        start()
        local done, problem = pcall(function() client.files:upload(case[3]) end)
        assert.is_false(done)
        assert.truthy(problem:find("file_api_spec.lua:%d+: client.files:upload"), problem)
        assert.truthy(problem:find(case[2], 1, true), problem)
      end)
    end

    it("is an error for good when the file is written to meanwhile", function()
      start()
      local path = write("a.log", ("x"):rep(8000000))
      local _, text, err = client.files:upload({
        path = path,
        on_progress = function() write("a.log", "new") end,
      })
      assert.equal("invalid", err.kind)
      assert.truthy(text:find("while it was sent", 1, true), text)
      assert.is_nil(sim.files.list[1])
    end)
  end)

  describe("lists, metadata and deleting", function()
    it("know a file by its id, or by what was returned for it", function()
      start()
      local file = assert(client.files:upload({ bytes = "abc", filename = "a.txt" }))
      for _, given in ipairs({ file.id, file }) do
        local metadata = assert(client.files:retrieve_metadata(given))
        assert.same(
          { file.id, "a.txt", 3 },
          { metadata.id, metadata.filename, metadata.size_bytes }
        )
      end
      assert.equal("file_deleted", assert(client.files:delete(file)).type)
      local gone, text, err = client.files:retrieve_metadata(file)
      assert.is_nil(gone)
      assert.same({ 404, "not_found_error" }, { err.status, err.type })
      assert.truthy(text:find("client.files:list()", 1, true), text)
    end)

    it("go from page to page", function()
      start()
      local ids = {}
      for i = 1, 5 do
        ids[i] = sim:add_file({ filename = i .. ".txt", bytes = tostring(i) })
      end
      local names = {}
      for file in client.files:list({ limit = 2 }) do
        names[#names + 1] = file.filename
      end
      assert.equal("5.txt 4.txt 3.txt 2.txt 1.txt", table.concat(names, " "))
      assert.equal(3, #sim.requests)
      names = {}
      for file in client.files:list({ ids = { ids[2], ids[4] } }) do
        names[#names + 1] = file.filename
      end
      assert.equal("4.txt 2.txt", table.concat(names, " "))
    end)

    it("raise for ids that are none", function()
      start()
      for _, query in ipairs({ { ids = { 5 } }, { ids = print }, "x" }) do
        local done, problem = pcall(function() client.files:list(query) end)
        assert.is_false(done)
        assert.truthy(problem:find("file_api_spec.lua:%d+: client.files:list"), problem)
      end
    end)

    it("raise for what would be another path", function()
      start()
      for _, id in ipairs({ "", ".", "..", "a;b", 5, {} }) do
        for _, name in ipairs({ "retrieve_metadata", "delete", "open" }) do
          local done, problem = pcall(function() client.files[name](client.files, id) end)
          assert.is_false(done)
          assert.truthy(problem:find("file_api_spec.lua", 1, true), problem)
        end
      end
      assert.equal(0, #sim.requests)
    end)

    it("escape what is in an id", function()
      start()
      client.files:retrieve_metadata("a/../b?c")
      assert.equal("/v1/files/a%2F..%2Fb%3Fc", sim.requests[1].path)
    end)
  end)

  describe(":download", function()
    local CONTENT = ("0123456789\0\255"):rep(100000)

    it("writes a file as it was, and says how much", function()
      start()
      local id = sim:add_file({ filename = "a.bin", bytes = CONTENT, downloadable = true })
      assert.equal(#CONTENT, assert(client.files:download(id, folder .. "/a.bin")))
      assert.is_true(read(folder .. "/a.bin") == CONTENT)
      assert.equal("a.bin", names_in_folder())
    end)

    it("replaces what was there, and keeps its mode", function()
      start()
      local id = sim:add_file({ filename = "a.bin", bytes = "new", downloadable = true })
      local path = write("a.bin", "old")
      os.execute("chmod 640 '" .. path .. "'")
      assert(client.files:download(id, path))
      assert.equal("new", read(path))
      local pipe = assert(io.popen("ls -l '" .. path .. "'"))
      assert.matches("^%-rw%-r%-%-%-%-%-", pipe:read("*a"))
      pipe:close()
    end)

    it("writes an empty file for an empty one", function()
      start()
      local id = sim:add_file({ filename = "a", bytes = "", downloadable = true })
      assert.equal(0, assert(client.files:download(id, folder .. "/a")))
      assert.equal("", read(folder .. "/a"))
    end)

    for _, how in ipairs({ "close", "reset" }) do
      it(("leaves no half file when the connection breaks (%s)"):format(how), function()
        start({ cut = { at_byte = 500000, how = how } })
        local id = sim:add_file({ filename = "a.bin", bytes = CONTENT, downloadable = true })
        local bytes, text, err = client.files:download(id, folder .. "/a.bin")
        assert.is_nil(bytes)
        assert.equal("incomplete", err.kind, text)
        assert.equal("", names_in_folder())
        local path = write("a.bin", "old")
        assert.is_nil((client.files:download(id, path)))
        assert.equal("old", read(path))
        assert.equal("a.bin", names_in_folder())
      end)
    end

    it("leaves nothing behind when the API refuses", function()
      start()
      local id = assert(client.files:upload({ bytes = "x", filename = "a" })).id
      local bytes, text, err = client.files:download(id, folder .. "/a")
      assert.is_nil(bytes)
      assert.equal(400, err.status)
      assert.truthy(text:find("not downloadable", 1, true), text)
      assert.equal("", names_in_folder())
    end)

    it("asks nothing where it cannot write", function()
      start()
      for _, path in ipairs({ folder .. "/none/a", folder, "a\0b" }) do
        local _, _, err = client.files:download("file_1", path)
        assert.equal("file_unwritable", err.rule)
      end
      assert.equal(0, #sim.requests)
    end)

    it("tells how far it is", function()
      start()
      local id = sim:add_file({ filename = "a.bin", bytes = CONTENT, downloadable = true })
      local last, total
      assert(client.files:download(id, folder .. "/a", {
        on_progress = function(received, of)
          last, total = received, of
        end,
      }))
      assert.same({ #CONTENT, #CONTENT }, { last, total })
    end)

    it("may be told of to who asks something else with the client's only place", function()
      start(nil, { max_concurrency = 1 })
      local path = write("up", ("x"):rep(3000000))
      local id = sim:add_file({ filename = "a.bin", bytes = CONTENT, downloadable = true })
      local asked = 0
      local function on_progress() asked = asked + (client.models:list():next() and 1 or 0) end
      for _, run in ipairs({ function(fn) fn() end, claude.loop }) do
        run(function()
          assert(client.files:download(id, folder .. "/a", { on_progress = on_progress }))
          assert(client.files:upload({ path = path, on_progress = on_progress }))
        end)
      end
      assert.is_true(asked >= 4)
      assert.equal(0, client.places.taken)
    end)

    it("ends when on_progress raises, without a trace", function()
      start()
      local id = sim:add_file({ filename = "a.bin", bytes = CONTENT, downloadable = true })
      local done, raised = pcall(function()
        client.files:download(id, folder .. "/a", { on_progress = function() error("mine", 0) end })
      end)
      assert.same({ false, "mine" }, { done, raised })
      assert.equal("", names_in_folder())
    end)

    it("is given up with its task, without a trace", function()
      start({ pace = 0.01, chunk = 1000 })
      local id = sim:add_file({ filename = "a.bin", bytes = CONTENT, downloadable = true })
      claude.loop(function()
        local began = false
        local task = claude.spawn(function()
          return client.files:download(id, folder .. "/a", {
            on_progress = function() began = true end,
          })
        end)
        while not began do
          claude.sleep(0.005)
        end
        task:cancel()
        local _, _, err = task:wait()
        assert.equal("cancelled", err.kind)
      end)
      assert.equal("", names_in_folder())
    end)

    it("hands the bytes out instead, where they are to go elsewhere", function()
      start()
      local id = sim:add_file({ filename = "a.bin", bytes = CONTENT, downloadable = true })
      local download = assert(client.files:open(id))
      local parts = {}
      for bytes in function() return download:read() end do
        parts[#parts + 1] = bytes
      end
      assert.is_true(table.concat(parts) == CONTENT)
      local _, _, err = client.files:open("file_none")
      assert.equal(404, err.status)
    end)
  end)

  describe("in messages", function()
    it("are named by their id", function()
      start({ script = { "I see." } })
      local file = assert(client.files:upload({ bytes = PNG, filename = "a.png" }))
      local chat = client:conversation({ model = "claude-opus-4-8", max_tokens = 1000 })
      assert.equal("I see.", assert(chat:user({ "Look:", claude.image(file) }):send()):text())
      local sent = sim.requests[2].request.messages[1].content[2]
      assert.same({ type = "image", source = { type = "file", file_id = file.id } }, sent)
    end)

    it("must be there", function()
      start()
      local chat = client:conversation({ model = "claude-opus-4-8", max_tokens = 1000 })
      chat:user({ assert(claude.document({ file_id = "file_gone" })) })
      local _, _, err = chat:send()
      assert.same({ 404, "not_found_error" }, { err.status, err.type })
    end)
  end)
end)
