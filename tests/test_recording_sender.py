from collections.abc import Callable
from typing import Any
from unittest.mock import ANY

import pytest

from pinpoint_events import (
    BatchBuilder,
    EndpointItemResponse,
    Event,
    EventItemResponse,
    EventsRequest,
    EventsResponse,
    ItemResponse,
    MemorySender,
)
from pinpoint_events.testing import RecordingSender, SentEvent
from tests.samples import problems_of

RED = Event("bought", attributes={"sku": "A-1", "color": "red"}, metrics={"price": 9.5})
BLUE = Event("bought", attributes={"sku": "A-1", "color": "blue"})
OPENED = Event("opened")


def request(*events: tuple[str, str, Event]) -> EventsRequest:
    """Return a request of endpoint id, event id and event of each."""
    builder = BatchBuilder()
    for endpoint_id, event_id, event in events:
        builder.add(endpoint_id, event, event_id=event_id)
    return builder.build()


@pytest.fixture
def sender() -> RecordingSender:
    """A sender of three events, sent in two requests."""
    made = RecordingSender(application_id="shop")
    made.put_events(request(("ada", "v-1", RED), ("ben", "v-2", OPENED)))
    made.put_events(request(("ben", "v-3", BLUE)))
    return made


def lines_of(assertion: Callable[[], object]) -> list[str]:
    """Return the lines of the message with which an assertion fails."""
    with pytest.raises(AssertionError) as caught:
        assertion()
    return str(caught.value).splitlines()


class TestSent:
    """What was sent and accepted can be looked at."""

    def test_is_a_memory_sender(self, sender: RecordingSender) -> None:
        """With all that one keeps, under its own name."""
        assert isinstance(sender, MemorySender)
        assert len(sender.requests) == 2
        assert repr(sender) == (
            "<RecordingSender of 'shop': 2 requests, 2 endpoints, 3 events>"
        )

    def test_order(self, sender: RecordingSender) -> None:
        """Each event is there, with all its ids, in the order in which it came."""
        assert sender.sent == (
            SentEvent("shop", "ada", "v-1", RED),
            SentEvent("shop", "ben", "v-2", OPENED),
            SentEvent("shop", "ben", "v-3", BLUE),
        )

    def test_same_ids(self, sender: RecordingSender) -> None:
        """Events of callers that use one id for ever are all there; repeats are not."""
        for event in (RED, BLUE, RED):
            sender.put_events(request(("eve", "MyEvents", event)))
        assert len(sender.assert_sent("bought", endpoint_id="eve", times=2)) == 2

    def test_only_accepted(self) -> None:
        """What the answer refuses was not sent; the request can be looked at."""
        accepted = EndpointItemResponse(status_code=202)
        refused = EventItemResponse(status_code=400, message="no")
        item = ItemResponse(
            endpoint_item_response=accepted, events_item_response={"v-1": refused}
        )
        sender = RecordingSender(answer=lambda _: EventsResponse(results={"ada": item}))
        sender.put_events(request(("ada", "v-1", RED)))
        assert sender.sent == ()
        assert len(sender.requests) == 1

    def test_clear(self, sender: RecordingSender) -> None:
        """After that nothing was sent."""
        sender.clear()
        sender.assert_nothing_sent()

    def test_events_of(self, sender: RecordingSender) -> None:
        """The events of a type, of all endpoints or of one."""
        assert sender.events_of("bought") == (RED, BLUE)
        assert sender.events_of("bought", endpoint_id="ben") == (BLUE,)
        assert sender.events_of("bough") == ()


