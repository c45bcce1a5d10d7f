return require("spec.hosts.plain_host")("lua5.4", "cqueues", "cqueues")
