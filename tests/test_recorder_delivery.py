import random
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice, pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinpoint_events.errors import (
    BadRequestError,
    ConfigurationError,
    ConfigurationErrorCode,
    ForbiddenError,
    InternalServerError,
    InvalidResponseError,
    NotFoundError,
    PayloadTooLargeError,
    QuotaExceededError,
    SpoolFullError,
    StoreError,
    TooManyRequestsError,
    TransportError,
    TransportErrorCode,
)
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
)
from pinpoint_events.problems import Problem, ProblemCode
from pinpoint_events.quotas import Quotas
from pinpoint_events.recorder.delivery import Delivery
from pinpoint_events.recorder.items import DropReason, Item, Refusal, Settlement
from pinpoint_events.recorder.pace import Pace
from pinpoint_events.wire import to_json
from tests.commands import takes_long
from tests.drawn import costly
from tests.fake_time import FakeTime
from tests.samples import event

FEW: Final = Quotas(events_per_request=5)
REFUSED: Final = BadRequestError(400, "BadRequestException")
TOO_LARGE: Final = PayloadTooLargeError(413, "PayloadTooLargeException")
BUSY: Final = TooManyRequestsError(429, "TooManyRequestsException")
BROKEN: Final = InternalServerError(500, "InternalServerErrorException")
UNREADABLE: Final = InvalidResponseError("no JSON")
FOREIGN: Final = RuntimeError("secret")
FORBIDDEN: Final = ForbiddenError(403, "Blocked", "by a proxy")
NO_KEY: Final = ConfigurationError("no partition key")
OVER: Final = QuotaExceededError([Problem(ProblemCode.EVENT_TOO_LARGE)])
CUT: Final = TransportError("cut", code=TransportErrorCode.CONNECTION_CLOSED)
NOT_READ: Final[list[Exception]] = [
    BUSY,
    TransportError("down", code=TransportErrorCode.CONNECT),
    StoreError("locked"),
    SpoolFullError(2, 1),
    ConfigurationError("no key", ConfigurationErrorCode.NO_CREDENTIALS),
]
# A proxy may deny access for what one item holds, and a sender lack a setting for one.
PERHAPS_READ: Final[list[Exception]] = [
    ForbiddenError(403, "ForbiddenException"),
    NotFoundError(404, "NotFoundException"),
    ConfigurationError("no partition key"),
    BROKEN,
    InternalServerError(503, "ServiceUnavailable", retry_after_seconds=7.0),
    CUT,
    TransportError("slow", code=TransportErrorCode.READ_TIMEOUT),
    FOREIGN,
    KeyError("secret"),
]

Statuses = tuple[int | None, ...]
Answer = Statuses | Exception
"""The statuses of the items of a request, over and over, or what is raised."""
Service = Callable[[EventsRequest], EventsResponse]


def response_of(request: EventsRequest, statuses: Statuses) -> EventsResponse:
    """Return the answer with these statuses; None leaves an item out."""
    next_of = cycle(statuses)
    results = {}
    for endpoint_id, batch in request.batch_item.items():
        updated = None
        if batch.endpoint != Endpoint() or not batch.events:
            updated = next(next_of)
        events = {event_id: next(next_of) for event_id in batch.events}
        results[endpoint_id] = ItemResponse(
            endpoint_item_response=(
                None
                if updated is None
                else EndpointItemResponse(status_code=updated, message="m")
            ),
            events_item_response={
                event_id: EventItemResponse(status_code=status, message="m")
                for event_id, status in events.items()
                if status is not None
            },
        )
    return EventsResponse(results=results)


def accept(request: EventsRequest) -> EventsResponse:
    """Accept everything."""
    return response_of(request, (202,))


def scripted(*answers: Answer) -> Service:
    """Return a service that answers so, and then accepts everything."""
    left = iter(answers)

    def answer(request: EventsRequest) -> EventsResponse:
        for given_answer in left:
            if isinstance(given_answer, Exception):
                raise given_answer
            return response_of(request, given_answer)
        return accept(request)

    return answer


