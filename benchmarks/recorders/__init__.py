"""The recorder beside other event trackers: `python -m benchmarks.recorders`."""
