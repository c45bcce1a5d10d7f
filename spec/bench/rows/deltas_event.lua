return require("spec.bench.deltas_row")("event", "an HTTP chunk for each event")
