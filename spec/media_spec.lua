local claude = require("claude")
local core = require("claude.core")
local support = require("spec.support.chat")

-- Beginnings of real files, each with what makes it bytes and no path.
local PNG = "\137PNG\r\n\26\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1"
local JPEG = "\255\216\255\224\0\16JFIF\0"
local GIF = "GIF89a\1\0\1\0\0\0\0;"
local WEBP = "RIFF\36\0\0\0WEBPVP8 "
local PDF = "%PDF-1.7\n1 0 obj\n"

describe("claude.image and claude.document", function()
  local paths

  local function file(bytes)
    local path = os.tmpname()
    paths[#paths + 1] = path
    local out = assert(io.open(path, "wb"))
    out:write(bytes)
    out:close()
    return path
  end

  before_each(function() paths = {} end)
  after_each(function()
    for _, path in ipairs(paths) do
      os.remove(path)
    end
  end)

  local images = {
    { "PNG", "image/png", PNG },
    { "JPEG", "image/jpeg", JPEG },
    { "GIF", "image/gif", GIF },
    { "WebP", "image/webp", WEBP },
  }
  for _, case in ipairs(images) do
    local name, media_type, bytes = case[1], case[2], case[3]
    it(
      ("find the media type of %s in the bytes, whatever the file is called"):format(name),
      function()
        local expected = {
          type = "image",
          source = { type = "base64", media_type = media_type, data = core.base64(bytes) },
        }
        assert.same(expected, setmetatable(assert(claude.image(file(bytes))), nil))
        assert.same(expected, setmetatable(assert(claude.image(bytes)), nil))
        assert.same(expected, setmetatable(assert(claude.image({ bytes = bytes })), nil))
      end
    )
  end

  it("take a PDF as base64", function()
    for _, given in ipairs({ PDF, file(PDF) }) do
      local source = assert(claude.document(given)).source
      assert.same(
        { type = "base64", media_type = "application/pdf", data = core.base64(PDF) },
        source
      )
    end
  end)

  it("take text as text", function()
    local expected = { type = "text", media_type = "text/plain", data = "Grüße\n" }
    assert.same(expected, assert(claude.document(file("Grüße\n"))).source)
    assert.same(expected, assert(claude.document({ text = "Grüße\n" })).source)
    assert.same(expected, assert(claude.document({ bytes = "Grüße\n" })).source)
  end)

  it("take URLs and uploaded files, which nobody has to read", function()
    assert.same(
      { type = "url", url = "https://x/y.png" },
      assert(claude.image({ url = "https://x/y.png" })).source
    )
    local by_id = { type = "file", file_id = "file_1" }
    assert.same(by_id, assert(claude.document({ file_id = "file_1" })).source)
    assert.same(
      by_id,
      assert(claude.document({ type = "file", id = "file_1", size_bytes = 3 })).source
    )
  end)

  it("keep what the API knows of a document beside its source", function()
    local block = assert(claude.document({
      text = "x",
      title = "T",
      context = "C",
      citations = true,
      cache_control = { type = "ephemeral" },
    }))
    assert.equal("T", block.title)
    assert.equal("C", block.context)
    assert.same({ enabled = true }, block.citations)
    assert.same({ type = "ephemeral" }, block.cache_control)
  end)

  it(
    "say what they are when they are printed, not megabytes of base64",
    function() assert.equal("image block (image/png)", tostring(claude.image(PNG))) end
  )

  local refused = {
    { "a file that is not there", "media_unreadable", "No such file", "/nowhere/a.png" },
    { "a folder", "media_unreadable", "directory", "." },
    { "bytes that are no image", "image_format", "JPEG, PNG, GIF and WebP", { bytes = "hello" } },
    { "an image of another kind", "image_format", "begins like image/bmp", { bytes = "BM\0\0" } },
    { "no bytes", "media_empty", "bytes is empty", { bytes = "" } },
    {
      "more than a request holds",
      "media_size",
      "25165824 bytes",
      { bytes = PNG .. ("x"):rep(25165824) },
    },
    {
      "binary data as a document",
      "document_format",
      "application/zip",
      { bytes = "PK\3\4" },
      "document",
    },
    { "text that is not UTF-8", "document_format", "UTF-8", { bytes = "Gr\252\223e" }, "document" },
    { "an image as a document", "document_format", "image/png", PNG, "document" },
    { "no text", "media_empty", "text is empty", { text = "" }, "document" },
  }
  for _, case in ipairs(refused) do
    local what, rule, told, given, kind = case[1], case[2], case[3], case[4], case[5] or "image"
    it("refuse " .. what, function()
      local block, text, err = claude[kind](given)
      assert.is_nil(block)
      assert.equal("invalid", err.kind)
      assert.equal(rule, err.rule)
      assert.equal("claude." .. kind, err.path)
      assert.truthy(text:find(told, 1, true), text)
    end)
  end

  it("name a file that they refuse", function()
    local path = file("no image")
    local _, text = claude.image(path)
    assert.truthy(text:find(path, 1, true), text)
  end)

  it("read no more of a file than a request could hold", function()
    local path = file("")
    local out = assert(io.open(path, "wb"))
    out:seek("set", 200 * 1024 * 1024) -- a hole: nothing is written
    out:write("x")
    out:close()
    collectgarbage()
    local before = collectgarbage("count")
    local _, _, err = claude.image(path)
    assert.equal("media_size", err.rule)
    assert.is_true(collectgarbage("count") - before < 150 * 1024) -- garbage counts as well
  end)

  local raised = {
    { "no argument", "takes a path, bytes, or a table" },
    { "an option that is none", "there is no option pth", { pth = "a.png" } },
    { "two sources", "give one of path, bytes, url, file_id", { path = "a", url = "b" } },
    { "no source", "give one of", {} },
    { "text for an image", "there is no option text", { text = "x" } },
    {
      "an option of another type",
      "cache_control must be a table",
      { path = "a", cache_control = 1 },
    },
  }
  for _, case in ipairs(raised) do
    it("raise at the caller's line for " .. case[1], function()
      local made, problem = pcall(function() claude.image(case[3]) end)
      assert.is_false(made)
      assert.truthy(problem:find("media_spec.lua:%d+: claude.image"), problem)
      assert.truthy(problem:find(case[2], 1, true), problem)
    end)
  end
end)

describe("images in a conversation", function()
  local bench, chat

  before_each(function()
    bench = support.bench({ script = { "I see." } })
    chat = bench.client:conversation(support.params())
  end)
  after_each(function() bench.sim:close() end)

  it("stand in one list with texts", function()
    assert.equal("I see.", assert(chat:user({ "Look:", claude.image(PNG) }):send()):text())
    assert.equal(
      '{"content":[{"text":"Look:","type":"text"},{"source":{"data":"'
        .. core.base64(PNG)
        .. '","media_type":"image/png","type":"base64"},"type":"image"}],"role":"user"}',
      support.sent_messages(bench.sim, 1)
    )
  end)

  it("stand alone", function()
    assert(chat:user(claude.image(PNG)):send())
    assert.equal("image", bench.sim.requests[1].request.messages[1].content[1].type)
  end)

  it("tell why there is none, where the call stands last in a list", function()
    local said, text, err = chat:user({ "Look:", claude.image("/nowhere/a.png") })
    assert.is_nil(said)
    assert.equal("media_unreadable", err.rule)
    assert.truthy(text:find("/nowhere/a.png", 1, true), text)
    local _, _, again = chat:send()
    assert.equal("media_unreadable", again.rule)
  end)

  it("raise where the call stands before others: its reason is lost there", function()
    local done, problem = pcall(
      function() chat:user({ claude.image("/nowhere/a.png"), "this" }) end
    )
    assert.is_false(done)
    assert.truthy(problem:find("media_spec.lua", 1, true), problem)
    assert.truthy(problem:find("assert(claude.image(path))", 1, true), problem)
  end)
end)

describe("an image that a tool returns", function()
  local result = require("claude.tool_loop.result")
  local CALL = { id = "toolu_1", name = "camera" }
  local RULES = { warn = function() end }

  it("is a block of its result", function()
    local json = result.success(CALL, claude.image(PNG), RULES)
    local content = assert(core.decode(json)).content
    assert.equal("image", content[1].type)
    assert.equal("image/png", content[1].source.media_type)
  end)

  it("stands between texts", function()
    local content = assert(claude.content({ "Here:", assert(claude.image(PNG)), "That is all." }))
    local json = result.success(CALL, content, RULES)
    assert.equal(3, #assert(core.decode(json)).content)
  end)

  it("is the tool's failure when it cannot be read", function()
    local content, text, err = claude.content({ "Here:", claude.image("/nowhere/a.png") })
    assert.is_nil(content)
    assert.truthy(text:find("/nowhere/a.png", 1, true))
    assert.equal("media_unreadable", err.rule)
  end)
end)
