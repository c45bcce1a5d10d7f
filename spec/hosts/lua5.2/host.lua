return require("spec.hosts.plain_host")("lua5.2", "blocking")
