--- Lists that come page by page.
local api = require("spec.support.api_server")
local claude = require("claude")
local pages = require("claude.pages")

describe("a list", function()
  local server
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  after_each(function() server:close() end)

  local function page(fields) return api.json(200, fields) end

  local function list(answers, query)
    server = api.start(answers)
    local client = claude.new({ api_key = "k", base_url = server.url, max_retries = 0 })
    return pages.new(client, { path = "/v1/things", query = query, options = {} })
  end

  local function paths()
    local found = {}
    for i, request in ipairs(server.requests) do
      found[i] = request.path
    end
    return found
  end

  local function ids_of(things)
    local found = {}
    for thing in things do
      found[#found + 1] = thing.id
    end
    return found
  end

  local function of(...)
    local data = {}
    for i, id in ipairs({ ... }) do
      data[i] = { id = id }
    end
    return claude.array(data)
  end

  it("follows last_id while there is more, asking only for what is read", function()
    local things = list({
      page({ data = of("a", "b"), has_more = true, first_id = "a", last_id = "b" }),
      page({ data = of("c"), has_more = false, first_id = "c", last_id = "c" }),
    }, { limit = 2 })
    assert.equal(0, #server.requests)
    assert.equal("a", things:next().id)
    assert.equal("b", things:next().id)
    assert.same({ "/v1/things?limit=2" }, paths())
    assert.same({ "c" }, ids_of(things))
    assert.same({ "/v1/things?limit=2", "/v1/things?after_id=b&limit=2" }, paths())
    assert.is_nil(select(2, things:next()))
  end)

  it("goes back by first_id where before_id was given", function()
    local things = list({
      page({ data = of("c", "d"), has_more = true, first_id = "c", last_id = "d" }),
      page({ data = of("a", "b"), has_more = false, first_id = "a", last_id = "b" }),
    }, { before_id = "e" })
    assert.same({ "c", "d", "a", "b" }, ids_of(things))
    assert.same({ "/v1/things?before_id=e", "/v1/things?before_id=c" }, paths())
  end)

  it("follows next_page", function()
    local things = list({
      page({ data = of("a"), next_page = "p 2" }),
      page({ data = of("b"), next_page = claude.null }),
    })
    assert.same({ "a", "b" }, ids_of(things))
    assert.same({ "/v1/things", "/v1/things?page=p%202" }, paths())
  end)

  it("goes over an empty page that is not the last", function()
    local things = list({
      page({ data = of(), has_more = true, last_id = "x" }),
      page({ data = of("a"), has_more = false }),
    })
    assert.same({ "a" }, ids_of(things))
  end)

  it("may be empty", function() assert.same({}, ids_of(list({ page({ data = of() }) }))) end)

  it("gives whole pages, which know their answers", function()
    local things = list({
      api.json(200, { data = of("a"), next_page = "2" }, { ["request-id"] = "req_1" }),
      api.json(200, { data = of("b") }, { ["request-id"] = "req_2" }),
    })
    local seen = {}
    for whole in things:pages() do
      seen[#seen + 1] = whole.data[1].id .. " " .. claude.response(whole).request_id
    end
    assert.same({ "a req_1", "b req_2" }, seen)
  end)

  it("raises in a loop, and asks for the same page again afterwards", function()
    local things = list({
      page({ data = of("a"), has_more = true, last_id = "a" }),
      api.failure(529, "overloaded_error", "Overloaded"),
      page({ data = of("b"), has_more = false }),
    })
    local seen = {}
    local ok, err = pcall(function()
      for thing in things do
        seen[#seen + 1] = thing.id
      end
    end)
    assert.same({ false, "overloaded_error" }, { ok, err.type })
    assert.same({ "a" }, seen)
    assert.same({ "b" }, ids_of(things))
    assert.equal(server.requests[2].path, server.requests[3].path)
  end)

  it("returns failures from its step function", function()
    local things = list({ api.failure(403, "permission_error", "not yours") })
    local thing, text, err = things:next()
    assert.is_nil(thing)
    assert.matches("not yours", text)
    assert.equal("permission_error", err.type)
  end)

  for name, answer in pairs({
    ["says there is more and not from where"] = { data = { { id = "a" } }, has_more = true },
    ["has no data"] = { has_more = false },
  }) do
    it("that " .. name .. " is an error, not an end", function()
      local _, _, err = list({ page(answer) }):next()
      assert.same({ "protocol", false }, { err.kind, err.retryable })
    end)
  end

  it("that goes in circles is an error", function()
    local things = list({ page({ data = of("a"), has_more = true, last_id = "a" }) })
    assert.equal("a", things:next().id)
    assert.matches("begins there again", select(2, things:next()))
    assert.equal(2, #server.requests)
  end)

  it("waits in a task without holding up others", function()
    local things = list({
      page({ data = of("a"), has_more = true, last_id = "a" }),
      page({ data = of("b"), has_more = false }),
    })
    claude.loop(function()
      assert.equal("a", things:next().id)
      assert.equal("b", things:next().id)
      assert.is_nil((things:next()))
    end)
  end)
end)
