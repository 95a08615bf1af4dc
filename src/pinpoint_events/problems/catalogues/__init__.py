"""
The words of problems: one catalogue for each audience, and nowhere else.

    _shared          words that fit every audience, and how facts become words
    _python          callers of constructors, builders and senders
    _json            those who write JSON: `from_wire`, the endpoint, `load`
    _command_line    users of `put-events`, in the AWS CLI's sentences
"""

from collections.abc import Mapping
from typing import Final

from pinpoint_events.problems._codes import Audience
from pinpoint_events.problems._paths import path_text
from pinpoint_events.problems._problem import Problem, Words
from pinpoint_events.problems.catalogues._command_line import (
    COMMAND_LINE,
    command_line_sentence,
)
from pinpoint_events.problems.catalogues._json import JSON
from pinpoint_events.problems.catalogues._python import PYTHON
from pinpoint_events.problems.catalogues._shared import Catalogue, expected

__all__ = ["CATALOGUES", "sentence", "words"]

CATALOGUES: Final[Mapping[Audience, Catalogue]] = {
    Audience.PYTHON: PYTHON,
    Audience.JSON: JSON,
    Audience.COMMAND_LINE: COMMAND_LINE,
}


def words(problem: Problem) -> Words:
    """Return what a problem says to its audience."""
    return CATALOGUES[problem.audience].words(problem)


def sentence(problem: Problem, *, has_remedy: bool = True) -> str:
    """
    Return path, problem, limit and remedy in one line, for its audience.

    Args:
        problem: The problem.
        has_remedy: Whether the remedy is wanted: a caller may know a better one. That
            of the command line always is.
    """
    if problem.audience is Audience.COMMAND_LINE:
        return command_line_sentence(problem)
    found = words(problem)
    remedy = found.remedy if has_remedy else ""
    text = "; ".join(filter(None, (found.problem, expected(problem, found), remedy)))
    return f"{path_text(problem.path)}: {text}" if problem.path else text
