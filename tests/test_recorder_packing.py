from collections import Counter, deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinpoint_events.model.endpoint import ChannelType, Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.problems import ProblemCode
from pinpoint_events.quotas import Quotas, bound, check_quotas
from pinpoint_events.recorder.items import Item, Refusal
from pinpoint_events.recorder.packing import Parcel, packed
from pinpoint_events.testing import strategies
from pinpoint_events.wire import to_json
from tests.drawn import costly
from tests.samples import event

QUOTAS = Quotas()
SMALL = Quotas(events_per_request=3, endpoints_per_request=2, request_bytes=1_500)


class Recorded(NamedTuple):
    """What a recorder was given."""

    endpoint_id: str
    event_id: str | None
    model: Event | Endpoint


def items_of(
    recorded: Sequence[Recorded], *, are_known: bool = True, first: int = 1
) -> list[Item]:
    """Return the items of a spool that has these."""
    return [
        Item(
            number,
            each.endpoint_id,
            each.event_id,
            to_json(each.model).decode(),
            0,
            0,
            each.model if are_known else None,
        )
        for number, each in enumerate(recorded, start=first)
    ]


def parcel_of(
    *recorded: Recorded, quotas: Quotas = QUOTAS, are_known: bool = True
) -> tuple[Parcel, list[Item]]:
    """Return the first parcel of these, and what is left."""
    waiting = deque(items_of(recorded, are_known=are_known))
    return pack(waiting, quotas), list(waiting)


def pack(waiting: deque[Item], quotas: Quotas) -> Parcel:
    """Return the next parcel within quotas."""
    return packed(
        waiting,
        quotas,
        most_events=bound(quotas.events_per_request),
        most_bytes=bound(quotas.request_bytes),
    )


def all_parcels(items: Sequence[Item], quotas: Quotas) -> list[Parcel]:
    """Return the parcels of all items."""
    waiting = deque(items)
    parcels = []
    while waiting:
        before = len(waiting)
        parcels.append(pack(waiting, quotas))
        assert len(waiting) < before
    return parcels


def at(address: str, **members: Any) -> Endpoint:
    """Return an endpoint that has this address."""
    return Endpoint(address=address, channel_type=ChannelType.EMAIL, **members)


NAMES = st.sampled_from("abc")
RECORDED = st.one_of(
    st.builds(
        Recorded,
        NAMES,
        st.sampled_from(["1", "2", "3", "4"]),
        st.sampled_from([event("a"), event("b"), event(attributes={"k": "v" * 99})]),
    ),
    st.builds(
        Recorded,
        NAMES,
        st.none(),
        st.sampled_from(
            [
                Endpoint(),
                Endpoint(opt_out="ALL"),
                at("one"),
                at("two"),
            ]
        ),
    ),
)
ANY_RECORDED = st.one_of(
    st.builds(
        Recorded,
        strategies.texts(min_size=1),
        strategies.texts(min_size=1),
        strategies.events(),
    ),
    st.builds(
        Recorded, strategies.texts(min_size=1), st.none(), strategies.endpoints()
    ),
)
ANY_QUOTAS = st.sampled_from(
    [QUOTAS, SMALL, Quotas(event_bytes=120, endpoint_bytes=30)]
)


