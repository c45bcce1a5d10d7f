--- The table of faults: what it must name, and that its page says the same.
local page = require("spec.faults.page")
local situations = require("spec.faults.situations")

local KINDS = { api = true, incomplete = true, network = true, protocol = true, timeout = true }

local function is_kind(kind)
  for _, one in ipairs(type(kind) == "table" and kind or { kind }) do
    if not KINDS[one] then return false end
  end
  return kind ~= nil
end

describe("the table of faults", function()
  it("has a page that says what it says", function()
    local file = assert(io.open("doc/faults.md", "rb"))
    local text = file:read("*a")
    file:close()
    assert(text == page.text(), "write it anew: lua5.4 spec/faults/page.lua >doc/faults.md")
  end)

  it("says for each what comes of it", function()
    for _, situation in ipairs(situations.list) do
      assert.is_string(situation.does, situation.name)
      if not situation.whole then
        assert.is_true(is_kind(situation.kind), situation.name)
        assert.is_boolean(situation.retryable, situation.name)
        assert.is_true(situation.says ~= nil, situation.name)
      end
    end
  end)

  -- What must be among them, by parts of their names.
  for _, name in ipairs({
    "^refused$",
    "^reset_at_once$",
    "^cut_in_headers$",
    "^cut_in_chunk_header$",
    "^cut_in_event$",
    "^cut_in_utf8$",
    "^cut_after_stop_reason$",
    "^reset_before_message_stop$",
    "^headers_dripped$",
    "^event_dripped$",
    "^stall_in_event$",
    "^pings_in_text$",
    "^retry_429",
    "^retry_529",
    "^retry_500",
    "^html_200$",
    "^empty_200$",
    "^json_huge$",
    "^stream_called_plain$",
    "^chunk_size_",
    "^gzip_broken$",
    "^header_flood$",
    "^event_of_64_mb$",
    "^nul_in_event$",
    "^invalid_utf8_in_event$",
    "^nested_100k_in_event$",
    "^duplicate_keys_in_event$",
    "^redirect_to_another_host$",
    "^certificate_expired$",
    "^certificate_of_another_name$",
    "^certificate_of_unknown_ca$",
    "^tls_alert_",
    "^h2_goaway",
    "^h2_rst_stream",
    "^h2_no_window$",
    "^closed_as_next_request_comes$",
    "^proxy_407$",
    "^proxy_hangs$",
    "^dns_hangs$",
  }) do
    it("has " .. name, function()
      local found = false
      for _, situation in ipairs(situations.list) do
        found = found or situation.name:find(name) ~= nil
      end
      assert.is_true(found)
    end)
  end
end)
