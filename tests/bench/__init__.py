"""Benchmarks: figures beside those of a peer in the same run, printed as ratios. Nothing here decides a test."""
