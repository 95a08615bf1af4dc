"""Tests of what an answer says of each item."""

import pickle
from typing import Any

import pytest

from pinpoint_events.errors import ItemsFailedError
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemOutcome,
    ItemResponse,
    Outcome,
)
from tests.samples import BATCH, ENDPOINT, EVENT, REQUEST, event, facts_of, request

ACCEPTED = EventItemResponse(status_code=202, message="Accepted")
TAKEN = EndpointItemResponse(status_code=202, message="Accepted")


class TestOutcome:
    """The status code of an item tells what became of it."""

    @pytest.mark.parametrize(
        "codes, outcome",
        [
            ([202], Outcome.ACCEPTED),
            ([400, 401, 403, 404, 405, 413, 428, 430, 499], Outcome.REJECTED),
            ([429, 500, 502, 503, 504, 599], Outcome.RETRYABLE),
            (
                [None, 0, 1, 100, 200, 201, 203, 204, 207, 299, 302, 399, 600, 20_2000],
                Outcome.UNREPORTED,
            ),
            ([-1, -202, -400, -429, -500, 2**53, -(2**53)], Outcome.UNREPORTED),
        ],
        ids=["accepted", "rejected", "retryable", "unreported", "odd"],
    )
    def test_by_code(self, codes: list[int | None], outcome: Outcome) -> None:
        """202 is accepted, 429 and 5xx ask for another try, other 4xx are final."""
        for code in codes:
            assert Outcome.of(code) is outcome
            assert EndpointItemResponse(status_code=code).outcome is outcome
            assert EventItemResponse(status_code=code).outcome is outcome

    @pytest.mark.parametrize("message", ["Accepted", "Throttled", None])
    def test_message_does_not_count(self, message: str | None) -> None:
        """The service's words drift; the code decides."""
        item = EventItemResponse(status_code=400, message=message)
        assert item.outcome is Outcome.REJECTED

    def test_reads_as_text(self) -> None:
        """Outcomes are texts, in lower case."""
        assert [str(outcome) for outcome in Outcome] == [
            "accepted",
            "rejected",
            "retryable",
            "unreported",
        ]


class TestItemResponse:
    """What became of an endpoint and its events, or one bare code for all of them."""

    @pytest.mark.parametrize(
        "others",
        [
            {"endpoint_item_response": TAKEN},
            {"events_item_response": {"v": ACCEPTED}},
        ],
        ids=["endpoint", "events"],
    )
    def test_bare_code_stands_alone(self, others: dict[str, Any]) -> None:
        """A code for everything beside single ones would contradict them."""
        assert facts_of(lambda: ItemResponse(status_code=202, **others)) == [
            "status_code: status_code_not_alone"
        ]

    def test_empty(self) -> None:
        """The service's model requires none of it."""
        empty = ItemResponse()
        assert empty.endpoint_item_response is None
        assert empty.events_item_response == {}
        assert empty.status_code is None


class TestOutcomes:
    """`outcomes` has one entry for each item of the request, and for nothing else."""

    def test_order_is_that_of_the_request(self) -> None:
        """Each endpoint, then its events, whatever the order of the answer."""
        sent = request(b={"2": event("p"), "1": event("q")}, a={"1": event("r")})
        response = EventsResponse(
            results={
                "a": ItemResponse(events_item_response={"1": ACCEPTED}),
                "b": ItemResponse(
                    endpoint_item_response=TAKEN,
                    events_item_response={
                        "1": ACCEPTED,
                        "2": EventItemResponse(status_code=429),
                    },
                ),
            }
        )
        of_b, of_a = (item.endpoint for item in sent.batch_item.values())
        assert response.outcomes(sent) == (
            ItemOutcome("b", None, of_b, TAKEN, Outcome.ACCEPTED),
            ItemOutcome(
                "b",
                "2",
                event("p"),
                EventItemResponse(status_code=429),
                Outcome.RETRYABLE,
            ),
            ItemOutcome("b", "1", event("q"), ACCEPTED, Outcome.ACCEPTED),
            ItemOutcome("a", None, of_a, None, Outcome.UNREPORTED),
            ItemOutcome("a", "1", event("r"), ACCEPTED, Outcome.ACCEPTED),
        )

    def test_bare_code_stands_for_all(self) -> None:
        """It is the answer to the endpoint, and to each of its events."""
        response = EventsResponse(results={"e-1": ItemResponse(status_code=400)})
        assert response.outcomes(REQUEST) == (
            ItemOutcome(
                "e-1",
                None,
                ENDPOINT,
                EndpointItemResponse(status_code=400),
                Outcome.REJECTED,
            ),
            ItemOutcome(
                "e-1",
                "v-1",
                EVENT,
                EventItemResponse(status_code=400),
                Outcome.REJECTED,
            ),
        )

    @pytest.mark.parametrize(
        "response",
        [
            EventsResponse(),
            EventsResponse(results={"other": ItemResponse(status_code=202)}),
            EventsResponse(results={"e-1": ItemResponse()}),
            EventsResponse(
                results={"e-1": ItemResponse(events_item_response={"v-2": ACCEPTED})}
            ),
        ],
        ids=["empty", "other endpoint", "empty item", "other event"],
    )
    def test_what_is_left_out(self, response: EventsResponse) -> None:
        """An item that the answer does not name is unreported, and not lost."""
        assert response.outcomes(REQUEST) == (
            ItemOutcome("e-1", None, ENDPOINT, None, Outcome.UNREPORTED),
            ItemOutcome("e-1", "v-1", EVENT, None, Outcome.UNREPORTED),
        )

    def test_response_without_code(self) -> None:
        """A response that has no code is there, and still says nothing."""
        silent = EventItemResponse(message="?")
        response = EventsResponse(
            results={"e-1": ItemResponse(events_item_response={"v-1": silent})}
        )
        assert response.outcomes(REQUEST)[1] == ItemOutcome(
            "e-1", "v-1", EVENT, silent, Outcome.UNREPORTED
        )

    def test_endpoint_and_event_are_independent(self) -> None:
        """An accepted endpoint with a refused event was seen in the wild."""
        faulty = EventItemResponse(status_code=400, message="Missing x")
        response = EventsResponse(
            results={
                "e-1": ItemResponse(
                    endpoint_item_response=TAKEN, events_item_response={"v-1": faulty}
                )
            }
        )
        assert [outcome.outcome for outcome in response.outcomes(REQUEST)] == [
            Outcome.ACCEPTED,
            Outcome.REJECTED,
        ]

    def test_empty_request(self) -> None:
        """Of nothing, nothing became."""
        assert EventsResponse().outcomes(EventsRequest(batch_item={})) == ()

    def test_pickles(self) -> None:
        """Outcomes can go to another process, with items and responses."""
        outcomes = EventsResponse().outcomes(REQUEST)
        assert pickle.loads(pickle.dumps(outcomes)) == outcomes