class TestAssertSent:
    """Such an event was sent."""

    def test_found(self, sender: RecordingSender) -> None:
        """All that are such are returned; they may have more than was asked for."""
        red, opened, blue = sender.sent
        assert sender.assert_sent("opened") == (opened,)
        assert sender.assert_sent("bought") == (red, blue)
        assert sender.assert_sent("bought", attributes={"sku": "A-1"}) == (red, blue)
        assert sender.assert_sent("bought", attributes={"color": "red"}) == (red,)
        assert sender.assert_sent("bought", metrics={"price": 9.5}) == (red,)
        assert sender.assert_sent("bought", endpoint_id="ben") == (blue,)
        assert sender.assert_sent("bought", application_id="shop") == (red, blue)
        assert sender.assert_sent("bought", times=2) == (red, blue)

    def test_nothing(self) -> None:
        """Where nothing was sent, the message says so."""
        assert lines_of(lambda: RecordingSender().assert_sent("bought")) == [
            "expected at least 1 event 'bought', found 0",
            "no event was sent and accepted",
        ]

    def test_one(self) -> None:
        """One other event."""
        sender = RecordingSender()
        sender.put_events(request(("ada", "v-1", OPENED)))
        assert lines_of(lambda: sender.assert_sent("bought", times=1)) == [
            "expected 1 event 'bought', found 0",
            "1 event was sent and accepted:",
            "  'opened' 'v-1' of endpoint 'ada' in application 'local': another type",
        ]

    def test_differences(self, sender: RecordingSender) -> None:
        """Every difference is reported, and the events that differ least come first."""
        assert lines_of(
            lambda: sender.assert_sent(
                "bought",
                attributes={"color": "blue", "sku": "A-2"},
                metrics={"price": 9.5},
                endpoint_id="ben",
                application_id="shop",
            )
        ) == [
            (
                "expected at least 1 event 'bought' "
                "with attributes {'color': 'blue', 'sku': 'A-2'} "
                "with metrics {'price': 9.5} of endpoint 'ben' in application 'shop', "
                "found 0"
            ),
            "3 events were sent and accepted:",
            (
                "  'bought' 'v-3' of endpoint 'ben' in application 'shop': "
                "attributes['sku'] is 'A-1', metrics['price'] is missing"
            ),
            (
                "  'bought' 'v-1' of endpoint 'ada' in application 'shop': "
                "another endpoint, attributes['color'] is 'red', "
                "attributes['sku'] is 'A-1'"
            ),
            (
                "  'opened' 'v-2' of endpoint 'ben' in application 'shop': "
                "another type, attributes['color'] is missing, "
                "attributes['sku'] is missing, metrics['price'] is missing"
            ),
        ]

    def test_other_application(self, sender: RecordingSender) -> None:
        """A sender has one application."""
        first = lines_of(lambda: sender.assert_sent("opened", application_id="forum"))[
            2
        ]
        assert first == (
            "  'opened' 'v-2' of endpoint 'ben' in application 'shop': "
            "another application"
        )

    def test_times(self, sender: RecordingSender) -> None:
        """More than were asked for are too many; those that are such come first."""
        assert lines_of(lambda: sender.assert_sent("bought", times=1)) == [
            "expected 1 event 'bought', found 2",
            "3 events were sent and accepted:",
            "  'bought' 'v-1' of endpoint 'ada' in application 'shop'",
            "  'bought' 'v-3' of endpoint 'ben' in application 'shop'",
            "  'opened' 'v-2' of endpoint 'ben' in application 'shop': another type",
        ]

    def test_many(self) -> None:
        """Of many events, ten are shown."""
        sender = RecordingSender()
        sender.put_events(request(*(("ada", f"v-{n}", OPENED) for n in range(12))))
        lines = lines_of(lambda: sender.assert_sent("bought"))
        assert len(lines) == 13
        assert lines[1] == "12 events were sent and accepted:"
        assert lines[-1] == "  and 2 more"

    def test_not_accepted(self) -> None:
        """What was sent and refused does not count as sent, and is reported."""

        def half(asked: EventsRequest) -> EventsResponse:
            fine = EventItemResponse(status_code=202, message="Accepted")
            bad = EventItemResponse(status_code=400, message="Missing x")
            answers = {"v-1": fine, "v-2": bad}
            return EventsResponse(
                results={"ada": ItemResponse(events_item_response=answers)}
            )

        sender = RecordingSender(answer=half)
        sender.put_events(request(("ada", "v-1", OPENED), ("ada", "v-2", OPENED)))
        assert lines_of(lambda: sender.assert_sent("opened", times=2)) == [
            "expected 2 events 'opened', found 1",
            "1 event was sent and accepted:",
            "  'opened' 'v-1' of endpoint 'ada' in application 'local'",
            "1 event was sent, and not accepted",
        ]

    def test_nothing_accepted(self) -> None:
        """An answer that says nothing of any event accepts none."""
        sender = RecordingSender(answer=lambda _: EventsResponse())
        sender.put_events(request(("ada", "v-1", OPENED), ("ben", "v-1", OPENED)))
        assert lines_of(lambda: sender.assert_sent("opened")) == [
            "expected at least 1 event 'opened', found 0",
            "no event was sent and accepted",
            "2 events were sent, and not accepted",
        ]


