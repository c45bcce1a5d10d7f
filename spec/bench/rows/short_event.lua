return require("spec.bench.short_row")("event", "an HTTP chunk for each event")