def item(
    number: int,
    endpoint_id: str = "e",
    event_id: str | None = "",
    model: Event | Endpoint | None = None,
) -> Item:
    """Return an item of a spool: an event, whose id is its number."""
    if event_id == "":
        event_id = f"{number}"
    if model is None:
        model = Endpoint() if event_id is None else event()
    text = to_json(model).decode()
    return Item(number, endpoint_id, event_id, text, number, 0, model)


def events(numbers: int) -> list[Item]:
    """Return events of three endpoints."""
    return [item(number, "abc"[number % 3]) for number in range(1, numbers + 1)]


class Driver:
    """Drives a delivery, as a worker does, and keeps the books."""

    def __init__(
        self,
        items: Sequence[Item],
        service: Service,
        *,
        quotas: Quotas = FEW,
        max_age: int | None = None,
    ) -> None:
        self.time = FakeTime()
        self.pace = Pace(self.time.random)
        self.pending = {each.id: each for each in items}
        self.delivered: list[int] = []
        self.refused: dict[int, Refusal] = {}
        self.dropped: dict[int, DropReason] = {}
        self.attempts: dict[int, int] = {}
        self.sent: list[EventsRequest] = []
        self.sent_at: list[float] = []
        self.service = service
        self.wall_clock = 0
        self.quotas = quotas
        self.max_age = max_age
        self.begin()

    def begin(self) -> None:
        """Begin with the oldest item of the spool."""
        self.delivery = Delivery(
            self.quotas,
            self.pace,
            max_age_milliseconds=self.max_age,
            clock=lambda: self.wall_clock,
        )

    def record(self, new: Item) -> None:
        """Add an item to the spool."""
        self.pending[new.id] = new

    def settle(self, settlement: Settlement) -> None:
        """Note what became of items, each of which ends once."""
        for each in settlement.delivered:
            del self.pending[each.id]
            self.delivered.append(each.id)
        for each, refusal in settlement.refused:
            del self.pending[each.id]
            self.refused[each.id] = refusal
        for each, reason in settlement.dropped:
            del self.pending[each.id]
            self.dropped[each.id] = reason
        for each in settlement.failed:
            assert each.id in self.pending
            assert each.attempts == self.attempts.get(each.id, 0) + 1
            self.attempts[each.id] = each.attempts

    def step(self) -> None:
        """Send the next request, or wait."""
        delivery = self.delivery
        wanted = delivery.wanted
        new = (each for each in self.pending.values() if each.id > delivery.cursor)
        delivery.offer(list(islice(new, wanted)) if wanted else [])
        now = self.time.seconds
        wait = self.pace.wait_seconds(now)
        if wait or not delivery.has_ready(now):
            self.time.seconds += max(wait, 0.5)
            return
        parcel, settlement = delivery.next_parcel(now)
        self.settle(settlement)
        if parcel.request is None:
            return
        self.pace.sent(now)
        self.sent.append(parcel.request)
        self.sent_at.append(now)
        try:
            response = self.service(parcel.request)
            settlement = delivery.answered(parcel, response, now)
        except Exception as error:  # noqa: BLE001 - as the worker does
            settlement = delivery.raised(parcel, error, now)
        self.settle(settlement)

    def run(self, most_steps: int = 20_000) -> "Driver":
        """Go on until nothing is pending."""
        for _ in range(most_steps):
            if not self.pending:
                return self
            self.step()
        raise AssertionError(f"{len(self.pending)} items are pending for ever")

    def sent_events(self) -> Iterator[tuple[str, str]]:
        """Yield what was sent, in order, and again if it was sent again."""
        for request in self.sent:
            for endpoint_id, batch in request.batch_item.items():
                for event_id in batch.events:
                    yield endpoint_id, event_id


STATUSES = st.lists(
    st.sampled_from([202, 400, 404, 429, 500, 503, 200, None]), min_size=1, max_size=6
).map(tuple)
ANY_ANSWER = STATUSES | st.sampled_from(
    [REFUSED, TOO_LARGE, OVER, UNREADABLE, *NOT_READ, *PERHAPS_READ]
)
OUTAGE = st.one_of(
    st.sampled_from([*NOT_READ, *PERHAPS_READ]),
    st.lists(st.sampled_from([429, 500, 503]), min_size=1, max_size=4).map(tuple),
)
ITEMS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(["1", "2", "3", None]),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=30,
).map(
    lambda given: [
        item(
            number,
            endpoint_id,
            event_id,
            (
                Endpoint(attributes={"n": [f"{content}"]})
                if event_id is None
                else event(f"t{content}")
            ),
        )
        for number, (endpoint_id, event_id, content) in enumerate(given, start=1)
    ]
)


