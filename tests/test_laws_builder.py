"""
What holds for all builders: the property tests of `BatchBuilder`.

A builder is fast because it keeps up what a naive one reckons anew. So it is held
against a naive one, step by step, refused steps included.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final

import attrs
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from hypothesis.strategies import DataObject, SearchStrategy

from pinpoint_events.builder import BatchBuilder
from pinpoint_events.errors import QuotaExceededError, ValidationError
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.problems import Problem, ProblemCode
from pinpoint_events.quotas import Quotas, check_quotas
from pinpoint_events.testing import strategies
from pinpoint_events.wire import to_json
from tests.drawn import costly
from tests.samples import problems_of

Arrival = tuple[str, str | None]

EMPTY = Problem(ProblemCode.EMPTY_BUILDER)

NO_QUOTAS: Final = Quotas(**dict.fromkeys((f.name for f in attrs.fields(Quotas)), None))


def request_quotas(quotas: Quotas) -> Quotas:
    """Return the quotas of a request alone."""
    return attrs.evolve(
        NO_QUOTAS,
        events_per_request=quotas.events_per_request,
        endpoints_per_request=quotas.endpoints_per_request,
        request_bytes=quotas.request_bytes,
    )


def item_quotas(quotas: Quotas) -> Quotas:
    """Return the quotas of endpoints and events alone."""
    return attrs.evolve(
        quotas,
        events_per_request=None,
        endpoints_per_request=None,
        request_bytes=None,
    )


class NaiveBuilder:
    """What a builder is to do, in as few words as possible, however long it takes."""

    def __init__(self, quotas: Quotas) -> None:
        """Start empty."""
        self.quotas = quotas
        self.endpoints: dict[str, Endpoint] = {}
        self.events: dict[tuple[str, str], Event] = {}
        self.arrivals: list[Arrival] = []

    def is_refused_endpoint(self, endpoint_id: str, endpoint: Endpoint) -> bool:
        """Return whether this may not be said of the endpoint."""
        known = self.endpoints.get(endpoint_id, endpoint)
        request = EventsRequest(
            batch_item={endpoint_id: EventsBatch(endpoint=endpoint, events={})}
        )
        return (
            known != endpoint or check_quotas(request, item_quotas(self.quotas)) != ()
        )

    def put_endpoint(self, endpoint_id: str, endpoint: Endpoint) -> None:
        """Say something of an endpoint."""
        if endpoint_id not in self.endpoints:
            self.endpoints[endpoint_id] = endpoint
            self.arrivals.append((endpoint_id, None))

    def is_refused_event(self, endpoint_id: str, event_id: str, event: Event) -> bool:
        """Return whether the event may not be added."""
        known = self.events.get((endpoint_id, event_id), event)
        request = EventsRequest(
            batch_item={
                endpoint_id: EventsBatch(endpoint=Endpoint(), events={event_id: event})
            }
        )
        return known != event or check_quotas(request, item_quotas(self.quotas)) != ()

    def add(self, endpoint_id: str, event_id: str, event: Event) -> None:
        """Add an event."""
        if (endpoint_id, event_id) not in self.events:
            self.events[endpoint_id, event_id] = event
            self.arrivals.append((endpoint_id, event_id))

    def counted(self) -> list[Arrival]:
        """Return the arrivals; of an endpoint itself only if it has no events."""
        with_events = {endpoint_id for endpoint_id, _ in self.events}
        return [
            (endpoint_id, event_id)
            for endpoint_id, event_id in self.arrivals
            if event_id is not None or endpoint_id not in with_events
        ]

    def request(self, arrivals: list[Arrival]) -> EventsRequest:
        """Return the request of these arrivals."""
        return EventsRequest(
            batch_item={
                endpoint_id: EventsBatch(
                    endpoint=self.endpoints.get(endpoint_id, Endpoint()),
                    events={
                        event_id: self.events[endpoint_id, event_id]
                        for other, event_id in arrivals
                        if other == endpoint_id and event_id is not None
                    },
                )
                for endpoint_id, _ in arrivals
            }
        )

    def is_over(self, arrivals: list[Arrival]) -> bool:
        """Return whether these are too many for one request."""
        over = check_quotas(self.request(arrivals), request_quotas(self.quotas))
        return over != ()

    def runs(self) -> list[list[Arrival]] | None:
        """Return the arrivals cut greedily; None if one alone is too much."""
        runs: list[list[Arrival]] = []
        for arrival in self.counted():
            if self.is_over([arrival]):
                return None
            if runs and not self.is_over([*runs[-1], arrival]):
                runs[-1].append(arrival)
            else:
                runs.append([arrival])
        return runs


def assert_same(built: EventsRequest, naive: EventsRequest) -> None:
    """Assert that two requests are equal, and so is the order of what is in them."""
    assert built == naive
    assert to_json(built) == to_json(naive)


tight_quotas: SearchStrategy[Quotas] = strategies.quotas(
    limits=st.none(),
    events_per_request=st.none() | st.integers(1, 4),
    endpoints_per_request=st.none() | st.integers(1, 3),
    request_bytes=st.none() | st.integers(30, 2_000),
    event_bytes=st.none() | st.integers(60, 400),
    event_attributes_and_metrics=st.none() | st.integers(1, 3),
    endpoint_bytes=st.none() | st.integers(1, 200),
    endpoint_attribute_values=st.none() | st.just(1),
)
endpoint_ids = st.sampled_from(["a", "b", 'c"é\\'])
event_ids = st.sampled_from(["1", "2", "\n", "😀"])
positions = st.integers(0, 3)


class BuilderMachine(RuleBasedStateMachine):
    """Any steps, and after each the same as with a naive builder."""

    @initialize(
        quotas=tight_quotas,
        endpoints=st.lists(strategies.endpoints(), min_size=4, max_size=4),
        events=st.lists(strategies.events(), min_size=4, max_size=4),
    )
    def start(
        self, quotas: Quotas, endpoints: list[Endpoint], events: list[Event]
    ) -> None:
        """Begin with an empty builder, and a few things that come again and again."""
        self.builder = BatchBuilder(quotas=quotas)
        self.naive = NaiveBuilder(quotas)
        self.endpoints = endpoints
        self.events = events
        self.current: str | None = None

    @rule(endpoint_id=endpoint_ids, which=positions | st.none())
    def endpoint(self, endpoint_id: str, which: int | None) -> None:
        """Say whom the next events belong to, with or without an endpoint."""
        endpoint = None if which is None else self.endpoints[which]
        self.current = None
        is_refused = endpoint is not None and self.naive.is_refused_endpoint(
            endpoint_id, endpoint
        )
        try:
            assert self.builder.endpoint(endpoint_id, endpoint) is self.builder
        except ValidationError:
            assert is_refused
            return
        assert not is_refused
        self.current = endpoint_id
        if endpoint is not None:
            self.naive.put_endpoint(endpoint_id, endpoint)

    @rule(event_id=event_ids, which=positions)
    def event(self, event_id: str, which: int) -> None:
        """Add an event to the current endpoint, if there is one."""
        event = self.events[which]
        is_refused = self.current is None or self.naive.is_refused_event(
            self.current, event_id, event
        )
        try:
            assert self.builder.event(event, event_id=event_id) is self.builder
        except ValidationError:
            assert is_refused
            return
        assert not is_refused
        assert self.current is not None
        self.naive.add(self.current, event_id, event)

    @rule(endpoint_id=endpoint_ids, event_id=event_ids, which=positions)
    def add(self, endpoint_id: str, event_id: str, which: int) -> None:
        """Add an event to any endpoint; the current one stays what it is."""
        event = self.events[which]
        is_refused = self.naive.is_refused_event(endpoint_id, event_id, event)
        try:
            assert (
                self.builder.add(endpoint_id, event, event_id=event_id) is self.builder
            )
        except ValidationError:
            assert is_refused
            return
        assert not is_refused
        self.naive.add(endpoint_id, event_id, event)

    @rule(wrong=st.sampled_from(["", 1, None, "\ud800"]), which=positions)
    def wrong_ids(self, wrong: object, which: int) -> None:
        """Steps with unsound ids are refused; after `endpoint` none is current."""
        bad: Any = wrong
        worse: Any = wrong or 1  # None would do for an endpoint
        event = self.events[which]
        steps: tuple[Callable[[], object], ...] = (
            lambda: self.builder.add(bad, event),
            lambda: self.builder.add("a", bad, event_id="1"),
            lambda: self.builder.endpoint("a", worse),
            lambda: self.builder.endpoint(bad),
            lambda: self.builder.event(event, event_id="1"),
        )
        for step in steps:
            with pytest.raises(ValidationError):
                step()
        self.current = None

    @rule()
    def clear(self) -> None:
        """Forget everything."""
        assert self.builder.clear() is self.builder
        self.naive = NaiveBuilder(self.naive.quotas)
        self.current = None

    @invariant()
    def has_the_same_events(self) -> None:
        """It holds what was added, in order, and nothing else."""
        assert [*self.builder.events()] == [
            (endpoint_id, event_id, self.naive.events[endpoint_id, event_id])
            for endpoint_id, event_id in self.naive.arrivals
            if event_id is not None
        ]
        assert len(self.builder) == len(self.naive.events)
        assert bool(self.builder) == bool(self.naive.arrivals)

    @invariant()
    def knows_its_size(self) -> None:
        """`size_bytes` is that of the request, written anew."""
        request = self.naive.request(self.naive.counted())
        assert self.builder.size_bytes == len(to_json(request))

    @invariant()
    def builds_one(self) -> None:
        """One request is everything, or refused, and may be built again."""
        counted = self.naive.counted()
        naive = self.naive.request(counted)
        over = check_quotas(naive, request_quotas(self.naive.quotas))
        for _ in range(2):
            if not counted:
                assert problems_of(self.builder.build) == [EMPTY]
            elif over:
                with pytest.raises(QuotaExceededError) as caught:
                    self.builder.build()
                assert caught.value.problems == over
            else:
                assert_same(self.builder.build(), naive)

    @precondition(lambda self: self.builder)
    @invariant()
    def builds_all(self) -> None:
        """All requests are the runs of a greedy cut."""
        runs = self.naive.runs()
        try:
            built = self.builder.build_all()
        except QuotaExceededError:
            assert runs is None
            return
        assert runs is not None
        assert len(built) == len(runs)
        for one, run in zip(built, runs, strict=True):
            assert_same(one, self.naive.request(run))


TestBuilderMachine = BuilderMachine.TestCase
TestBuilderMachine.settings = settings(
    max_examples=costly.max_examples, stateful_step_count=20
)


class TestBuildAll:
    """
    Splitting obeys the quotas and the law of runs.

    Design, "Builder".
    """

    @costly
    @given(data=st.data(), quotas=strategies.quotas())
    def test_law_of_runs(self, data: DataObject, quotas: Quotas) -> None:
        """Each request holds one run; the runs, concatenated, are the arrivals."""
        builder = data.draw(strategies.batch_builders(quotas=st.just(quotas)))
        requests = all_of(builder)
        arrivals = [(endpoint, event) for endpoint, event, _ in builder.events()]
        for request in requests:
            count = sum(len(batch.events) for batch in request.batch_item.values())
            run, arrivals = arrivals[:count], arrivals[count:]
            expected: dict[str, list[str]] = {}
            for endpoint_id, event_id in run:
                expected.setdefault(endpoint_id, []).append(event_id)
            found = {
                endpoint_id: [*batch.events]
                for endpoint_id, batch in request.batch_item.items()
            }
            assert {key: ids for key, ids in found.items() if ids} == expected
            assert [key for key, ids in found.items() if ids] == [*expected]
            # And it is within all quotas, and its text the one that it would have.
            anew = EventsRequest(batch_item=request.batch_item)
            assert to_json(request) == to_json(anew)
            assert check_quotas(anew, quotas) == ()
        assert not arrivals

    @costly
    @given(builder=strategies.batch_builders())
    def test_whole_endpoints(self, builder: BatchBuilder) -> None:
        """Each endpoint is whole in each request; all are there, and all events are."""
        requests = all_of(builder)
        endpoints: dict[str, Endpoint] = {}
        events = []
        for request in requests:
            for endpoint_id, batch in request.batch_item.items():
                assert (
                    endpoints.setdefault(endpoint_id, batch.endpoint) == batch.endpoint
                )
                events += [(endpoint_id, *item) for item in batch.events.items()]
        key = itemgetter(0, 1)
        assert sorted(events, key=key) == sorted(builder.events(), key=key)
        # What a builder was told, it tells again: its own endpoints are no news to it.
        for endpoint_id, endpoint in endpoints.items():
            if endpoint != Endpoint():
                assert builder.endpoint(endpoint_id, endpoint) is builder
        assert builder.build_all() == requests
        # One request is built if all are one, and refused if they are not.
        if len(requests) == 1:
            assert builder.build() == requests[0]
            assert builder.size_bytes == len(to_json(requests[0]))
        else:
            with pytest.raises(QuotaExceededError):
                builder.build()


def all_of(builder: BatchBuilder) -> tuple[EventsRequest, ...]:
    """Return all requests; reject the example if there are none."""
    try:
        return builder.build_all()
    except ValidationError:
        reject()


def built_anew(request: EventsRequest, quotas: Quotas) -> EventsRequest:
    """Return the request as a builder builds it of its parts."""
    builder = BatchBuilder(quotas=quotas)
    for endpoint_id, batch in request.batch_item.items():
        builder.endpoint(endpoint_id, batch.endpoint)
        for event_id, event in batch.events.items():
            builder.event(event, event_id=event_id)
    return builder.build()


class TestWithinQuotas:
    """A builder takes what `check_quotas` has nothing to say of."""

    @costly
    @given(request=strategies.events_requests(min_size=1), quotas=strategies.quotas())
    def test_same_judgement(self, request: EventsRequest, quotas: Quotas) -> None:
        """A request can be built anew if and only if it is within all quotas."""
        over = check_quotas(request, quotas)
        if not over:
            assert_same(built_anew(request, quotas), request)
            return
        with pytest.raises(QuotaExceededError) as caught:
            built_anew(request, quotas)
        assert {*caught.value.problems} <= {*over}

    @costly
    @given(data=st.data(), quotas=strategies.quotas())
    def test_within(self, data: DataObject, quotas: Quotas) -> None:
        """What is drawn within quotas is within them."""
        request = data.draw(strategies.events_requests(within=quotas))
        assert check_quotas(request, quotas) == ()
