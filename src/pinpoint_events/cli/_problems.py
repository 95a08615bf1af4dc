"""Problems in the terms of the command line."""

from pinpoint_events.problems import Audience, Problem

__all__ = ["for_command_line"]


def for_command_line(problem: Problem) -> Problem:
    """Return the same problem in the service's names and the AWS CLI's words."""
    if problem.audience is Audience.PYTHON:
        from pinpoint_events.wire.names import in_wire_names  # noqa: PLC0415 - slow

        problem = in_wire_names(problem)
    return problem._replace(audience=Audience.COMMAND_LINE)
