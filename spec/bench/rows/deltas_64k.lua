return require("spec.bench.deltas_row")("64k", "HTTP chunks of 64 KiB")
