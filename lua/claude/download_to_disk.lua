--- A download that becomes a file, whole or not at all.

local core = require("claude.core")
local downloads = require("claude.download")
local errors = require("claude.errors")
local progress = require("claude.progress")
local rules = require("claude.check.rules")

local M = {}

---@class claude.DownloadOptions: claude.CallOptions
---@field on_progress? fun(received: number, total: number?) bytes of the file

--- Raises for what is no path or no option of a download.
---@param path any
---@param options any
---@param level integer stack level to blame
---@return { on_progress: function? } own
---@return table? rest the options of any call
function M.check(path, options, level)
  if type(path) ~= "string" then
    error("client.files:download takes the path of the file to be written", level + 1)
  end
  if type(options) ~= "table" or options.on_progress == nil then return {}, options end
  if type(options.on_progress) ~= "function" then
    error("client.files:download: on_progress must be a function", level + 1)
  end
  local rest = {}
  for name, value in pairs(options) do
    if name ~= "on_progress" then rest[name] = value end
  end
  return { on_progress = options.on_progress }, rest
end

---@param path string
---@param problem string?
---@return claude.Error
local function unwritable(path, problem)
  return rules.broken("file_unwritable", "path", (core.utf8_scrub(path)), tostring(problem))
end

---@param path string
---@return userdata? sink
---@return claude.Error? err
local function open_sink(path)
  if path:find("\0", 1, true) then return nil, unwritable(path, "it holds a zero byte") end
  local sink, problem = core.file_sink(path)
  if sink then return sink end
  return nil, unwritable(path, problem)
end

---@param download claude.Download
---@param sink userdata
---@param watch claude.Watch?
---@return true? done
---@return string|claude.Error? problem an error, or what is wrong with the sink
local function copy(download, sink, watch)
  while true do
    local bytes, text, err = download:read()
    if not bytes then return not text and true or nil, err or text end
    local written, problem = sink:write(bytes)
    if not written then return nil, problem end
    err = watch and watch:tell(download.bytes)
    if err then return nil, err end
  end
end

--- Makes the request, and writes its answer.
---@param client claude.Client
---@param spec claude.WireSpec
---@param path string
---@param own { on_progress: function? }
---@return integer? bytes
---@return claude.Error? err
function M.run(client, spec, path, own)
  -- Where nothing can be written nothing needs to be asked.
  local sink, err = open_sink(path)
  if not sink then return nil, err end
  local download
  spec.read_at_once = true
  download, err = downloads.open(client, spec)
  if not download then
    sink:discard()
    return nil, err
  end
  local watch = progress.watch(own.on_progress, download.length)
  local done, problem = copy(download, sink, watch)
  if done then
    done, problem = sink:commit()
  else
    sink:discard()
    download:close()
  end
  if watch then watch:finish(done and download.bytes) end
  if done then return download.bytes end
  if errors.is(problem) then return nil, problem end
  return nil, unwritable(path, problem)
end

return M