class TestLaws:
    """Each item ends once, whatever is answered, and faults of no item cost none."""

    @given(ITEMS, st.lists(ANY_ANSWER, max_size=40))
    def test_all_end(self, items: list[Item], answers: list[Answer]) -> None:
        """Once the faults stop, all items are delivered or refused, each once."""
        driver = Driver(items, scripted(*answers)).run()
        ended = [*driver.delivered, *driver.refused]
        assert sorted(ended) == [each.id for each in items]
        assert len(driver.sent) <= len(answers) + 2 * len(items)
        assert driver.delivery._suspects == {}

    @given(ITEMS, st.lists(OUTAGE, max_size=40))
    def test_outage(self, items: list[Item], answers: list[Answer]) -> None:
        """An outage, or throttling, costs no item an attempt: all are delivered."""
        driver = Driver(items, scripted(*answers)).run()
        assert sorted(driver.delivered) == [each.id for each in items]
        assert driver.attempts == {}

    @given(
        ITEMS,
        st.lists(st.sampled_from(NOT_READ) | st.sampled_from([(202,), (429,)])),
    )
    def test_intermittent(self, items: list[Item], answers: list[Answer]) -> None:
        """Nor does one that comes and goes, if it is known that nothing was read."""
        driver = Driver(items, scripted(*answers)).run()
        assert sorted(driver.delivered) == [each.id for each in items]
        assert driver.attempts == {}

    @given(ITEMS, st.lists(OUTAGE, max_size=20))
    def test_order(self, items: list[Item], answers: list[Answer]) -> None:
        """The last update of an endpoint is the last that is delivered."""
        driver = Driver(items, scripted(*answers)).run()
        last: dict[str, Endpoint | Event | None] = {
            each.endpoint_id: each.model for each in items if each.event_id is None
        }
        delivered = {each.id: each for each in items}
        found: dict[str, Endpoint | Event | None] = {}
        for number in driver.delivered:
            each = delivered[number]
            if each.event_id is None:
                found[each.endpoint_id] = each.model
        assert found == last

    @given(ITEMS, st.lists(ANY_ANSWER, max_size=20))
    def test_order_of_updates(self, items: list[Item], answers: list[Answer]) -> None:
        """Updates of an endpoint are delivered in their order, whatever fails."""
        driver = Driver(items, scripted(*answers)).run()
        of_id = {each.id: each for each in items}
        for name in "abc":
            mine = [
                number
                for number in driver.delivered
                if (of_id[number].endpoint_id, of_id[number].event_id) == (name, None)
            ]
            # Equal ones may change places: it makes no difference.
            assert [of_id[number].model for number in mine] == [
                of_id[number].model for number in sorted(mine)
            ]

    @costly
    @given(
        ITEMS,
        st.lists(ANY_ANSWER, max_size=20),
        st.lists(st.integers(0, 20), max_size=3),
    )
    def test_begins_again(
        self, items: list[Item], answers: list[Answer], beginnings: list[int]
    ) -> None:
        """One that begins with what the spool still has loses nothing."""
        driver = Driver(items, scripted(*answers))
        for steps in beginnings:
            for _ in range(steps):
                driver.step()
            driver.begin()
            driver.pending = {
                number: each._replace(attempts=driver.attempts.get(number, 0))
                for number, each in driver.pending.items()
            }
        driver.run()
        ended = [*driver.delivered, *driver.refused]
        assert sorted(ended) == [each.id for each in items]


def poison_at(number: int, fault: Answer) -> Service:
    """Return a service that fails as long as a request has this event."""

    def answer(request: EventsRequest) -> EventsResponse:
        ids = [name for batch in request.batch_item.values() for name in batch.events]
        if f"{number}" not in ids:
            return accept(request)
        if isinstance(fault, Exception):
            raise fault
        statuses = tuple(fault[0] if name == f"{number}" else 202 for name in ids)
        return response_of(request, statuses)

    return answer


