local media_type = require("claude.media_type")

describe("media_type.of_file", function()
  local cases = {
    { "image/png", "photo.jpg", "\137PNG\r\n\26\n\0", "what a file is, not what it is called" },
    { "application/pdf", "a", "%PDF-1.7\n", "a PDF" },
    { "text/csv", "a.CSV", "a,b\n1,2\n", "text of a known kind by its name" },
    { "text/markdown", "README.md", "# Title\n", "Markdown" },
    { "text/plain", "Makefile", "all:\n\tcc\n", "any other text" },
    { "text/plain", "a.txt", "BMW is a maker of cars", "text that begins like a bitmap" },
    { "application/zip", "a.zip", "PK\3\4\0\0", "an archive" },
    {
      "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
      "a.xlsx",
      "PK\3\4\0\0",
      "an Office file, which is an archive",
    },
    { "application/octet-stream", "a.bin", "\1\2\3", "anything else" },
    { "text/plain", "empty", "", "nothing" },
  }
  for _, case in ipairs(cases) do
    it(
      "tells " .. case[4],
      function() assert.equal(case[1], media_type.of_file(case[2], case[3])) end
    )
  end

  it("takes a character that is cut at the end of what is looked at for text", function()
    local beginning = ("x"):rep(media_type.BEGINNING - 2) .. "\226\130"
    assert.equal("text/plain", media_type.of_file("a", beginning))
    assert.equal("application/octet-stream", media_type.of_file("a", "x\226\130"))
  end)
end)
