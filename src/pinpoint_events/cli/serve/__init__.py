"""
`pinpoint-events serve`: runs an endpoint for PutEvents, Kinesis or Firehose.

Once it accepts connections, it prints its URL as its first and only line of output.
"""

from pinpoint_events.cli.serve._command import run

__all__ = ["run"]
