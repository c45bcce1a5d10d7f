return require("spec.bench.streams_row")(2000)
