local api = require("spec.support.api_server")
local claude = require("claude")
local environment = require("spec.support.environment")
local hub = require("claude.loop")
local servers = require("spec.support.servers")

-- Every piece of it would be noticed.
local SECRET = "Zq7xW9vK3pLm5TyR8nBd"

local function assert_no_secret(report)
  local texts = { tostring(report) }
  for _, finding in ipairs(report) do
    texts[#texts + 1] = finding.text .. " " .. tostring(finding.hint)
  end
  local all = table.concat(texts, "\n")
  for i = 1, #SECRET - 3 do
    local piece = SECRET:sub(i, i + 3)
    assert.is_nil(all:find(piece, 1, true), all)
  end
end

-- The report with nothing but these variables in the environment.
local function report_in(variables, options)
  environment.set(variables)
  local report = claude.doctor(options)
  environment.restore()
  return report
end

local function finding_in(variables, name, client)
  local finding = report_in(variables, { client = client }):find(name)
  return finding, finding and finding.text, finding and finding.hint
end

local function has(text, part) assert.truthy(text:find(part, 1, true), text) end

local function with_file(text, check)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  check(path)
  os.remove(path)
end

-- Lets a module be loaded as `loader` says, or not at all, while `check` runs.
local function with_module(name, loader, check)
  local loaded, preloaded = package.loaded[name], package.preload[name]
  package.loaded[name], package.preload[name] = nil, loader
  check()
  package.loaded[name], package.preload[name] = loaded, preloaded
end

local CERTIFICATE = "-----BEGIN CERTIFICATE-----\n"

describe("claude.doctor", function()
  after_each(function() environment.restore() end)

  it("looks at everything that requests need, in order, and sends nothing", function()
    local names = {}
    with_file(CERTIFICATE, function(path)
      local report = report_in({ ANTHROPIC_API_KEY = "sk-ant-x", SSL_CERT_FILE = path })
      for i, finding in ipairs(report) do
        names[i] = finding.name
        assert.is_true(finding.ok, finding.text)
      end
      assert.is_true(report.ok)
    end)
    assert.equal(
      "lua-claude Lua claude.core claude.net libcurl loop JSON base URL CA proxy credentials",
      table.concat(names, " ")
    )
  end)

  it("prints a line for each, and what to do below", function()
    local text = tostring(report_in({}))
    assert.matches("^ok   lua%-claude   0", text)
    assert.matches("\nFAIL credentials  no API key[^\n]+\n +hint: export ANTHROPIC_API_KEY", text)
    assert.matches("\nOne thing stands in the way of requests%.$", text)
  end)

  it("is not ok when one finding is not", function()
    assert.is_false(report_in({}).ok)
    assert.is_true(report_in({ ANTHROPIC_API_KEY = "sk-ant-x" }).ok)
  end)

  for what, case in pairs({
    ["an option that there is not"] = { { reaches = true }, "there is no option reaches" },
    ["a reach that is no boolean"] = { { reach = 1 }, "reach must be a boolean" },
    ["options of a client that has no such"] = { { client = { k = 1 } }, "there is no option k" },
    ["no table"] = { "all", "options must be a table" },
  }) do
    it("raises for " .. what .. ", at the caller's line", function()
      local line = debug.getinfo(1, "l").currentline + 1
      local ok, problem = pcall(function() return (claude.doctor(case[1])) end)
      assert.is_false(ok)
      has(problem, case[2])
      has(problem, "doctor_spec.lua:" .. line)
    end)
  end

  describe("on what is installed", function()
    it("tells versions, and where the Lua files and each C part are", function()
      local report = report_in({})
      local version = require("claude.version")
      assert.matches(
        version:gsub("%p", "%%%0") .. ", .*lua/claude/$",
        report:find("lua-claude").text
      )
      for _, name in ipairs({ "core", "net" }) do
        local text = report:find("claude." .. name).text
        has(text, version .. ", /")
        has(text, "claude/" .. name .. ".so")
      end
    end)

    it("tells which Lua runs", function()
      local _, text = finding_in({}, "Lua")
      has(text, rawget(_G, "jit") and jit.version or _VERSION) -- luacheck: ignore 113
    end)

    it("tells what libcurl was built with", function()
      local _, text = finding_in({}, "libcurl")
      local library = require("claude.net").library()
      has(library, "libcurl/" .. text:match("^([%d.]+)"))
      has(library, text:match("^[%d.]+, ([^,]+)"))
      assert.matches("HTTP/2", text)
    end)

    it("tells who waits", function()
      hub.use("luv")
      local _, luv = finding_in({}, "loop")
      hub.use("blocking")
      local _, blocking = finding_in({}, "loop")
      hub.use({ new = require("claude.loop.blocking").new })
      local _, own = finding_in({}, "loop")
      hub.use("blocking")
      assert.same({ "luv", "blocking", "an adapter without a name" }, { luv, blocking, own })
    end)

    describe("in a host that owns its coroutines", function()
      local tasks = require("claude.tasks")
      local host = require("spec.support.coroutine_host")
      after_each(function() tasks.use(nil) end)

      local function report_of(name, variables, client)
        tasks.use(setmetatable({ name = name }, { __index = host }))
        local report
        with_module(
          "claude.net",
          function() error("libcurl was loaded") end,
          function() report = report_in(variables, { client = client }) end
        )
        return report
      end

      it("loads no libcurl, and tells of the host's sockets", function()
        local report = report_of("haproxy", { ANTHROPIC_API_KEY = "k" })
        assert.is_true(report.ok, tostring(report))
        assert.is_nil(report:find("libcurl"))
        for _, name in ipairs({ "claude.net", "loop", "CA" }) do
          has(report:find(name).text, "haproxy")
        end
        assert.equal("none", report:find("proxy").text)
      end)

      it("takes plain proxies only", function()
        local report = report_of("haproxy", { HTTPS_PROXY = "http://a:1" })
        assert.is_true(report:find("proxy").ok)
        report = report_of("haproxy", { HTTPS_PROXY = "socks5://a:1" })
        assert.is_false(report:find("proxy").ok)
        has(report:find("proxy").hint, "no other proxies can be used here")
      end)

      it("says where nginx has its certificates", function()
        local finding = report_of("nginx", {}):find("CA")
        assert.is_nil(finding.ok)
        has(finding.hint, "lua_ssl_trusted_certificate")
        finding = report_of("nginx", {}, { ca_file = "/etc/ssl/ca.pem" }):find("CA")
        assert.is_false(finding.ok)
        has(finding.text, "ca_file is not taken in nginx")
      end)
    end)

    it("works where libcurl is missing, and says which package brings it", function()
      local said = "error loading module 'claude.net' from file '/opt/claude/net.so':\n\t"
        .. "libcurl.so.4: cannot open shared object file: No such file or directory"
      with_module("claude.net", function() error(said, 0) end, function()
        local report = report_in({ ANTHROPIC_API_KEY = "sk-ant-x" })
        local finding = report:find("claude.net")
        assert.is_false(finding.ok)
        has(finding.text, "the libcurl that it needs is not installed")
        has(finding.text, "/opt/claude/net.so")
        has(finding.hint, "apt install libcurl4")
        assert.is_nil(report:find("libcurl"))
        assert.is_false(report.ok)
      end)
    end)

    it("works where a C part is of another version, and tells both versions", function()
      local said = "claude.core: /opt/core.so is version 0.0.9, but the Lua files are version 1\n"
        .. "  hint: build both"
      with_module("claude.core", function() error(said, 0) end, function()
        local report = report_in({ ANTHROPIC_API_KEY = "sk-ant-x" }, { reach = true })
        local finding = report:find("claude.core")
        assert.equal("/opt/core.so is version 0.0.9, but the Lua files are version 1", finding.text)
        assert.equal("build both", finding.hint)
        has(report:find("reach").text, "not tried")
      end)
    end)

    -- Old libraries are not to be had here: this one answers as they would.
    local function with_features(change, check)
      local net = require("claude.net")
      local features = net.features()
      change(features)
      local other = setmetatable({ features = function() return features end }, { __index = net })
      with_module("claude.net", function() return other end, check)
    end

    it("refuses a libcurl older than 7.68", function()
      with_features(function(features)
        features.version, features.number = "7.67.0", 0x074300
      end, function()
        local finding, text, hint = finding_in({}, "libcurl")
        assert.is_false(finding.ok)
        has(text, "7.67.0")
        has(text, "too old")
        has(hint, "7.68")
      end)
      with_features(
        function(features) features.number = 0x074400 end,
        function() assert.is_true(finding_in({}, "libcurl").ok) end
      )
    end)

    it("refuses a libcurl without TLS, and takes one without HTTP/2 and compression", function()
      with_features(function(features) features.tls = nil end, function()
        local finding, text, hint = finding_in({}, "libcurl")
        assert.is_false(finding.ok)
        has(text, "no TLS")
        has(hint, "with TLS")
      end)
      with_features(function(features)
        features.http2, features.gzip, features.brotli, features.zstd = false, false, false, false
      end, function()
        local finding, text = finding_in({}, "libcurl")
        assert.is_true(finding.ok)
        has(text, "no HTTP/2, no compression")
      end)
    end)

    it("says how to get lua-cjson where that is missing", function()
      with_module("cjson", function() error("no such thing") end, function()
        local finding, _, hint = finding_in({}, "JSON")
        assert.is_false(finding.ok)
        has(hint, "luarocks install lua-cjson")
      end)
      has(select(2, finding_in({}, "JSON")), "lua-cjson")
    end)
  end)

  describe("on certificate authorities", function()
    it("takes the variables in the order that requests do", function()
      with_file(CERTIFICATE, function(path)
        local variables = { SSL_CERT_FILE = path }
        local _, text = finding_in(variables, "CA")
        assert.equal(path .. " (SSL_CERT_FILE)", text)
        variables.CURL_CA_BUNDLE, variables.SSL_CERT_FILE = path, "/nowhere"
        variables.SSL_CERT_DIR = "/tmp"
        _, text = finding_in(variables, "CA")
        assert.equal(path .. " (CURL_CA_BUNDLE), /tmp (SSL_CERT_DIR)", text)
        _, text = finding_in(variables, "CA", { ca_file = path })
        assert.equal(path .. " (ca_file)", text)
      end)
    end)

    it("tells libcurl's own where nothing else is named", function()
      local _, text = finding_in({}, "CA")
      local file, folder = require("claude.net").authorities()
      if not (file or folder) then return has(text, "built into libcurl") end
      has(text, (file or folder) .. " (libcurl's own)")
    end)

    for what, case in pairs({
      ["a file that is not there"] = { { SSL_CERT_FILE = "/nowhere/ca.pem" }, "cannot be opened" },
      ["a folder in a file's place"] = { { CURL_CA_BUNDLE = "/tmp" }, "is a folder" },
      ["a file without a certificate"] = { { SSL_CERT_FILE = "/dev/null" }, "has no certificate" },
    }) do
      it("finds " .. what, function()
        local finding, text, hint = finding_in(case[1], "CA")
        assert.is_false(finding.ok)
        has(text, case[2])
        has(hint, "SSL_CERT_FILE")
      end)
    end

    it("finds a folder that is not there, and minds less beside a file", function()
      local finding, text = finding_in({}, "CA", { ca_path = "/nowhere/certs" })
      assert.is_false(finding.ok)
      has(text, "/nowhere/certs cannot be opened")
      with_file(CERTIFICATE, function(path)
        local options = { ca_path = "/nowhere/certs", ca_file = path }
        assert.is_nil(finding_in({}, "CA", options).ok)
      end)
    end)

    -- Other libraries' own files are not to be had here.
    local function with_own(file, folder, check)
      local function own() return file, folder end
      local net = setmetatable({ authorities = own }, { __index = require("claude.net") })
      with_module("claude.net", function() return net end, check)
    end

    it("finds that libcurl's own are not installed", function()
      with_own("/nowhere/ca.pem", "/tmp", function()
        local finding, text, hint = finding_in({}, "CA")
        assert.is_false(finding.ok)
        has(text, "/nowhere/ca.pem cannot be opened")
        has(hint, "apt install ca-certificates")
        finding, text = finding_in({ SSL_CERT_DIR = "/tmp" }, "CA")
        assert.is_false(finding.ok)
        has(text, "/nowhere/ca.pem (libcurl's own), /tmp (SSL_CERT_DIR)")
      end)
    end)

    it("takes a file or a folder of libcurl's own, or none that it tells", function()
      with_file(CERTIFICATE, function(path)
        for _, own in ipairs({ { path, "/nowhere" }, { nil, "/tmp" } }) do
          with_own(own[1], own[2], function() assert.is_true(finding_in({}, "CA").ok) end)
        end
      end)
      with_own(nil, nil, function()
        local finding, text = finding_in({}, "CA")
        assert.is_nil(finding.ok)
        has(text, "built into libcurl")
      end)
    end)

    it("minds less when requests go over http to this machine", function()
      local variables = { SSL_CERT_FILE = "/nowhere", ANTHROPIC_BASE_URL = "http://127.0.0.1:1" }
      assert.is_nil(finding_in(variables, "CA").ok)
    end)
  end)

  describe("on the base URL", function()
    it("tells which and whose", function()
      local _, text = finding_in({}, "base URL")
      assert.equal("https://api.anthropic.com (the default)", text)
      _, text = finding_in({ ANTHROPIC_BASE_URL = "https://gate.test/claude/" }, "base URL")
      assert.equal("https://gate.test/claude (ANTHROPIC_BASE_URL)", text)
    end)

    it("finds what is wrong with it", function()
      local finding, text, hint = finding_in({ ANTHROPIC_BASE_URL = "gate.test" }, "base URL")
      assert.is_false(finding.ok)
      has(text, "ANTHROPIC_BASE_URL is no URL")
      assert.equal("correct ANTHROPIC_BASE_URL", hint)
    end)

    it("wonders about a path that ends in /v1", function()
      local variables = { ANTHROPIC_BASE_URL = "https://gate.test/v1" }
      local finding, _, hint = finding_in(variables, "base URL")
      assert.is_nil(finding.ok)
      has(hint, "leave that ending away")
    end)
  end)

  describe("on the proxy", function()
    for url, shown in pairs({
      ["http://proxy.test:3128"] = "http://proxy.test:3128 (HTTPS_PROXY)",
      ["proxy.test:3128"] = "proxy.test:3128 (HTTPS_PROXY)",
      ["http://proxy.test:3128/path?x"] = "http://proxy.test:3128 (HTTPS_PROXY)",
      ["socks5h://[::1]:1080"] = "socks5h://[::1]:1080 (HTTPS_PROXY)",
    }) do
      it("tells " .. url .. " and its variable", function()
        local finding, text = finding_in({ HTTPS_PROXY = url }, "proxy")
        assert.is_true(finding.ok)
        assert.equal(shown, text)
      end)
    end

    it("takes the variables as libcurl does", function()
      local variables = { ALL_PROXY = "http://d", all_proxy = "http://c", HTTPS_PROXY = "http://b" }
      variables.https_proxy, variables.HTTP_PROXY = "http://a", "http://e"
      local order = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" }
      for _, name in ipairs(order) do
        local _, text = finding_in(variables, "proxy")
        assert.equal(("%s (%s)"):format(variables[name], name), text)
        variables[name] = nil
      end
      assert.equal("none", (select(2, finding_in(variables, "proxy"))))
    end)

    it("tells for which hosts it is not", function()
      local variables = { HTTPS_PROXY = "http://a:1", NO_PROXY = "localhost,.corp.test" }
      assert.equal(
        "http://a:1 (HTTPS_PROXY), but not for localhost,.corp.test",
        (select(2, finding_in(variables, "proxy")))
      )
    end)

    it("knows that none is asked for this machine, and that an option comes first", function()
      local variables = { ALL_PROXY = "http://a:1", ANTHROPIC_BASE_URL = "http://localhost:8080" }
      has(select(2, finding_in(variables, "proxy")), "none: requests to this machine")
      local _, text = finding_in(variables, "proxy", { proxy = "http://b:2" })
      assert.equal("http://b:2 (proxy)", text)
      _, text = finding_in({ ALL_PROXY = "http://a:1" }, "proxy", { proxy = "" })
      assert.equal("none", text)
    end)

    it("finds one that libcurl would not take", function()
      for _, url in ipairs({ "ftp://a:1", "http://", "http://a:port" }) do
        local finding, _, hint = finding_in({ HTTPS_PROXY = url }, "proxy")
        assert.is_false(finding.ok, url)
        has(hint, "http://host:port")
      end
    end)
  end)

  describe("on credentials", function()
    it("tells which variable, and how it is sent", function()
      local _, text = finding_in({ ANTHROPIC_API_KEY = "sk-ant-x" }, "credentials")
      assert.equal("ANTHROPIC_API_KEY is set, and sent as x-api-key", text)
      _, text = finding_in({ ANTHROPIC_AUTH_TOKEN = "token" }, "credentials")
      assert.equal("ANTHROPIC_AUTH_TOKEN is set, and sent as a bearer", text)
      _, text = finding_in({ ANTHROPIC_API_KEY = "x" }, "credentials", { auth_token = "token" })
      assert.equal("auth_token is set, and sent as a bearer", text)
    end)

    it("finds that there are none", function()
      for _, variables in ipairs({ {}, { ANTHROPIC_API_KEY = " \n" } }) do
        local finding, text, hint = finding_in(variables, "credentials")
        assert.is_false(finding.ok)
        has(text, "no API key")
        has(hint, "export ANTHROPIC_API_KEY")
      end
    end)

    it("finds that there are two", function()
      local variables = { ANTHROPIC_API_KEY = "a", ANTHROPIC_AUTH_TOKEN = "b" }
      local finding, text, hint = finding_in(variables, "credentials")
      assert.is_nil(finding.ok)
      has(text, "ANTHROPIC_AUTH_TOKEN is set, too, and is not sent")
      has(hint, "unset")
    end)

    it("takes a header of one's own, and none where none is wanted", function()
      local variables = { ANTHROPIC_CUSTOM_HEADERS = "Authorization: Basic abc" }
      local finding, text = finding_in(variables, "credentials")
      assert.is_true(finding.ok)
      has(text, "header of your own")
      finding, text = finding_in({}, "credentials", { api_key = false })
      assert.is_nil(finding.ok)
      has(text, "none are sent")
      finding, text = finding_in(
        { ANTHROPIC_API_KEY = SECRET },
        "credentials",
        { sign = function() end }
      )
      assert.is_true(finding.ok)
      has(text, "made by sign")
    end)

    for what, value in pairs({
      ["a line break"] = SECRET:sub(1, 10) .. "\n" .. SECRET:sub(11),
      ["quotation marks"] = '"' .. SECRET .. '"',
      ["a quotation mark at its end"] = SECRET .. "'",
      ["variable's name"] = "ANTHROPIC_API_KEY=" .. SECRET,
      ["the word Bearer"] = "Bearer " .. SECRET,
      ["a blank"] = SECRET:sub(1, 10) .. " " .. SECRET:sub(11),
      ["characters in it that no key has"] = "\226\128\156" .. SECRET,
    }) do
      it("finds in a key " .. what .. ", and shows no part of it", function()
        local report = report_in({ ANTHROPIC_API_KEY = value })
        local finding = report:find("credentials")
        assert.is_false(finding.ok)
        has(finding.text, "ANTHROPIC_API_KEY ")
        has(finding.text, what)
        assert.is_string(finding.hint)
        assert_no_secret(report)
      end)
    end

    it("tells headers by their names", function()
      local variables = { ANTHROPIC_CUSTOM_HEADERS = "X-Team: blue\nX-Api-Key: " .. SECRET }
      local report = report_in(variables, { client = { headers = { Cookie = SECRET } } })
      assert.equal("Cookie (headers)", report[11].text)
      assert.equal("X-Team, X-Api-Key (ANTHROPIC_CUSTOM_HEADERS)", report[12].text)
      assert_no_secret(report)
    end)

    it("finds lines among the headers that are none", function()
      local report = report_in({ ANTHROPIC_CUSTOM_HEADERS = "Bearer " .. SECRET })
      local finding = report:find("headers")
      assert.is_false(finding.ok)
      has(finding.text, "a line without a colon")
      assert_no_secret(report)
    end)
  end)

  for what, case in pairs({
    ["a key"] = { { ANTHROPIC_API_KEY = SECRET } },
    ["a token"] = { { ANTHROPIC_AUTH_TOKEN = SECRET } },
    ["both"] = { { ANTHROPIC_API_KEY = SECRET, ANTHROPIC_AUTH_TOKEN = SECRET } },
    ["a header of the environment"] = {
      { ANTHROPIC_CUSTOM_HEADERS = "Authorization: Bearer " .. SECRET },
    },
    ["options"] = { {}, { api_key = SECRET, headers = { ["x-api-key"] = SECRET } } },
    ["a token among the options"] = { {}, { auth_token = SECRET } },
    ["a base URL"] = { { ANTHROPIC_BASE_URL = "https://me:" .. SECRET .. "@gate.test" } },
    ["a proxy's password"] = { { HTTPS_PROXY = "http://me:" .. SECRET .. "@proxy.test:1" } },
    ["a proxy's user"] = { { ALL_PROXY = "socks5://" .. SECRET .. "@proxy.test:1" } },
    ["a proxy without a scheme"] = { { https_proxy = "me:" .. SECRET .. "@proxy.test:1" } },
    ["a password with odd characters"] = {
      { HTTPS_PROXY = "http://me:a@b/c?" .. SECRET .. "#@proxy.test:1" },
    },
    ["a proxy that lost its host"] = { { HTTPS_PROXY = "http://me:" .. SECRET } },
    ["a proxy's query"] = { { HTTPS_PROXY = "http://proxy.test/?" .. SECRET } },
    ["a proxy among the options"] = { {}, { proxy = "http://" .. SECRET .. "@proxy.test" } },
  }) do
    it(
      "shows no part of what is secret in " .. what,
      function() assert_no_secret(report_in(case[1], { client = case[2] })) end
    )
  end
end)

describe("claude.doctor { reach = true }", function()
  local server
  setup(function() hub.use("luv") end)
  teardown(function() hub.use("blocking") end)
  after_each(function()
    environment.restore()
    if server then server:close() end
    server = nil
  end)

  local MODELS = { data = { { id = "claude-opus-4-8", type = "model" } }, has_more = false }

  local function reach(answer, client, variables)
    server = api.start({ answer })
    variables = variables or { ANTHROPIC_API_KEY = SECRET }
    variables.ANTHROPIC_BASE_URL = server.url
    local report = report_in(variables, { reach = true, client = client })
    assert_no_secret(report)
    return report:find("reach"), report:find("key"), report
  end

  it("asks once, for one model, with the key", function()
    reach(api.json(200, MODELS))
    assert.equal(1, #server.requests)
    local request = server.requests[1]
    assert.equal("GET /v1/models?limit=1", request.method .. " " .. request.path)
    assert.equal(SECRET, request.headers["x-api-key"])
  end)

  it("asks nobody without being told to", function()
    server = api.start({ api.json(200, MODELS) })
    report_in({ ANTHROPIC_API_KEY = "k", ANTHROPIC_BASE_URL = server.url })
    report_in({ ANTHROPIC_API_KEY = "k", ANTHROPIC_BASE_URL = server.url }, { reach = false })
    assert.equal(0, #server.requests)
  end)

  it("tells how long it took, over which HTTP, and that the key is accepted", function()
    local found, key, report = reach(api.json(200, MODELS))
    assert.is_true(found.ok)
    assert.matches(
      "^http://127%.0%.0%.1:%d+ answered 200 after %d+ ms, over HTTP/1%.1$",
      found.text
    )
    assert.same({ true, "accepted" }, { key.ok, key.text })
    assert.is_true(report.ok)
  end)

  it("tells that the key is refused, without it, even when the server repeats it", function()
    local answer = api.failure(401, "authentication_error", "invalid x-api-key: " .. SECRET)
    local found, key, report = reach(answer)
    assert.is_true(found.ok)
    assert.is_false(key.ok)
    has(key.text, "refused: invalid x-api-key")
    has(key.hint, "check ANTHROPIC_API_KEY")
    assert.is_false(report.ok)
  end)

  it("asks without a key where there is none, or none that can be sent", function()
    for _, key in ipairs({ "", "two\nlines" }) do
      local answer = api.failure(401, "authentication_error", "x-api-key is required")
      local found, about_key = reach(answer, nil, { ANTHROPIC_API_KEY = key })
      assert.is_true(found.ok)
      has(found.text, "(no key was sent)")
      assert.is_nil(about_key)
      assert.is_nil(server.requests[1].headers["x-api-key"])
      server:close()
    end
  end)

  it("is in no doubt about redirects and pages of others", function()
    local found = reach(api.json(302, {}, { location = "https://login.test" }))
    assert.is_false(found.ok)
    has(found.text, "redirect")
    server:close()
    found = reach({ status = 200, headers = { ["content-type"] = "text/html" }, body = "<p>Hi" })
    assert.is_false(found.ok)
    has(found.text, "but with no list of models")
    has(found.hint, "check the base URL")
  end)

  it("leaves open what a gateway without models and a busy API mean", function()
    local found, key = reach(api.failure(404, "not_found_error", "no such path"))
    assert.is_nil(found.ok)
    has(found.hint, "gateway")
    assert.is_nil(key)
    server:close()
    found = reach(api.failure(529, "overloaded_error", "Overloaded"))
    assert.is_nil(found.ok)
    has(found.text, "Overloaded")
    assert.equal(1, #server.requests)
  end)

  it("tells that nobody listens there", function()
    local url = ("http://127.0.0.1:%d"):format(servers.free_port())
    local variables = { ANTHROPIC_API_KEY = SECRET, ANTHROPIC_BASE_URL = url }
    local report = report_in(variables, { reach = true })
    local found = report:find("reach")
    assert.is_false(found.ok)
    has(found.text, url .. ": no connection")
    has(found.hint, "check the address")
    assert.is_nil(report:find("key"))
  end)

  it("lets other tasks go on while it waits", function()
    local waited, report
    server = api.start({
      function()
        waited = true
        return api.json(200, MODELS)
      end,
    })
    environment.set({ ANTHROPIC_API_KEY = SECRET, ANTHROPIC_BASE_URL = server.url })
    local order = {}
    claude.loop(function()
      claude.spawn(function() order[1] = "another task" end)
      report = claude.doctor({ reach = true })
      order[#order + 1] = "the doctor"
    end)
    assert.same({ "another task", "the doctor" }, order)
    assert.is_true(waited and report.ok)
  end)

  it("does not wait longer than its limits", function()
    local found = reach({ silent = true }, { limits = { first_byte = 0.2 } })
    assert.is_false(found.ok)
    has(found.text, "no answer within 0.2 s")
  end)

  it("does not try with a base URL that is wrong", function()
    local variables = { ANTHROPIC_API_KEY = SECRET, ANTHROPIC_BASE_URL = "ftp://x" }
    local report = report_in(variables, { reach = true })
    assert.is_nil(report:find("reach").ok)
    has(report:find("reach").text, "not tried: ANTHROPIC_BASE_URL")
  end)

  describe("over TLS", function()
    local directory, backend, front
    setup(function()
      directory = servers.certificates()
      backend = servers.fault_server()
      front = servers.tls_front(directory, backend)
    end)
    teardown(function()
      front:stop()
      backend:stop()
      os.execute(("rm -r '%s'"):format(directory))
    end)

    -- The front may still be starting: then nobody listens.
    local function answer_with(client)
      local variables = { ANTHROPIC_API_KEY = SECRET, ANTHROPIC_BASE_URL = front.url }
      for _ = 1, 200 do
        local report = report_in(variables, { reach = true, client = client })
        if not report:find("reach").text:find("curl 7", 1, true) then return report end
        require("claude.tasks").sleep(0.05)
      end
    end

    it("tells that the certificate was accepted", function()
      local found = answer_with({ ca_file = directory .. "/ca.pem" }):find("reach")
      has(found.text, "over HTTP/1.1, its certificate accepted")
    end)

    it("tells that it was not, and what to do", function()
      local found = answer_with({ ca_file = directory .. "/other.pem" }):find("reach")
      assert.is_false(found.ok)
      has(found.text, "the server's certificate was not accepted")
      has(found.hint, "ca_file (or SSL_CERT_FILE)")
    end)
  end)
end)
