"""What every spool keeps to: one class of tests, run for each of them."""

from itertools import count
from typing import Protocol

import pytest

from pinpoint_events.errors import SpoolFullError
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.recorder.items import (
    Books,
    DropReason,
    Item,
    ItemCounts,
    Refusal,
    Settlement,
)
from pinpoint_events.recorder.spool import Spool
from pinpoint_events.wire import to_json
from tests.samples import event

REFUSAL = Refusal("400", "no")


class SpoolPlace(Protocol):
    """Where a spool keeps its items, for the length of one test."""

    def spool(self, max_bytes: int = 1_000_000) -> Spool:
        """Open the spool, for the application `app-1`; the place closes it."""
        ...


def add_event(
    spool: Spool, event_id: str, *, endpoint_id: str = "e", text: str = ""
) -> None:
    """Add an event."""
    model = event(attributes={"text": text} if text else {})
    spool.add(endpoint_id, event_id, to_json(model).decode(), model)


def add_endpoint(spool: Spool, endpoint_id: str) -> None:
    """Add the update of an endpoint."""
    spool.add(endpoint_id, None, to_json(Endpoint()).decode(), Endpoint())


def fill(spool: Spool, text: str = "", endpoint_id: str = "e") -> int:
    """Add events until it is full, and return how many there are."""
    numbers = count()
    with pytest.raises(SpoolFullError) as caught:  # noqa: PT012 - the last raises
        while True:
            name = f"n-{next(numbers)}"
            add_event(spool, name, endpoint_id=endpoint_id, text=text)
    assert caught.value.used_bytes <= caught.value.max_bytes
    return next(numbers) - 1


def names(items: list[Item]) -> list[tuple[str, str | None]]:
    """Return endpoint id and event id of each item."""
    return [(item.endpoint_id, item.event_id) for item in items]


def everything(spool: Spool) -> list[Item]:
    """Return all items that wait."""
    return spool.read(0, 1_000)


