"""Tests of the strategies for what is sent, and for the values in it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption
from hypothesis.strategies import DataObject, SearchStrategy

from pinpoint_events.builder import BatchBuilder
from pinpoint_events.model.endpoint import (
    ChannelType,
    Demographic,
    Endpoint,
    EndpointStatus,
    Location,
    OptOut,
    User,
)
from pinpoint_events.model.event import Event, Session
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.quotas import Quotas, check_quotas
from pinpoint_events.senders import Retry
from pinpoint_events.testing import strategies
from pinpoint_events.wire import to_json
from tests.drawn import costly, drawn, minimal, missing
from tests.samples import ENDPOINT, EVENT, NOON, SESSION

# What times shrink to.
THEN = datetime(2026, 11, 24, tzinfo=UTC)


def count(request: EventsRequest) -> int:
    """Return how many events are in the request."""
    return sum(len(batch.events) for batch in request.batch_item.values())


def small_events(*, within: Quotas | None) -> SearchStrategy[Event]:
    """Return events of which only the title is drawn."""
    return strategies.events(
        event_types=st.just("e"),
        timestamps=st.just(NOON),
        attributes=st.just({}),
        metrics=st.just({}),
        sessions=st.none(),
        client_sdk_versions=st.none(),
        app_package_names=st.none(),
        app_version_codes=st.none(),
        sdk_names=st.none(),
        within=within,
    )


class TestTexts:
    """Any text that UTF-8 can hold."""

    def test_lengths(self) -> None:
        """One under, at, and one over each quota of characters."""
        lengths = {0, 1, 49, 50, 51, 99, 100, 101, 199, 200, 201}
        assert not missing(strategies.texts(), len, lengths)

    def test_characters(self) -> None:
        """Characters of one to four bytes, none of them a surrogate."""
        ones = strategies.texts(min_size=1, max_size=1)
        assert not missing(ones, lambda text: len(text.encode()), {1, 2, 3, 4})

    @costly
    @given(data=st.data(), sizes=st.tuples(st.integers(0, 60), st.integers(0, 60)))
    def test_sizes(self, data: DataObject, sizes: tuple[int, int]) -> None:
        """It is as long as was asked for."""
        least, most = sorted(sizes)
        text = data.draw(strategies.texts(min_size=least, max_size=most))
        assert least <= len(text) <= most

    def test_names(self) -> None:
        """A name is not empty, and may be as short as was asked for."""
        assert drawn(strategies.names(max_size=1), len) == {1}
        assert minimal(strategies.names(), lambda _: True) == "0"


class TestTimes:
    """Any moment of the years 1 to 9999."""

    def test_bounds(self) -> None:
        """The first and the last moment are drawn, and zones of both signs."""
        first = datetime.min.replace(tzinfo=UTC)
        last = datetime.max.replace(tzinfo=UTC)

        def sign(time: datetime) -> int:
            offset = time.utcoffset() or timedelta()
            return (offset > timedelta()) - (offset < timedelta())

        times = strategies.times()
        assert not missing(times, lambda time: time, {first, last})
        assert not missing(times, sign, {-1, 0, 1})
        assert not missing(
            times, lambda time: time.microsecond % 1000 > 0, {True, False}
        )

    @costly
    @given(data=st.data(), times=st.tuples(strategies.times(), strategies.times()))
    def test_range(self, data: DataObject, times: tuple[datetime, datetime]) -> None:
        """It is within the bounds that were asked for."""
        first, last = sorted(times)
        time = data.draw(strategies.times(min_value=first, max_value=last))
        assert first <= time <= last

    def test_minimal(self) -> None:
        """It shrinks to a date that anyone can read, in UTC."""
        assert minimal(strategies.times(), lambda _: True) == THEN


class TestMappings:
    """Attributes and metrics."""

    @pytest.mark.parametrize(
        "strategy, sizes",
        [
            (strategies.attributes(), {0, 1, 2, 3, 39, 40, 41}),
            (strategies.metrics(), {0, 1, 2, 3, 39, 40, 41}),
            (strategies.attribute_lists(), {0, 1, 2, 3, 249, 250, 251}),
        ],
        ids=["attributes", "metrics", "attribute_lists"],
    )
    def test_sizes(
        self, strategy: SearchStrategy[dict[str, Any]], sizes: set[int]
    ) -> None:
        """A few names, or about as many as a quota allows."""
        assert not missing(strategy, len, sizes)
        assert drawn(strategy, len) <= sizes

    def test_list_lengths(self) -> None:
        """Lists are short, or about as long as a quota allows."""
        lists = strategies.attribute_lists(keys=st.just("name"))
        lengths = {0, 1, 2, 3, 49, 50, 51}
        assert not missing(lists, lambda lists: len(lists.get("name", "")), lengths)

    def test_metric_values(self) -> None:
        """Ints up to 2**53 and finite floats, the smallest and largest among them."""
        bounds = (2**53, -(2**53), 0, -0.0, 5e-324, 1.7976931348623157e308)
        metrics = strategies.metrics(keys=st.just("name"))
        wanted = {repr(number) for number in bounds}
        assert not missing(metrics, lambda metrics: repr(metrics.get("name")), wanted)

    @given(
        attributes=strategies.attributes(keys=st.just("k"), values=st.just("v")),
        metrics=strategies.metrics(keys=st.just("k"), values=st.just(1)),
        lists=strategies.attribute_lists(keys=st.just("k"), values=st.just(["v"])),
    )
    def test_parts(
        self,
        attributes: dict[str, str],
        metrics: dict[str, int | float],
        lists: dict[str, list[str]],
    ) -> None:
        """Keys and values are those that were given."""
        assert attributes in ({}, {"k": "v"})
        assert metrics in ({}, {"k": 1})
        assert lists in ({}, {"k": ["v"]})


class TestParts:
    """Every member is drawn from what is given for it."""

    @given(
        demographic=strategies.demographics(
            app_versions=st.just("1"),
            locales=st.just("2"),
            makes=st.just("3"),
            models=st.just("4"),
            model_versions=st.just("5"),
            platforms=st.just("6"),
            platform_versions=st.just("7"),
            timezones=st.none(),
        )
    )
    def test_demographics(self, demographic: Demographic) -> None:
        """Of a demographic."""
        assert demographic == Demographic(
            app_version="1",
            locale="2",
            make="3",
            model="4",
            model_version="5",
            platform="6",
            platform_version="7",
        )

    @given(
        location=strategies.locations(
            cities=st.just("1"),
            countries=st.just("2"),
            latitudes=st.just(3),
            longitudes=st.just(4.5),
            postal_codes=st.just("5"),
            regions=st.just("6"),
        )
    )
    def test_locations(self, location: Location) -> None:
        """Of a location."""
        assert location == Location(
            city="1",
            country="2",
            latitude=3,
            longitude=4.5,
            postal_code="5",
            region="6",
        )

    @given(
        user=strategies.users(user_ids=st.just("u"), user_attributes=st.just({"a": []}))
    )
    def test_users(self, user: User) -> None:
        """Of a user."""
        assert user == User(user_id="u", user_attributes={"a": []})

    @given(
        endpoint=strategies.endpoints(
            addresses=st.just(ENDPOINT.address),
            attributes=st.just(ENDPOINT.attributes),
            channel_types=st.just(ENDPOINT.channel_type),
            demographics=st.just(ENDPOINT.demographic),
            effective_dates=st.just(ENDPOINT.effective_date),
            endpoint_statuses=st.just(ENDPOINT.endpoint_status),
            locations=st.just(ENDPOINT.location),
            metrics=st.just(ENDPOINT.metrics),
            opt_outs=st.just(ENDPOINT.opt_out),
            request_ids=st.just(ENDPOINT.request_id),
            users=st.just(ENDPOINT.user),
        )
    )
    def test_endpoints(self, endpoint: Endpoint) -> None:
        """Of an endpoint."""
        assert endpoint == ENDPOINT

    def test_address_needs_a_channel(self) -> None:
        """An address without a channel type gets one, unless that is forbidden."""
        free = strategies.endpoints(addresses=st.just("a"))
        types = drawn(free, lambda endpoint: endpoint.channel_type)
        assert None not in types
        either = st.none() | st.just(ChannelType.SMS)
        given_types = strategies.endpoints(addresses=st.just("a"), channel_types=either)
        types = drawn(given_types, lambda endpoint: endpoint.channel_type)
        assert types == {ChannelType.SMS}

    @given(
        ended=strategies.sessions(
            ids=st.just("s"),
            start_timestamps=st.just(NOON),
            stop_timestamps=st.just(NOON + timedelta(seconds=1)),
        ),
        lasting=strategies.sessions(
            ids=st.just("s"),
            start_timestamps=st.just(NOON),
            stop_timestamps=st.none(),
            durations=st.just(5),
        ),
    )
    def test_sessions(self, ended: Session, lasting: Session) -> None:
        """Of a session; where it has ended, the length follows."""
        assert ended == Session(
            id="s",
            start_timestamp=NOON,
            stop_timestamp=NOON + timedelta(seconds=1),
            duration=1_000,
        )
        assert lasting == Session(id="s", start_timestamp=NOON, duration=5)

    @settings(max_examples=3)
    @given(data=st.data())
    def test_a_stop_before_the_start(self, data: DataObject) -> None:
        """Times that no session has are rejected."""
        sessions = strategies.sessions(
            start_timestamps=st.just(NOON),
            stop_timestamps=st.just(NOON - timedelta(seconds=1)),
        )
        with pytest.raises(UnsatisfiedAssumption):
            data.draw(sessions)

    @given(
        event=strategies.events(
            event_types=st.just(EVENT.event_type),
            timestamps=st.just(EVENT.timestamp),
            attributes=st.just(EVENT.attributes),
            metrics=st.just(EVENT.metrics),
            sessions=st.just(SESSION),
            client_sdk_versions=st.just(EVENT.client_sdk_version),
            app_package_names=st.just(EVENT.app_package_name),
            app_titles=st.just(EVENT.app_title),
            app_version_codes=st.just(EVENT.app_version_code),
            sdk_names=st.just(EVENT.sdk_name),
        )
    )
    def test_events(self, event: Event) -> None:
        """Of an event."""
        assert event == EVENT

    @given(
        request=strategies.events_requests(
            endpoint_ids=st.just("e"),
            batches=strategies.events_batches(
                endpoints=st.just(ENDPOINT),
                event_ids=st.sampled_from(["v", "w"]),
                events=st.just(EVENT),
                min_size=1,
                max_size=2,
            ),
            min_size=1,
            max_size=1,
        )
    )
    def test_requests(self, request: EventsRequest) -> None:
        """Of a batch and of a request."""
        (batch,) = request.batch_item.values()
        assert {*request.batch_item} == {"e"}
        assert batch.endpoint == ENDPOINT
        assert 1 <= len(batch.events) <= 2
        assert {*batch.events} <= {"v", "w"}
        assert {*batch.events.values()} == {EVENT}

    @costly
    @given(
        builder=strategies.batch_builders(
            quotas=st.just(Quotas(events_per_request=1)),
            endpoint_ids=st.just("e"),
            endpoints=st.just(ENDPOINT),
            event_ids=st.sampled_from(["v", "w"]),
            events=st.just(EVENT),
            max_size=3,
        )
    )
    def test_builders(self, builder: BatchBuilder) -> None:
        """Of a builder; the ids that it makes are the same in each run."""
        for endpoint_id, event_id, event in builder.events():
            assert (endpoint_id, event) == ("e", EVENT)
            assert event_id.partition("-")[0] in {"v", "w"}
        builder.clear().add("e", EVENT).add("e", EVENT)
        assert [item[1] for item in builder.events()] == ["new-1", "new-2"]
        assert [count(request) for request in builder.build_all()] == [1, 1]

    @costly
    @given(
        quotas=strategies.quotas(limits=st.none(), events_per_request=st.just(3)),
        documented=strategies.quotas(event_bytes=st.just(7)),
        retry=strategies.retries(attempts=st.just(2), deadlines_seconds=st.just(1.5)),
    )
    def test_settings(self, quotas: Quotas, documented: Quotas, retry: Retry) -> None:
        """Of quotas, all or single ones, and of a retry."""
        others = attrs.asdict(quotas)
        assert others.pop("events_per_request") == 3
        assert {*others.values()} == {None}
        assert documented.event_bytes == 7
        assert retry == Retry(attempts=2, deadline_seconds=1.5)

    def test_unknown_quota(self) -> None:
        """A limit that there is not is a TypeError, as for the class."""
        with pytest.raises(TypeError):
            drawn(strategies.quotas(events=st.just(1)), type)


class TestEveryValue:
    """By default every valid value, bounds often, simple ones in the end."""

    @pytest.mark.parametrize(
        "strategy, members",
        [
            (strategies.channel_types(), ChannelType),
            (strategies.endpoint_statuses(), EndpointStatus),
            (strategies.opt_outs(), OptOut),
        ],
        ids=["channel types", "statuses", "opt-outs"],
    )
    def test_enums(self, strategy: SearchStrategy[Any], members: Any) -> None:
        """All members of an enum."""
        assert not missing(strategy, lambda member: member, {*members})

    @pytest.mark.parametrize(
        "strategy, cls",
        [
            (strategies.demographics(), Demographic),
            (strategies.locations(), Location),
            (strategies.users(), User),
            (strategies.endpoints(), Endpoint),
            (strategies.events(event_types=st.just("e")), Event),
        ],
        ids=["demographics", "locations", "users", "endpoints", "events"],
    )
    def test_members(self, strategy: SearchStrategy[Any], cls: type[Any]) -> None:
        """All optional members are there together, and none of them."""
        optional = {
            field.name
            for field in attrs.fields(cls)
            if field.default is not attrs.NOTHING and field.name != "timestamp"
        }

        def members(obj: Any) -> frozenset[str]:
            given = {name: getattr(obj, name) for name in optional}
            return frozenset(k for k, v in given.items() if v is not None and v != {})

        assert not missing(strategy, members, {frozenset(), frozenset(optional)})

    def test_sessions(self) -> None:
        """Sessions last, end at once, a millisecond later, or after years."""

        def length(session: Session) -> str:
            if session.stop_timestamp is None:
                return "lasting" if session.duration is None else "lasting, with length"
            return {0: "none", 1: "one"}.get(session.duration or 0, "long")

        lengths = {"lasting", "lasting, with length", "none", "one", "long"}
        assert not missing(strategies.sessions(), length, lengths)

    @pytest.mark.parametrize(
        "strategy, limit",
        [
            (strategies.endpoints(users=st.none(), locations=st.none()), 15_000),
            (small_events(within=None), 1_000_000),
        ],
        ids=["endpoints", "events"],
    )
    def test_bytes(self, strategy: SearchStrategy[Any], limit: int) -> None:
        """Objects one byte under, at, and one over their quota of bytes."""
        sizes = {limit - 1, limit, limit + 1}
        assert not missing(strategy, lambda obj: len(to_json(obj)), sizes)

    def test_request_bytes(self) -> None:
        """Requests one byte under, at, and one over their quota of bytes."""
        sizes = {3_999_999, 4_000_000, 4_000_001}
        requests = strategies.events_requests(max_size=1)
        assert not missing(requests, lambda request: len(to_json(request)), sizes)

    def test_event_counts(self) -> None:
        """Requests one under, at, and one over their quota of events."""
        requests = strategies.events_requests(batches=alike)
        assert not missing(requests, count, {0, 1, 2, 3, 99, 100, 101})

    def test_builders(self) -> None:
        """Builders are empty, have endpoints alone, and events in any order."""

        def state(builder: BatchBuilder) -> str:
            if not builder:
                return "empty"
            ids = [endpoint_id for endpoint_id, *_ in builder.events()]
            if not ids:
                return "endpoints"
            turns = sum(one != other for one, other in pairwise(ids))
            return "in turn" if turns >= len({*ids}) else "one by one"

        builders = strategies.batch_builders(
            endpoints=st.just(ENDPOINT), events=st.just(EVENT)
        )
        states = {"empty", "endpoints", "in turn", "one by one"}
        assert not missing(builders, state, states)

    def test_quotas(self) -> None:
        """Quotas are the documented ones, tight, wide, and switched off."""

        def most(quotas: Quotas) -> int | None:
            number = quotas.request_bytes
            return number if number is None else len(str(number))

        assert not missing(strategies.quotas(), most, {None, 1, 7, 16})

    def test_retries(self) -> None:
        """Retries try once or more often, for seconds that are ints or floats."""
        strategy = strategies.retries()
        assert not missing(strategy, lambda retry: retry.attempts, {1, 2, 3})
        kinds: set[Any] = {int, float}
        assert not missing(strategy, lambda retry: type(retry.deadline_seconds), kinds)

    def test_minimal(self) -> None:
        """What is left of a failing example is as small as can be."""
        event = minimal(strategies.events(), lambda event: event.session is not None)
        session = Session(id="0", start_timestamp=THEN)
        assert event == Event("0", timestamp=THEN, session=session)
        endpoint = minimal(strategies.endpoints(), lambda endpoint: endpoint.metrics)
        assert endpoint == Endpoint(metrics={"": 0})
        request = minimal(strategies.events_requests(), count)
        (batch,) = request.batch_item.values()
        assert batch.endpoint == Endpoint()
        assert [*batch.events.values()] == [Event("0", timestamp=THEN)]


# One event, often.
alike = strategies.events_batches(endpoints=st.just(Endpoint()), events=st.just(EVENT))


class TestWithin:
    """What is drawn within quotas is within them, and often at their bound."""

    def test_endpoints(self) -> None:
        """Endpoints are cut until they fit."""
        tight = Quotas(
            endpoint_attributes_and_metrics=2,
            endpoint_attribute_key_characters=3,
            endpoint_attribute_value_characters=4,
            endpoint_attribute_values=1,
            endpoint_bytes=120,
        )

        def names(endpoint: Endpoint) -> int:
            batch = EventsBatch(endpoint=endpoint, events={})
            request = EventsRequest(batch_item={"e": batch})
            assert check_quotas(request, tight) == ()
            user = endpoint.user or User()
            own = len(endpoint.attributes) + len(endpoint.metrics)
            return own + len(user.user_attributes)

        endpoints = strategies.endpoints(within=tight)
        assert not missing(endpoints, names, {0, 1, 2})
        small = strategies.endpoints(within=tight, users=st.none())
        assert not missing(small, lambda endpoint: len(to_json(endpoint)), {119, 120})

    def test_quotas_that_are_off(self) -> None:
        """Where a quota is off, or beyond all memory, nothing is made so large."""
        for most in (None, 10**12):
            off = Quotas(event_bytes=most, request_bytes=most, events_per_request=most)
            sizes = drawn(small_events(within=off), lambda event: len(to_json(event)))
            assert max(sizes) < 10_000
            batches = strategies.events_batches(events=st.just(EVENT), within=off)
            assert drawn(batches, lambda batch: len(batch.events)) == {0, 1, 2, 3}
            one = strategies.events_requests(max_size=1, within=off)
            few = drawn(one, lambda request: len(to_json(request)), count=10)
            assert max(few) < 3_000_000

    def test_events(self) -> None:
        """Events are cut until they fit."""
        tight = Quotas(
            event_attributes_and_metrics=2,
            event_attribute_key_characters=3,
            event_attribute_value_characters=4,
            event_bytes=200,
        )

        def names(event: Event) -> int:
            batch = EventsBatch(endpoint=Endpoint(), events={"v": event})
            request = EventsRequest(batch_item={"e": batch})
            assert check_quotas(request, tight) == ()
            return len(event.attributes) + len(event.metrics)

        events = strategies.events(within=tight)
        assert not missing(events, names, {0, 1, 2})
        small = small_events(within=tight)
        assert not missing(small, lambda event: len(to_json(event)), {199, 200})

    def test_requests(self) -> None:
        """Requests hold as many events as they may, and not one more."""
        tight = Quotas(events_per_request=2, request_bytes=3_500)

        def checked(request: EventsRequest) -> int:
            assert check_quotas(request, tight) == ()
            return count(request)

        requests = strategies.events_requests(batches=alike, within=tight)
        assert not missing(requests, checked, {0, 1, 2})
        batches = strategies.events_batches(within=tight, events=st.just(EVENT))
        assert not missing(batches, lambda batch: len(batch.events), {0, 1, 2, 3})

    @pytest.mark.parametrize(
        "strategy",
        [
            strategies.events(event_types=st.just("e"), within=Quotas(event_bytes=1)),
            strategies.events_batches(
                endpoints=st.just(Endpoint()),
                events=st.just(EVENT),
                within=Quotas(event_bytes=1),
                min_size=1,
            ),
            strategies.events_requests(batches=alike, within=Quotas(request_bytes=1)),
            strategies.events_requests(
                batches=alike, within=Quotas(request_bytes=20), min_size=1
            ),
        ],
        ids=["events", "batches", "requests", "requests of an endpoint"],
    )
    @settings(max_examples=3)
    @given(data=st.data())
    def test_nothing_fits(
        self, data: DataObject, strategy: SearchStrategy[object]
    ) -> None:
        """Where nothing is that small, the example is rejected."""
        with pytest.raises(UnsatisfiedAssumption):
            data.draw(strategy)

    @costly
    @given(
        request=strategies.events_requests(
            batches=alike, within=Quotas(event_bytes=1), min_size=1
        )
    )
    def test_no_event_fits(self, request: EventsRequest) -> None:
        """Where no event is that small, there are requests without events."""
        assert count(request) == 0
        assert request.batch_item
