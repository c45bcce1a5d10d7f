--- busted helper: collect garbage all the time, so that what is freed too
--- early is found out. (Zero means "leave as it is" to Lua 5.4's own call.)
collectgarbage("setpause", 0)
collectgarbage("setstepmul", 1000)
