"""Tests of batches and requests, and of what of a request is worth sending again."""

import pickle
from typing import Any

import attrs
import pytest

from pinpoint_events.errors import QuotaExceededError
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
    Outcome,
)
from pinpoint_events.quotas import Quotas, check_quotas
from pinpoint_events.wire import from_wire, to_json, to_wire
from tests.samples import BATCH, ENDPOINT, EVENT, REQUEST, event, facts_of, request

OK, BUSY, FAULTY, ODD = 202, 500, 400, 302


def batch(*event_ids: str, endpoint: Endpoint = ENDPOINT) -> EventsBatch:
    """Return a batch whose events have their ids for a type."""
    return EventsBatch(
        endpoint=endpoint, events={event_id: event(event_id) for event_id in event_ids}
    )


def answer(endpoint: int | None = None, **events: int | None) -> ItemResponse:
    """Return what became of an endpoint and of its events, by their codes."""
    return ItemResponse(
        endpoint_item_response=None
        if endpoint is None
        else EndpointItemResponse(status_code=endpoint),
        events_item_response={
            event_id: EventItemResponse(status_code=code)
            for event_id, code in events.items()
        },
    )


class TestEvents:
    """All events of a request, over its endpoints."""

    def test_in_their_order(self) -> None:
        """Each has its two ids with it."""
        one = request(b={"2": event("x"), "1": event("y")}, c={}, a={"2": event("z")})
        assert list(one.events()) == [
            ("b", "2", event("x")),
            ("b", "1", event("y")),
            ("a", "2", event("z")),
        ]
        assert one.event_count == 3

    def test_of_none(self) -> None:
        """An empty request has none."""
        empty = EventsRequest(batch_item={})
        assert (list(empty.events()), empty.event_count) == ([], 0)


class TestSplit:
    """A request of any size becomes requests within the quotas."""

    def test_documented_quotas(self) -> None:
        """250 events, as `from_wire` reads them, are three requests."""
        events = {f"v-{number}": event() for number in range(250)}
        whole = from_wire(EventsRequest, to_wire(request(e=events)))
        parts = whole.split()
        assert [each.event_count for each in parts] == [100, 100, 50]
        assert [each for part in parts for each in part.events()] == list(
            whole.events()
        )
        assert all(check_quotas(part) == () for part in parts)

    def test_own_quotas(self) -> None:
        """Each part has the endpoint whole."""
        whole = EventsRequest(
            batch_item={"e": batch("1", "2", "3"), "alone": batch(endpoint=ENDPOINT)}
        )
        parts = whole.split(Quotas(events_per_request=2))
        assert [list(part.batch_item) for part in parts] == [["e"], ["e", "alone"]]
        assert {part.batch_item["e"].endpoint for part in parts} == {ENDPOINT}

    def test_what_needs_no_split(self) -> None:
        """It is returned equal, and an empty request as no request."""
        assert REQUEST.split() == (REQUEST,)
        assert EventsRequest(batch_item={}).split() == ()

    def test_what_cannot_be_split(self) -> None:
        """An item over a quota is refused."""
        wordy = request(e={"v": event(attributes={"k" * 51: "v"})})
        with pytest.raises(QuotaExceededError):
            wordy.split()
        loose: Any = REQUEST
        assert facts_of(lambda: loose.split(5)) == [
            "quotas: not_an_instance int Quotas"
        ]


class TestBatch:
    """A batch is an endpoint and events of it, each with an id."""

    def test_both_are_required(self) -> None:
        """None is no endpoint, and no events are an empty mapping."""
        loose: Any = EventsBatch
        assert facts_of(lambda: loose(endpoint=None, events=None)) == [
            "endpoint: not_an_instance NoneType Endpoint"
        ]
        assert loose(endpoint=Endpoint(), events=None).events == {}

    def test_members(self) -> None:
        """They are kept as they were given."""
        assert attrs.asdict(BATCH, recurse=False) == {
            "endpoint": ENDPOINT,
            "events": {"v-1": EVENT},
        }


class TestRequest:
    """A request is batches by endpoint id; it may be empty, and knows no quotas."""

    def test_empty(self) -> None:
        """An empty request is one, though no sender has a use for it."""
        loose: Any = EventsRequest
        assert loose(batch_item=None).batch_item == {}

    def test_faulty(self) -> None:
        """Ids are not empty, and batches are batches."""
        loose: Any = EventsRequest
        batches = {"": BATCH, "e": ENDPOINT}
        assert facts_of(lambda: loose(batch_item=batches)) == [
            "batch_item['']: empty_key",
            "batch_item['e']: not_an_instance Endpoint EventsBatch",
        ]

    def test_its_text_is_no_part_of_it(self) -> None:
        """That it was written once changes nothing of what it is."""
        written = EventsRequest(batch_item={"e-1": BATCH})
        text = to_json(written)
        assert written == EventsRequest(batch_item={"e-1": BATCH})
        assert hash(written) == hash(REQUEST)
        assert repr(written) == repr(EventsRequest(batch_item={"e-1": BATCH}))
        assert to_json(written) is text
        assert to_json(pickle.loads(pickle.dumps(written))) == text

    def test_evolved_it_is_written_anew(self) -> None:
        """The text of the old request does not stay with the new one."""
        to_json(REQUEST)
        assert to_json(attrs.evolve(REQUEST, batch_item={})) == b'{"BatchItem":{}}'


