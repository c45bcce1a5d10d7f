-- Bodies that come compressed, as libcurl offers and reads them.
local api = require("spec.support.api_server")
local claude = require("claude")

local PARAMS = {
  model = "claude-opus-4-8",
  max_tokens = 1000,
  messages = { { role = "user", content = "Hello" } },
}

---@param bytes string
---@return string
local function gzip(bytes)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
  local pipe = assert(io.popen("gzip -c " .. path))
  local packed = pipe:read("*a")
  pipe:close()
  os.remove(path)
  return packed
end

local function little_endian(number, bytes)
  local out = {}
  for i = 1, bytes do
    out[i] = string.char(number % 256)
    number = math.floor(number / 256)
  end
  return table.concat(out)
end

-- The two newer forms with their bytes stored as they are: no program for them is needed.

-- RFC 7932: window of 16 bits, one uncompressed block of at most 64 KiB, an empty last one.
---@param bytes string
---@return string
local function brotli(bytes)
  local head = little_endian((#bytes - 1) * 16 + 2 ^ 20, 3)
  return head .. bytes .. "\3"
end

-- RFC 8878: one segment of 256 bytes or more, one raw block.
---@param bytes string
---@return string
local function zstandard(bytes)
  local head = "\40\181\47\253\96" .. little_endian(#bytes - 256, 2)
  return head .. little_endian(1 + #bytes * 8, 3) .. bytes
end

local CODINGS = { { "gzip", gzip }, { "br", brotli }, { "zstd", zstandard } }

describe("a compressed answer", function()
  local server
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  after_each(function() server:close() end)

  local events = api.reply({ api.thinking(("Let me see. "):rep(30), "c2ln"), api.text("49403") })

  local function packed_answer(name, pack)
    local answer = api.stream(events)
    answer.headers["content-encoding"] = name
    local bytes, pieces = pack(table.concat(answer.pieces)), {}
    for i = 1, #bytes, 7 do
      pieces[#pieces + 1] = bytes:sub(i, i + 6)
    end
    answer.pieces = pieces
    return answer
  end

  local function start(answer)
    server = api.start({ answer })
    return claude.new({ api_key = "k", base_url = server.url, max_retries = 0 })
  end

  for _, coding in ipairs(CODINGS) do
    local name, pack = coding[1], coding[2]
    it("is read: " .. name, function()
      local client = start(packed_answer(name, pack))
      local message, text = client.messages:create(PARAMS)
      -- What libcurl was built with differs: it says what it can read.
      local offered = server.requests[1].headers["accept-encoding"] or ""
      if not offered:find(name, 1, true) then
        return pending("libcurl was built without " .. name)
      end
      assert(message, text)
      assert.equal("49403", message:text())
      assert.equal(("Let me see. "):rep(30), message:thinking())
    end)
  end

  it("that is cut is incomplete", function()
    local answer = packed_answer("gzip", gzip)
    for _ = 1, 6 do
      table.remove(answer.pieces)
    end
    answer.close = true
    local client = start(answer)
    local message, _, err = client.messages:create(PARAMS)
    assert.is_nil(message)
    assert.is_true(err.kind == "incomplete" or err.kind == "network", err.kind)
  end)

  it("that is not what its header says is an error", function()
    local answer = api.stream(events)
    answer.headers["content-encoding"] = "gzip"
    local message, _, err = start(answer).messages:create(PARAMS)
    assert.is_nil(message)
    assert.equal("protocol", err.kind)
  end)
end)
