local host = require("spec.hosts.plain_host")("lua5.5", "blocking")
host.optional = true -- few systems have it
return host
