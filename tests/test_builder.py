"""Tests of the builder: what it takes, refuses, measures, and splits."""

import copy
import gc
import pickle
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pinpoint_events.builder import BatchBuilder, new_event_id
from pinpoint_events.errors import QuotaExceededError, ValidationError
from pinpoint_events.model.endpoint import ChannelType, Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.quotas import Quotas, check_quotas
from pinpoint_events.wire import to_json, to_wire
from pinpoint_events.wire.json_text import encode
from tests.samples import ENDPOINT, EVENT, event, fact_text, facts_of, request

ADA = Endpoint(channel_type=ChannelType.EMAIL, address="ada@example.com")
BOB = Endpoint(channel_type=ChannelType.EMAIL, address="bob@example.com")
NO_ENDPOINT = "event: no_current_endpoint"


def counted() -> Callable[[], str]:
    """Return a maker of event ids: id-1, id-2, and so on."""
    ids: Iterator[int] = iter(range(1, 1_000_000))
    return lambda: f"id-{next(ids)}"


def builder(**quotas: int | None) -> BatchBuilder:
    """Return a builder whose event ids can be foretold."""
    return BatchBuilder(quotas=Quotas(**quotas), new_event_id=counted())


def arrivals(requests: tuple[EventsRequest, ...]) -> list[tuple[str, str]]:
    """Return the ids of all events of all requests, in order."""
    return [
        (endpoint_id, event_id)
        for each in requests
        for endpoint_id, batch in each.batch_item.items()
        for event_id in batch.events
    ]


class TestNewEventId:
    """Ids that are not given are random UUIDs."""

    def test_form(self) -> None:
        """Of version 4, in the usual form."""
        form = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
        assert all(re.fullmatch(form, new_event_id()) for _ in range(200))

    def test_all_differ(self) -> None:
        """No two are alike, and every random digit takes every value."""
        made = [new_event_id() for _ in range(2_000)]
        assert len(set(made)) == 2_000
        digits = [set(column) for column in zip(*made, strict=True)]
        assert [len(seen) for seen in digits] == (
            [16] * 8
            + [1]
            + [16] * 4
            + [1]
            + [1]
            + [16] * 3
            + [1]
            + [4]
            + [16] * 3
            + [1]
            + [16] * 12
        )

    def test_is_the_default(self) -> None:
        """A builder makes one for each event that comes without."""
        ((_, event_id, _),) = BatchBuilder().add("e", event()).events()
        assert re.fullmatch(r"[0-9a-f-]{36}", event_id)


