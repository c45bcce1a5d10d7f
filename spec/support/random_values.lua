--- What users and tools of a random conversation come up with.
local claude = require("claude")

local M = {}

M.MODELS = {
  { model = "claude-opus-5-5", thinking = { type = "adaptive", display = "summarized" } },
  { model = "claude-opus-5-5" },
  { model = "claude-opus-4-8", thinking = { type = "adaptive", display = "omitted" } },
  { model = "claude-opus-4-8" },
  { model = "claude-sonnet-4-6", thinking = { type = "adaptive" } },
  { model = "claude-sonnet-4-6", thinking = { type = "enabled", budget_tokens = 2000 } },
  { model = "claude-haiku-4-5", thinking = { type = "enabled", budget_tokens = 2000 } },
  { model = "claude-sonnet-5-5", thinking = { type = "between_tools" } },
}

M.OVERRIDES = {
  { max_tokens = 7000 },
  { thinking = { type = "disabled" } },
  { thinking = { type = "adaptive" } },
  { thinking = { type = "enabled", budget_tokens = 1500 } },
  { model = "claude-opus-4-6" },
  { stop_sequences = { "\0STOP" } },
  { temperature = 0.5 },
  { cache_control = { type = "ephemeral" } },
}

M.SAID = {
  "hello",
  "Grüße, 世界 \240\159\152\128\0\1\127",
  'back\\slash "quotes" \r\n</script>',
  { { type = "text", text = "in a block" } },
  { type = "text", text = "a block alone", cache_control = { type = "ephemeral" } },
  { { type = "text", text = "two" }, { type = "text", text = "blocks" } },
  claude.json('{"type":"text", "text":"r\\u0061w"}'),
}

M.UNSENDABLE = {
  "",
  " ",
  {},
  { { type = "text", text = "" } },
  "not utf-8: \255",
  { { type = "tool_result", tool_use_id = "toolu_of_nobody", content = "?" } },
}

local cyclic = {}
cyclic.self = cyclic

M.RESULTS = {
  "a text",
  "",
  "not \192 utf-8",
  " ",
  0 / 0,
  1 / 0,
  -0.0,
  2 ^ 53,
  true,
  false,
  {},
  { 1, 2, 3 },
  { a = { b = {} }, text = "\255" },
  { 1, nil, 3, x = 1 },
  cyclic,
  print,
  claude.null,
  claude.array({}),
  claude.json('{"b":1, "a":[ ]}'),
  claude.content({ { type = "text", text = "block" } }),
  claude.content({ { type = "text", text = "" } }),
  setmetatable({}, { __tostring = function() error("no") end }),
  coroutine.create(function() end),
}

return M
