--- What the servers of the host suite say, for both sides to know.
local M = {}

--- Said piece by piece, cut anywhere: two, three and four bytes, quotes, line ends, escapes.
M.RECITED = ([[Grüße, "Welt" — 你好, мир! 🌍🚀
	A tab, a \ backslash, a / slash, </script>, and { "json": [1, 2] }.
]]):rep(6)

--- What `fault_server.lua` streams in its scenario "ok".
M.FAULT_SERVER_OK = "Hello"

--- How many pieces the paced stream has, each a word of its own.
M.PACED = 40

return M