class TestWrongTypes:
    """What is of another type is no event to look for, and is not shown."""

    @pytest.mark.parametrize(
        "arguments, path",
        [
            ({"event_type": RED}, "event_type"),
            ({"event_type": request(("ada", "v-1", RED))}, "event_type"),
            ({"attributes": [("a", "b")]}, "attributes"),
            ({"metrics": 5}, "metrics"),
            ({"endpoint_id": b"ada"}, "endpoint_id"),
            ({"application_id": 5}, "application_id"),
            ({"times": "2"}, "times"),
        ],
    )
    def test_refused(
        self, arguments: dict[str, Any], path: str, sender: RecordingSender
    ) -> None:
        """By name."""
        loose: Any = sender
        (problem,) = problems_of(
            lambda: loose.assert_sent(**{"event_type": "t", **arguments})
        )
        assert problem.path == (path,)
        if path in {"event_type", "endpoint_id"}:
            wanted = {"event_type": "t", **arguments}
            kept = {name: wanted[name] for name in ("event_type", path)}
            (problem,) = problems_of(lambda: loose.events_of(**kept))
            assert problem.path == (path,)

    def test_values(self, sender: RecordingSender) -> None:
        """Any object that equals the value is taken; of no text, the type is shown."""
        loose: Any = sender
        assert loose.assert_sent("bought", attributes={"color": ANY}, times=2)
        wanted = {"color": b"red", "sku": "A-1"}
        (line, *_) = lines_of(lambda: loose.assert_sent("bought", attributes=wanted))
        assert line == (
            "expected at least 1 event 'bought' with attributes "
            "{'color': an object of type bytes, 'sku': 'A-1'}, found 0"
        )
        (line, *_) = lines_of(lambda: loose.assert_sent("bought", metrics={RED: 1}))
        assert line == (
            "expected at least 1 event 'bought' with metrics "
            "{an object of type Event: 1}, found 0"
        )


class TestAssertNotSent:
    """No such event was sent."""

    def test_holds(self, sender: RecordingSender) -> None:
        """Other events may have been."""
        sender.assert_not_sent("left")
        sender.assert_not_sent("bought", attributes={"color": "green"})
        sender.assert_not_sent("bought", metrics={"price": 1})
        sender.assert_not_sent("opened", endpoint_id="ada")
        sender.assert_not_sent("opened", application_id="forum")

    def test_fails(self, sender: RecordingSender) -> None:
        """The event that was sent comes first."""
        assert lines_of(
            lambda: sender.assert_not_sent("bought", attributes={"color": "red"})
        )[:3] == [
            "expected 0 events 'bought' with attributes {'color': 'red'}, found 1",
            "3 events were sent and accepted:",
            "  'bought' 'v-1' of endpoint 'ada' in application 'shop'",
        ]

    def test_nothing_sent(self, sender: RecordingSender) -> None:
        """No event at all was sent."""
        RecordingSender().assert_nothing_sent()
        assert lines_of(sender.assert_nothing_sent) == [
            "expected no events",
            "3 events were sent and accepted:",
            "  'bought' 'v-1' of endpoint 'ada' in application 'shop'",
            "  'opened' 'v-2' of endpoint 'ben' in application 'shop'",
            "  'bought' 'v-3' of endpoint 'ben' in application 'shop'",
        ]
