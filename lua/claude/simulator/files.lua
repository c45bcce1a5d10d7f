--- The files of a simulated account: what was uploaded, and what code execution would have
--- made. Each function that answers a request returns JSON, or nil and a fault.
local core = require("claude.core")
local faults = require("claude.simulator.faults")
local multipart = require("claude.simulator.multipart")

local M = {}

local MOST_CHARACTERS = 255
local MOST_BYTES = 500 * 1024 * 1024
local SHORTEST, LONGEST = 3600, 7776000
local FIELDS = { file = true, expires_in_seconds = true }

---@class claude.simulator.File
---@field id string
---@field filename string
---@field mime_type string
---@field bytes string
---@field created integer seconds since 1970
---@field expires? integer
---@field downloadable boolean

---@class claude.simulator.Files
---@field private list claude.simulator.File[] oldest first
---@field private ids fun(prefix: string): string
---@field private now fun(): integer
local Files = {}
Files.__index = Files

---@param ids fun(prefix: string): string
---@param now? fun(): integer
---@return claude.simulator.Files
function M.new(ids, now)
  local fields = { list = {}, ids = ids, now = now or os.time }
  return setmetatable(fields, Files)
end

local function date(seconds) return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds) end

local function describe(file)
  return {
    id = file.id,
    type = "file",
    filename = file.filename,
    mime_type = file.mime_type,
    size_bytes = #file.bytes,
    created_at = date(file.created),
    downloadable = file.downloadable,
    expires_at = file.expires and date(file.expires) or core.null,
  }
end

local function show(file) return assert(core.encode(describe(file))) end

