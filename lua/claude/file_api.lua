--- The Files API: files that are sent once and named by their id from then on. What goes
--- up is read from disk as the connection takes it, and what comes down is written as it
--- arrives: whatever a file's size, little of it is in memory.

local endpoint = require("claude.endpoint")
local errors = require("claude.errors")
local progress = require("claude.progress")
local wire = require("claude.wire")

local HERE = "/v1/files"
-- The API's general hints speak of models and of messages.
local HINTS = {
  [404] = "check the file's id, and whether it has expired or was deleted:"
    .. " client.files:list() names those that are there",
  [413] = "a file may have 500 MB: split it",
}

---@class claude.Files
---@field private client claude.Client
local Files = {}
Files.__index = Files
Files.__name = "claude.Files"

---@param self any
---@param name string
local function check_self(self, name)
  if getmetatable(self) ~= Files then
    error(("write client.files:%s(…) with a colon, not a dot"):format(name), 3)
  end
end

-- The path of a file given by its id, or by what this API returned.
---@param file any
---@param name string
---@return string
local function path_of(file, name)
  local id = file
  if type(file) == "table" and file.type == "file" then id = file.id end
  local part = endpoint.path_part(id)
  if not part then error(("client.files:%s takes the id of a file"):format(name), 3) end
  return HERE .. "/" .. part
end

---@param err claude.Error?
---@return nil
---@return string?
---@return claude.Error?
local function failed(err)
  if not err then return nil end
  err.hint = HINTS[err.status] or err.hint
  return errors.fail(err)
end

---@param self claude.Files
---@param method "GET"|"DELETE"
---@param path string
---@param options claude.CallOptions
---@return table? answer
---@return string? text
---@return claude.Error? err
local function call(self, method, path, options)
  local answer, _, err =
    endpoint.call(self.client, { method = method, path = path, options = options })
  if answer then return answer end
  return failed(err)
end

--- Uploads a file: a path, or a table of options. Its name and media type are found where
--- they are not given. Returns what the API says of the file, its `id` above all.
---@param given string|claude.UploadOptions
---@param options? claude.CallOptions
---@return claude.File? file
---@return string? text
---@return claude.Error? err
function Files:upload(given, options)
  check_self(self, "upload")
  local uploads = require("claude.upload")
  given = uploads.check(given, 2)
  options = wire.check_options(options, 2)
  local upload, err = uploads.open(given)
  if not upload then return failed(err) end
  local watch = progress.watch(given.on_progress, upload.size)
  local file, _, failure = endpoint.call(self.client, {
    method = "POST",
    path = HERE,
    body = upload.body,
    content_type = upload.content_type,
    on_sent = watch and function(sent) return watch:tell(upload:part_of(sent)) end,
    options = options,
  })
  upload:close()
  if watch then watch:finish(file and upload.size) end
  if file then return file end
  return failed(failure)
end

-- Several ids are one parameter.
---@param query any
---@param level integer
---@return table<string, string|number|boolean>?
local function check_list_query(query, level)
  if type(query) ~= "table" or type(query.ids) ~= "table" then
    query = endpoint.check_query(query, "client.files:list", level + 1)
    return query
  end
  for i, id in ipairs(query.ids) do
    if type(id) ~= "string" then
      error(("client.files:list: ids[%d] must be the id of a file"):format(i), level + 1)
    end
  end
  local joined = require("claude.tables").merged(query, { ids = table.concat(query.ids, ",") })
  local checked = endpoint.check_query(joined, "client.files:list", level + 1)
  return checked
end

--- The files, page by page as they are read: `for file in client.files:list() do`.
---@param query? { limit: integer?, page: string?, ids: string[]? }
---@param options? claude.CallOptions
---@return claude.Pages
function Files:list(query, options)
  check_self(self, "list")
  return require("claude.pages").new(self.client, {
    path = HERE,
    query = check_list_query(query, 2),
    options = wire.check_options(options, 2),
  })
end

--- What the API knows of a file.
---@param file string|claude.File id, or what the API said of it before
---@param options? claude.CallOptions
---@return claude.File? file
---@return string? text
---@return claude.Error? err
function Files:retrieve_metadata(file, options)
  check_self(self, "retrieve_metadata")
  local path = path_of(file, "retrieve_metadata")
  return call(self, "GET", path, wire.check_options(options, 2))
end

--- The bytes of a file, handed out as they come. Only files that the API calls downloadable
--- have them: what tools have made, not what was uploaded.
---@param file string|claude.File
---@param options? claude.CallOptions
---@return claude.Download? download `read` it until it returns nil
---@return string? text
---@return claude.Error? err
function Files:open(file, options)
  check_self(self, "open")
  local download, err = require("claude.download").open(self.client, {
    method = "GET",
    path = path_of(file, "open") .. "/content",
    accept = "application/binary",
    options = wire.check_options(options, 2),
  })
  if download then return download end
  return failed(err)
end

--- Downloads a file: it appears at the path once all of it is there, in the place of what
--- was there before; until then, and after a failure, nothing changes at that path.
---@param file string|claude.File
---@param path string
---@param options? claude.DownloadOptions
---@return integer? bytes how many were written
---@return string? text
---@return claude.Error? err
function Files:download(file, path, options)
  check_self(self, "download")
  local content = path_of(file, "download") .. "/content"
  local to_disk = require("claude.download_to_disk")
  local own, rest = to_disk.check(path, options, 2)
  local bytes, err = to_disk.run(self.client, {
    method = "GET",
    path = content,
    accept = "application/binary",
    options = wire.check_options(rest, 2),
  }, path, own)
  if bytes then return bytes end
  return failed(err)
end

--- Deletes a file.
---@param file string|claude.File
---@param options? claude.CallOptions
---@return { id: string, type: string }? deleted
---@return string? text
---@return claude.Error? err
function Files:delete(file, options)
  check_self(self, "delete")
  local path = path_of(file, "delete")
  return call(self, "DELETE", path, wire.check_options(options, 2))
end

function Files.__tostring() return "claude.Files" end

local M = {}

---@param client claude.Client
---@return claude.Files
function M.new(client) return setmetatable({ client = client }, Files) end

return M