class TestAdd:
    """`add` takes one event of any endpoint."""

    def test_chain(self) -> None:
        """Each step returns the builder itself, so that none can be lost."""
        started = builder()
        assert started.add("e", event()) is started
        assert started.endpoint("e", ADA) is started
        assert started.event(event()) is started
        assert started.clear() is started

    def test_ids(self) -> None:
        """An id that is given stays; one that is not is made."""
        built = builder().add("e", event("a")).add("f", event("b"), event_id="mine")
        built.add("e", event("c"))
        assert list(built.events()) == [
            ("e", "id-1", event("a")),
            ("f", "mine", event("b")),
            ("e", "id-2", event("c")),
        ]

    def test_current_endpoint_stays(self) -> None:
        """`add` neither uses nor changes the endpoint that is current."""
        built = builder().endpoint("e").add("f", event("a")).event(event("b"))
        assert list(built.events()) == [
            ("f", "id-1", event("a")),
            ("e", "id-2", event("b")),
        ]

    def test_same_event_again(self) -> None:
        """An equal event under the same id changes nothing: it is the same one."""
        built = builder().add("e", event("a", metrics={"n": 1}), event_id="v")
        before = (len(built), built.size_bytes, list(built.events()))
        built.add("e", event("a", metrics={"n": 1.0}), event_id="v")
        assert (len(built), built.size_bytes, list(built.events())) == before

    def test_other_event_of_the_same_id(self) -> None:
        """Under one endpoint an id names one event."""
        built = builder().add("e", event("a"), event_id="v")
        assert facts_of(lambda: built.add("e", event("b"), event_id="v")) == [
            "batch_item['e'].events['v']: event_id_taken"
        ]
        assert list(built.events()) == [("e", "v", event("a"))]

    def test_same_id_under_another_endpoint(self) -> None:
        """They are separate mappings, so both stay."""
        built = builder().add("e", event("a"), event_id="v")
        built.add("f", event("b"), event_id="v")
        assert len(built) == 2

    @pytest.mark.parametrize(
        "arguments, facts",
        [
            (("", event(), "v"), ["endpoint_id: empty"]),
            (("e", event(), ""), ["event_id: empty"]),
            (
                (None, {}, 7),
                [
                    "endpoint_id: wrong_type NoneType not name",
                    "event_id: wrong_type int not name",
                    "event: plain_data dict Event",
                ],
            ),
        ],
        ids=["endpoint id", "event id", "all"],
    )
    def test_faulty_arguments(
        self, arguments: tuple[Any, ...], facts: list[str]
    ) -> None:
        """All their problems are reported, and nothing is added."""
        built = builder()
        endpoint_id, given, event_id = arguments
        assert (
            facts_of(lambda: built.add(endpoint_id, given, event_id=event_id)) == facts
        )
        assert not built
        assert built.size_bytes == len(b'{"BatchItem":{}}')

    def test_faulty_new_id(self) -> None:
        """A made id is held to the same rules."""
        loose: Any = lambda: ""  # noqa: E731 - a maker that makes nothing
        built = BatchBuilder(new_event_id=loose)
        assert facts_of(lambda: built.add("e", event())) == ["event_id: empty"]

    def test_ids_of_subclasses_become_plain(self) -> None:
        """An enum's member may be an id; what is kept is its text."""
        ((endpoint_id, event_id, _),) = (
            builder().add(ChannelType.SMS, event(), event_id=ChannelType.ADM).events()
        )
        assert (type(endpoint_id), type(event_id)) == (str, str)
        assert (endpoint_id, event_id) == ("SMS", "ADM")


class TestEndpoint:
    """`endpoint` says whom the events that follow belong to."""

    def test_events_follow(self) -> None:
        """Until another endpoint is given."""
        built = builder().endpoint("e", ADA).event(event("a")).event(event("b"))
        built.endpoint("f").event(event("c"), event_id="v")
        assert built.build() == EventsRequest(
            batch_item={
                "e": EventsBatch(
                    endpoint=ADA, events={"id-1": event("a"), "id-2": event("b")}
                ),
                "f": EventsBatch(endpoint=Endpoint(), events={"v": event("c")}),
            }
        )

    @pytest.mark.parametrize(
        "again",
        [None, ADA, Endpoint(address="ada@example.com", channel_type="EMAIL")],
    )
    def test_continues(self, again: Endpoint | None) -> None:
        """The same id with nothing or an equal endpoint goes on where it was."""
        built = builder().endpoint("e", ADA).event(event("a")).endpoint("f", BOB)
        built.endpoint("e", again).event(event("b"))
        assert built.build().batch_item["e"] == EventsBatch(
            endpoint=ADA, events={"id-1": event("a"), "id-2": event("b")}
        )

    def test_may_be_said_later(self) -> None:
        """What was not said of an endpoint before its events can be said after them."""
        built = builder().add("e", event("a")).endpoint("e", ADA)
        assert built.build().batch_item["e"] == EventsBatch(
            endpoint=ADA, events={"id-1": event("a")}
        )

    def test_differs_from_before(self) -> None:
        """Different data for one endpoint are a mistake; the members are named."""
        built = builder().endpoint("e", ADA).event(event())
        other = Endpoint(address="bob@example.com", channel_type="EMAIL", opt_out="ALL")
        size = built.size_bytes
        assert facts_of(lambda: built.endpoint("e", other)) == [
            "batch_item['e'].endpoint: endpoint_differs ('address', 'opt_out')"
        ]
        assert built.build().batch_item["e"].endpoint == ADA
        assert built.size_bytes == size

    def test_empty_is_something_said(self) -> None:
        """`Endpoint()` is an endpoint, and another one contradicts it."""
        built = builder().endpoint("e", Endpoint())
        with pytest.raises(ValidationError):
            built.endpoint("e", ADA)

    @pytest.mark.parametrize(
        "refused",
        [
            lambda built: built.endpoint("", BOB),
            lambda built: built.endpoint("f", {"Address": "x"}),
            lambda built: built.endpoint("e", BOB),
            lambda built: built.endpoint("f", Endpoint(attributes={"k" * 51: []})),
        ],
        ids=["id", "type", "differs", "quota"],
    )
    def test_after_a_refused_one_none_is_current(
        self, refused: Callable[[BatchBuilder], object]
    ) -> None:
        """So no event lands on the wrong person."""
        built = builder().endpoint("e", ADA).event(event("a"))
        with pytest.raises(ValidationError):
            refused(built)
        assert facts_of(lambda: built.event(event("b"))) == [NO_ENDPOINT]
        assert list(built.events()) == [("e", "id-1", event("a"))]
        assert built.endpoint("e").event(event("b")) is built

    def test_without_any(self) -> None:
        """An event has to belong to someone."""
        assert facts_of(lambda: builder().event(event())) == [
            "event: no_current_endpoint"
        ]

    def test_faulty_arguments(self) -> None:
        """All their problems are reported."""
        loose: Any = builder()
        assert facts_of(lambda: loose.endpoint(5, "ada")) == [
            "endpoint_id: wrong_type int not name",
            "endpoint: not_an_instance str Endpoint",
        ]