def all_after(number: int, fault: Exception) -> Service:
    """Return a service that fails if a request has an event up to this one."""

    def answer(request: EventsRequest) -> EventsResponse:
        for batch in request.batch_item.values():
            if any(int(name) <= number for name in batch.events):
                raise fault
        return accept(request)

    return answer


class TestPoison:
    """One item that is at fault ends as refused, and all others are delivered."""

    @pytest.mark.parametrize(
        "fault, refusal, most_calls",
        [
            (REFUSED, Refusal("400", str(REFUSED)), 40),
            (TOO_LARGE, Refusal("413", str(TOO_LARGE)), 40),
            (OVER, Refusal("event_too_large", str(OVER)), 40),
            ((400,), Refusal("400", "m"), 30),
            ((500,), Refusal("500", "m"), 120),
            ((None,), Refusal("unreported", ""), 120),
            ((302,), Refusal("302", "m"), 120),
            (UNREADABLE, Refusal("InvalidResponseError", "no JSON"), 250),
            (BROKEN, Refusal("InternalServerError", str(BROKEN)), 250),
            (
                CUT,
                Refusal("TransportError", "cut"),
                250,
            ),
            (FOREIGN, Refusal("RuntimeError", ""), 250),
            (FORBIDDEN, Refusal("ForbiddenError", str(FORBIDDEN)), 250),
            (NO_KEY, Refusal("ConfigurationError", "no partition key"), 250),
        ],
        ids=range(13),
    )
    @pytest.mark.parametrize("number", [1, 48, 100])
    def test_ends(
        self, number: int, fault: Answer, refusal: Refusal, most_calls: int
    ) -> None:
        """However it shows, within a bounded number of calls, while others come."""
        driver = Driver(events(100), poison_at(number, fault))
        recorded = 100
        while len(driver.pending) > 1:
            driver.step()
        while driver.pending:
            recorded += 1
            driver.record(item(recorded, "d"))
            for _ in range(10):
                driver.step()
        assert driver.refused.pop(number) == refusal
        innocent = set(range(1, recorded + 1)) - {number}
        assert driver.refused == {}
        assert set(driver.delivered) == innocent
        assert len(driver.sent) - (recorded - 100) <= most_calls

    def test_waits(self) -> None:
        """An item that fails among others waits for longer each time, ten times."""
        driver = Driver([item(1)], poison_at(1, (500,)))
        tries: list[float] = []
        for number in range(2, 2_000):
            if not driver.pending:
                break
            driver.record(item(number))
            before = len(driver.sent)
            while len(driver.sent) == before:
                driver.step()
            if "1" in driver.sent[-1].batch_item["e"].events:
                tries.append(driver.sent_at[-1])
            driver.time.seconds += 0.5
        waits = [after - before for before, after in pairwise(tries)]
        assert [round(wait) for wait in waits] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
        assert driver.refused == {1: Refusal("500", "m")}

    def test_alone_it_could_be_an_outage(self) -> None:
        """As long as nothing else is accepted, no attempt is counted."""
        driver = Driver([item(1)], poison_at(1, BROKEN))
        for _ in range(2_000):
            driver.step()
        assert driver.pending == {1: item(1)}
        assert driver.attempts == {}
        assert len(driver.sent) < 40 + driver.time.seconds - 1_000_000

    @pytest.mark.parametrize("fault", [FOREIGN, BROKEN, NO_KEY], ids=range(3))
    @pytest.mark.parametrize(
        "count, most_minutes",
        [(10, 2), (100, 10), pytest.param(500, 60, marks=takes_long)],
    )
    def test_many(self, count: int, fault: Exception, most_minutes: int) -> None:
        """Others are delivered behind any number of them, and then each is refused."""
        recorded = count + 50
        driver = Driver(events(recorded), all_after(count, fault), quotas=Quotas())
        started = driver.time.seconds
        while len(driver.delivered) < 50:
            driver.step()
        assert driver.time.seconds - started < most_minutes * 60
        while driver.pending:
            recorded += 1
            driver.record(item(recorded, "d"))
            recorded_at = driver.time.seconds
            while recorded in driver.pending:
                driver.step()
            assert driver.time.seconds - recorded_at <= 61
            driver.time.seconds += 60
        assert set(driver.refused) == set(range(1, count + 1))
        assert sorted(driver.delivered) == list(range(count + 1, recorded + 1))

    @pytest.mark.parametrize("share", [0.5, 0.8, 0.9])
    def test_few_calls_succeed(self, share: float) -> None:
        """An outage that lets some calls through costs no event."""
        rng = random.Random(1)

        def answer(request: EventsRequest) -> EventsResponse:
            if rng.random() < share:
                raise BROKEN
            return accept(request)

        driver = Driver(events(1_000), answer, quotas=Quotas()).run()
        assert len(driver.delivered) == 1_000

    def test_among_others(self) -> None:
        """If one of ten events is at fault, the others are delivered as they come."""

        def answer(request: EventsRequest) -> EventsResponse:
            for batch in request.batch_item.values():
                if any(int(name) % 10 == 0 for name in batch.events):
                    raise FOREIGN
            return accept(request)

        driver = Driver([], answer, quotas=Quotas())
        for number in range(1, 1_001):
            driver.record(item(number))
            until = driver.time.seconds + 1
            while driver.time.seconds < until:
                driver.step()
        assert len(driver.delivered) >= 850
        assert all(number % 10 == 0 for number in driver.refused)

    def test_more_than_are_kept(self) -> None:
        """If as many fail as wait in memory, new ones are still tried."""
        driver = Driver(events(2_200), all_after(2_100, FOREIGN), quotas=Quotas())
        while len(driver.delivered) < 100:
            driver.step()
        assert min(driver.delivered) == 2_101

    def test_update_of_an_endpoint(self) -> None:
        """Later updates of the same endpoint wait for one that fails, others do not."""
        first, second = (
            item(number, "a", None, Endpoint(attributes={"n": [f"{number}"]}))
            for number in (1, 2)
        )
        other = item(3, "b", None, Endpoint(attributes={"n": ["3"]}))
        driver = Driver([first, second, other], scripted((500, 202), (202,)))
        while len(driver.sent) < 2:
            driver.step()
        assert driver.delivered == [3, 1]
        assert driver.run().delivered == [3, 1, 2]


