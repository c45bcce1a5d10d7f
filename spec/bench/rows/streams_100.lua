return require("spec.bench.streams_row")(100)
