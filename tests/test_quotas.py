"""Tests of the limits: their numbers, and what is over them."""

import pickle
from typing import Any

import attrs
import pytest
from hypothesis import given

from pinpoint_events.errors import QuotaExceededError
from pinpoint_events.model.endpoint import Endpoint, User
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.problems import Problem, ProblemCode
from pinpoint_events.quotas import (
    Quotas,
    check_quotas,
    endpoint_problems,
    is_within,
    item_problems,
    refuse_over_quota,
)
from pinpoint_events.testing import strategies
from pinpoint_events.wire import to_json
from tests.samples import REQUEST, event, fact_text, facts_of, request

DOCUMENTED = {
    "events_per_request": (100, "events"),
    "endpoints_per_request": (1_000, "endpoints"),
    "request_bytes": (4_000_000, "bytes"),
    "event_bytes": (1_000_000, "bytes"),
    "event_attributes_and_metrics": (40, "names"),
    "event_attribute_key_characters": (50, "characters"),
    "event_attribute_value_characters": (200, "characters"),
    "endpoint_bytes": (15_000, "bytes"),
    "endpoint_attributes_and_metrics": (250, "names"),
    "endpoint_attribute_key_characters": (50, "characters"),
    "endpoint_attribute_value_characters": (100, "characters"),
    "endpoint_attribute_values": (50, "values"),
}


def numbered(count: int, value: Any) -> dict[str, Any]:
    """Return so many names, each with the same value."""
    return {f"name-{number}": value for number in range(count)}


def event_facts(one: Event, quotas: Quotas = Quotas()) -> list[str]:  # noqa: B008 - immutable
    """Return what an event in a request is over."""
    return list(map(fact_text, check_quotas(request(e={"v": one}), quotas)))


def endpoint_facts(one: Endpoint, quotas: Quotas = Quotas()) -> list[str]:  # noqa: B008 - immutable
    """Return what an endpoint in a request is over."""
    batch = EventsBatch(endpoint=one, events={})
    sent = EventsRequest(batch_item={"e": batch})
    return list(map(fact_text, check_quotas(sent, quotas)))


class TestNumbers:
    """Every limit but one is a documented number, with its unit, source and date."""

    def test_documented(self) -> None:
        """Numbers and units are those of the service's pages, but for one."""
        assert {
            field.name: (field.default, field.metadata["unit"])
            for field in attrs.fields(Quotas)
        } == DOCUMENTED

    @pytest.mark.parametrize(
        "field", attrs.fields(Quotas), ids=lambda field: field.name
    )
    def test_source(self, field: "attrs.Attribute[Any]") -> None:
        """Each names its page, the page's date, and when it was read; or its reason."""
        assert field.metadata["source"] in {
            'Amazon Pinpoint quotas, "Event ingestion quotas", of May 2023',
            'Amazon Pinpoint quotas, "Endpoint quotas", of May 2023',
            (
                "this package: the service documents none; ten times the endpoints "
                "that the events of a request can have"
            ),
        }
        assert field.metadata["read"] == "2026-11-23"

    def test_can_be_set(self) -> None:
        """Each limit can be moved; the others stay."""
        moved = Quotas(events_per_request=10, request_bytes=None)
        assert (moved.events_per_request, moved.request_bytes) == (10, None)
        assert moved.event_bytes == Quotas().event_bytes

    def test_faulty(self) -> None:
        """A limit is a whole number above zero, or None."""
        loose: Any = Quotas
        assert facts_of(
            lambda: loose(
                events_per_request=0,
                request_bytes=-1,
                event_bytes=True,
                endpoint_bytes=1.5,
                endpoint_attribute_values="50",
            )
        ) == [
            "events_per_request: limit_not_positive 0 > 1",
            "request_bytes: limit_not_positive -1 > 1",
            "event_bytes: wrong_type bool not integer",
            "endpoint_bytes: wrong_type float not integer",
            "endpoint_attribute_values: wrong_type str not integer",
        ]


