"""Benchmarks: figures beside those of peers in the same run, printed as ratios. Nothing here decides a test.

`python -m tests.bench` is the one command; `pip install -e '.[bench]'` installs what it needs.
"""
