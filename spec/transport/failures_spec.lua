local failures = require("claude.transport.failures")

describe("what libcurl says means", function()
  local CASES = {
    { 7, "Couldn't connect", "network", "no connection", true },
    { 1, 'Protocol "gopher" not supported', "network", "unsupported protocol", false },
    { 1, "Received HTTP/0.9 when not allowed", "protocol", "the answer is not HTTP", false },
    { 8, "Nul byte in header", "protocol", "the answer is not HTTP", false },
    { 56, "Recv failure: Connection reset by peer", "network", "receiving failed", true },
    { 56, "CONNECT tunnel failed, response 407", "network", "the proxy refused", true },
    {
      56,
      "Illegal or missing hexadecimal sequence in chunked-encoding",
      "protocol",
      "a chunk of the answer is broken",
      false,
    },
    { 56, "Too large response headers: 2 > 1", "protocol", "the headers are too large", false },
    { 61, "invalid stored block lengths", "protocol", "the answer's encoding", false },
    { 99, "Something new", "network", "Something new (curl 99)", true },
  }
  for _, case in ipairs(CASES) do
    local code, text, kind, words, retryable = case[1], case[2], case[3], case[4], case[5]
    it(("%d, %s: %s"):format(code, text, kind), function()
      local err = failures.of_code(code, text)
      assert.same({ kind, retryable }, { err.kind, err.retryable })
      assert.is_truthy(err.message:find(words, 1, true), err.message)
      assert.is_truthy(err.message:find(text, 1, true), err.message)
    end)
  end
end)
