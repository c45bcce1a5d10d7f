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

-- From now on checks go by what the API said.
---@param client claude.Client
---@param model any
local function remember(client, model)
  if type(model) == "table" and type(model.id) == "string" then
    client.retrieved[model.id] = model
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
  self.client.retrieved[id] = model
  remember(self.client, model)
  return model
end

--- The models, page by page as they are read: `for model in client.models:list() do`.
---@param query? { limit: integer?, after_id: string?, before_id: string?, lifecycle: string? }
---@param options? claude.CallOptions
---@return claude.Pages
function Models:list(query, options)
  check_self(self, "list")
  local client = self.client
  return require("claude.pages").new(client, {
    path = "/v1/models",
    query = endpoint.check_query(query, "client.models:list", 2),
    options = wire.check_options(options, 2),
    on_page = function(page)
      for _, model in ipairs(page.data) do
        remember(client, model)
      end
    end,
  })
end

local M = {}

---@param client claude.Client
---@return claude.Models
function M.new(client) return setmetatable({ client = client }, Models) end

return M
