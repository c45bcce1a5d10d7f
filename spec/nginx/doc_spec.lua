-- doc/nginx.md, as its reader would try it.
local api = require("spec.support.api_server")
local nginx = require("spec.support.nginx")
local raw_http = require("spec.support.raw_http")

if nginx.missing() then
  return it("needs nginx", function() pending(nginx.missing()) end)
end

local function blocks()
  local file = assert(io.open("doc/nginx.md", "rb"))
  local found = {}
  for block in file:read("*a"):gmatch("```nginx\n(.-)```\n") do
    found[#found + 1] = block
  end
  file:close()
  return found
end

describe("doc/nginx.md", function()
  local upstream, server, configuration

  setup(function()
    local whole, part = blocks()[1], blocks()[2]
    upstream = api.start({ api.stream(api.reply({ api.text("Of course.") })) })
    configuration = os.tmpname()
    local file = assert(io.open(configuration, "wb"))
    file:write((whole:gsub("    location /ask", part .. "%0")))
    file:close()
    server = nginx.start_example(configuration, {
      { "env ANTHROPIC_API_KEY;", "env ANTHROPIC_API_KEY; env ANTHROPIC_BASE_URL;" },
    }, "ANTHROPIC_API_KEY=key-of-the-page ANTHROPIC_BASE_URL=" .. upstream.url .. " ")
  end)

  teardown(function()
    if server then server:stop() end
    upstream:close()
    os.remove(configuration)
  end)

  it("has a configuration that answers", function()
    assert.equal("Of course.", server:post("/ask", "Can you hear me?").body)
    local last = upstream.requests[#upstream.requests]
    assert.equal("Can you hear me?", last.json.messages[1].content)
  end)

  it("has a log phase that asks in a timer", function()
    server:get("/logged")
    raw_http.wait(function() return server:log():find("Of course.", 1, true) ~= nil end)
    local last = upstream.requests[#upstream.requests]
    assert.equal("Is this an attack? GET /logged HTTP/1.1", last.json.messages[1].content)
  end)

  it("names every file that it links to", function()
    local page = assert(io.open("doc/nginx.md", "rb"))
    for target in page:read("*a"):gmatch("%]%(([^)]+)%)") do
      assert(io.open("doc/" .. target, "rb")):close()
    end
    page:close()
  end)
end)
