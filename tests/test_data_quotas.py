import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from pinpoint_events import EventsRequest, ProblemCode, Quotas, check_quotas, to_wire
from pinpoint_events.cli import main
from pinpoint_events.data_quotas import of_request_data
from pinpoint_events.testing import strategies
from pinpoint_events.testing.strategies import InvalidInput
from pinpoint_events.wire.names import in_wire_names

LONG = "x" * 201
TIME = "2026-09-21T12:00:00.123Z"


def event(timestamp: Any = TIME, **attributes: str) -> dict[str, Any]:
    """Return the data of an event."""
    return {"EventType": "t", "Timestamp": timestamp, "Attributes": attributes}


def of(data: object) -> list[str]:
    """Return codes and paths of the quotas that data of a request exceeds."""
    found = of_request_data(data, Quotas())
    return [f"{each.code} {'.'.join(map(str, each.path))}".strip() for each in found]


class TestRequests:
    """Quotas are those of `check_quotas`, and also found in what cannot be read."""

    @given(invalid=strategies.over_quota_requests())
    def test_of_what_is_sound(self, invalid: InvalidInput[EventsRequest]) -> None:
        """Where the request can be read, both find the same."""
        assert of_request_data(to_wire(invalid.data), Quotas()) == [
            in_wire_names(each)
            for each in check_quotas(invalid.data)
            if each.code is not ProblemCode.REQUEST_TOO_LARGE
        ]

    def test_of_what_is_wrong(self) -> None:
        """One fault hides no other, of the same item or of others."""
        endpoint = {"OptOut": 3, "Attributes": {"k": [LONG]}}
        events = {"v": event("x", a=LONG), "w": event(a=LONG), "u": event(None)}
        batches = {"e": {"Endpoint": endpoint, "Events": events}}
        assert of({"BatchItem": batches, "Bogus": 1}) == [
            "value_too_long BatchItem.e.Endpoint.Attributes.k.0",
            "value_too_long BatchItem.e.Events.v.Attributes.a",
            "value_too_long BatchItem.e.Events.w.Attributes.a",
        ]

    def test_of_all_events(self) -> None:
        """Their number is a quota of the request."""
        events = {f"v{number}": 7 for number in range(60)}
        batch = {"Endpoint": None, "Events": events}
        assert of({"BatchItem": {"e": batch, "f": batch}}) == ["too_many_events"]

    def test_endpoints(self) -> None:
        """They are counted whatever they are."""
        many = {f"e{number}": 7 for number in range(1_001)}
        assert of({"BatchItem": many}) == ["too_many_endpoints"]

    @pytest.mark.parametrize(
        "data",
        [
            None,
            [],
            {},
            {"BatchItem": []},
            {"BatchItem": {"e": 7}},
            {"BatchItem": {"e": {"Endpoint": 7, "Events": [7]}}},
        ],
        ids=str,
    )
    def test_of_nothing_that_has_any(self, data: object) -> None:
        """What has no items exceeds nothing."""
        assert of(data) == []


class TestCommands:
    """`put-events --dry-run` and `load` report the same of an item."""

    @pytest.mark.parametrize(
        "item",
        [event("x", a=LONG), event(a=LONG, b=LONG), event("x", **{"k" * 51: LONG})],
        ids=["time and value", "values", "time, key and value"],
    )
    def test_are_alike(
        self,
        item: dict[str, Any],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Both report all problems, each at its place and in the same words."""
        monkeypatch.chdir(tmp_path)
        request = {"BatchItem": {"e": {"Endpoint": {}, "Events": {"v": item}}}}
        text = json.dumps(request)
        Path("a.jsonl").write_text(text, encoding="utf-8")
        options = ("--to", "memory:", "--rejected", "r")
        assert main(["load", "a.jsonl", *options]) == 3
        message = json.loads(Path("r").read_text(encoding="utf-8"))["Message"]
        capsys.readouterr()
        assert main(["put-events", "--dry-run", "--events-request", text]) == 252
        out, err = capsys.readouterr()
        reported = json.loads(out)["Plan"]["Faults"] if out else err.splitlines()[1:]
        assert len(reported) > 1
        assert list(map(last_member, message.splitlines())) == list(
            map(last_member, reported)
        )


def last_member(line: str) -> tuple[str, str]:
    """Return the last name in the path of a problem, and what the problem is."""
    path, _, words = line.partition(": ")
    return re.findall(r"\w+", path)[-1], words
