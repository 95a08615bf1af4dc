"""
`pinpoint-events put-events`: one request, sent as `aws pinpoint put-events` sends it.

Options, precedence, output and exit codes are those of AWS CLI version 2. What differs
is in the documentation's page on the command.
"""

from pinpoint_events.cli.put_events._command import run

__all__ = ["run"]
