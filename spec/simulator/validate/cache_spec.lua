local cases = require("spec.support.api_cases")

local HOUR = cases.HOUR
local MINUTES = cases.MINUTES
local cached = cases.cached
local text = cases.text
local user = cases.user

--- { name, parameters, what the message holds [, headers] }
local REFUSED = {
  {
    "five breakpoints",
    {
      cache_control = MINUTES,
      messages = {
        user({ cached(text("a")), cached(text("b")), cached(text("c")), cached(text("d")) }),
      },
    },
    "A maximum of 4 blocks with cache_control may be provided. Found 5.",
  },
  {
    "a longer ttl after a shorter",
    { system = { cached(text("a")) }, messages = { user({ cached(text("b"), HOUR) }) } },
    "messages.0.content.0.cache_control.ttl: a ttl='1h' cache_control block must not come after a "
      .. "ttl='5m' cache_control block.",
  },
  {
    "an unknown ttl",
    { cache_control = { type = "ephemeral", ttl = "2h" } },
    "cache_control.ephemeral.ttl: Input should be '5m' or '1h'",
  },
  {
    "a cached tool that is loaded later",
    {
      tools = {
        {
          name = "t",
          input_schema = { type = "object" },
          defer_loading = true,
          cache_control = MINUTES,
        },
      },
    },
    "tools.0: Tools with defer_loading=true cannot use prompt caching",
  },
  { "no version", {}, "anthropic-version: header is required", { ["anthropic-version"] = false } },
  {
    "an unknown version",
    {},
    'anthropic-version: "2020-01-01" is not a valid version',
    { ["anthropic-version"] = "2020-01-01" },
  },
  {
    "an unknown beta",
    {},
    "Unexpected value(s) `x-1` for the `anthropic-beta` header.",
    { ["anthropic-beta"] = "interleaved-thinking-2025-05-14,x-1" },
  },
}

--- { name, parameters [, headers] }
local TAKEN = {
  {
    "four breakpoints, longer first",
    {
      cache_control = MINUTES,
      system = { cached(text("a"), HOUR) },
      messages = { user({ cached(text("a"), HOUR), cached(text("b")) }) },
    },
  },
  { "several betas", {}, { ["anthropic-beta"] = "compact-2026-01-12, output-300k-2026-03-24" } },
}

describe("claude.simulator.validate.cache", function()
  local sim
  setup(function() sim = cases.start() end)
  teardown(function() sim:close() end)
  for _, row in ipairs(REFUSED) do
    it("refuses " .. row[1], function() cases.refused(sim, row) end)
  end
  for _, row in ipairs(TAKEN) do
    it("takes " .. row[1], function() cases.taken(sim, row) end)
  end
end)
