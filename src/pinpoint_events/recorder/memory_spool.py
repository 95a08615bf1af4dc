"""
A spool in memory: for recorders without a file, and where the file cannot be used.

What is in it is lost with the process, and so are its books. A child of a `fork` begins
with an empty one: what was in it is delivered by the parent.
"""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from sys import getsizeof
from typing import Final

from pinpoint_events.errors import SpoolFullError
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.recorder.items import (
    OLDEST,
    Books,
    DropReason,
    Item,
    ItemCounts,
    Settlement,
    now_milliseconds,
)
from pinpoint_events.storage.fork_lock import ForkLock

__all__ = ["MemorySpool"]

_ITEM_BYTES: Final = 250  # of the objects of an item, without its texts; measured
_MOST_MODELS: Final = 2_000


class _Counts:
    """The counts of one kind of items."""

    def __init__(self) -> None:
        self.recorded = 0
        self.delivered = 0
        self.rejected = 0
        self.dropped: Counter[str] = Counter()
        self.pending = 0

    def frozen(self) -> ItemCounts:
        """Return them as they are now."""
        return ItemCounts(
            recorded=self.recorded,
            delivered=self.delivered,
            rejected=self.rejected,
            dropped=dict(self.dropped),
            pending=self.pending,
        )


class MemorySpool:
    """
    A spool in memory. Safe to use from several threads.

    Args:
        max_bytes: How many bytes its items may take, about.

    Attributes:
        moves: How often everything was handed over.
    """

    def __init__(self, max_bytes: int) -> None:
        self._most_bytes = max_bytes
        self._max_bytes = max_bytes
        self._file_bytes = 0
        self._size = _size
        self._lock = ForkLock()
        self._last_id = 0
        self.moves: int = 0
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._used_bytes = 0
        self._items: dict[int, Item] = {}  # in the order of recording
        self._first_id = self._last_id + 1  # no item has a lower number
        self._events = _Counts()
        self._endpoints = _Counts()

    def _enter(self) -> None:
        """Begin anew in a child process; the caller holds the lock."""
        if self._pid != os.getpid():
            self._begin()

    def _of(self, event_id: str | None) -> _Counts:
        return self._endpoints if event_id is None else self._events

    # --- What stands in for a file ----------------------------------------------------

    def stand_in(self, size: Callable[[str, str | None, str], int]) -> None:
        """
        Stand in for a file, which takes over what is added from now on.

        Args:
            size: Returns the bytes of the file that an item takes, by its texts; here
                it counts with as many, unless it takes more.
        """

        def larger(endpoint_id: str, event_id: str | None, text: str) -> int:
            texts = endpoint_id, event_id, text
            return max(_size(*texts), size(*texts))

        self._size = larger

    def share(self, max_bytes: int, file_bytes: int) -> None:
        """
        Take no more than fits into the file, too.

        Args:
            max_bytes: How many bytes may be in the file and here, together.
            file_bytes: How many are in the file.
        """
        with self._lock.lock:
            is_large = max_bytes - file_bytes >= self._most_bytes
            self._max_bytes = self._most_bytes if is_large else max_bytes
            self._file_bytes = 0 if is_large else min(file_bytes, max_bytes)

    # --- What applications do ---------------------------------------------------------

    def add(
        self,
        endpoint_id: str,
        event_id: str | None,
        text: str,
        model: Event | Endpoint,
    ) -> None:
        """
        Keep an event, or the update of an endpoint.

        Raises:
            SpoolFullError: If there is no room.
        """
        size = self._size(endpoint_id, event_id, text)
        now = now_milliseconds()
        with self._lock.lock:
            self._enter()
            used = self._file_bytes + self._used_bytes
            if used + size > self._max_bytes:
                never = size if size > self._max_bytes else None
                raise SpoolFullError(used, self._max_bytes, never)
            self._last_id += 1
            # Of many items that wait, the texts alone are kept.
            kept = model if len(self._items) < _MOST_MODELS else None
            item = Item(self._last_id, endpoint_id, event_id, text, now, 0, kept)
            self._items[item.id] = item
            self._used_bytes += size
            counts = self._of(event_id)
            counts.recorded += 1
            counts.pending += 1

    def count_dropped(self, event_id: str | None, reason: DropReason) -> None:
        """Count an item that was recorded, and dropped before it was kept."""
        with self._lock.lock:
            self._enter()
            counts = self._of(event_id)
            counts.recorded += 1
            counts.dropped[reason] += 1

    def oldest(self) -> list[Item]:
        """Return the items to drop first, to make room; none if there are none."""
        return self.read(0, OLDEST)

    # --- What the deliverer does ------------------------------------------------------

    def claim(self) -> bool:
        """Return that this process may deliver: no other could."""
        return True

    @property
    def claims(self) -> int:
        """No other process can claim it."""
        return 0

    def release_claim(self) -> None:
        """Do nothing: no other process could deliver."""

    def ask_for_flush(self, up_to: int) -> None:
        """Do nothing: the deliverer of this process is asked directly."""

    def take_flush_request(self) -> int:
        """No other process asks."""
        return 0

    @property
    def highest_id(self) -> int:
        """The number of the newest item; 0 if there never was one."""
        with self._lock.lock:
            return self._last_id

    def read(self, after: int, limit: int) -> list[Item]:
        """Return items with greater numbers, the oldest first."""
        with self._lock.lock:
            self._enter()
            numbers = range(max(after + 1, self._oldest_id()), self._last_id + 1)
            found = map(self._items.get, numbers)
            return list(islice((item for item in found if item is not None), limit))

    def _oldest_id(self) -> int:
        """
        Return the number of the oldest item, or the next one if there are none.

        To iterate over the items would pass the places of all that were removed.
        """
        while self._first_id <= self._last_id and self._first_id not in self._items:
            self._first_id += 1
        return self._first_id

    def settle(self, settlement: Settlement) -> Settlement:
        """Count what became of items, and return what was counted."""
        with self._lock.lock:
            self._enter()
            found = settlement.of(self._items.keys())
            for item in found.delivered:
                self._removed(item).delivered += 1
            for item, _ in found.refused:
                self._removed(item).rejected += 1
            for item, reason in found.dropped:
                self._removed(item).dropped[reason] += 1
            for item in found.failed:
                self._items[item.id] = item
            return found

    def _removed(self, item: Item) -> _Counts:
        """Remove an item, and return the counts of its kind."""
        del self._items[item.id]
        self._used_bytes -= self._size(item.endpoint_id, item.event_id, item.text)
        counts = self._of(item.event_id)
        counts.pending -= 1
        return counts

    def has_pending(self, up_to: int) -> bool:
        """Return whether an item with a number up to this one waits."""
        with self._lock.lock:
            self._enter()
            return self._oldest_id() <= min(up_to, self._last_id)

    def books(self) -> Books:
        """Return what became of all items."""
        with self._lock.lock:
            self._enter()
            return self._books()

    def _books(self) -> Books:
        return Books(self._events.frozen(), self._endpoints.frozen())

    def move(self, take: Callable[[Sequence[Item], Books], object]) -> None:
        """
        Hand everything over, items and books, and begin anew.

        Args:
            take: Takes it; if it raises, nothing is handed over.
        """
        with self._lock.lock:
            self._enter()
            take(list(self._items.values()), self._books())
            self._begin()
            self.moves += 1

    def drop_all(self) -> list[Item]:
        """Drop what is left, and return it: it is lost with the process."""
        left = self.read(0, self.highest_id)
        dropped = tuple((item, DropReason.EXIT) for item in left)
        return [item for item, _ in self.settle(Settlement(dropped=dropped)).dropped]


def _size(endpoint_id: str, event_id: str | None, text: str) -> int:
    # A character takes up to four bytes.
    texts = getsizeof(endpoint_id) + getsizeof(event_id or "") + getsizeof(text)
    return texts + _ITEM_BYTES