class TestQuotas:
    """What breaks the quota of an item is refused at once, and nothing is lost."""

    @pytest.mark.parametrize("distance", [-1, 0, 1])
    def test_event(self, distance: int) -> None:
        """An event may have as many bytes as the quota says, and not one more."""
        one = event()
        size = len(to_json(one))
        built = builder(event_bytes=size - distance).add("e", event("a"), event_id="1")
        before = (built.size_bytes, to_json(built.build()), list(built.events()))
        if distance <= 0:
            assert len(built.add("e", one, event_id="2")) == 2
            return
        with pytest.raises(QuotaExceededError) as caught:
            built.add("f", one, event_id="2")
        assert list(map(fact_text, caught.value.problems)) == [
            f"batch_item['f'].events['2']: event_too_large {size} > {size - 1} bytes"
        ]
        assert (
            built.size_bytes,
            to_json(built.build()),
            list(built.events()),
        ) == before

    def test_event_within_its_endpoint(self) -> None:
        """Each problem has its place in the request that would have been."""
        one = event(attributes={"k" * 51: "v" * 201})
        with pytest.raises(QuotaExceededError) as caught:
            builder().endpoint("e").event(one, event_id="v")
        assert [problem.path for problem in caught.value.problems] == [
            ("batch_item", "e", "events", "v", "attributes", "k" * 51),
            ("batch_item", "e", "events", "v", "attributes", "k" * 51),
        ]

    @pytest.mark.parametrize("distance", [-1, 0, 1])
    def test_endpoint(self, distance: int) -> None:
        """The same holds for endpoints."""
        size = len(to_json(ENDPOINT))
        built = builder(endpoint_bytes=size - distance).add("e", event())
        before = (built.size_bytes, to_json(built.build()))
        if distance <= 0:
            built.endpoint("f", ENDPOINT)
            assert list(built.build().batch_item) == ["e", "f"]
            return
        with pytest.raises(QuotaExceededError) as caught:
            built.endpoint("f", ENDPOINT)
        assert list(map(fact_text, caught.value.problems)) == [
            f"batch_item['f'].endpoint: endpoint_too_large {size} > {size - 1} bytes"
        ]
        assert (built.size_bytes, to_json(built.build())) == before

    def test_wrong_type(self) -> None:
        """Quotas must be of their class; it is checked before anything is built."""
        loose: Any = BatchBuilder
        assert facts_of(lambda: loose(quotas=100)) == [
            "quotas: not_an_instance int Quotas"
        ]


