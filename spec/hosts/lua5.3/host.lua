return require("spec.hosts.plain_host")("lua5.3", "blocking")