class TestSize:
    """A request that is too large makes the next ones smaller."""

    def test_shrinks(self) -> None:
        """All arrives at a service that takes less than the quota says."""

        def answer(request: EventsRequest) -> EventsResponse:
            if len(to_json(request)) > 20_000:
                raise TOO_LARGE
            return accept(request)

        items = [
            item(number, model=event(attributes={"k": "v" * 1_000}))
            for number in range(1, 301)
        ]
        quotas = Quotas(event_attribute_value_characters=None)
        driver = Driver(items, answer, quotas=quotas).run()
        assert driver.refused == {}
        sizes = [len(to_json(request)) for request in driver.sent]
        assert max(sizes[1:]) < sizes[0]
        assert sum(size > 20_000 for size in sizes) < 12
        assert len(sizes) < 60

    def test_repeats(self) -> None:
        """What is recorded again and again is sent once, and counts once."""
        large = event(attributes={"k": "v" * 15_000})
        items = [item(number, event_id="same", model=large) for number in range(1, 90)]
        quotas = Quotas(event_attribute_value_characters=None)
        driver = Driver([*items, item(90)], scripted(TOO_LARGE), quotas=quotas)
        driver.step()
        assert driver.delivery._most_bytes <= 10_000
        assert driver.run().refused == {}

    def test_grows_again(self) -> None:
        """Requests get larger with each that is accepted, up to the quota."""
        quotas = Quotas(events_per_request=1, request_bytes=40_000)
        driver = Driver(events(30), scripted(TOO_LARGE), quotas=quotas)
        driver.step()
        assert driver.refused == {1: Refusal("413", str(TOO_LARGE))}
        assert driver.delivery._most_bytes == 10_000
        driver.run()
        assert driver.delivery._most_bytes == 40_000


