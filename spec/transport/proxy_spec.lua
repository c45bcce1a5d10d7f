local address = require("claude.address")
local choose = require("claude.transport.proxy").choose
local environment = require("spec.support.environment")

describe("the choice of a proxy, where libcurl does not make it,", function()
  before_each(function() environment.set({}) end)
  after_each(environment.restore)

  local function proxy_for(url, options)
    local proxy, problem = choose(assert(address.parts(url)), options or {})
    return proxy and ("%s:%d"):format(proxy.host, proxy.port), problem
  end

  it(
    "is none without option and environment",
    function() assert.is_nil(proxy_for("https://api.example.test")) end
  )

  it('takes the option before the environment, and "" as none', function()
    environment.set({ HTTPS_PROXY = "http://proxy.example.test:3128" })
    assert.equal("proxy.example.test:3128", proxy_for("https://api.example.test"))
    local options = { proxy = "http://other.example.test:8080" }
    assert.equal("other.example.test:8080", proxy_for("https://api.example.test", options))
    assert.is_nil(proxy_for("https://api.example.test", { proxy = "" }))
  end)

  it("takes the name in small letters first, as libcurl does", function()
    environment.set({
      HTTPS_PROXY = "http://large.example.test:1",
      https_proxy = "http://small.example.test:2",
      NO_PROXY = "*",
      no_proxy = "elsewhere.test",
    })
    assert.equal("small.example.test:2", proxy_for("https://api.example.test"))
    environment.set({ ALL_PROXY = "http://large.test:1", all_proxy = "http://small.test:2" })
    assert.equal("small.test:2", proxy_for("https://api.example.test"))
  end)

  it("takes ALL_PROXY for everything, and HTTP_PROXY for nothing", function()
    environment.set({ HTTP_PROXY = "http://forged.example.test:1" })
    assert.is_nil(proxy_for("http://api.example.test"))
    assert.is_nil(proxy_for("https://api.example.test"))
    environment.set({ ALL_PROXY = "http://proxy.example.test:3128" })
    assert.equal("proxy.example.test:3128", proxy_for("http://api.example.test"))
  end)

  it("has no proxy of the environment for this machine", function()
    environment.set({ ALL_PROXY = "http://proxy.example.test:3128" })
    for _, url in ipairs({ "http://127.0.0.1:80", "https://localhost", "http://[::1]:80" }) do
      assert.is_nil(proxy_for(url))
    end
    local options = { proxy = "http://proxy.example.test:3128" }
    assert.equal("proxy.example.test:3128", proxy_for("https://localhost", options))
  end)

  it("goes around it for what NO_PROXY or the option names", function()
    environment.set({
      HTTPS_PROXY = "http://proxy.example.test:3128",
      NO_PROXY = "internal.test, .example.test",
    })
    for host in ("internal.test a.internal.test example.test a.example.test"):gmatch("%S+") do
      assert.is_nil(proxy_for("https://" .. host))
    end
    assert.equal("proxy.example.test:3128", proxy_for("https://notexample.test"))
    assert.equal(
      "proxy.example.test:3128",
      proxy_for("https://a.example.test", { no_proxy = "b.test" })
    )
    assert.is_nil(proxy_for("https://anything.test", { no_proxy = "*" }))
  end)

  it("reads a name and password, and port 1080 without one, as libcurl does", function()
    local target = assert(address.parts("https://api.example.test"))
    local proxy = choose(target, { proxy = "http://me:p%40ss@proxy.example.test" })
    assert.same({ host = "proxy.example.test", port = 1080, user = "me:p@ss" }, proxy)
    assert.equal(
      "proxy.example.test:3128",
      proxy_for("https://a.test", { proxy = "proxy.example.test:3128" })
    )
  end)

  it("refuses what it cannot speak to, without showing it", function()
    for _, proxy in ipairs({
      "socks5://me:secret@h:1",
      "https://me:secret@h:1",
      "http://me:secret@/",
    }) do
      local chosen, problem = proxy_for("https://a.test", { proxy = proxy })
      assert.is_nil(chosen)
      assert.is_truthy(problem:find("http://", 1, true))
      assert.is_nil(problem:find("secret", 1, true))
    end
  end)
end)
