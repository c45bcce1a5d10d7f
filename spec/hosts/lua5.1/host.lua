return require("spec.hosts.plain_host")("lua5.1", "blocking")