class SpoolContract:
    """The promises of all spools; a subclass says which one, by its fixture `place`."""

    @pytest.fixture
    def spool(self, place: SpoolPlace) -> Spool:
        """Open a spool."""
        return place.spool()

    def test_empty(self, spool: Spool) -> None:
        """A new one has nothing, and has had nothing."""
        assert spool.books() == Books()
        assert everything(spool) == spool.oldest() == []
        assert (spool.highest_id, spool.take_flush_request()) == (0, 0)
        assert not spool.has_pending(10**9)
        assert not spool.settle(Settlement())

    def test_claims(self, spool: Spool) -> None:
        """As long as no other process claims it, none has delivered meanwhile."""
        assert spool.claim()
        claims = spool.claims
        spool.release_claim()
        assert spool.claim()
        assert spool.claims == claims

    def test_items(self, spool: Spool) -> None:
        """Items are read as they were added, in their order, with growing numbers."""
        add_event(spool, "1")
        add_endpoint(spool, "e")
        add_event(spool, "2", endpoint_id="büro", text="ß" * 9)
        items = everything(spool)
        assert names(items) == [("e", "1"), ("e", None), ("büro", "2")]
        assert [item.text for item in items] == [
            '{"EventType":"tapped","Timestamp":"2026-09-21T12:00:00.123Z"}',
            "{}",
            to_json(event(attributes={"text": "ßßßßßßßßß"})).decode(),
        ]
        assert [item.id for item in items] == [1, 2, 3]
        assert [item.attempts for item in items] == [0, 0, 0]
        assert all(item.recorded_at > 1_700_000_000_000 for item in items)
        assert spool.highest_id == 3
        assert spool.books() == Books(
            ItemCounts(recorded=2, pending=2), ItemCounts(recorded=1, pending=1)
        )

    def test_model(self, spool: Spool) -> None:
        """An item has the model that its text says, or none."""
        assert spool.claim()
        add_event(spool, "1")
        assert [item.model for item in everything(spool)] == [event()]
        assert {item.model for item in everything(spool)} <= {event(), None}

    def test_read(self, spool: Spool) -> None:
        """A part is read by the number before it, and how many."""
        for number in range(5):
            add_event(spool, f"{number}")
        assert names(spool.read(0, 2)) == [("e", "0"), ("e", "1")]
        assert names(spool.read(2, 2)) == [("e", "2"), ("e", "3")]
        assert names(spool.read(4, 2)) == [("e", "4")]
        assert spool.read(5, 2) == spool.read(0, 0) == []

    def test_has_pending(self, spool: Spool) -> None:
        """Up to a number, and not beyond."""
        for number in range(3):
            add_event(spool, f"{number}")
        first, second, third = everything(spool)
        spool.settle(Settlement(delivered=(first,)))
        assert not spool.has_pending(first.id)
        assert spool.has_pending(second.id)
        spool.settle(Settlement(delivered=(second, third)))
        assert not spool.has_pending(10**9)

    def test_settle(self, spool: Spool) -> None:
        """Each item is counted once more, by its end."""
        for number in range(5):
            add_event(spool, f"{number}")
        add_endpoint(spool, "e")
        add_endpoint(spool, "f")
        items = everything(spool)
        settlement = Settlement(
            delivered=(items[0], items[5]),
            refused=((items[1], REFUSAL), (items[6], REFUSAL)),
            failed=(items[2]._replace(attempts=3),),
            dropped=((items[3], DropReason.FULL), (items[4], DropReason.TOO_OLD)),
        )
        assert spool.settle(settlement) == settlement
        assert [(item.id, item.attempts) for item in everything(spool)] == [(3, 3)]
        assert spool.books() == Books(
            ItemCounts(
                recorded=5,
                delivered=1,
                rejected=1,
                dropped={"full": 1, "too_old": 1},
                pending=1,
            ),
            ItemCounts(recorded=2, delivered=1, rejected=1),
        )

    def test_settle_twice(self, spool: Spool) -> None:
        """An item ends once; of one that has ended nothing is written."""
        for number in range(3):
            add_event(spool, f"{number}")
        first, second, third = everything(spool)
        spool.settle(Settlement(dropped=((first, DropReason.FULL),)))
        for settlement in (
            Settlement(delivered=(first,)),
            Settlement(refused=((first, REFUSAL),)),
            Settlement(dropped=((first, DropReason.PURGED),)),
        ):
            assert spool.settle(settlement) == Settlement()
        assert spool.settle(Settlement(delivered=(first, second, third))) == Settlement(
            delivered=(second, third)
        )
        assert spool.books().events == ItemCounts(
            recorded=3, delivered=2, dropped={"full": 1}
        )

    def test_settle_the_newest(self, spool: Spool) -> None:
        """Also the newest item ends once, and its number is not used again."""
        add_event(spool, "1")
        (first,) = everything(spool)
        for _ in range(2):
            spool.settle(Settlement(delivered=(first,)))
        assert everything(spool) == []
        assert spool.highest_id == 1
        add_event(spool, "2")
        assert [item.id for item in everything(spool)] == [2]
        spool.settle(Settlement(delivered=(first,)))
        assert spool.books().events == ItemCounts(recorded=2, delivered=1, pending=1)

    def test_oldest(self, spool: Spool) -> None:
        """Those to drop first are the oldest, a thousand at most."""
        for number in range(1_003):
            add_event(spool, f"{number}")
        oldest = spool.oldest()
        assert [item.id for item in oldest] == list(range(1, 1_001))
        dropped = tuple((item, DropReason.FULL) for item in oldest)
        spool.settle(Settlement(dropped=dropped))
        assert [item.id for item in spool.oldest()] == [1_001, 1_002, 1_003]

    @pytest.mark.parametrize("reason", DropReason)
    def test_count_dropped(self, spool: Spool, reason: DropReason) -> None:
        """What was never kept is counted, as recorded and as dropped."""
        add_event(spool, "1")
        spool.count_dropped("2", reason)
        spool.count_dropped("3", reason)
        spool.count_dropped(None, reason)
        assert spool.books() == Books(
            ItemCounts(recorded=3, dropped={f"{reason}": 2}, pending=1),
            ItemCounts(recorded=1, dropped={f"{reason}": 1}),
        )
        assert names(everything(spool)) == [("e", "1")]

    @pytest.mark.parametrize("letter", ["x", "ß", "€", "😀"])
    @pytest.mark.parametrize("length", [20, 3_000, 30_000])
    def test_full(self, place: SpoolPlace, letter: str, length: int) -> None:
        """It takes as many bytes as it may, about, in whatever letters."""
        spool = place.spool(300_000)
        taken = fill(spool, letter * length)
        bytes_of_each = len(letter.encode()) * length
        assert 100_000 < taken * (bytes_of_each + 480) < 1_300_000
        assert spool.books().events == ItemCounts(recorded=taken, pending=taken)
        self.makes_room(spool)

    @staticmethod
    def makes_room(spool: Spool) -> None:
        """Drop the oldest items, and add one."""
        oldest = spool.oldest()
        dropped = tuple((item, DropReason.FULL) for item in oldest)
        spool.settle(Settlement(dropped=dropped))
        add_event(spool, "last")
        assert ("e", "last") in names(spool.read(0, 10_000))

    def test_long_ids(self, place: SpoolPlace) -> None:
        """Ids take room, too."""
        spool = place.spool(300_000)
        assert fill(spool, endpoint_id="i" * 10_000) < 30

    def test_too_large(self, place: SpoolPlace) -> None:
        """What is larger than all the room is not taken; the rest stays."""
        spool = place.spool(100_000)
        add_event(spool, "1")
        with pytest.raises(SpoolFullError):
            add_event(spool, "2", text="x" * 200_000)
        add_event(spool, "3")
        assert names(everything(spool)) == [("e", "1"), ("e", "3")]

    def test_ask_for_flush(self, spool: Spool) -> None:
        """Of several who ask, the one that wants most counts, or no one can ask."""
        add_event(spool, "1")
        for up_to in (1, 7, 3):
            spool.ask_for_flush(up_to)
        assert spool.take_flush_request() in {0, 7}
        assert spool.take_flush_request() == 0
