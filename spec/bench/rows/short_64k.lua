return require("spec.bench.short_row")("64k", "whole in one HTTP chunk")
