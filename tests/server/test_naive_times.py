import copy
import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.drawn import costly
from tests.server.clients import EVENT, batch_item

from pinpoint_events import EventsRequest, Quotas, to_wire
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.server._naive_times import complete_with_utc
from pinpoint_events.server._request_reader import RequestReader
from pinpoint_events.testing import strategies

STRICT = RequestReader(Quotas())
LENIENT = RequestReader(Quotas(), reads_naive_times_as_utc=True)
NO_ZONE = (
    "has no time zone; a time with its zone or offset; end it with Z if it is in UTC, "
    "else with its offset, as in +02:00"
)


def kept(reader: RequestReader, data: Any) -> tuple[EventsRequest | None, Any]:
    """Return what is sent of a call, and what is answered of what is not."""
    parsed = reader.read(json.dumps(data).encode())
    return parsed.request_to_send({}), to_wire(parsed.response(EventsResponse()))


def with_times(data: Any, change: Callable[[str], str]) -> Any:
    """Return a request with each of its times changed."""
    changed = copy.deepcopy(data)
    for batch in changed.get("BatchItem", {}).values():
        sessions = [event.get("Session", {}) for event in batch["Events"].values()]
        for each in (batch["Endpoint"], *batch["Events"].values(), *sessions):
            for name in (
                "EffectiveDate",
                "StartTimestamp",
                "StopTimestamp",
                "Timestamp",
            ):
                if name in each:
                    each[name] = change(each[name])
    return changed


class TestRequests:
    """A request whose times have lost their zone is the same request in UTC."""

    @costly
    @given(strategies.events_requests(within=Quotas()))
    def test_as_utc(self, request: EventsRequest) -> None:
        """It is kept as the one whose times end in Z."""
        data = to_wire(request)
        naive = with_times(data, lambda text: text.removesuffix("Z"))
        assert kept(LENIENT, naive) == kept(STRICT, data)
        assert kept(LENIENT, data) == kept(STRICT, data)

    @costly
    @given(strategies.events_requests(within=Quotas(), min_size=1))
    def test_refused(self, request: EventsRequest) -> None:
        """Without the option, none of its events is kept."""
        naive = with_times(to_wire(request), lambda text: text.removesuffix("Z"))
        sent, answer = kept(STRICT, naive)
        events = sent.batch_item.values() if sent is not None else ()
        assert not any(batch.events for batch in events)
        rejected = [
            response["Message"]
            for item in answer.get("Results", {}).values()
            for response in item.get("EventsItemResponse", {}).values()
        ]
        assert len(rejected) == request.event_count
        assert all(f"Timestamp: {NO_ZONE}" in message for message in rejected)

    @given(
        st.datetimes(),
        st.sampled_from("T "),
        st.sampled_from(["auto", "minutes", "seconds", "milliseconds", "microseconds"]),
    )
    def test_isoformat(self, moment: datetime, separator: str, spec: str) -> None:
        """All that `isoformat()` writes is read."""
        text = moment.isoformat(separator, spec)
        naive = batch_item(e={"v": {**EVENT, "Timestamp": text}})
        in_utc = batch_item(e={"v": {**EVENT, "Timestamp": f"{text}Z"}})
        assert kept(LENIENT, naive) == kept(STRICT, in_utc)
        assert kept(LENIENT, naive)[1] == {}

    @given(
        st.text(max_size=30)
        | st.from_regex(
            r"\d{4}-?(W\d\d-?\d?|\d\d-?\d\d)([T x]\d\d(:?\d\d(:?\d\d([.,]\d*)?)?)?)?"
            r"(Z|[+-]\d\d(:?\d\d)?)?Z?",
            fullmatch=True,
        )
        | st.dates().map(date.isoformat)
    )
    def test_nothing_else(self, text: str) -> None:
        """What is read is a time already, or one once it ends in Z."""
        data, in_utc = (
            batch_item(e={"v": {**EVENT, "Timestamp": each}})
            for each in (text, f"{text}Z")
        )
        is_naive = NO_ZONE in json.dumps(kept(STRICT, data)[1])
        same = in_utc if is_naive and kept(STRICT, in_utc)[1] == {} else data
        assert kept(LENIENT, data) == kept(STRICT, same)


class TestCompletion:
    """Which texts are completed."""

    @pytest.mark.parametrize(
        "text",
        [
            "2026-09-21",
            "20260921",
            "2026-W39",
            "2026W391",
            "2026-09-21+02:00",
            "20260921-0500",
            "2026-09-21T12:00:00Z",
            "2026-09-21T12:00:00+00:00",
            "2026-09-21T12:00:00-07:00",
            "2026-09-21T25:00:00",
            "2026-09-31T12:00:00",
            "12:00:00",
            "1789992000",
            "yesterday",
            "",
            1.5e9,
            None,
            ["2026-09-21T12:00:00"],
        ],
    )
    def test_left_alone(self, text: Any) -> None:
        """A date, a time with a zone, and what is no time stay as they are."""
        data = batch_item(e={"v": {**EVENT, "Timestamp": text}})
        before = copy.deepcopy(data)
        complete_with_utc(data)
        assert data == before

    def test_members(self) -> None:
        """Four members are times; a text elsewhere is not one."""
        text = "2026-09-21T12:00:00"
        names = ("Timestamp", "StartTimestamp", "StopTimestamp", "EffectiveDate")
        every = dict.fromkeys((*names, "EventType", "Id", "Address"), text)
        data = {
            "BatchItem": {
                text: {
                    "Endpoint": {**every, "User": {**every}},
                    "Events": {
                        text: {**every, "Session": {**every}, "Attributes": {**every}}
                    },
                }
            }
        }
        complete_with_utc(data)
        assert data == {
            "BatchItem": {
                text: {
                    "Endpoint": {
                        **every,
                        "EffectiveDate": f"{text}Z",
                        "User": every,
                    },
                    "Events": {
                        text: {
                            **every,
                            "Timestamp": f"{text}Z",
                            "Session": {
                                **every,
                                "StartTimestamp": f"{text}Z",
                                "StopTimestamp": f"{text}Z",
                            },
                            "Attributes": every,
                        }
                    },
                }
            }
        }

    @pytest.mark.parametrize(
        "data",
        [
            None,
            [],
            {"BatchItem": []},
            {"BatchItem": {"e": None}},
            {"BatchItem": {"e": {"Endpoint": [], "Events": []}}},
            {"BatchItem": {"e": {"Events": {"v": 1, "w": {"Session": "s"}}}}},
        ],
    )
    def test_other_data(self, data: Any) -> None:
        """What is no request is left for the reader to reject."""
        before = copy.deepcopy(data)
        complete_with_utc(data)
        assert data == before
