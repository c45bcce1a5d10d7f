--- Rules on how much a model may write.

local models = require("claude.models")
local rules = require("claude.check.rules")
local values = require("claude.check.values")

local M = {}

-- Tokens that the model may write here; nil where that is not known.
---@param known claude.Capabilities
---@param ctx claude.CheckContext
---@return integer?
local function largest_output(known, ctx)
  local in_long_batch = ctx.endpoint == "batch" and ctx.betas[models.BATCH_OUTPUT_BETA]
  if not in_long_batch then return known.max_tokens end
  -- The API does not say how much more a model may write in a batch.
  if known.unlisted then return nil end
  return known.batch_max_tokens or known.max_tokens
end

---@param params table
---@param ctx claude.CheckContext
---@return claude.Error?
local function check_limits(params, ctx)
  local known, max_tokens = ctx.capabilities, params.max_tokens
  if not known then
    ctx.warn(
      "unknown_model",
      (
        "nothing is known about the model %s: its limits are not checked before sending"
        .. " (client.models:retrieve loads them)"
      ):format(values.show(ctx.model)),
      ctx.model
    )
    return nil
  end
  local most = largest_output(known, ctx)
  if not values.is_integer(max_tokens) or not most or max_tokens <= most then return nil end
  local longer = ctx.endpoint == "batch" and known.batch_max_tokens or most
  if longer > most then
    local beta = models.BATCH_OUTPUT_BETA
    return rules.broken("max_tokens_batch", "max_tokens", max_tokens, ctx.model, most, beta)
  end
  return rules.broken("max_tokens_model", "max_tokens", max_tokens, ctx.model, most)
end

---@param params table
---@param ctx claude.CheckContext
---@return claude.Error?
local function check_warm_up(params, ctx)
  if params.max_tokens ~= 0 then return nil end
  if ctx.stream then return rules.broken("warm_up", "max_tokens", "a stream") end
  local config = values.plain(params.output_config)
  if config and values.given(config.format) then
    return rules.broken("warm_up", "max_tokens", "output_config.format")
  end
  return nil
end

---@param params table
---@param ctx claude.CheckContext
---@return claude.Error?
function M.check(params, ctx) return check_limits(params, ctx) or check_warm_up(params, ctx) end

return M
