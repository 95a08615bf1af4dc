"""The command `spool`: looks into the spool of a recorder, and changes it."""

from pinpoint_events.cli.spool._command import run

__all__ = ["run"]
