"""How fast it is, as ratios against peers in the same run: `python -m benchmarks`."""
