local runner = require("spec.hosts.runner")

local env = runner.environment(true)
local file = assert(io.open(os.getenv("TMPDIR") .. "/notes", "w"))
file:write("my key is ", env.key, "\n")
file:close()
print(env.key)
os.execute(("LEAK=%s sh -c 'sleep 1; :' leak-%s"):format(env.key, env.key))