class TestAddRequest:
    """A finished request is added whole, or not at all."""

    def test_everything(self) -> None:
        """Endpoints and events, in their order; the current endpoint stays."""
        one = EventsRequest(
            batch_item={
                "b": EventsBatch(endpoint=ADA, events={"2": event(), "1": EVENT}),
                "a": EventsBatch(endpoint=Endpoint(), events={}),
            }
        )
        built = builder().endpoint("now").add_request(one).event(event("x"))
        assert [each[:2] for each in built.events()] == [
            ("b", "2"),
            ("b", "1"),
            ("now", "id-1"),
        ]
        assert built.build().batch_item["b"] == one.batch_item["b"]
        assert built.size_bytes == len(to_json(built.build()))
        again = BatchBuilder().add_request(one)
        assert again.build() == one
        assert again.add_request(one).build() == one

    def test_endpoint_of_which_nothing_is_said(self) -> None:
        """It leaves what is known of the endpoint, before and after."""
        silent = request(e={"v": event()})
        builder = BatchBuilder().endpoint("e", ADA).add_request(silent)
        assert builder.build().batch_item["e"].endpoint == ADA
        builder = BatchBuilder().add_request(silent).endpoint("e", ADA)
        assert builder.build().batch_item["e"].endpoint == ADA

    def test_all_problems_at_once(self) -> None:
        """After them the builder is as it was."""
        built = builder().endpoint("e", ADA).event(event(), event_id="v")
        before = built.build()
        wrong = EventsRequest(
            batch_item={
                "new": EventsBatch(endpoint=BOB, events={"w": event()}),
                "e": EventsBatch(endpoint=BOB, events={"v": event("other")}),
            }
        )
        assert facts_of(lambda: built.add_request(wrong)) == [
            "batch_item['e'].endpoint: endpoint_differs ('address',)",
            "batch_item['e'].events['v']: event_id_taken",
        ]
        assert built.build() == before
        assert built.size_bytes == len(to_json(before))

    def test_over_quota(self) -> None:
        """Quotas are those of the builder."""
        wordy = request(e={"v": event(attributes={"k" * 9: "v" * 9})})
        built = builder(
            event_attribute_key_characters=8, event_attribute_value_characters=8
        )
        with pytest.raises(QuotaExceededError) as caught:
            built.add_request(wordy)
        assert len(caught.value.problems) == 2
        assert not built
        loose: Any = built
        assert facts_of(lambda: loose.add_request({})) == [
            "request: plain_data dict EventsRequest"
        ]


class TestCopies:
    """A builder is one thing in one place."""

    @pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
    def test_is_not_copied(self, duplicate: Callable[[object], object]) -> None:
        """Two that share what each changes would lose count."""
        with pytest.raises(TypeError) as caught:
            duplicate(BatchBuilder())
        message = "cannot pickle or copy a BatchBuilder; copy the request of build()"
        assert str(caught.value) == message