--- Adds a file as if it had been uploaded, or made by a tool of the server's.
---@param fields { filename: string, bytes: string, mime_type?: string, downloadable?: boolean }
---@return claude.simulator.File
function Files:add(fields)
  local now = self.now()
  local file = {
    id = self.ids("file_"),
    filename = fields.filename,
    mime_type = fields.mime_type or "application/octet-stream",
    bytes = fields.bytes,
    created = now,
    expires = fields.expires_in_seconds and now + fields.expires_in_seconds,
    downloadable = fields.downloadable or false,
  }
  self.list[#self.list + 1] = file
  return file
end

local function not_found(id, code)
  local fault = { status = 404, message = "File not found: " .. id }
  if code then fault.details = { error_code = code } end
  return fault
end

---@param id string
---@return claude.simulator.File? file
---@return claude.simulator.Fault? fault
---@return integer? index
function Files:find(id)
  for index, file in ipairs(self.list) do
    if file.id == id then
      if file.expires and file.expires <= self.now() then
        return nil, not_found(id, "file_expired")
      end
      return file, nil, index
    end
  end
  return nil, not_found(id)
end

local function name_problem(name)
  local _, continuation = name:gsub("[\128-\191]", "")
  local characters = #name - continuation
  if characters < 1 or characters > MOST_CHARACTERS then
    return "filename: String should have between 1 and 255 characters"
  end
  if not core.utf8_valid(name) then return "filename: Input should be a valid string" end
  if name:find('[<>:"|?*\\/%c]') then return "filename: contains forbidden characters" end
end

local function expiry_problem(text)
  if not text then return nil end
  local seconds = text:find("^%d+$") and tonumber(text)
  if not seconds then return "expires_in_seconds: Input should be a valid integer" end
  if seconds < SHORTEST then
    return "expires_in_seconds: Input should be greater than or equal to 3600"
  end
  if seconds > LONGEST then
    return "expires_in_seconds: Input should be less than or equal to 7776000"
  end
end

local function form_problem(fields)
  for name in pairs(fields) do
    if not FIELDS[name] then return name .. ": Extra inputs are not permitted" end
  end
  local file = fields.file
  if not file then return "file: Field required" end
  if not file.filename then return "file: Expected UploadFile" end
  local expires = fields.expires_in_seconds
  return name_problem(file.filename) or expiry_problem(expires and expires.value)
end

--- POST /v1/files
---@param exchange claude.simulator.Exchange
---@return string? json
---@return claude.simulator.Fault? fault
function Files:upload(exchange)
  local boundary = multipart.boundary(exchange.http.headers["content-type"])
  if not boundary then
    return nil, faults.invalid("Content-Type: multipart/form-data with a boundary is required")
  end
  local fields, problem = multipart.parse(exchange.http.body, boundary)
  problem = problem or form_problem(fields)
  if problem then return nil, faults.invalid(problem) end
  local file = fields.file
  if #file.value > MOST_BYTES then
    return nil, { status = 413, message = "File exceeds the maximum allowed size of 500 MB" }
  end
  return show(self:add({
    filename = file.filename,
    mime_type = file.content_type,
    bytes = file.value,
    expires_in_seconds = fields.expires_in_seconds and tonumber(fields.expires_in_seconds.value),
  }))
end

local function wanted_ids(text)
  if not text then return nil end
  local ids = {}
  for id in text:gsub("%%2[Cc]", ","):gmatch("[^,]+") do
    ids[id] = true
  end
  return ids
end

-- Newest first; a page's cursor is the id of its first file.
function Files:_listed(query)
  local found, ids = {}, wanted_ids(query.ids)
  for index = #self.list, 1, -1 do
    local file = self.list[index]
    if self:find(file.id) and (not ids or ids[file.id]) then found[#found + 1] = file end
  end
  if not query.page then return found, 1 end
  for index, file in ipairs(found) do
    if "page_" .. file.id == query.page then return found, index end
  end
  return nil
end

--- GET /v1/files
---@param query table<string, string>
---@return string? json
---@return claude.simulator.Fault? fault
function Files:page(query)
  local limit = tonumber(query.limit or 20)
  if not limit or limit < 1 or limit > 1000 or limit % 1 ~= 0 then
    return nil, faults.invalid("limit: Input should be between 1 and 1000")
  end
  local all, first = self:_listed(query)
  if not all then return nil, faults.invalid("page: Invalid page token") end
  local data = core.array({})
  for index = first, math.min(first + limit - 1, #all) do
    data[#data + 1] = describe(all[index])
  end
  local next_file = all[first + limit]
  local next_page = next_file and "page_" .. next_file.id or core.null
  return assert(core.encode({ data = data, next_page = next_page }))
end

--- GET /v1/files/{id}
---@param id string
---@return string? json
---@return claude.simulator.Fault? fault
function Files:metadata(id)
  local file, fault = self:find(id)
  if not file then return nil, fault end
  return show(file)
end

--- GET /v1/files/{id}/content
---@param id string
---@return claude.simulator.File? file
---@return claude.simulator.Fault? fault
function Files:content(id)
  local file, fault = self:find(id)
  if not file then return nil, fault end
  if file.downloadable then return file end
  return nil, faults.invalid(("File %s is not downloadable"):format(id))
end

--- DELETE /v1/files/{id}
---@param id string
---@return string? json
---@return claude.simulator.Fault? fault
function Files:delete(id)
  local file, fault, index = self:find(id)
  if not file then return nil, fault end
  table.remove(self.list, index)
  return assert(core.encode({ id = id, type = "file_deleted" }))
end

local function file_ids(blocks, found)
  for _, block in ipairs(type(blocks) == "table" and blocks or {}) do
    local source = type(block) == "table" and block.source
    if block.type == "container_upload" then found[#found + 1] = block.file_id end
    if type(source) == "table" and source.type == "file" then found[#found + 1] = source.file_id end
    if type(block) == "table" and block.type == "tool_result" then
      file_ids(block.content, found)
    end
  end
  return found
end

--- Whether the files that messages name are there.
---@param messages table[]
---@return claude.simulator.Fault?
function Files:missing_in(messages)
  for _, message in ipairs(messages) do
    for _, id in ipairs(file_ids(message.content, {})) do
      local file, fault = self:find(id)
      if not file then return fault end
    end
  end
  return nil
end

return M
