--- Headers: who asks, which version, which betas.
local M = {}

local VERSIONS = { ["2023-06-01"] = true, ["2026-10-21"] = true }

local BETAS = [[
  interleaved-thinking-2025-05-14 dev-full-thinking-2025-05-14 context-management-2025-06-27
  compact-2026-01-12 compact-2026-09-04 output-300k-2026-03-24 fast-mode-2026-02-01
  task-budgets-2026-03-13 thinking-token-count-2026-05-13 thinking-display-updates-2026-08-18
  thinking-binding-controls-2026-08-01 mid-conversation-output-config-2026-07-01
  mid-conversation-tool-changes-2026-07-01 mid-conversation-system-clear-at-2026-08-21
  inline-tools-2026-09-15 message-threads-2026-08-12 server-side-fallback-2026-07-01
  fallback-credit-2026-07-01 mcp-client-2025-04-04 mcp-client-2025-11-20 mcp-client-2026-09-15
  advisor-tool-2026-03-01 cache-diagnosis-2026-04-07 computer-use-2024-10-22
  computer-use-2025-01-24 computer-use-2025-11-24 context-1m-2025-08-07 output-128k-2025-02-19
  prompt-caching-2024-07-31 pdfs-2024-09-25 token-counting-2024-11-01
  token-efficient-tools-2025-02-19 message-batches-2024-09-24 files-api-2025-04-14
  extended-cache-ttl-2025-04-11 skills-2025-10-02 structured-outputs-2025-11-13
  structured-outputs-2025-12-15 fine-grained-tool-streaming-2025-05-14 code-execution-2025-05-22
  code-execution-2025-08-25 web-fetch-2025-09-10 web-search-2025-03-05 search-results-2025-06-09
  tool-search-tool-2025-10-19 advanced-tool-use-2025-11-20 tool-examples-2025-10-29
  effort-2025-11-24 model-context-window-exceeded-2025-08-26 user-profiles-2026-03-24
  user-profiles-2026-08-18 user-profiles-2026-09-04 user-profiles-billing-2026-10-01
  server-side-fallback-2026-06-01 fallback-credit-2026-06-01 managed-agents-2026-04-01
  agent-memory-2026-07-22 dreaming-2026-04-21 mcp-tunnels-2026-06-22 webhooks-2026-10-07
  oauth-2025-04-20 claude-code-20250219
]]

-- What the Claude Code command line names besides.
local CLAUDE_CODE = [[
  afk-mode-2026-01-31 auto-mode-classifier-2026-07-16 cache-keepalive-2026-09-03
  ccr-byoc-2025-07-29 ccr-triggers-2026-01-30 claude-code-side-query-2026-09-29
  context-hint-2026-04-09 dangerous-tool-use-2026-09-03 environments-2025-11-01
  mcp-servers-2025-12-04 mid-conversation-system-2026-04-07 oidc-federation-2026-04-01
  per-turn-control-2026-07-01 program-use-case-ids-2026-09-17 prompt-caching-evict-2026-05-12
  prompt-caching-scope-2026-01-05 redact-thinking-2026-02-12 request-tags-2026-08-21
  resumption-2026-10-08 subagent-review-2026-11-17 summarize-connector-text-2026-03-13
  thinking-resumption-2026-07-17 timing-2026-09-09 tool-provenance-2026-10-26
  web-search-results-only-2026-11-15
]]

local known = {}
for name in (BETAS .. CLAUDE_CODE):gmatch("%S+") do
  known[name] = true
end

local function authentication(message)
  return { status = 401, type = "authentication_error", message = message }
end

--- A key in `x-api-key` wins over a bearer token.
local function check_credentials(headers, key)
  local given = headers["x-api-key"]
  if given then
    if given == "" or key and given ~= key then return authentication("invalid x-api-key") end
    return nil
  end
  local bearer = headers.authorization
  if not bearer then return authentication("x-api-key header is required") end
  local token = bearer:match("^[Bb][Ee][Aa][Rr][Ee][Rr]%s+(%S+)$")
  if not token or key and token ~= key then return authentication("Invalid bearer token") end
end

local function check_version(headers)
  local version = headers["anthropic-version"]
  if not version then return "anthropic-version: header is required" end
  if not VERSIONS[version] then
    return (
      'anthropic-version: "%s" is not a valid version. Valid versions are: "2023-06-01", '
      .. '"2026-10-21".'
    ):format(version)
  end
end

-- What changes how a request is meant, instead of letting a parameter in.
local NEVER_ASSUMED = {
  ["interleaved-thinking-2025-05-14"] = true,
  ["message-threads-2026-08-12"] = true,
}

--- The betas a request names. One that asks for `?beta=true` and names none
--- comes from a client or a recording that left the header out: it may use them.
---@param headers table<string, string>
---@param query? string
---@return table<string, boolean>
function M.betas(headers, query)
  local found, named = {}, headers["anthropic-beta"]
  for name in (named or ""):gmatch("[^,%s]+") do
    found[name] = true
  end
  if named or not ("&" .. (query or "") .. "&"):find("&beta=true&", 1, true) then return found end
  for name in pairs(known) do
    if not NEVER_ASSUMED[name] then found[name] = true end
  end
  return found
end

local function check_betas(headers)
  for name in (headers["anthropic-beta"] or ""):gmatch("[^,%s]+") do
    if not known[name] then
      return (
        "Unexpected value(s) `%s` for the `anthropic-beta` header. Please consult our "
        .. "documentation at https://platform.claude.com/docs/en/api/beta-headers or try again "
        .. "without the header."
      ):format(name)
    end
  end
end

---@param headers table<string, string>
---@param options { key?: string }
---@return claude.simulator.Fault|nil
function M.check(headers, options)
  local fault = check_credentials(headers, options.key)
  if fault then return fault end
  local message = check_version(headers) or check_betas(headers)
  return message and { status = 400, type = "invalid_request_error", message = message }
end

return M
