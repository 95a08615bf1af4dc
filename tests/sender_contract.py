"""What every sender keeps to: one class of tests, run for each of them."""

import copy
import os
import pickle
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import pytest

from pinpoint_events.builder import BatchBuilder
from pinpoint_events.errors import (
    ConfigurationError,
    QuotaExceededError,
    SenderError,
    ValidationError,
)
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
    Outcome,
)
from pinpoint_events.problems import ProblemCode
from pinpoint_events.quotas import Quotas
from pinpoint_events.senders import Sender
from pinpoint_events.wire import from_wire, to_wire
from tests.aws import KEYS
from tests.samples import ENDPOINT, EVENT, event, request

TOOK_ENDPOINT = EndpointItemResponse(status_code=202, message="Accepted")
TOOK_EVENT = EventItemResponse(status_code=202, message="Accepted")

MIXED = EventsRequest(
    batch_item={
        "e-1": EventsBatch(endpoint=ENDPOINT, events={"v-1": EVENT, "v-2": event()}),
        "only its endpoint": EventsBatch(endpoint=ENDPOINT, events={}),
        "büro": EventsBatch(endpoint=Endpoint(), events={"v-1": event()}),
        "nothing said": EventsBatch(endpoint=Endpoint(), events={}),
    }
)
ALL_TAKEN = EventsResponse(
    results={
        "e-1": ItemResponse(
            endpoint_item_response=TOOK_ENDPOINT,
            events_item_response={"v-1": TOOK_EVENT, "v-2": TOOK_EVENT},
        ),
        "only its endpoint": ItemResponse(endpoint_item_response=TOOK_ENDPOINT),
        "büro": ItemResponse(
            endpoint_item_response=TOOK_ENDPOINT,
            events_item_response={"v-1": TOOK_EVENT},
        ),
        "nothing said": ItemResponse(endpoint_item_response=TOOK_ENDPOINT),
    }
)


class Place(Protocol):
    """Where a sender sends to, for the length of one test."""

    def sender(self, **options: Any) -> Sender:
        """Open a sender, for the application `app-1`; the place closes it."""
        ...

    def arrived(self) -> list[tuple[str, str]]:
        """Return endpoint id and event id of each event that arrived, sorted."""
        ...


def in_child(act: Callable[[], object], fork: Callable[[], int] | None = None) -> bool:
    """Fork, act in the child alone, and return whether that went well there."""
    with warnings.catch_warnings():
        # From Python 3.12 on: that this process has threads. That is what we are after.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork() if fork is None else fork()
    if pid == 0:
        signal.alarm(30)  # a child that hangs ends by itself
        try:
            act()
        except BaseException:  # noqa: BLE001 - whatever it is, the child ends here
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) == 0


needs_fork = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="this system has no fork"
)


