--- Lists that are given page by page, as the API does it with after_id and before_id.
local core = require("claude.core")
local faults = require("claude.simulator.faults")

local M = {}

--- The parameters of a query string.
---@param query string
---@return table<string, string>
function M.query(query)
  local found = {}
  for name, value in query:gmatch("([^&=]+)=([^&]*)") do
    found[name] = value
  end
  return found
end

-- What comes after (or stands before) a cursor, and whether there is more of it.
local function range(all, query, limit)
  local first, last = 1, #all
  for index, item in ipairs(all) do
    if item.id == query.after_id then first = index + 1 end
    if item.id == query.before_id then last = index - 1 end
  end
  if query.before_id then first = math.max(first, last - limit + 1) end
  local stop = math.min(last, first + limit - 1)
  return first, stop, query.before_id and first > 1 or stop < last
end

--- One page as JSON.
---@param all table[] each with an id
---@param query string
---@param describe fun(item: table): table what is shown of it
---@return string? json
---@return claude.simulator.Fault? fault
function M.page(all, query, describe)
  query = M.query(query)
  local limit = tonumber(query.limit or 20)
  if not limit or limit < 1 or limit > 1000 or limit ~= math.floor(limit) then
    return nil, faults.invalid("limit: Input should be between 1 and 1000")
  end
  local first, last, more = range(all, query, limit)
  local data = core.array({})
  for index = first, last do
    data[#data + 1] = describe(all[index])
  end
  local ids = { data[1] and data[1].id, data[#data] and data[#data].id }
  return ('{"data":%s,"has_more":%s,"first_id":%s,"last_id":%s}'):format(
    assert(core.encode(data)),
    tostring(more),
    assert(core.encode(ids[1] or core.null)),
    assert(core.encode(ids[2] or core.null))
  )
end

return M
