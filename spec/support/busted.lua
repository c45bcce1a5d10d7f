--- Runs busted under whichever Lua runs this file.

-- busted forgets what a spec file required. These must not be opened twice in one Lua state: of
-- luv the loop would be closed under the handles of the second; cqueues opens without knowing its
-- own controllers for a moment, and one collected then is freed while it is still in its list.
pcall(require, "luv")
pcall(require, "cqueues")

require "busted.runner" { standalone = false }