class SenderContract:
    """
    The promises of all senders; a subclass says which one, by its fixture `place`.

    (Design, "Senders".)
    """

    @pytest.fixture
    def sender(self, place: Place) -> Iterator[Sender]:
        """Open a sender, and close it after the test."""
        with place.sender() as sender:
            yield sender

    def test_is_a_sender(self, sender: Sender) -> None:
        """It has all that the protocol asks for."""
        assert isinstance(sender, Sender)

    def test_answers_what_was_accepted(self, sender: Sender, place: Place) -> None:
        """The answer says 202 for each endpoint and each event, in the same types."""
        assert sender.put_events(MIXED) == ALL_TAKEN
        assert place.arrived() == [("büro", "v-1"), ("e-1", "v-1"), ("e-1", "v-2")]

    def test_outcomes(self, sender: Sender) -> None:
        """Every item of the request has ended as accepted."""
        outcomes = sender.put_events(MIXED).outcomes(MIXED)
        assert [outcome.outcome for outcome in outcomes] == [Outcome.ACCEPTED] * 7

    def test_empty_request(self, sender: Sender, place: Place) -> None:
        """A request without endpoints has an answer without results."""
        response = sender.put_events(EventsRequest(batch_item={}))
        assert response == EventsResponse(results={})
        assert place.arrived() == []

    def test_most_events(self, sender: Sender, place: Place) -> None:
        """A request of 100 events is sent."""
        full = request(e={f"v{number:03}": event() for number in range(100)})
        sender.put_events(full).raise_for_failures(full)
        assert len(place.arrived()) == 100

    def test_too_many_events(self, sender: Sender, place: Place) -> None:
        """One of 101 is refused, and nothing of it arrives."""
        with pytest.raises(QuotaExceededError) as caught:
            sender.put_events(request(e={f"v{n}": event() for n in range(101)}))
        assert str(caught.value) == (
            "101 events; at most 100; split it: by split() of a request, or "
            "build_all() of a builder"
        )
        assert place.arrived() == []

    def test_item_over_quota(self, sender: Sender, place: Place) -> None:
        """
        One of which an item is over a quota is refused as well, wherever it is from.

        The service would refuse the item, so a test with any sender is to find it.
        """
        wordy = Endpoint(attributes={"k" * 51: ["v"]})
        data = {
            "BatchItem": {
                "e-1": {
                    "Endpoint": to_wire(wordy),
                    "Events": {
                        "v-1": to_wire(EVENT),
                        "v-2": to_wire(event(attributes={"k": "x" * 300})),
                    },
                }
            }
        }
        with pytest.raises(QuotaExceededError) as caught:
            sender.put_events(from_wire(EventsRequest, data))
        assert [(each.code, each.path[1:]) for each in caught.value.problems] == [
            (ProblemCode.KEY_TOO_LONG, ("e-1", "endpoint", "attributes", "k" * 51)),
            (
                ProblemCode.VALUE_TOO_LONG,
                ("e-1", "events", "v-2", "attributes", "k"),
            ),
        ]
        assert place.arrived() == []

    def test_own_quotas(self, place: Place) -> None:
        """The quotas can be set; what was checked against others is checked again."""
        wide = Quotas(event_attribute_value_characters=None, events_per_request=200)
        narrow = Quotas(event_attribute_value_characters=5)
        builder = BatchBuilder(quotas=wide)
        for number in range(101):
            builder.add("e", event(attributes={"k": "x" * 300}), event_id=f"{number}")
        full = builder.build()
        with place.sender(quotas=wide) as sender:
            sender.put_events(full).raise_for_failures(full)
            assert len(place.arrived()) == 101
        short = BatchBuilder().add("e", event(attributes={"k": "123456"})).build()
        for sender in (place.sender(), place.sender(quotas=narrow)):
            with pytest.raises(QuotaExceededError):
                sender.put_events(full)
        with pytest.raises(QuotaExceededError):
            place.sender(quotas=narrow).put_events(short)
        place.sender().put_events(short).raise_for_failures(short)

    def test_put_all(self, place: Place) -> None:
        """A builder is split; each of its requests has its answer."""
        builder = BatchBuilder(quotas=Quotas(events_per_request=2))
        for number in range(5):
            builder.add("e", event(), event_id=f"v-{number}")
        sender: Any
        with place.sender() as sender:
            responses = sender.put_all(builder)
            for each, response in zip(builder.build_all(), responses, strict=True):
                response.raise_for_failures(each)
            assert place.arrived() == [("e", f"v-{number}") for number in range(5)]
            assert sender.put_all(iter(())) == sender.put_all(BatchBuilder()) == ()

    def test_put_all_or_nothing(self, sender: Any, place: Place) -> None:
        """What cannot be sent is found before anything is."""
        fine = request(e={"v": event()})
        wordy = request(e={"v": event(attributes={"k" * 51: "v"})})
        with pytest.raises(QuotaExceededError):
            sender.put_all([fine, wordy])
        with pytest.raises(ValidationError) as caught:
            sender.put_all([fine, {"BatchItem": {}}])
        assert [each.path for each in caught.value.problems] == [("requests", 1)]
        wrong: Any
        for wrong in (5, None, {"BatchItem": {}}):
            with pytest.raises(ValidationError):
                sender.put_all(wrong)
        assert place.arrived() == []
        assert len(sender.put_all(fine)) == 1

    def test_quotas_of_another_type(self, place: Place) -> None:
        """What is not `Quotas` is refused when the sender is made."""
        with pytest.raises(ConfigurationError, match="quotas is of type dict"):
            place.sender(quotas={})

    def test_too_many_bytes(self, sender: Sender, place: Place) -> None:
        """One of more than 4,000,000 bytes is refused, and nothing of it arrives."""
        large = event(attributes={"text": "x" * 4_000_000})
        with pytest.raises(QuotaExceededError) as caught:
            sender.put_events(request(e={"v": large}))
        assert {problem.code for problem in caught.value.problems} == {
            ProblemCode.REQUEST_TOO_LARGE,
            ProblemCode.EVENT_TOO_LARGE,
            ProblemCode.VALUE_TOO_LONG,
        }
        assert place.arrived() == []

    def test_no_request(self, sender: Sender, place: Place) -> None:
        """What is no request is refused, with what to do about it."""
        wrong: dict[str, object] = {"BatchItem": {}}
        with pytest.raises(ValidationError) as caught:
            sender.put_events(wrong)  # type: ignore[arg-type] # the fact under test
        assert str(caught.value) == (
            "request: is of type dict; expected an EventsRequest; build it with "
            "EventsRequest(...) or from_wire(EventsRequest, ...)"
        )
        assert place.arrived() == []

    def test_no_request_yet(self, sender: Sender, place: Place) -> None:
        """Who forgot to build is told so."""
        builder = BatchBuilder().add("e-1", EVENT)
        with pytest.raises(ValidationError) as caught:
            sender.put_events(builder)  # type: ignore[arg-type] # the fact under test
        assert str(caught.value) == (
            "request: is of type BatchBuilder; expected an EventsRequest; "
            "call build() on it, "
            "or build_all()"
        )
        assert place.arrived() == []

    def test_closed(self, place: Place) -> None:
        """A sender that is closed sends nothing, and says so."""
        sender = place.sender()
        sender.close()
        with pytest.raises(SenderError) as caught:
            sender.put_events(MIXED)
        name = type(sender).__name__
        assert str(caught.value) == f"this {name} is closed; open a new one"
        assert not caught.value.is_retry_safe
        assert place.arrived() == []

    def test_closed_twice(self, place: Place) -> None:
        """To close it again does nothing."""
        sender = place.sender()
        sender.put_events(MIXED)
        sender.close()
        sender.close()

    def test_context_manager(self, place: Place) -> None:
        """A `with` block gives the sender itself, and closes it."""
        sender = place.sender()
        with sender as entered:
            assert entered is sender
        with pytest.raises(SenderError):
            sender.put_events(MIXED)

    def test_threads(self, sender: Sender, place: Place) -> None:
        """Threads that send at the same time lose nothing, and mix nothing up."""

        def send(thread: int) -> bool:
            for number in range(5):
                part = request(
                    shared={f"{thread}-{number}": event()},
                    **{f"own-{thread}": {f"{number}": event()}},
                )
                response = sender.put_events(part)
                response.raise_for_failures(part)
                if set(response.results) != set(part.batch_item):
                    return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(send, range(8))) == [True] * 8
        assert place.arrived() == sorted(
            pair
            for thread in range(8)
            for number in range(5)
            for pair in [
                ("shared", f"{thread}-{number}"),
                (f"own-{thread}", f"{number}"),
            ]
        )

    @needs_fork
    def test_fork(self, sender: Sender, place: Place) -> None:
        """After a fork both sides go on, also where the parent has sent before."""
        sender.put_events(request(e={"before": event()}))

        def send_in_child() -> None:
            again = request(e={"child": event()})
            sender.put_events(again).raise_for_failures(again)
            sender.close()

        assert in_child(send_in_child)
        after = request(e={"parent": event()})
        sender.put_events(after).raise_for_failures(after)
        assert place.arrived() == [("e", "before"), ("e", "child"), ("e", "parent")]

    def test_is_not_pickled(self, sender: Sender) -> None:
        """It is no data: pickle and copy refuse it, and say what to do."""
        name = type(sender).__name__
        message = f"cannot pickle or copy a {name}; open one where it is needed"
        for act in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError) as caught:
                act(sender)
            assert str(caught.value) == message

    def test_repr(self, sender: Sender) -> None:
        """It shows what kind it is and which application it serves, and no secret."""
        shown = repr(sender)
        assert type(sender).__name__ in shown
        assert "'app-1'" in shown
        assert [value for value in KEYS.values() if value in shown] == []
