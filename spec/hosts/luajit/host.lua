return require("spec.hosts.plain_host")("luajit", "blocking")
