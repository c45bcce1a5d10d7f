-- Values of the user with line ends in them: refused by their field before anything is sent,
-- or written so that they end nothing. The server tells what it got, byte for byte.
local ask = require("spec.hosts.ask")
local claude = require("claude")
local injections = require("spec.support.injections")

local function client_maker(env)
  return function(options)
    options = options or {}
    if options.api_key == nil then options.api_key = env.key end
    options.base_url = options.base_url or env.faults .. "/ok"
    options.max_retries = 0
    options.on_warning = function() end
    return claude.new(options)
  end
end

local function report(env, name)
  local client = ask.client(env, { base_url = env.faults })
  return assert(client:request("GET", "/" .. name)).body
end

local function requests(env) return tonumber(report(env, "stats"):match("requests (%d+)")) end

return function()
  return {
    {
      "control characters in headers, names, ids and addresses are refused by their field",
      function(env)
        local before = requests(env)
        for i, case in ipairs(injections.REFUSED) do
          for _, evil in ipairs(injections.EVIL) do
            local text = injections.refusal_of(case[2], client_maker(env), evil)
            local named = text and text:find(case[1], 1, true)
            assert(named, ("%d %s: %s"):format(i, case[1], tostring(text)))
          end
        end
        assert(requests(env) == before, "something was sent")
      end,
    },
    {
      "what may be any text never ends the line it stands in",
      function(env)
        for _, try in ipairs(injections.WRITTEN) do
          for _, evil in ipairs(injections.EVIL) do
            injections.refusal_of(try, client_maker(env), evil)
            local head = report(env, "last_head")
            assert(not head:lower():find("\nx-injected", 1, true), head)
            assert(not head:gsub("\r\n", ""):find("[%z\r\n]"), head)
          end
        end
      end,
    },
  }
end
