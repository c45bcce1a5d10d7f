return require("spec.bench.tls_streams_row")("1.1")
