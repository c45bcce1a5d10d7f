-- Files on their way up, from this host's disk.
local ask = require("spec.hosts.ask")
local check = require("spec.hosts.check")

-- Whatever came of it, the file goes.
local function with_file(bytes, run)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
  run(path)
  os.remove(path)
end

return function()
  return {
    {
      "a file goes up from disk, and tells how far it is",
      function(env)
        local files, bytes = ask.client(env).files, ("0123456789"):rep(300000)
        with_file(bytes, function(path)
          local told = {}
          local file = assert(files:upload({
            path = path,
            filename = "numbers.txt",
            on_progress = function(sent) told[#told + 1] = sent end,
          }))
          check.equal(#bytes, file.size_bytes)
          check.equal(#bytes, told[#told])
          check.equal("text/plain", file.mime_type)
          check.equal("numbers.txt", assert(files:retrieve_metadata(file)).filename)
          check.equal("file_deleted", assert(files:delete(file)).type)
        end)
      end,
    },
    {
      "a download that is refused leaves no file",
      function(env)
        local path = os.tmpname()
        os.remove(path)
        local bytes, _, err = ask.client(env).files:download("file_none", path)
        check.equal(nil, bytes)
        check.equal(404, err.status)
        check.equal(nil, (io.open(path)))
      end,
    },
  }
end
