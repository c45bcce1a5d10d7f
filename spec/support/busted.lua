--- Runs busted under whichever Lua runs this file.

-- busted forgets what a spec file required. luv must not be opened twice in one
-- Lua state: its loop would be closed under the handles of the second.
pcall(require, "luv")

require "busted.runner" { standalone = false }
