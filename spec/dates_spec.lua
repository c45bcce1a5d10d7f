local dates = require("claude.dates")

-- Sun, 06 Nov 1994 08:49:37 GMT
local MOMENT = 784111777

describe("dates.http", function()
  local forms = {
    { "the form that is written today", "Sun, 06 Nov 1994 08:49:37 GMT" },
    { "the form with a year of two digits", "Sunday, 06-Nov-94 08:49:37 GMT" },
    { "the form of asctime", "Sun Nov  6 08:49:37 1994" },
  }
  for _, form in ipairs(forms) do
    it("reads " .. form[1], function() assert.equal(MOMENT, dates.http(form[2], MOMENT)) end)
  end

  it("takes a year of two digits for the nearest one", function()
    local in_2026 = 1795345200
    assert.equal(MOMENT, dates.http("Sunday, 06-Nov-94 08:49:37 GMT", in_2026))
    assert.equal(in_2026, dates.http("Sunday, 22-Nov-26 11:00:00 GMT", in_2026))
  end)

  it("reads dates over leap years and centuries", function()
    assert.equal(0, dates.http("Thu, 01 Jan 1970 00:00:00 GMT"))
    assert.equal(951782400, dates.http("Tue, 29 Feb 2000 00:00:00 GMT"))
    assert.equal(951868800, dates.http("Wed, 01 Mar 2000 00:00:00 GMT"))
    assert.equal(1795345200, dates.http("Sun, 22 Nov 2026 11:00:00 GMT"))
  end)

  for _, text in ipairs({
    "",
    "soon",
    "22 Nov 2026",
    "Sun, 22 Foo 2026 11:00:00 GMT",
    "Sun, 22 Nov 2026 11:00 GMT",
    "Sun, 22 Nov 202 11:00:00 GMT",
  }) do
    it(("does not read %q"):format(text), function() assert.is_nil(dates.http(text)) end)
  end
end)

describe("dates.rfc3339", function()
  local texts = {
    { "1994-11-06T08:49:37Z", MOMENT },
    { "1994-11-06t08:49:37.25z", MOMENT + 0.25 },
    { "1994-11-06T09:49:37+01:00", MOMENT },
    { "1994-11-06T03:19:37-05:30", MOMENT },
    { "1970-01-01T00:00:00Z", 0 },
    { "1969-12-31 23:59:59Z", -1 },
    { "2000-02-29T00:00:00Z", 951782400 },
    { "1600-01-01T00:00:00Z", -11676096000 },
    { "1994-11-06T08:49:37", nil },
    { "1994-11-06T08:49:3Z", nil },
    { "1994-11-06T08:49:37+0100", nil },
    { "1994-11-06T08:49:37+01:0", nil },
    { "1994-11-06T08:49:37Z ", nil },
    { "1994-11-", nil },
    { "", nil },
    { "1994-13-06T08:49:37Z", nil },
    { "1994-11-06", nil },
    { "soon", nil },
  }
  for _, case in ipairs(texts) do
    local what = case[2] and "reads " or "does not read "
    it(what .. case[1], function() assert.equal(case[2], dates.rfc3339(case[1])) end)
  end
end)

describe("dates.of_answer", function()
  it(
    "goes by the clock of who answered",
    function() assert.equal(MOMENT, dates.of_answer("Sun, 06 Nov 1994 08:49:37 GMT")) end
  )

  it("goes by this machine's clock when the answer has no date that can be read", function()
    local before = os.time()
    for _, date in ipairs({ false, "soon" }) do
      local now = dates.of_answer(date or nil)
      assert.is_true(now >= before and now <= os.time())
    end
  end)
end)
