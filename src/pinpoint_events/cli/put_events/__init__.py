"""
`pinpoint-events put-events`: sends one request, as `aws pinpoint put-events` does.

Options, precedence, output and exit codes are those of AWS CLI version 2.
`docs/how-to/use-the-command-line.md` lists the differences.
"""

from pinpoint_events.cli.put_events._command import run

__all__ = ["run"]