class TestBounds:
    """What waits in memory is bounded."""

    def test_failed(self) -> None:
        """However many items come back, no more than some thousands are read."""
        driver = Driver(events(6_000), _one_of_each)
        most = 0
        for _ in range(2_500):
            driver.step()
            delivery = driver.delivery
            most = max(most, len(delivery._failed) + len(delivery._waiting))
        assert 1_900 < most < 2_100
        driver.service = accept
        driver.run()
        assert len(driver.delivered) + len(driver.refused) == 6_000

    def test_wanted(self) -> None:
        """Twice what a request takes is read ahead."""
        delivery = Driver([], accept).delivery
        assert delivery.wanted == 10
        delivery.offer(events(4))
        assert (delivery.wanted, delivery.cursor) == (6, 4)
        delivery.offer([])
        assert (delivery.wanted, delivery.cursor) == (6, 4)


def _one_of_each(request: EventsRequest) -> EventsResponse:
    return response_of(request, (202, 500, 500, 500, 500))


class TestAge:
    """Items that are too old are dropped, and no others."""

    def test_drops(self) -> None:
        """One that has waited for longer than `max_age`."""
        driver = Driver(events(9), accept, max_age=10)
        driver.wall_clock = 15
        driver.run()
        assert driver.dropped == dict.fromkeys(range(1, 5), DropReason.TOO_OLD)
        assert sorted(driver.delivered) == [5, 6, 7, 8, 9]

    def test_while_it_fails(self) -> None:
        """One that fails again and again, and parts of a refused request."""
        driver = Driver(events(5), scripted(REFUSED, BROKEN, BROKEN), max_age=10)
        driver.step()
        driver.wall_clock = 100
        driver.run()
        assert driver.dropped == dict.fromkeys(range(1, 6), DropReason.TOO_OLD)
        assert driver.delivery._suspects == {}

    def test_keeps(self) -> None:
        """By default none are."""
        driver = Driver(events(9), accept)
        driver.wall_clock = 10**15
        assert sorted(driver.run().delivered) == list(range(1, 10))


class TestOrder:
    """What an endpoint does is sent in the order in which it was recorded."""

    def test_of_halves(self) -> None:
        """A half that cannot be sent now is the next one, before the other half."""
        driver = Driver(
            [item(number) for number in range(1, 5)], scripted(REFUSED, BUSY)
        )
        driver.run()
        assert [event_id for _, event_id in driver.sent_events()] == [
            *("1", "2", "3", "4"),
            *("1", "2"),
            *("1", "2"),
            *("3", "4"),
        ]

    def test_of_failed(self) -> None:
        """Items that failed together are sent again in their order."""
        driver = Driver(
            [item(number) for number in range(1, 5)], scripted((500, 500, 500, 202))
        )
        driver.run()
        assert [event_id for _, event_id in driver.sent_events()] == [
            *("1", "2", "3", "4"),
            *("1", "2", "3"),
        ]

    def test_of_throttled(self) -> None:
        """Items that were too much come before those that were recorded later."""
        driver = Driver(
            [item(number) for number in range(1, 8)],
            scripted((202, 429, 500, 429, 500), (429, 500)),
        )
        while len(driver.sent) < 2:
            driver.step()
        assert [event_id for _, event_id in driver.sent_events()][5:] == [
            *("2", "4", "6", "7"),
        ]


class TestSettlement:
    """What is written down after an answer."""

    def test_mixed(self) -> None:
        """Each item of an answer is in one place, or stays as it is."""
        delivery = Driver([], accept).delivery
        items = [item(number) for number in range(1, 6)]
        delivery.offer(items)
        parcel, nothing = delivery.next_parcel(0.0)
        assert not nothing
        response = response_of(
            parcel.request or EventsRequest(batch_item={}), (202, 400, 429, 500, None)
        )
        assert delivery.answered(parcel, response, 0.0) == Settlement(
            delivered=(items[0],),
            refused=((items[1], Refusal("400", "m")),),
            failed=(
                items[3]._replace(attempts=1),
                items[4]._replace(attempts=1),
            ),
        )
        assert delivery.has_ready(0.0)

    def test_repeats(self) -> None:
        """Equal items have the same end."""
        items = [item(number, event_id="same") for number in range(1, 4)]
        driver = Driver(items, accept).run()
        assert driver.delivered == [1, 2, 3]
        assert len(driver.sent) == 1
