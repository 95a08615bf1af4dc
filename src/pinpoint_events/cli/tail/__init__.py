"""The command `tail`: shows the records of a Kinesis stream, as they come."""

from pinpoint_events.cli.tail._command import run

__all__ = ["run"]
