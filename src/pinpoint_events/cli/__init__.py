"""
The command `pinpoint-events`.

Thin: arguments, printing and exit codes. The work is done by what Python users call.
"""

from pinpoint_events.cli._main import main

__all__ = ["main"]
