--- Reads the results of a batch that spec/support/lines_server.lua makes up, in a process where
--- nothing else holds memory. Writes by how many bytes the process grew meanwhile at most.
---
---     lua batch_reader.lua BASE_URL COUNT
local claude = require("claude")
local servers = require("spec.support.servers")

local batches = claude.new({ api_key = "k", base_url = arg[1] }).messages.batches

local function read(count)
  local before, most, seen = servers.resident(), 0, 0
  for entry in batches:results("b_" .. count) do
    seen = seen + 1
    assert(type(entry.result.message.id) == "string")
    if seen % 500 == 0 then most = math.max(most, servers.resident() - before) end
  end
  assert(seen == count)
  return most
end

read(1000)
collectgarbage()
print(("%.0f"):format(read(tonumber(arg[2]))))
