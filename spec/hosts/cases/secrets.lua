-- What can be seen of this library's objects holds no key, in no form.
local check = require("spec.hosts.check")
local objects = require("spec.support.objects")
local secret_forms = require("spec.support.secret_forms")

return function()
  return {
    {
      "no object shows the key: not its text, not its fields, not its metatable",
      function(env)
        local forms = secret_forms.of(env.key:match("%x+$"))
        local found = {}
        local count = objects.walk(objects.all(env.key, env.simulator), function(text, where)
          if secret_forms.is_in(text, forms) then found[#found + 1] = where end
        end, env)
        assert(#found == 0, table.concat(found, "\n", 1, math.min(#found, 20)))
        assert(count > 200, count .. " tables were seen")
        env.objects = (env.objects or 0) + count
      end,
    },
    {
      "the walk finds it where it is planted, and only there",
      function(env)
        local forms = secret_forms.of(env.key:match("%x+$"))
        local function finds(object)
          local found = false
          objects.walk(
            { object },
            function(text) found = found or secret_forms.is_in(text, forms) end
          )
          return found
        end
        local key = env.key
        check.equal(true, finds({ a = { { b = key } } }))
        check.equal(true, finds({ [key] = 1 }))
        check.equal(true, finds(setmetatable({}, { __name = key })))
        check.equal(true, finds(setmetatable({}, { __tostring = function() return key end })))
        check.equal(true, finds({ a = key:sub(1, -9) .. "\n" .. key:sub(-8) }))
        check.equal(true, finds({ a = require("claude.core").base64("me:" .. key) }))
        check.equal(false, finds({ a = function() return key end }))
      end,
    },
  }
end
