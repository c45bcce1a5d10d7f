--- The Models API: what there is, and what each takes. Answers are kept by the client:
--- from then on its checks go by them.

local endpoint = require("claude.endpoint")
local wire = require("claude.wire")

---@class claude.Models
---@field private client claude.Client
local Models = {}
Models.__index = Models
Models.__name = "claude.Models"

---@param self any
---@param name string
local function check_self(self, name)
  if getmetatable(self) ~= Models then
    error(("write client.models:%s(…) with a colon, not a dot"):format(name), 3)
  end
end

--- What the API says of one model: max_tokens, capabilities and so on.
---@param id string id or alias
---@param options? claude.CallOptions
---@return table? model
---@return string? text
---@return claude.Error? err
function Models:retrieve(id, options)
  check_self(self, "retrieve")
  local part = endpoint.path_part(id)
  if not part then error("client.models:retrieve takes the id of a model", 2) end
  local model, text, err = endpoint.call(self.client, {
    method = "GET",
    path = "/v1/models/" .. part,
    options = wire.check_options(options, 2),
  })
  if not model then return nil, text, err end
  local retrieved = self.client.retrieved
  retrieved[id] = model
  if type(model.id) == "string" then retrieved[model.id] = model end
  return model
end

--- One page of the models: `data`, `has_more`, `first_id`, `last_id`.
---@param query? { limit: integer?, after_id: string?, before_id: string?, lifecycle: string? }
---@param options? claude.CallOptions
---@return table? page
---@return string? text
---@return claude.Error? err
function Models:list(query, options)
  check_self(self, "list")
  if query ~= nil and type(query) ~= "table" then
    error("client.models:list takes a table such as { limit = 20 }", 2)
  end
  local page, text, err = endpoint.call(self.client, {
    method = "GET",
    path = "/v1/models" .. endpoint.query(query),
    options = wire.check_options(options, 2),
  })
  if not page then return nil, text, err end
  for _, model in ipairs(type(page.data) == "table" and page.data or {}) do
    if type(model) == "table" and type(model.id) == "string" then
      self.client.retrieved[model.id] = model
    end
  end
  return page
end

local M = {}

---@param client claude.Client
---@return claude.Models
function M.new(client) return setmetatable({ client = client }, Models) end

return M