class TestRetry:
    """`retry` gives the request that is still worth sending, or None."""

    @pytest.mark.parametrize(
        "code, again", [(OK, False), (FAULTY, False), (429, True), (503, True)]
    )
    def test_event_by_its_code(self, code: int, again: bool) -> None:  # noqa: FBT001 - a column of the table
        """Retryable events go again, their endpoint not: it was accepted."""
        sent = EventsRequest(batch_item={"e": batch("v", "w")})
        response = EventsResponse(results={"e": answer(OK, v=code, w=OK)})
        expected = EventsRequest(batch_item={"e": batch("v", endpoint=Endpoint())})
        assert sent.retry(response) == (expected if again else None)

    def test_endpoint_goes_whole(self) -> None:
        """An endpoint that is itself to be sent again goes whole, with its events."""
        sent = EventsRequest(batch_item={"e": batch("v", "w")})
        response = EventsResponse(results={"e": answer(BUSY, v=BUSY, w=OK)})
        assert sent.retry(response) == EventsRequest(batch_item={"e": batch("v")})

    def test_endpoint_alone(self) -> None:
        """An endpoint of whose events none goes again stays if it is itself to go."""
        sent = EventsRequest(batch_item={"e": batch("v"), "f": batch()})
        response = EventsResponse(results={"e": answer(BUSY, v=OK), "f": answer(BUSY)})
        assert sent.retry(response) == EventsRequest(
            batch_item={"e": batch(), "f": batch()}
        )

    def test_rejected_endpoint_does_not_go(self) -> None:
        """Neither does one that was accepted; its events may all the same."""
        sent = EventsRequest(batch_item={"e": batch("v"), "f": batch()})
        response = EventsResponse(
            results={"e": answer(FAULTY, v=BUSY), "f": answer(FAULTY)}
        )
        assert sent.retry(response) == EventsRequest(
            batch_item={"e": batch("v", endpoint=Endpoint())}
        )

    def test_bare_code_stands_for_all(self) -> None:
        """A bare 500 sends everything of the endpoint again, a bare 400 nothing."""
        sent = EventsRequest(batch_item={"e": batch("v"), "f": batch("v")})
        response = EventsResponse(
            results={
                "e": ItemResponse(status_code=BUSY),
                "f": ItemResponse(status_code=FAULTY),
            }
        )
        assert sent.retry(response) == EventsRequest(batch_item={"e": batch("v")})

    def test_unreported_if_asked(self) -> None:
        """What nothing is known of may have been accepted: it goes again if asked."""
        sent = EventsRequest(
            batch_item={"e": batch("v", "w", "x", "y"), "f": batch("v"), "g": batch()}
        )
        response = EventsResponse(results={"e": answer(OK, v=BUSY, w=ODD, x=None)})
        assert sent.retry(response) == EventsRequest(
            batch_item={"e": batch("v", endpoint=Endpoint())}
        )
        assert sent.retry(response, unreported=True) == EventsRequest(
            batch_item={
                "e": batch("v", "w", "x", "y", endpoint=Endpoint()),
                "f": batch("v"),
                "g": batch(),
            }
        )

    def test_nothing_was_said(self) -> None:
        """An empty answer leaves nothing to retry, or everything."""
        assert REQUEST.retry(EventsResponse()) is None
        assert REQUEST.retry(EventsResponse(), unreported=True) == REQUEST

    def test_answers_to_others_do_not_count(self) -> None:
        """What the answer says of ids that were never sent is passed over."""
        response = EventsResponse(
            results={
                "other": answer(BUSY),
                "e-1": answer(OK, **{"v-1": OK, "v-9": BUSY}),
            }
        )
        assert REQUEST.retry(response) is None

    def test_order_stays(self) -> None:
        """Endpoints and events go again in the order of the request."""
        sent = request(b={"2": event(), "1": event()}, a={"4": event(), "3": event()})
        again = sent.retry(EventsResponse(), unreported=True)
        assert again is not None
        assert [(key, list(item.events)) for key, item in again.batch_item.items()] == [
            ("b", ["2", "1"]),
            ("a", ["4", "3"]),
        ]

    def test_ends(self) -> None:
        """Sending again what came back ends when every item is settled."""
        sent: EventsRequest | None = EventsRequest(batch_item={"e": batch("v", "w")})
        calls = 0
        for codes in ({"v": BUSY, "w": BUSY}, {"v": OK, "w": BUSY}, {"w": FAULTY}):
            assert sent is not None
            calls += 1
            sent = sent.retry(EventsResponse(results={"e": answer(OK, **codes)}))
        assert (calls, sent) == (3, None)


def test_outcome_of_events_are_of_events() -> None:
    """An outcome holds the very objects that were sent."""
    outcomes = EventsResponse().outcomes(REQUEST)
    assert [outcome.item for outcome in outcomes] == [ENDPOINT, EVENT]
    assert isinstance(outcomes[1].item, Event)
    assert {outcome.outcome for outcome in outcomes} == {Outcome.UNREPORTED}