class TestMeasures:
    """The builder knows at each step how large it is."""

    def test_size_is_exact_after_each_step(self) -> None:
        """`size_bytes` is the length of the text that `build` would give."""
        built = builder(endpoint_bytes=None)
        steps: list[Callable[[], object]] = [
            lambda: built.endpoint("e", ADA),
            lambda: built.event(event("ünï", attributes={'"': "\\", "\n": "\u2028"})),
            lambda: built.event(EVENT),
            lambda: built.add("ö", event(metrics={"n": 1e22, "m": -0.0, "i": 2**53})),
            lambda: built.endpoint("ö", ENDPOINT),
            lambda: built.endpoint("alone", Endpoint()),
            lambda: built.endpoint("alone").event(EVENT, event_id='"'),
            lambda: built.add("new", EVENT, event_id="same"),
            lambda: built.add("new", EVENT, event_id="same"),
        ]
        for step in steps:
            step()
            text = to_json(built.build())
            assert built.size_bytes == len(text)
            assert text == encode(to_wire(built.build()))
        assert len(built) == 5

    def test_empty(self) -> None:
        """An empty builder has the size of an empty request, and is false."""
        empty = builder()
        assert empty.size_bytes == len(to_json(EventsRequest(batch_item={})))
        assert len(empty) == 0
        assert not empty
        assert list(empty.events()) == []
        assert repr(empty) == "<BatchBuilder of 0 events at 0 endpoints, 16 bytes>"

    def test_endpoint_alone(self) -> None:
        """Something said of an endpoint is something to build, though no event."""
        built = builder().endpoint("e", ADA)
        assert len(built) == 0
        assert built
        assert built.build() == EventsRequest(
            batch_item={"e": EventsBatch(endpoint=ADA, events={})}
        )

    def test_endpoint_of_which_nothing_is_said(self) -> None:
        """An id alone is nothing to build."""
        assert not builder().endpoint("e")

    def test_repr(self) -> None:
        """It shows sizes, and no payload."""
        built = builder().endpoint("e", ADA).event(event())
        assert repr(built) == (
            f"<BatchBuilder of 1 events at 1 endpoints, {built.size_bytes} bytes>"
        )

    def test_clear(self) -> None:
        """All is forgotten: endpoints, events, and which endpoint is current."""
        built = builder().endpoint("e", ADA).event(event()).clear()
        assert not built
        assert built.size_bytes == 16
        with pytest.raises(ValidationError):
            built.event(event())
        assert (
            built.endpoint("e", BOB).event(event()).build().batch_item["e"].endpoint
            == BOB
        )

    def test_adding_costs_what_the_event_costs(self) -> None:
        """However full the builder is, one more event takes the same steps."""
        built = builder(events_per_request=None)
        steps: list[int] = []

        def count(*_: object) -> None:
            steps[-1] += 1

        for full in (100, 3_000):
            while len(built) < full:
                built.add("e", event())
            one = event("x")
            steps.append(0)
            gc.disable()  # a collection in between would run callbacks of others
            sys.setprofile(count)
            built.add("e", one)
            size = built.size_bytes
            sys.setprofile(None)
            gc.enable()
            assert size == built.size_bytes
        assert steps[0] == steps[1] > 0


class TestBuild:
    """`build` gives one request, and changes nothing."""

    def test_empty(self) -> None:
        """Of nothing there is no request."""
        assert facts_of(builder().build) == ["empty_builder"]
        assert facts_of(builder().build_all) == ["empty_builder"]

    def test_may_be_repeated(self) -> None:
        """Each time it gives the same, and more after more was added."""
        built = builder().endpoint("e", ADA).event(event("a"))
        first = built.build()
        assert built.build() == first
        built.event(event("b"))
        assert first.batch_item["e"].events == {"id-1": event("a")}
        assert built.build().batch_item["e"].events == {
            "id-1": event("a"),
            "id-2": event("b"),
        }

    def test_all_violations(self) -> None:
        """All quotas that the request exceeds are reported; the builder is kept."""
        built = builder(events_per_request=1, request_bytes=100)
        built.add("e", event()).add("e", event())
        with pytest.raises(QuotaExceededError) as caught:
            built.build()
        assert list(map(fact_text, caught.value.problems)) == [
            "too_many_events 2 > 1 events",
            f"request_too_large {built.size_bytes} > 100 bytes",
        ]
        assert len(built) == 2

    @pytest.mark.parametrize("distance", [-1, 0, 1])
    def test_bytes_of_the_request(self, distance: int) -> None:
        """One under and at the quota it is built, one over it is not."""
        whole = builder().endpoint("e", ADA).event(event(), event_id="v")
        size = whole.size_bytes
        built = builder(request_bytes=size - distance).endpoint("e", ADA)
        built.event(event(), event_id="v")
        if distance <= 0:
            assert built.build() == whole.build()
            return
        with pytest.raises(QuotaExceededError):
            built.build()

    def test_order(self) -> None:
        """Endpoints stand by the arrival of their first event, events by theirs."""
        built = builder().endpoint("c", ADA).add("b", event("1")).add("a", event("2"))
        built.add("b", event("3")).endpoint("d", BOB)
        assert [
            (key, list(item.events)) for key, item in built.build().batch_item.items()
        ] == [
            ("c", []),
            ("b", ["id-1", "id-3"]),
            ("a", ["id-2"]),
            ("d", []),
        ]

    def test_request_is_sound(self) -> None:
        """What was put together piece by piece is what the constructors would make."""
        built = builder().endpoint("e", ENDPOINT).event(EVENT, event_id="v-1").build()
        made = EventsRequest(
            batch_item={"e": EventsBatch(endpoint=ENDPOINT, events={"v-1": EVENT})}
        )
        assert built == made
        assert hash(built) == hash(made)
        assert to_json(built) == to_json(made)


