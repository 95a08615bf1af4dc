import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pinpoint_events.errors import (
    ConfigurationError,
    ItemsFailedError,
    TooManyRequestsError,
    TransportError,
)
from pinpoint_events.model.endpoint import ChannelType, Endpoint
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
)
from pinpoint_events.senders import MemorySender
from tests.samples import ENDPOINT, EVENT, REQUEST, event, request


class TestWhatIsKept:
    """Tests inspect typed objects: the requests, and the items as a store has them."""

    def test_request(self) -> None:
        """A request is kept unchanged, and its endpoint and events by id."""
        sender = MemorySender()
        sender.put_events(REQUEST)
        assert sender.requests == (REQUEST,)
        assert sender.requests[0] is REQUEST
        assert sender.endpoints == {"e-1": ENDPOINT}
        assert sender.events == {("e-1", "v-1"): EVENT}

    def test_order(self) -> None:
        """Requests and events are in order of arrival."""
        sender = MemorySender()
        first, second = request(b={"z": event()}), request(a={"y": event()})
        sender.put_events(first)
        sender.put_events(second)
        assert sender.requests == (first, second)
        assert list(sender.events) == [("b", "z"), ("a", "y")]

    def test_endpoints_are_merged(self) -> None:
        """Members that the second update of an endpoint leaves out keep their value."""
        sender = MemorySender()
        sender.put_events(REQUEST)
        update = Endpoint(channel_type=ChannelType.PUSH)
        batch = EventsBatch(endpoint=update, events={})
        sender.put_events(EventsRequest(batch_item={"e-1": batch}))
        assert sender.endpoints["e-1"].channel_type is ChannelType.PUSH
        assert sender.endpoints["e-1"].address == ENDPOINT.address

    def test_endpoint_without_members(self) -> None:
        """An endpoint without members is kept, too."""
        sender = MemorySender()
        sender.put_events(request(e={"v": event()}))
        assert sender.endpoints == {"e": Endpoint()}

    def test_same_ids(self) -> None:
        """Events with other content are kept, and repeats are not kept twice."""
        sender = MemorySender()
        for kind in ("first", "second", "first"):
            again = request(e={"v": event(kind)})
            sender.put_events(again).raise_for_failures(again)
        assert sender.accepted_events == (
            ("e", "v", event("first")),
            ("e", "v", event("second")),
        )
        assert sender.events == {("e", "v"): event("first")}

    def test_is_a_copy(self) -> None:
        """Changes to what the properties return change nothing in the sender."""
        sender = MemorySender()
        sender.put_events(REQUEST)
        sender.events.clear()
        sender.endpoints.clear()
        assert sender.events == {("e-1", "v-1"): EVENT}
        assert sender.endpoints == {"e-1": ENDPOINT}

    def test_clear(self) -> None:
        """After `clear` it is empty and usable."""
        sender = MemorySender()
        sender.put_events(REQUEST)
        sender.clear()
        assert (sender.requests, sender.endpoints, sender.events) == ((), {}, {})
        sender.put_events(REQUEST)
        assert sender.requests == (REQUEST,)

    def test_after_close(self) -> None:
        """It can be read after it is closed."""
        with MemorySender() as sender:
            sender.put_events(REQUEST)
        assert sender.requests == (REQUEST,)


