"""Benchmarks: each a module of its own, all of them with `python -m benchmarks`."""