class TestLaws:
    """Whatever was recorded is sent, or refused, once and in order."""

    @given(
        recorded=st.lists(RECORDED, max_size=30),
        quotas=ANY_QUOTAS,
        are_known=st.booleans(),
    )
    def test_one_place(
        self, recorded: list[Recorded], quotas: Quotas, *, are_known: bool
    ) -> None:
        """Each item is in one place: a request, the refused ones, or the queue."""
        parcel, left = parcel_of(*recorded, quotas=quotas, are_known=are_known)
        refused = [item for item, _ in parcel.refused]
        places = [*parcel.all_items, *refused, *left]
        assert sorted(places) == items_of(recorded, are_known=are_known)
        assert left == sorted(left)

    @given(st.lists(RECORDED, max_size=30), ANY_QUOTAS)
    def test_order(self, recorded: list[Recorded], quotas: Quotas) -> None:
        """Over all parcels, the items of an endpoint keep their order."""
        parcels = all_parcels(items_of(recorded), quotas)
        sent: dict[str, list[int]] = {}
        for parcel in parcels:
            for items in parcel.items.values():
                sent.setdefault(items[0].endpoint_id, []).append(items[0].id)
        in_order: dict[str, list[int]] = {}
        for parcel in parcels:
            numbers: dict[str, list[int]] = {}
            for items in parcel.items.values():
                numbers.setdefault(items[0].endpoint_id, []).append(items[0].id)
            for endpoint_id, mine in numbers.items():
                in_order.setdefault(endpoint_id, []).extend(sorted(mine))
        assert sent == in_order
        assert all(mine == sorted(mine) for mine in sent.values())

    @given(st.lists(RECORDED, max_size=30), ANY_QUOTAS)
    def test_request(self, recorded: list[Recorded], quotas: Quotas) -> None:
        """A request has the items of its parcel, and nothing else."""
        for parcel in all_parcels(items_of(recorded), quotas):
            of_endpoint: dict[str, Endpoint] = {}
            events: dict[str, dict[str, Event]] = {}
            for (endpoint_id, event_id), items in parcel.items.items():
                events.setdefault(endpoint_id, {})
                model = items[0].model
                if event_id is None:
                    assert isinstance(model, Endpoint)
                    of_endpoint[endpoint_id] = model
                else:
                    assert isinstance(model, Event)
                    events[endpoint_id][event_id] = model
                assert {item.text for item in items} == {items[0].text}
            expected = {
                endpoint_id: EventsBatch(
                    endpoint=of_endpoint.get(endpoint_id, Endpoint()), events=mine
                )
                for endpoint_id, mine in events.items()
            }
            if not expected:
                assert parcel.request is None
            else:
                assert parcel.request == EventsRequest(batch_item=expected)

    @given(recorded=st.lists(RECORDED, max_size=30), are_known=st.booleans())
    def test_sent_once(self, recorded: list[Recorded], *, are_known: bool) -> None:
        """Equal items next to each other are sent once."""
        doubled = [each for each in recorded for _ in range(2)]
        parcels = all_parcels(items_of(doubled, are_known=are_known), QUOTAS)
        once = all_parcels(items_of(recorded, are_known=are_known), QUOTAS)
        assert [parcel.request for parcel in parcels] == [
            parcel.request for parcel in once
        ]
        assert sum(len(parcel.all_items) for parcel in parcels) == len(doubled)

    @costly
    @given(
        recorded=st.lists(ANY_RECORDED, max_size=12),
        quotas=ANY_QUOTAS,
        are_known=st.booleans(),
    )
    def test_quotas(
        self, recorded: list[Recorded], quotas: Quotas, *, are_known: bool
    ) -> None:
        """No request is over a quota, whatever is recorded; the rest is refused."""
        recorded = [each for each in recorded if not check_quotas(_request_of(each))]
        sound = Counter(
            each for each in recorded if not check_quotas(_request_of(each), quotas)
        )
        parcels = all_parcels(items_of(recorded, are_known=are_known), quotas)
        sent: Counter[Recorded] = Counter()
        for parcel in parcels:
            if parcel.request is not None:
                fresh = EventsRequest(batch_item=parcel.request.batch_item)
                assert check_quotas(fresh, quotas) == ()
                assert to_json(fresh) == to_json(parcel.request)
            sent += Counter(recorded[item.id - 1] for item in parcel.all_items)
        assert sent == sound

    @given(
        st.lists(RECORDED, min_size=1, max_size=30),
        st.integers(1, 4),
        st.integers(1, 2_000),
    )
    def test_fewer(
        self, recorded: list[Recorded], most_events: int, most_bytes: int
    ) -> None:
        """Less than the quotas can be asked for; one item alone may have more bytes."""
        waiting = deque(items_of(recorded))
        while waiting:
            parcel = packed(
                waiting, QUOTAS, most_events=most_events, most_bytes=most_bytes
            )
            assert parcel.request is not None
            assert parcel.request.event_count <= most_events
            if len(parcel.items) > 1:
                assert len(to_json(parcel.request)) <= most_bytes


def _request_of(each: Recorded) -> EventsRequest:
    if each.event_id is None:
        assert isinstance(each.model, Endpoint)
        batch = EventsBatch(endpoint=each.model, events={})
    else:
        assert isinstance(each.model, Event)
        batch = EventsBatch(endpoint=Endpoint(), events={each.event_id: each.model})
    return EventsRequest(batch_item={each.endpoint_id: batch})


