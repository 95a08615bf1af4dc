"""Problems as a shell's user reads them: in the AWS CLI's words where it has some."""

import re
from string import ascii_letters, digits
from typing import Final

from pinpoint_events.errors import Problem, shortened

__all__ = ["in_shell_words", "problem_text"]

# What the library says to those who write Python, and the same to those who write JSON.
_WORDS: Final = {
    "a datetime with a time zone, or an ISO 8601 str": (
        "a text in quotes, such as 2026-11-24T09:30:00.000Z"
    ),
    "a list of str": "a list of texts",
    "a str": "a text in quotes",
    "an int of milliseconds, or a timedelta": "a whole number of milliseconds",
    "an int or a float": "a number",
    "an int within +-2**53": "a whole number within +-2**53",
    "convert it with int() or float()": "write it without quotes",
    "convert it with str()": "write it so",
    "convert seconds with datetime.fromtimestamp(seconds, UTC)": (
        "write the date and the time of day"
    ),
    "decode the bytes it came from with their own encoding": r"correct its \u escapes",
    "is None": "is null",
    "let build_all() split it": (
        "send it in parts, or as JSON Lines with `pinpoint-events load`"
    ),
    "make it a list of str": "make it a list of texts",
    "pass a datetime with tzinfo": "write it so",
    "pass timedelta(milliseconds=...)": "write it without quotes and point",
    "pass tzinfo=UTC, or end the text with Z": "end it with Z if it is in UTC",
    "say which, as in ChannelType.EMAIL": 'say which, as in "ChannelType": "EMAIL"',
}
_OF_AN_ENUM: Final = re.compile(r"an? \w+ or its wire string")
_ITS_MEMBER: Final = re.compile(r"pass one, as in \w+\.(\w+)")


def problem_text(problem: Problem) -> str:
    """Return a problem in one line."""
    problem = in_shell_words(problem)
    if not problem.path:
        return str(problem)
    where = _path_text(problem.path)
    told = f"{where}: {problem.problem}"
    rest: tuple[str, ...] = problem[2:]
    parent = _path_text(problem.path[:-1]) or "input"
    name = f'"{shortened(str(problem.path[-1]))[1:-1]}"'
    if problem.problem == "is missing":
        told = f"Missing required parameter in {parent}: {name}"
    elif problem.problem == "is not known":
        choices = problem.limit.removeprefix("one of ")
        told = f"Unknown parameter in {parent}: {name}, must be one of: {choices}"
        rest = (problem.remedy,)
    elif problem.problem.startswith("is of type "):
        kind = problem.problem.removeprefix("is of type ")
        told = f"Invalid type for parameter {where}, type: <class '{kind}'>"
    return "; ".join(part for part in (told, *rest) if part)


def in_shell_words(problem: Problem) -> Problem:
    """Return a problem that says what to write, not which function to call."""
    told, limit, remedy = (_WORDS.get(words, words) for words in problem[1:])
    limit = _OF_AN_ENUM.sub("a text in quotes", limit)
    remedy = _ITS_MEMBER.sub(r'write one of its words, as in "\1"', remedy)
    return Problem(problem.path, told, limit, remedy)


# What needs no quotes to be told from what stands around it.
_PLAIN: Final = frozenset(ascii_letters + digits + "_-:@")
_MOST_CHARACTERS: Final = 60


def _path_text(path: tuple[str | int, ...]) -> str:
    """Return a path as the AWS CLI does: `EventsRequest.BatchItem.e1.Events.v1`."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        elif part and len(part) <= _MOST_CHARACTERS and _PLAIN.issuperset(part):
            shown += f".{part}" if shown else part
        else:
            shown += f"[{shortened(part)}]"
    return shown
