"""
What problems are called where people write JSON: at a shell, or to the endpoint.

The library itself speaks to those who write Python. Of those others, many never do.
"""

import re
from typing import Final

from pinpoint_events.errors import MAPPING_MEMBERS, Problem
from pinpoint_events.wire.names import wire_name

__all__ = ["in_json_words", "in_wire_names"]

# What the library says to those who write Python, and the same for JSON.
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


def in_json_words(problem: Problem) -> Problem:
    """Return a problem that says what to write, not which function to call."""
    told, limit, remedy = (_WORDS.get(words, words) for words in problem[1:])
    limit = _OF_AN_ENUM.sub("a text in quotes", limit)
    remedy = _ITS_MEMBER.sub(r'write one of its words, as in "\1"', remedy)
    return Problem(problem.path, told, limit, remedy)


def in_wire_names(problem: Problem) -> Problem:
    """Return a problem of an object with the service's names in its path."""
    path: list[str | int] = []
    is_key = False
    for part in problem.path:
        path.append(part if is_key or isinstance(part, int) else wire_name(part))
        is_key = not is_key and part in MAPPING_MEMBERS
    return problem._replace(path=tuple(path))