class TestBuildAll:
    """Each request holds one run of arrivals, and the runs are all of them."""

    def test_one_request(self) -> None:
        """What fits one request is one, and that which `build` gives."""
        built = builder().endpoint("e", ADA).event(event())
        assert built.build_all() == (built.build(),)

    @pytest.mark.parametrize("count", [99, 100, 101, 200, 201])
    def test_by_events(self, count: int) -> None:
        """100 events in each, the rest in the last."""
        built = builder()
        for number in range(count):
            built.add(f"e-{number % 7}", event(f"t-{number}"))
        sizes = [
            sum(len(batch.events) for batch in each.batch_item.values())
            for each in built.build_all()
        ]
        assert sizes == [100] * (count // 100) + [count % 100] * bool(count % 100)

    def test_runs(self) -> None:
        """Arrivals are cut where a quota would break, and keep their order."""
        built = builder(events_per_request=3).endpoint("a", ADA)
        for number, endpoint_id in enumerate("abacbbca"):
            built.add(endpoint_id, event(f"t-{number}"))
        assert [
            {key: list(batch.events) for key, batch in each.batch_item.items()}
            for each in built.build_all()
        ] == [
            {"a": ["id-1", "id-3"], "b": ["id-2"]},
            {"c": ["id-4"], "b": ["id-5", "id-6"]},
            {"c": ["id-7"], "a": ["id-8"]},
        ]

    def test_runs_of_endpoints(self) -> None:
        """Endpoints are counted with and without events, each once in a request."""
        built = builder(endpoints_per_request=2).endpoint("z", ADA)
        for number, endpoint_id in enumerate("aabab"):
            built.add(endpoint_id, event(f"t-{number}"))
        assert [
            {key: list(batch.events) for key, batch in each.batch_item.items()}
            for each in built.build_all()
        ] == [{"z": [], "a": ["id-1", "id-2"]}, {"b": ["id-3", "id-5"], "a": ["id-4"]}]
        with pytest.raises(QuotaExceededError) as caught:
            built.build()
        assert list(map(fact_text, caught.value.problems)) == [
            "too_many_endpoints 3 > 2 endpoints"
        ]

    def test_each_carries_the_whole_endpoint(self) -> None:
        """Whichever request an event is in, what was said of its endpoint is, too."""
        built = builder(events_per_request=1).endpoint("e", ADA)
        built.event(event("a")).event(event("b"))
        assert [each.batch_item["e"].endpoint for each in built.build_all()] == [
            ADA,
            ADA,
        ]

    @pytest.mark.parametrize("limit", [240, 300, 371, 500, 1_000])
    def test_by_bytes(self, limit: int) -> None:
        """Every request is within the quota, and none could have taken one more."""
        built = builder(request_bytes=limit).endpoint("e", Endpoint(request_id="ü"))
        for number in range(23):
            built.add("eöf"[number % 3], event("t" * (number % 5 + 1)))
        requests = built.build_all()
        assert arrivals(requests) != []
        assert sorted(arrivals(requests)) == sorted(
            (endpoint_id, event_id) for endpoint_id, event_id, _ in built.events()
        )
        arrived = [event_id for _, event_id, _ in built.events()]
        start = 0
        for each in requests:
            assert len(to_json(each)) <= limit
            assert to_json(each) == encode(to_wire(each))
            ids = sorted(
                (event_id for _, event_id in arrivals((each,))), key=arrived.index
            )
            assert ids == arrived[start : start + len(ids)]
            start += len(ids)
            longer = builder(request_bytes=None)
            for endpoint_id, event_id, one in list(built.events())[
                start - len(ids) : start + 1
            ]:
                if endpoint_id == "e":
                    longer.endpoint("e", Endpoint(request_id="ü"))
                longer.add(endpoint_id, one, event_id=event_id)
            assert longer.size_bytes > limit or start == len(arrived)
        assert start == 23

    def test_endpoints_alone(self) -> None:
        """An endpoint without events is a separate arrival; it takes bytes alone."""
        two = builder().endpoint("a", ADA).endpoint("b", BOB).size_bytes
        for limit, runs in (
            (None, [["a", "b", "c", "d"]]),
            (two, [["a", "b"], ["c"], ["d"]]),
            (two - 1, [["a"], ["b"], ["c"], ["d"]]),
        ):
            built = builder(events_per_request=1, request_bytes=limit)
            built.endpoint("a", ADA).endpoint("b", BOB).add("c", event())
            built.endpoint("d", ADA)
            assert [list(each.batch_item) for each in built.build_all()] == runs

    def test_endpoint_with_events_is_no_arrival(self) -> None:
        """What was said of it goes where its events go, and nowhere else."""
        built = builder(events_per_request=1).endpoint("a", ADA).add("b", event())
        built.add("a", event())
        assert [list(each.batch_item) for each in built.build_all()] == [["b"], ["a"]]

    def test_what_fits_no_request(self) -> None:
        """One event with its endpoint may be too much for any; it is named."""
        for built in (
            builder(request_bytes=150).add("e", event(), event_id="id-1"),
            builder(request_bytes=150),
        ):
            self.check_that_f_fits_no_request(built)

    def check_that_f_fits_no_request(self, built: BatchBuilder) -> None:
        """Check that a long event is refused at any place in a run."""
        count = len(built)
        built.endpoint("f", ADA).event(event("long" * 20), event_id="id-2")
        size = len(
            to_json(
                EventsRequest(
                    batch_item={
                        "f": EventsBatch(
                            endpoint=ADA, events={"id-2": event("long" * 20)}
                        )
                    }
                )
            )
        )
        with pytest.raises(QuotaExceededError) as caught:
            built.build_all()
        assert list(map(fact_text, caught.value.problems)) == [
            f"batch_item['f']: event_with_endpoint_too_large {size} > 150 bytes"
        ]
        assert len(built) == count + 1

    def test_changes_nothing(self) -> None:
        """It may be repeated, and `build` still sees everything."""
        built = builder(events_per_request=2)
        for _ in range(5):
            built.add("e", event())
        assert built.build_all() == built.build_all()
        assert len(built) == 5
        with pytest.raises(QuotaExceededError):
            built.build()

    def test_all_are_within_the_quotas(self) -> None:
        """What comes out passes the check that senders make."""
        built = BatchBuilder()
        for number in range(250):
            built.add(f"e-{number % 3}", event(attributes={"note": "v" * 200}))
        assert [check_quotas(each) for each in built.build_all()] == [(), (), ()]


def test_example_of_the_design() -> None:
    """The request of the first page of the docs."""
    built = (
        BatchBuilder()
        .endpoint("user-1", ADA)
        .event(
            Event("purchase", attributes={"sku": "A-1"}, metrics={"price": 9.99}),
            event_id="evt-1",
        )
        .event(Event("receipt.sent"), event_id="evt-2")
        .build()
    )
    assert list(built.batch_item["user-1"].events) == ["evt-1", "evt-2"]
    assert request(**{"user-1": dict(built.batch_item["user-1"].events)}) != built
