"""Measurements: `python -m benchmarks`, or one of the `bench_*` modules by itself."""