class TestAnswer:
    """A test chooses the answer, to see how its code handles it."""

    def test_some_are_refused(self) -> None:
        """A refused event is in `requests`, but not in `events`."""
        both = request(e={"good": event(), "bad": event()})
        answer = EventsResponse(
            results={
                "e": ItemResponse(
                    endpoint_item_response=EndpointItemResponse(status_code=429),
                    events_item_response={
                        "good": EventItemResponse(status_code=202),
                        "bad": EventItemResponse(status_code=400, message="No"),
                    },
                )
            }
        )
        sender = MemorySender(answer=lambda request: answer)
        response = sender.put_events(both)
        assert response is answer
        with pytest.raises(ItemsFailedError):
            response.raise_for_failures(both)
        assert sender.requests == (both,)
        assert sender.endpoints == {}
        assert sender.events == {("e", "good"): event()}

    def test_raises(self) -> None:
        """What `answer` raises reaches the caller; the request is kept."""
        failure = TransportError("the network is down", is_retry_safe=True)

        def fail(request: EventsRequest) -> EventsResponse:
            raise failure

        sender = MemorySender(answer=fail)
        with pytest.raises(TransportError) as caught:
            sender.put_events(REQUEST)
        assert caught.value is failure
        assert sender.requests == (REQUEST,)
        assert (sender.endpoints, sender.events) == ({}, {})

    def test_changes(self) -> None:
        """`answer` can be set while the sender is in use."""
        sender = MemorySender()
        accept = sender.answer

        def throttle(request: EventsRequest) -> EventsResponse:
            sender.answer = accept
            raise TooManyRequestsError(429, "TooManyRequestsException")

        sender.answer = throttle
        with pytest.raises(TooManyRequestsError):
            sender.put_events(REQUEST)
        sender.put_events(REQUEST).raise_for_failures(REQUEST)
        assert sender.requests == (REQUEST, REQUEST)

    def test_looks_at_the_sender(self) -> None:
        """`answer` may read what was sent, including the current request."""
        sender = MemorySender()
        accept = sender.answer

        def accept_once(request: EventsRequest) -> EventsResponse:
            is_new = sender.requests.count(request) == 1
            return accept(request) if is_new else EventsResponse()

        sender.answer = accept_once
        assert sender.put_events(REQUEST) == accept(REQUEST)
        assert sender.put_events(REQUEST) == EventsResponse()

    @pytest.mark.parametrize("answer", [None, EventsResponse(), 202])
    def test_that_cannot_be_called(self, answer: Any) -> None:
        """It is refused when the sender is made, and not at the first request."""
        with pytest.raises(ConfigurationError) as caught:
            MemorySender(answer=answer)
        assert str(caught.value) == (
            f"answer is of type {type(answer).__name__}; pass a function that takes "
            "the request and returns an EventsResponse, or raises"
        )

    @pytest.mark.parametrize("answer", [None, {"Results": {}}, 202])
    def test_that_returns_something_else(self, answer: Any) -> None:
        """The error names what it returned by its type."""
        sender = MemorySender(answer=lambda _: answer)
        with pytest.raises(ConfigurationError) as caught:
            sender.put_events(REQUEST)
        assert str(caught.value) == (
            f"answer returned a value of type {type(answer).__name__}; return an "
            "EventsResponse, or raise"
        )
        assert sender.events == {}


class TestPutAll:
    """Several requests, of which one fails."""

    def test_answers_before(self) -> None:
        """The error has them: what was accepted stays known."""
        first, second = request(e={"v": event()}), request(e={"w": event()})

        def answer(sent: EventsRequest) -> EventsResponse:
            if sent == second:
                raise TransportError("the network is down", is_retry_safe=True)
            return EventsResponse(results={"e": ItemResponse(status_code=202)})

        sender = MemorySender(answer=answer)
        with pytest.raises(TransportError) as caught:
            sender.put_all([first, second, first])
        (response,) = caught.value.responses
        response.raise_for_failures(first)
        assert sender.requests == (first, second)
        assert TransportError("another").responses == ()


class TestThreads:
    """Threads that send and read at the same time see complete states."""

    def test_merge(self) -> None:
        """No update of an endpoint is lost."""
        sender = MemorySender()
        barrier = threading.Barrier(8)

        def send(thread: int) -> None:
            barrier.wait()
            for number in range(20):
                update = Endpoint(metrics={f"{thread}-{number}": number})
                batch = EventsBatch(endpoint=update, events={})
                sender.put_events(EventsRequest(batch_item={"e": batch}))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(send, range(8)))
        assert len(sender.endpoints["e"].metrics) == 160


class TestArguments:
    """The application id has a default."""

    def test_application_id(self) -> None:
        """By default it is `local`."""
        assert MemorySender().application_id == "local"
        assert MemorySender(application_id="shop").application_id == "shop"

    def test_empty_application_id(self) -> None:
        """An empty one is refused."""
        with pytest.raises(ConfigurationError):
            MemorySender(application_id="")

    def test_repr(self) -> None:
        """It shows the numbers of requests, endpoints and events."""
        sender = MemorySender(application_id="shop")
        sender.put_events(REQUEST)
        assert repr(sender) == (
            "<MemorySender of 'shop': 1 requests, 1 endpoints, 1 events>"
        )
