import re
from typing import Any

import pytest

from pinpoint_events import EventsRequest, ValidationError
from pinpoint_events.cli._problems import problem_text
from pinpoint_events.errors import Problem
from pinpoint_events.wire import from_wire

TIME = "2026-01-01T00:00:00Z"
A_TEXT = "a text in quotes"


def lines_of(endpoint: Any = None, event: Any = None) -> list[str]:
    """Return what is told of a request with these members beside the required."""
    whole = {"EventType": "x", "Timestamp": TIME, **(event or {})}
    batch = {"Endpoint": endpoint or {}, "Events": {"v": whole}}
    with pytest.raises(ValidationError) as caught:
        from_wire(EventsRequest, {"BatchItem": {"e": batch}})
    start = "EventsRequest.BatchItem.e."
    below = (each.below("EventsRequest") for each in caught.value.problems)
    return [problem_text(each).replace(start, "") for each in below]


def of_type(where: str, kind: str) -> str:
    """Return how a message on a type begins."""
    return f"Invalid type for parameter {where}, type: <class '{kind}'>"


SESSION = {"Id": "s", "StartTimestamp": TIME}
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "a number for a text": (
        {"event": {"AppTitle": 1}},
        f"{of_type('Events.v.AppTitle', 'int')}; {A_TEXT}; write it so",
    ),
    "a number in a list of texts": (
        {"endpoint": {"Attributes": {"k": [1]}}},
        f"{of_type('Endpoint.Attributes.k[0]', 'int')}; {A_TEXT}; write it so",
    ),
    "a number for a list of texts": (
        {"endpoint": {"Attributes": {"k": 1}}},
        (
            f"{of_type('Endpoint.Attributes.k', 'int')}; a list of texts; make it "
            "a list of texts"
        ),
    ),
    "null in a list of texts": (
        {"endpoint": {"Attributes": {"k": None}}},
        "Endpoint.Attributes.k: is null; a list of texts; leave the key out",
    ),
    "a text for a number": (
        {"event": {"Metrics": {"m": "1"}}},
        f"{of_type('Events.v.Metrics.m', 'str')}; a number; write it without quotes",
    ),
    "a large number": (
        {"event": {"Metrics": {"m": 2**60}}},
        (
            "Events.v.Metrics.m: has 61 bits; a whole number within +-2**53; pass a "
            "float, or make it an attribute"
        ),
    ),
    "a number of seconds": (
        {"event": {"Timestamp": 1}},
        (
            f"{of_type('Events.v.Timestamp', 'int')}; {A_TEXT}, such as "
            "2026-11-24T09:30:00.000Z; write the date and the time of day"
        ),
    ),
    "a list for a time": (
        {"event": {"Timestamp": []}},
        (
            f"{of_type('Events.v.Timestamp', 'list')}; {A_TEXT}, such as "
            "2026-11-24T09:30:00.000Z; write it so"
        ),
    ),
    "no time": (
        {"event": {"Timestamp": "now"}},
        (
            "Events.v.Timestamp: is no ISO 8601 time; a form such as "
            "2026-11-24T09:30:00.000Z; write it so"
        ),
    ),
    "a time without zone": (
        {"event": {"Timestamp": "2026-01-01"}},
        (
            "Events.v.Timestamp: has no time zone; a time that names its moment; end "
            "it with Z if it is in UTC"
        ),
    ),
    "a text for a duration": (
        {"event": {"Session": {**SESSION, "Duration": "5"}}},
        (
            f"{of_type('Events.v.Session.Duration', 'str')}; a whole number of "
            "milliseconds; write it without quotes and point"
        ),
    ),
    "a number for a word": (
        {"endpoint": {"OptOut": 1}},
        (
            f"{of_type('Endpoint.OptOut', 'int')}; {A_TEXT}; write one of its words, "
            'as in "ALL"'
        ),
    ),
    "an address alone": (
        {"endpoint": {"Address": "a"}},
        (
            'Missing required parameter in Endpoint: "ChannelType"; an address needs '
            'its channel; say which, as in "ChannelType": "EMAIL"'
        ),
    ),
    "half a character": (
        {"event": {"AppTitle": "\ud800"}},
        (
            "Events.v.AppTitle: has a lone surrogate; text that UTF-8 can hold; "
            r"correct its \u escapes"
        ),
    ),
}


class TestProblemText:
    """What the library says to those who write Python, for those who write JSON."""

    @pytest.mark.parametrize("name", CASES)
    def test_of_a_request(self, name: str) -> None:
        """It says what to write, and names nothing of Python's but types."""
        members, told = CASES[name]
        assert lines_of(**members) == [told]
        assert not re.search(r"\(\)|\w\(|datetime|timedelta|None|\bstr;", told)

    def test_of_something_whole(self) -> None:
        """What has no path has no member to name."""
        problem = Problem((), "101 events", "at most 100", "let build_all() split it")
        assert problem_text(problem) == (
            "101 events; at most 100; send it in parts, or as JSON Lines with "
            "`pinpoint-events load`"
        )

    def test_of_long_and_odd_keys(self) -> None:
        """A key is shortened, and quoted where it could be taken for something else."""
        path = ("Events", "a.b", "x" * 100, "", 3, "v-1:@_")
        assert problem_text(Problem(path, "is odd")) == (
            f"Events['a.b']['{'x' * 59}…'][''][3].v-1:@_: is odd"
        )
