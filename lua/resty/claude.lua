--- The name that OpenResty's users look for: `require "resty.claude"` is `require "claude"`.
return require("claude")
