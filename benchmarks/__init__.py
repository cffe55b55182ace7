"""Benchmarks behind the package's published figures."""