class TestContradictions:
    """What contradicts an earlier item waits for the next request."""

    def test_event_id(self) -> None:
        """Another content under the same id, and all later items of its endpoint."""
        parcel, left = parcel_of(
            Recorded("a", "1", event("first")),
            Recorded("a", "1", event("second")),
            Recorded("b", "1", event("second")),
            Recorded("a", "2", event("third")),
        )
        assert [item.id for item in parcel.all_items] == [1, 3]
        assert [item.id for item in left] == [2, 4]

    def test_endpoint(self) -> None:
        """Another update of the same endpoint."""
        parcel, left = parcel_of(
            Recorded("a", None, Endpoint(opt_out="ALL")),
            Recorded("a", None, Endpoint(opt_out="NONE")),
        )
        assert [item.id for item in parcel.all_items] == [1]
        assert [item.id for item in left] == [2]

    def test_address(self) -> None:
        """An address that an earlier update gives to another endpoint."""
        parcel, left = parcel_of(
            Recorded("a", None, at("one")),
            Recorded("b", None, at("one")),
            Recorded("b", "1", event()),
            Recorded("c", None, at("two")),
        )
        assert [item.id for item in parcel.all_items] == [1, 4]
        assert [item.id for item in left] == [2, 3]

    def test_address_of_a_refused_one(self) -> None:
        """An update that is refused gives its address to no one."""
        parcel, left = parcel_of(
            Recorded("a", None, at("one", attributes={"k": ["v" * 200]})),
            Recorded("b", None, at("one")),
        )
        assert [item.id for item, _ in parcel.refused] == [1]
        assert [item.id for item in parcel.all_items] == [2]
        assert left == []


class TestRefused:
    """An item that cannot be sent is refused, and no other."""

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda item: item._replace(text="{", model=None),
            lambda item: item._replace(text="[]", model=None),
            lambda item: item._replace(text='{"EventType": 5}', model=None),
        ],
        ids=range(3),
    )
    @pytest.mark.parametrize("event_id", ["1", None])
    def test_unreadable(
        self, spoil: Callable[[Item], Item], event_id: str | None
    ) -> None:
        """A text that is no event, or no endpoint, of this release."""
        model = Endpoint() if event_id is None else event()
        recorded = [Recorded("a", event_id, model), Recorded("a", "2", event())]
        first, second = items_of(recorded)
        waiting = deque([spoil(first), second])
        parcel = pack(waiting, QUOTAS)
        assert parcel.all_items == [second]
        assert [item.id for item, _ in parcel.refused] == [1]

    @pytest.mark.parametrize("are_known", [True, False])
    def test_over_quota(self, *, are_known: bool) -> None:
        """One that is over a quota of the sender, which may be below the usual one."""
        parcel, left = parcel_of(
            Recorded("a", "1", event(attributes={"k": "v" * 21})),
            Recorded("a", "2", event()),
            quotas=Quotas(event_attribute_value_characters=20),
            are_known=are_known,
        )
        assert [item.id for item in parcel.all_items] == [2]
        ((item, refusal),) = parcel.refused
        assert item.id == 1
        assert refusal == Refusal(
            ProblemCode.VALUE_TOO_LONG,
            "batch_item['a'].events['1'].attributes['k']: 21 characters; at most 20; "
            "shorten the value or drop the key",
        )
        assert left == []

    def test_too_large_alone(self) -> None:
        """One that no request can hold; those after it stay."""
        parcel, left = parcel_of(
            Recorded("a", "1", event(attributes={"k": "v" * 150})),
            Recorded("a", "2", event()),
            quotas=Quotas(request_bytes=200),
        )
        assert parcel == Parcel(None, {}, parcel.refused)
        ((item, refusal),) = parcel.refused
        assert (item.id, refusal.code) == (1, ProblemCode.REQUEST_TOO_LARGE)
        assert [item.id for item in left] == [2]

    def test_nothing(self) -> None:
        """An empty queue gives no request."""
        assert parcel_of() == (Parcel(None, {}, []), [])


class TestLimits:
    """A request is filled up to its limits."""

    @pytest.mark.parametrize(
        "quotas, recorded, first",
        [
            (Quotas(events_per_request=2), [("a", "1"), ("a", "2"), ("a", "3")], 2),
            (Quotas(endpoints_per_request=2), [("a", "1"), ("b", "2"), ("c", "3")], 2),
            (Quotas(endpoints_per_request=1), [("a", "1"), ("a", "2"), ("b", "3")], 2),
        ],
        ids=["events", "endpoints", "one endpoint"],
    )
    def test_full(
        self, quotas: Quotas, recorded: list[tuple[str, str]], first: int
    ) -> None:
        """What does not fit stays."""
        parcel, left = parcel_of(
            *(Recorded(*names, event()) for names in recorded), quotas=quotas
        )
        assert len(parcel.all_items) == first
        assert len(left) == len(recorded) - first

    def test_endpoints_beside_events(self) -> None:
        """Updates of endpoints are no events."""
        numbers = count(1)
        parcel, left = parcel_of(
            *(Recorded(f"e-{next(numbers)}", None, Endpoint()) for _ in range(150)),
            *(Recorded("a", f"{next(numbers)}", event()) for _ in range(101)),
        )
        assert len(parcel.items) == 250
        assert [item.id for item in left] == [251]
