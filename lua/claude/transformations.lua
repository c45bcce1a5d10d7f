--- What the API did to the thinking blocks of a request, as its answer tells it: blocks
--- that another model, account or history had sealed are left out, or let pass.

local core = require("claude.core")
local paths = require("claude.paths")

local M = {}

--- The list `input_transformations` of an answer; empty without one.
---@param response table a claude.core response
---@return claude.InputTransformation[]
function M.of(response)
  local json = response:head_json()
  -- Few answers have one: the others need no decoding here.
  if not json or not json:find('"input_transformations":%s*%[') then return {} end
  local list = core.decode(json).input_transformations
  return type(list) == "table" and list or {}
end

local TEXTS = {
  thinking_dropped = "the API left out thinking blocks of the request (%s): %s",
  thinking_mismatch_allowed = "the API let thinking blocks pass that do not fit (%s): %s",
}

-- Those of one kind together: { type, reason, places }.
---@param list claude.InputTransformation[]
---@return table[]
local function grouped(list)
  local groups, by_kind = {}, {}
  for _, item in ipairs(list) do
    local kind = ("%s %s"):format(tostring(item.type), tostring(item.reason))
    local group = by_kind[kind]
    if not group then
      group = { type = tostring(item.type), reason = tostring(item.reason), places = {} }
      by_kind[kind], groups[#groups + 1] = group, group
    end
    group.places[#group.places + 1] = paths.from_api(tostring(item.path))
  end
  return groups
end

--- Warns of them, once for each kind.
---@param client claude.Client
---@param response table
function M.tell(client, response)
  for _, group in ipairs(grouped(M.of(response))) do
    local form = TEXTS[group.type] or (group.type .. " (%s): %s")
    local text = form:format(group.reason, table.concat(group.places, ", "))
    client:warn("input_transformed", text, group.type .. " " .. group.reason)
  end
end

return M
