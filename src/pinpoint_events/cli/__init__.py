"""
The command `pinpoint-events`.

It parses arguments, prints, and sets exit codes. The public Python API does the work.
"""

from pinpoint_events.cli._main import main

__all__ = ["main"]