class TestRequest:
    """One under a limit and at it is within, one over it is not."""

    @pytest.mark.parametrize("count, over", [(99, False), (100, False), (101, True)])
    def test_events(self, count: int, *, over: bool) -> None:
        """Events are counted over all endpoints."""
        half = count // 2
        sent = request(e=numbered(half, event()), f=numbered(count - half, event()))
        code = ProblemCode.TOO_MANY_EVENTS
        problem = Problem(code, actual=101, allowed=100, unit="events")
        assert check_quotas(sent) == ((problem,) if over else ())

    @pytest.mark.parametrize(
        "count, over", [(999, False), (1_000, False), (1_001, True)]
    )
    def test_endpoints(self, count: int, *, over: bool) -> None:
        """Endpoints are counted with and without events."""
        empty = EventsBatch(endpoint=Endpoint(), events={})
        full = EventsBatch(endpoint=Endpoint(), events={"v": event()})
        sent = EventsRequest(batch_item={**numbered(count - 1, empty), "e": full})
        code = ProblemCode.TOO_MANY_ENDPOINTS
        problem = Problem(code, actual=1_001, allowed=1_000, unit="endpoints")
        assert check_quotas(sent) == ((problem,) if over else ())

    @pytest.mark.parametrize("distance, over", [(-1, False), (0, False), (1, True)])
    def test_bytes(self, distance: int, *, over: bool) -> None:
        """Bytes are those of the JSON text that is sent."""
        size = len(to_json(REQUEST))
        problems = check_quotas(REQUEST, Quotas(request_bytes=size - distance))
        line = f"request_too_large {size} > {size - distance} bytes"
        assert list(map(fact_text, problems)) == ([line] if over else [])

    def test_documented_bytes(self) -> None:
        """1 KB is 1,000 bytes: 4 MB are 4,000,000 bytes, and not one more."""
        frame = len(
            to_json(request(e={str(number): event("t") for number in range(5)}))
        )
        longest = 4_000_000 - frame + 5
        sent = [
            request(
                e={
                    str(number): event(
                        "t" * (longest // 5 + (longest % 5 + extra) * (not number))
                    )
                    for number in range(5)
                }
            )
            for extra in (0, 1)
        ]
        assert [len(to_json(each)) for each in sent] == [4_000_000, 4_000_001]
        assert check_quotas(sent[0]) == ()
        assert check_quotas(sent[1]) == (
            Problem(
                ProblemCode.REQUEST_TOO_LARGE,
                actual=4_000_001,
                allowed=4_000_000,
                unit="bytes",
            ),
        )

    def test_endpoints_do_not_count(self) -> None:
        """How many endpoints a request may have is not documented."""
        assert (
            check_quotas(request(**{f"e{number}": {} for number in range(150)})) == ()
        )

    def test_empty(self) -> None:
        """An empty request is within every quota."""
        assert check_quotas(EventsRequest(batch_item={})) == ()

    def test_wrong_type(self) -> None:
        """A dict is recognised as the wire form of a request."""
        loose: Any = check_quotas
        assert facts_of(lambda: loose({"BatchItem": {}}, {})) == [
            "request: plain_data dict EventsRequest",
            "quotas: not_an_instance dict Quotas",
        ]


class TestEvent:
    """The quotas of one event."""

    @pytest.mark.parametrize(
        "count, over", [(999_999, False), (1_000_000, False), (1_000_001, True)]
    )
    def test_bytes(self, count: int, *, over: bool) -> None:
        """1,000 KB, as its text in the request."""
        one = event("t" * (count - len(to_json(event("t"))) + 1))
        assert len(to_json(one)) == count
        line = "event_too_large 1000001 > 1000000 bytes"
        assert event_facts(one) == (
            [f"batch_item['e'].events['v']: {line}"] if over else []
        )

    @pytest.mark.parametrize(
        "attributes, metrics, over",
        [(39, 0, 0), (40, 0, 0), (0, 40, 0), (20, 20, 0), (21, 20, 41), (0, 41, 41)],
    )
    def test_names(self, attributes: int, metrics: int, over: int) -> None:
        """Attributes and metrics count together."""
        one = event(attributes=numbered(attributes, ""), metrics=numbered(metrics, 1))
        line = f"too_many_attributes {over} > 40 names"
        assert event_facts(one) == (
            [f"batch_item['e'].events['v']: {line}"] if over else []
        )

    @pytest.mark.parametrize("letter", ["k", "ö", "\U0001f600"])
    @pytest.mark.parametrize("count, over", [(49, False), (50, False), (51, True)])
    def test_key(self, letter: str, count: int, *, over: bool) -> None:
        """Characters are counted, whatever bytes they take; metrics' names are not."""
        one = event(attributes={letter * count: ""}, metrics={letter * 60: 1})
        path = f"batch_item['e'].events['v'].attributes['{letter * 51}']"
        line = f"{path}: key_too_long 51 > 50 characters"
        assert event_facts(one) == ([line] if over else [])

    @pytest.mark.parametrize("letter", ["v", "ö", "\U0001f600"])
    @pytest.mark.parametrize("count, over", [(199, False), (200, False), (201, True)])
    def test_value(self, letter: str, count: int, *, over: bool) -> None:
        """The value is measured, and not shown."""
        one = event(attributes={"note": letter * count})
        path = "batch_item['e'].events['v'].attributes['note']"
        line = f"{path}: value_too_long 201 > 200 characters"
        assert event_facts(one) == ([line] if over else [])

    def test_all_at_once(self) -> None:
        """All quotas that an event exceeds are reported."""
        one = event(attributes={"k" * 5: "v" * 5, "k": "v" * 9}, metrics={"m": 1})
        tight = Quotas(
            event_bytes=10,
            event_attributes_and_metrics=2,
            event_attribute_key_characters=4,
            event_attribute_value_characters=4,
        )
        path = "batch_item['e'].events['v']"
        size = len(to_json(one))
        assert event_facts(one, tight) == [
            f"{path}: event_too_large {size} > 10 bytes",
            f"{path}: too_many_attributes 3 > 2 names",
            f"{path}.attributes['kkkkk']: key_too_long 5 > 4 characters",
            f"{path}.attributes['kkkkk']: value_too_long 5 > 4 characters",
            f"{path}.attributes['k']: value_too_long 9 > 4 characters",
        ]

    def test_switched_off(self) -> None:
        """None switches a limit off, whatever the event."""
        off = Quotas(**dict.fromkeys(DOCUMENTED))
        one = event("t" * 2_000_000, attributes=numbered(500, "v" * 500))
        assert event_facts(one, off) == []


class TestEndpoint:
    """The quotas of one endpoint."""

    @pytest.mark.parametrize(
        "count, over", [(14_999, False), (15_000, False), (15_001, True)]
    )
    def test_bytes(self, count: int, *, over: bool) -> None:
        """15 KB, as its text in the request."""
        one = Endpoint(request_id="r" * (count - len(to_json(Endpoint(request_id="")))))
        assert len(to_json(one)) == count
        line = "batch_item['e'].endpoint: endpoint_too_large 15001 > 15000 bytes"
        assert endpoint_facts(one) == ([line] if over else [])

    @pytest.mark.parametrize(
        "attributes, metrics, of_user, over",
        [
            (249, 0, None, 0),
            (250, 0, 0, 0),
            (100, 100, 50, 0),
            (100, 100, 51, 251),
            (251, 0, None, 251),
        ],
    )
    def test_names(
        self, attributes: int, metrics: int, of_user: int | None, over: int
    ) -> None:
        """Attributes, metrics and user attributes count together."""
        one = Endpoint(
            attributes=numbered(attributes, []),
            metrics=numbered(metrics, 1),
            user=None
            if of_user is None
            else User(user_attributes={f"u-{n}": [] for n in range(of_user)}),
        )
        line = f"batch_item['e'].endpoint: too_many_attributes {over} > 250 names"
        assert endpoint_facts(one) == ([line] if over else [])

    @pytest.mark.parametrize("count, over", [(49, False), (50, False), (51, True)])
    def test_key(self, count: int, *, over: bool) -> None:
        """Of an attribute of the endpoint, or of its user."""
        lists = {"ö" * count: ["v"]}
        one = Endpoint(attributes=lists, user=User(user_attributes=lists))
        line = f"['{'ö' * 51}']: key_too_long 51 > 50 characters"
        path = "batch_item['e'].endpoint"
        assert endpoint_facts(one) == (
            [f"{path}.attributes{line}", f"{path}.user.user_attributes{line}"]
            if over
            else []
        )

    @pytest.mark.parametrize("count, over", [(99, False), (100, False), (101, True)])
    def test_value(self, count: int, *, over: bool) -> None:
        """Each value of a list has its position in the path."""
        lists = {"k": ["v", "ö" * count]}
        one = Endpoint(attributes=lists, user=User(user_attributes=lists))
        line = "['k'][1]: value_too_long 101 > 100 characters"
        path = "batch_item['e'].endpoint"
        assert endpoint_facts(one) == (
            [f"{path}.attributes{line}", f"{path}.user.user_attributes{line}"]
            if over
            else []
        )

    @pytest.mark.parametrize("count, over", [(49, False), (50, False), (51, True)])
    def test_values(self, count: int, *, over: bool) -> None:
        """A list may have so many values."""
        lists = {"k": ["v"] * count}
        one = Endpoint(attributes=lists, user=User(user_attributes=lists))
        line = "['k']: too_many_values 51 > 50 values"
        path = "batch_item['e'].endpoint"
        assert endpoint_facts(one) == (
            [f"{path}.attributes{line}", f"{path}.user.user_attributes{line}"]
            if over
            else []
        )

    def test_switched_off(self) -> None:
        """None switches a limit off, whatever the endpoint."""
        off = Quotas(**dict.fromkeys(DOCUMENTED))
        one = Endpoint(attributes=numbered(300, ["v" * 500] * 60))
        assert endpoint_problems(one, 10**9, off) == []


class TestOrder:
    """Problems come in the order of the request."""

    def test_order(self) -> None:
        """First the request as a whole, then each endpoint and its events."""
        sent = EventsRequest(
            batch_item={
                "b": EventsBatch(
                    endpoint=Endpoint(attributes={"long": ["v"]}),
                    events={"2": event(attributes={"long": "v"}), "1": event()},
                ),
                "a": EventsBatch(
                    endpoint=Endpoint(), events={"1": event(attributes={"long": "v"})}
                ),
            }
        )
        tight = Quotas(
            events_per_request=2,
            request_bytes=10,
            event_attribute_key_characters=3,
            endpoint_attribute_key_characters=3,
        )
        assert [problem.path for problem in check_quotas(sent, tight)] == [
            (),
            (),
            ("batch_item", "b", "endpoint", "attributes", "long"),
            ("batch_item", "b", "events", "2", "attributes", "long"),
            ("batch_item", "a", "events", "1", "attributes", "long"),
        ]

    def test_a_problem_measures_as_the_check_does(self) -> None:
        """The measure is the size of what is sent, to the byte."""
        sent = request(e={"v": event("ü" * 10)})
        (problem,) = check_quotas(sent, Quotas(request_bytes=1))
        assert problem.actual == len(to_json(sent))


class TestRemembered:
    """Requests remember the quotas that they are within; nothing else is skipped."""

    def test_others_are_checked(self) -> None:
        """What is within some quotas may exceed others."""
        sent = request(e={"1": event(attributes={"key": "value"})})
        assert check_quotas(sent) == ()
        assert is_within(sent, Quotas())
        narrow = Quotas(events_per_request=1, event_attribute_value_characters=4)
        assert not is_within(sent, narrow)
        with pytest.raises(QuotaExceededError) as caught:
            refuse_over_quota(sent, narrow)
        assert [each.code for each in caught.value.problems] == [
            ProblemCode.VALUE_TOO_LONG
        ]
        refuse_over_quota(sent, Quotas())

    @given(
        strategies.events_requests(within=None),
        strategies.quotas(),
        strategies.quotas(),
    )
    def test_wider_quotas_are_implied(
        self, sent: EventsRequest, known: Quotas, other: Quotas
    ) -> None:
        """Law: what is known to be within some quotas is within those it counts as."""
        if not check_quotas(sent, known) and is_within(sent, other):
            copy = EventsRequest(batch_item=sent.batch_item)
            assert check_quotas(copy, other) == ()

    def test_without_limits(self) -> None:
        """A limit that is off is the widest."""
        sent = request(e={"1": event()})
        assert check_quotas(sent) == ()
        assert is_within(sent, Quotas(events_per_request=None, event_bytes=None))
        assert not is_within(sent, Quotas(events_per_request=99))

    def test_is_no_part_of_the_value(self) -> None:
        """Equality, hash and pickles are those of the content."""
        known, new = (request(e={"1": event(attributes={"k": "v"})}) for _ in "12")
        assert check_quotas(known) == ()
        assert known == new
        assert hash(known) == hash(new)
        assert not is_within(pickle.loads(pickle.dumps(known)), Quotas())

    @given(strategies.events_requests(within=None), strategies.quotas())
    def test_sizes_are_measured_where_they_matter(
        self, sent: EventsRequest, quotas: Quotas
    ) -> None:
        """Leaving out sizes that cannot matter changes nothing."""
        size = len(to_json(sent))
        measured = item_problems(sent, max(size, 2_000_000), quotas)
        assert list(item_problems(sent, size, quotas)) == list(measured)