class TestByOutcome:
    """The items of one outcome."""

    def test_each(self) -> None:
        """Items are those of `outcomes`."""
        sent = EventsRequest(
            batch_item={
                "e": EventsBatch(
                    endpoint=Endpoint(),
                    events={code: event() for code in ("202", "400", "500", "none")},
                )
            }
        )
        item = ItemResponse(
            endpoint_item_response=EndpointItemResponse(status_code=500),
            events_item_response={
                code: EventItemResponse(status_code=int(code))
                for code in ("202", "400", "500")
            },
        )
        response = EventsResponse(results={"e": item})
        assert [each.event_id for each in response.rejected(sent)] == ["400"]
        assert [each.event_id for each in response.retryable(sent)] == [None, "500"]
        assert [each.event_id for each in response.unreported(sent)] == ["none"]
        assert set(response.rejected(sent)) < set(response.outcomes(sent))


class TestRaiseForFailures:
    """`raise_for_failures` insists that everything was accepted."""

    def test_all_accepted(self) -> None:
        """It says nothing then."""
        response = EventsResponse(results={"e-1": ItemResponse(status_code=202)})
        response.raise_for_failures(REQUEST)

    @pytest.mark.parametrize("code", [400, 500, 200, None])
    def test_all_else_raises(self, code: int | None) -> None:
        """An unreported item is no accepted one."""
        response = EventsResponse(
            results={
                "e-1": ItemResponse(
                    endpoint_item_response=TAKEN,
                    events_item_response={"v-1": EventItemResponse(status_code=code)},
                )
            }
        )
        with pytest.raises(ItemsFailedError) as caught:
            response.raise_for_failures(REQUEST)
        assert caught.value.outcomes == (
            ItemOutcome(
                "e-1",
                "v-1",
                None,
                EventItemResponse(status_code=code),
                Outcome.of(code),
            ),
        )

    def test_hides_addresses_that_the_service_quotes(self) -> None:
        """Of the service's words, an endpoint's address is not passed on."""
        sent = EventsRequest(batch_item={"e-1": BATCH})
        rejected = EventItemResponse(status_code=400, message="no someone@example.com")
        response = EventsResponse(
            results={"e-1": ItemResponse(events_item_response={"v-1": rejected})}
        )
        with pytest.raises(ItemsFailedError) as caught:
            response.raise_for_failures(sent)
        assert [
            each.response and each.response.message for each in caught.value.outcomes
        ] == [None, "no [hidden]"]
        assert response.outcomes(sent)[1].response == rejected

    def test_many_endpoints(self) -> None:
        """Each message has its address hidden, however many there are."""
        names = [f"user-{number}@example.com" for number in range(2_000)]
        sent = EventsRequest(
            batch_item={
                name: EventsBatch(
                    endpoint=Endpoint(address=name, channel_type="EMAIL"), events={}
                )
                for name in names
            }
        )
        results = {
            name: ItemResponse(
                endpoint_item_response=EndpointItemResponse(
                    status_code=400, message=f"{name} is no address of {names[0]}"
                )
            )
            for name in names
        }
        with pytest.raises(ItemsFailedError) as caught:
            EventsResponse(results=results).raise_for_failures(sent)
        assert {
            each.response and each.response.message for each in caught.value.outcomes
        } == {"[hidden] is no address of [hidden]"}

    def test_carries_no_payload(self) -> None:
        """The error has ids and answers, and neither endpoint nor event."""
        sent = EventsRequest(batch_item={"e-1": BATCH})
        with pytest.raises(ItemsFailedError) as caught:
            EventsResponse().raise_for_failures(sent)
        assert [outcome.item for outcome in caught.value.outcomes] == [None, None]
        shown = f"{caught.value!r} {caught.value} {caught.value.args}"
        assert "example.com" not in shown
        assert "sku-17" not in shown
