local raw = require("spec.support.raw_http")
local simulator = require("claude.simulator")

local FORM = { ["content-type"] = "multipart/form-data; boundary=b" }

local function part(disposition, value, content_type)
  local kind = content_type and ("Content-Type: %s\r\n"):format(content_type) or ""
  local head = "--b\r\nContent-Disposition: form-data; %s\r\n%s\r\n%s\r\n"
  return head:format(disposition, kind, value)
end

local function form(filename, more)
  return part(('name="file"; filename="%s"'):format(filename), "abc", "text/plain")
    .. (more or "")
    .. "--b--\r\n"
end

describe("the simulator's files", function()
  local sim
  before_each(function() sim = assert(simulator.start()) end)
  after_each(function() sim:close() end)

  it("are described as the API does", function()
    local file = raw.post(sim, "/v1/files", form("a.txt"), FORM).json
    assert.matches("^file_01", file.id)
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", file.created_at)
    assert.same(
      { "file", "a.txt", "text/plain", 3, false },
      { file.type, file.filename, file.mime_type, file.size_bytes, file.downloadable }
    )
    assert.same(file, raw.get(sim, "/v1/files/" .. file.id).json)
  end)

  local refused = {
    { "a body that is no form", 400, "multipart/form-data", "{}", {} },
    { "a broken form", 400, "boundary", "x", FORM },
    { "a form without a file", 400, "file: Field required", "--b--\r\n", FORM },
    {
      "a file without a name",
      400,
      "file: Expected UploadFile",
      part('name="file"', "x") .. "--b--",
      FORM,
    },
    { "a forbidden name", 400, "filename", form("a:b"), FORM },
    { "a name without characters", 400, "filename", form(""), FORM },
    {
      "another field",
      400,
      "purpose: Extra inputs are not permitted",
      form("a", part('name="purpose"', "x")),
      FORM,
    },
    {
      "a time that is too short",
      400,
      "expires_in_seconds: Input should be greater than or equal to 3600",
      form("a", part('name="expires_in_seconds"', "60")),
      FORM,
    },
    {
      "a time that is no number",
      400,
      "expires_in_seconds: Input should be a valid integer",
      form("a", part('name="expires_in_seconds"', "soon")),
      FORM,
    },
  }
  for _, case in ipairs(refused) do
    it("are refused: " .. case[1], function()
      local answer = raw.post(sim, "/v1/files", case[4], case[5])
      assert.equal(case[2], answer.status)
      assert.equal("invalid_request_error", answer.error.type)
      assert.truthy(answer.error.message:find(case[3], 1, true), answer.error.message)
    end)
  end

  it("expire", function()
    local more = part('name="expires_in_seconds"', "3600")
    local file = raw.post(sim, "/v1/files", form("a", more), FORM).json
    sim:advance(3601)
    local answer = raw.get(sim, "/v1/files/" .. file.id)
    assert.same({ 404, "file_expired" }, { answer.status, answer.error.details.error_code })
    assert.equal(0, #raw.get(sim, "/v1/files").json.data)
  end)

  it("can be downloaded where a tool has made them", function()
    local id =
      sim:add_file({ filename = "a", bytes = "a\0b", mime_type = "x/y", downloadable = true })
    local answer = raw.get(sim, "/v1/files/" .. id .. "/content")
    assert.same(
      { 200, "x/y", "a\0b" },
      { answer.status, answer.headers["content-type"], answer.body }
    )
    local uploaded = sim:add_file({ filename = "a", bytes = "x" })
    assert.equal(400, raw.get(sim, "/v1/files/" .. uploaded .. "/content").status)
  end)

  it("are not there for unknown ids", function()
    for _, path in ipairs({ "/v1/files/file_x", "/v1/files/file_x/content" }) do
      local answer = raw.get(sim, path)
      assert.same({ 404, "not_found_error" }, { answer.status, answer.error.type })
    end
  end)

  it("come in pages whose cursor is checked", function()
    assert.equal(400, raw.get(sim, "/v1/files?limit=0").status)
    assert.equal(400, raw.get(sim, "/v1/files?page=page_x").status)
    assert.same({}, raw.get(sim, "/v1/files").json.data)
  end)

  it("may be larger than any other request", function()
    local http = require("claude.simulator.http")
    local function fails(path, length)
      local parser = http.parser()
      local head = "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
      parser:feed(head:format(path, length))
      local _, failure = parser:next()
      return failure and failure.status
    end
    assert.equal(413, fails("/v1/messages", 40 * 1024 * 1024))
    assert.is_nil(fails("/v1/files", 500 * 1024 * 1024))
    assert.is_nil(fails("/v1/files?x=y", 500 * 1024 * 1024))
    assert.equal(413, fails("/v1/files", 600 * 1024 * 1024))
  end)
end)
