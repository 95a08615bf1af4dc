"""
A spool in a file, with one in memory for as long as the file cannot be used.

A file that cannot be used (full, locked, read-only) stays as it is, and is tried again
from time to time. So does one of another program that takes the place of the spool
later; at the beginning, it is a mistake of the configuration. One that turns out to be
damaged is renamed, so that it can be examined, and a new one is created. Once there is
a file that can be used, what was recorded in memory moves into it. So memory takes only
as much as the file, as far as known, has room for: otherwise each outage of the file
could add to it as much again.
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from pinpoint_events.errors import PinpointEventsError, StoreError, StoreErrorCode
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.recorder.file_spool import (
    EMPTY_BYTES,
    SPARE_BYTES,
    FileSpool,
    stored_bytes,
)
from pinpoint_events.recorder.items import Books, DropReason, Item, Settlement
from pinpoint_events.recorder.memory_spool import MemorySpool
from pinpoint_events.recorder.reports import Reports
from pinpoint_events.recorder.spool import Spool
from pinpoint_events.recorder.spool_place import SpoolPlace
from pinpoint_events.senders._blocking import Time

__all__ = ["SafeSpool"]

_FIRST_RETRY_SECONDS: Final = 1.0
_LONGEST_RETRY_SECONDS: Final = 60.0
_CLOSED: Final = StoreErrorCode.CLOSED
# The file may still be read, and items that are in it delivered.
_STILL_OPEN: Final = frozenset(
    {
        StoreErrorCode.FULL,
        StoreErrorCode.IO,
        StoreErrorCode.LOCKED,
        StoreErrorCode.READ_ONLY,
    }
)
# It is replaced by a new one, which has all the room.
_REPLACED: Final = frozenset({StoreErrorCode.CORRUPT, StoreErrorCode.MOVED})


class SafeSpool:
    """
    Keeps items in the file, if there is one and it can be used, else in memory.

    Args:
        place: Where the file is; None for a volatile spool.
        memory: For what the file cannot take.
        reports: Notified when the file cannot be used, and when it can be again.
        time: The clock by which the file is tried again.

    Raises:
        ConfigurationError: If the file is no spool, or has items of another
            application.
    """

    def __init__(
        self,
        place: SpoolPlace | None,
        memory: MemorySpool,
        reports: Reports,
        time: Time,
    ) -> None:
        self.memory = memory
        self.error: PinpointEventsError | None = None
        self._place = place
        self._reports = reports
        self._time = time
        self._file: FileSpool | None = None
        self._is_closed = False
        self.generation: int = 0  # of the file; grows when it is opened again
        self._is_moving = False
        self._known = Books()  # those of the file, when they were last read
        self._file_bytes = EMPTY_BYTES  # that are in use, without what makes room
        self._is_settled = False  # nothing waited then, or was added since
        self._retry_seconds = _FIRST_RETRY_SECONDS
        self._retry_at = -math.inf
        self._works_since = -math.inf
        self._identity: tuple[int, int] | None = None  # of the file that was opened
        if place is not None:
            memory.stand_in(stored_bytes)
            try:
                self._open(place)
            except StoreError as error:
                place.check_mistake(error)
                self.set_aside(error, None)
            else:
                self.generation = 1

    def _open(self, place: SpoolPlace) -> FileSpool:
        """Open the file; one that fails is known by its identity as well."""
        self._identity = place.identity()
        file = place.open()
        self._identity = place.identity()
        self._file = file
        if self._is_closed:  # by another thread, which did not see this file
            file.close()
        return file

    @property
    def is_durable(self) -> bool:
        """Whether what is added now is kept in the file."""
        return self._place is not None and self.error is None

    @property
    def file(self) -> FileSpool | None:
        """The file; None if there is none, or it cannot be opened."""
        return self._file

    @property
    def spools(self) -> tuple[Spool, ...]:
        """Those to deliver from: the file's first, which has the older items."""
        return (self.memory,) if self._file is None else (self._file, self.memory)

    @property
    def is_unknown(self) -> bool:
        """Whether it is not known what waits in a file that was used, and is gone."""
        is_gone = self._file is None and self.error is not None and self.generation > 0
        return is_gone and not self._is_settled

    def is_known(self, generation: int) -> bool:
        """Return whether what waits is in the spools of this generation, and known."""
        is_same = generation == self.generation and not self._is_moving
        return is_same and not self.is_unknown

    def set_aside(self, error: PinpointEventsError, of: Spool | None) -> None:
        """
        Use memory from now on, because of an error of the file.

        Args:
            error: The error.
            of: Which file's; if another was opened meanwhile, nothing is done.
        """
        if of is not self._file or getattr(error, "code", None) is _CLOSED:
            return  # closed by this object, while another thread used it
        if self.error is None:
            _, unreadable = self._read_books()
            self._measure(is_readable=unreadable is None)
            now = self._time.monotonic()
            if now - self._works_since > _LONGEST_RETRY_SECONDS:
                self._retry_seconds = _FIRST_RETRY_SECONDS
            self._retry_at = now + self._retry_seconds
        self._fails_by(error)
        self._reports.spool_failed(error)

    def _fails_by(self, error: PinpointEventsError) -> None:
        """Note the error; memory takes what the file, once it works, has room for."""
        assert self._place is not None  # noqa: S101 - memory alone does not fail
        if getattr(error, "code", None) in _REPLACED:
            self._file_bytes = EMPTY_BYTES
        self.memory.share(self._place.max_bytes, self._file_bytes + SPARE_BYTES)
        self.error = error

    def _measure(self, *, is_readable: bool) -> None:
        """Find out how full the file is."""
        file, place = self._file, self._place
        if file is None or place is None:
            return
        self._file_bytes = file.used_bytes
        # To read the dead letters takes long, so only if their room is needed.
        if is_readable and self._file_bytes > place.max_bytes // 2:
            with suppress(StoreError):
                self._file_bytes -= file.dead_letter_bytes()

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
        file = self._file
        if file is not None and self.error is None:
            try:
                file.add(endpoint_id, event_id, text, model)
            except StoreError as error:
                self.set_aside(error, file)
            else:
                self._is_settled = False
                return
        self.memory.add(endpoint_id, event_id, text, model)

    def _current(self) -> Spool:
        """Return the spool that items are added to."""
        return self.memory if self._file is None or self.error else self._file

    def count_dropped(self, event_id: str | None, reason: DropReason) -> None:
        """Count an item that was recorded, and dropped before it was kept."""
        spool = self._current()
        try:
            spool.count_dropped(event_id, reason)
        except StoreError as error:
            self.set_aside(error, spool)
            self.memory.count_dropped(event_id, reason)

    def drop_oldest(self) -> list[Item]:
        """Drop items to make room for others, and return them."""
        spool = self._current()
        try:
            while oldest := spool.oldest():
                dropped = tuple((item, DropReason.FULL) for item in oldest)
                written = spool.settle(Settlement(dropped=dropped)).dropped
                if written:  # else all of them ended meanwhile
                    return [item for item, _ in written]
        except StoreError as error:
            self.set_aside(error, spool)
        return []

    def books(self) -> Books:
        """Return what became of all items; of a broken file, as it was last read."""
        file = self._file
        books, error = self._read_books()
        if error is not None and self.error is None:
            self.set_aside(error, file)
        return books

    def _read_books(self) -> tuple[Books, StoreError | None]:
        """Return those of file and memory, and the error if the file's are older."""
        while True:
            moves = self.memory.moves
            file = self._file
            error = None
            if file is not None:
                error = self._read_books_of(file)
            books = self._known.plus(self.memory.books())
            # What moves between the two readings is in both of them, or in neither.
            if moves == self.memory.moves:
                return books, error

    def _read_books_of(self, file: FileSpool) -> StoreError | None:
        """Read those of the file; return the error if they cannot be read."""
        was_settled, self._is_settled = self._is_settled, True  # until an `add`
        try:
            self._known = file.books()
        except StoreError as error:
            self._is_settled &= was_settled
            return error
        if any(counts.pending for counts in self._known):
            self._is_settled = False
        return None

    def _move(self, file: FileSpool) -> None:
        """Move what is in memory into the file."""

        def take(items: Sequence[Item], books: Books) -> None:
            self._is_settled = False
            self._known = file.take(items, books)

        self.memory.move(take)

    def recover(self) -> bool:
        """
        Try the file again, if it is time to.

        Only one thread at a time may call this, the one that delivers.

        Returns:
            Whether items were moved from memory into the file, where they have other
            numbers.
        """
        place, error = self._place, self.error
        if place is None or self._time.monotonic() < self._retry_at:
            return False
        if error is None:
            return self._move_late_ones()
        file = before = self._file
        try:
            if file is None or getattr(error, "code", None) not in _STILL_OPEN:
                file = self._opened_anew(place, error)
            file.check_writable()
            self._is_moving = True
            self._move(file)
        except (PinpointEventsError, OSError) as again:
            if self._is_closed:  # by another thread, in the middle of this
                return False
            self._wait_longer()
            if self._file is not before:
                self._measure(is_readable=True)
            if isinstance(again, PinpointEventsError):
                self._fails_by(again)
            self._reports.spool_failed(again)
            return False
        else:
            self.error = None
            self.generation += 1
        finally:
            self._is_moving = False
        self._works_since = self._time.monotonic()
        self._reports.spool_works()
        return True

    def _move_late_ones(self) -> bool:
        """Move what was added to memory by threads that had chosen it before."""
        file = self._file
        if file is None or not self.memory.has_pending(self.memory.highest_id):
            return False
        self._is_moving = True
        try:
            self._move(file)
        except StoreError as error:
            self.set_aside(error, file)
            return False
        else:
            self.generation += 1
        finally:
            self._is_moving = False
        return True

    @property
    def is_retry_due(self) -> bool:
        """Whether it is time to try the file again."""
        return self.error is not None and self._time.monotonic() >= self._retry_at

    def recover_now(self) -> None:
        """Do not wait with the next try: someone asks for a delivery."""
        self._retry_at = self._time.monotonic()

    def _opened_anew(self, place: SpoolPlace, error: PinpointEventsError) -> FileSpool:
        before, self._file = self._file, None
        if before is not None:
            before.close()
        if getattr(error, "code", None) is StoreErrorCode.CORRUPT:
            place.move_aside(self._identity)
        return self._open(place)

    def _wait_longer(self) -> None:
        self._retry_seconds = min(2 * self._retry_seconds, _LONGEST_RETRY_SECONDS)
        self._retry_at = self._time.monotonic() + self._retry_seconds

    def close(self) -> list[Item]:
        """
        Close the file; drop, and return, what is left in memory.

        What is in memory is moved into the file before, if it can be used now.
        """
        self._retry_at = -math.inf
        if not self.recover() and self.is_durable and self._file is not None:
            with suppress(StoreError):
                self._move(self._file)
        self.books()
        self._is_closed = True
        file, self._file = self._file, None
        if file is not None:
            file.close()
        return self.memory.drop_all()
