--- A Lua that starts: empty, with the library, or as far as the first answer.
---
---     lua start.lua WAY BASE-URL
---
--- WAY is `empty`, `require` or `request`. Prints as JSON which it was, and whether libcurl is
--- mapped.
local way = arg[1]
if way ~= "empty" then
  local claude = require("claude")
  if way == "request" then
    local client = claude.new({ api_key = "bench", base_url = arg[2] })
    assert(client.messages:create({
      model = "claude-sonnet-4-6",
      max_tokens = 100,
      messages = { { role = "user", content = "Hi" } },
    }))
  end
end

local maps = assert(io.open("/proc/self/maps"))
local libcurl = maps:read("*a"):find("libcurl", 1, true) ~= nil
maps:close()
print(('{"way":"%s","libcurl":%s}'):format(way, tostring(libcurl)))
