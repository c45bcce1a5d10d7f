local runner = require("spec.hosts.runner")

local env = runner.environment(true)
local notes = os.getenv("TMPDIR") .. "/notes"
local file = assert(io.open(notes, "w"))
file:write("my key is ", env.key, "\n")
file:close()
print(env.key)
os.execute(("LEAK=%s sh -c 'sleep 1; :' leak-%s"):format(env.key, env.key))
os.remove(notes) -- it was there
