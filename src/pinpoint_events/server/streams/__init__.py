"""Kinesis and Firehose: their operations, limits and failures, in memory or a file."""
