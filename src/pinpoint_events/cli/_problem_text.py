"""Problems of input, in the command line's terms."""

from pinpoint_events.problems import Audience, Problem

__all__ = ["problem_text"]


def problem_text(problem: Problem) -> str:
    """Return the message for a problem, with members named as in the JSON form."""
    if problem.audience is Audience.PYTHON:
        from pinpoint_events.wire.names import in_wire_names  # noqa: PLC0415 - slow

        problem = in_wire_names(problem)
    return str(problem._replace(audience=Audience.COMMAND_LINE))
