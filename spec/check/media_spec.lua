local check = require("spec.support.check")

local PNG = "iVBORw0KGgoAAAANSUhEUg=="

local function with(...) return { messages = { { role = "user", content = { ... } } } } end

local function image(source) return { type = "image", source = source } end

local function base64(media_type, data)
  return { type = "base64", media_type = media_type, data = data }
end

describe("check.media", function()
  local SOURCE = "messages[1].content[1].source"
  local refused = {
    { "a block without a source", "field_missing", image(nil), SOURCE },
    { "a source that is a path", "field_type", image("a.png"), SOURCE },
    { "a source without a type", "field_missing", image({ data = PNG }), SOURCE .. ".type" },
    { "base64 without data", "source_type", image(base64("image/png")), SOURCE .. ".data" },
    {
      "base64 without a media type",
      "field_missing",
      image(base64(nil, PNG)),
      SOURCE .. ".media_type",
    },
    { "a url source without its url", "source_type", image({ type = "url" }), SOURCE .. ".url" },
    {
      "a file source without its id",
      "source_type",
      image({ type = "file" }),
      SOURCE .. ".file_id",
    },
    {
      "a data: URL instead of its data",
      "source_base64",
      image(base64("image/png", "data:image/png;base64," .. PNG)),
      SOURCE .. ".data",
    },
    {
      "bytes that were not encoded",
      "source_base64",
      image(base64("image/png", "\137PNG\r\n")),
      SOURCE .. ".data",
    },
    {
      "a media type that the data has not",
      "source_media_type",
      image(base64("image/jpeg", PNG)),
      SOURCE .. ".media_type",
    },
    {
      "a document with the media type of an image",
      "source_media_type",
      { type = "document", source = base64("image/png", "JVBERi0xLjc=") },
      SOURCE .. ".media_type",
    },
  }
  for _, case in ipairs(refused) do
    it("refuses " .. case[1] .. ", with its path", function()
      local err = check.refused(case[2], with(case[3]))
      assert.equal(case[4], err.path)
    end)
  end

  it("looks into the results of tools", function()
    local err = check.refused("source_type", {
      messages = {
        { role = "user", content = "look" },
        {
          role = "assistant",
          content = { { type = "tool_use", id = "t", name = "n", input = {} } },
        },
        {
          role = "user",
          content = {
            { type = "tool_result", tool_use_id = "t", content = { image({ type = "url" }) } },
          },
        },
      },
    })
    assert.equal("messages[3].content[1].content[1].source.url", err.path)
  end)

  it("lets through what it does not know", function()
    check.passes(with(image({ type = "hologram", beam = 1 })))
    check.passes(with(image(base64("image/avif", "AAAAHGZ0eXBhdmlm"))))
    check.passes(with({ type = "document", source = { type = "file", file_id = "file_1" } }))
  end)

  it("counts images, as the model takes them", function()
    local many = {}
    for i = 1, 101 do
      many[i] = image({ type = "url", url = "https://x/" .. i })
    end
    local request = { messages = { { role = "user", content = many } } }
    check.passes(request)
    local small = { capabilities = { context = 200000 } }
    local err = check.refused("image_count", request, small)
    assert.truthy(tostring(err):find("101 images, and 100", 1, true))
  end)
end)
