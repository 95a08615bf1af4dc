"""
A spool in an SQLite file, which all processes of an application share.

Every process adds items. One at a time delivers them: that which has the claim.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pinpoint_events.builder import new_event_id
from pinpoint_events.errors import ConfigurationError, SpoolFullError
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.problems import file_text
from pinpoint_events.recorder._claim import Claim, claim_path
from pinpoint_events.recorder._schema import PAGE_BYTES, SCHEMA
from pinpoint_events.recorder.items import (
    HIGHEST_ID,
    OLDEST,
    Books,
    DropReason,
    Item,
    Settlement,
    now_milliseconds,
)
from pinpoint_events.recorder.ledger import (
    ADD,
    HIGHEST,
    add_endpoint_in,
    books_in,
    count_dropped_in,
    dead_letter_bytes_in,
    forget_dead_letters_in,
    settle_in,
    take_in,
    used_bytes_in,
)
from pinpoint_events.storage.sqlite_file import SqliteFile

__all__ = ["EMPTY_BYTES", "SPARE_BYTES", "FileSpool", "stored_bytes"]

EMPTY_BYTES: Final = 6 * PAGE_BYTES
"""Bytes of a new file that are in use."""
SPARE_BYTES: Final = 2 * PAGE_BYTES
"""Bytes of a file that are left free: rows do not fill their pages."""
_READ: Final = (
    "SELECT id, endpoint_id, event_id, json, recorded_at, attempts FROM item "
    "WHERE id > ? AND NOT is_settled ORDER BY id LIMIT ?"
)
_IS_PENDING: Final = "SELECT 1 FROM item WHERE id <= ? AND NOT is_settled LIMIT 1"
# Of an item, in addition to its text and its ids: numbers, and what SQLite adds.
_ROW_BYTES: Final = 32
# The file is measured each time that an eighth of the room that was left is used up.
_SHARE: Final = 8
_MOST_GRANTED_BYTES: Final = 256_000  # as each process measures by itself
_MOST_RECENT: Final = 2_000


def stored_bytes(endpoint_id: str, event_id: str | None, text: str) -> int:
    """
    Return how many bytes of a file an item takes at most.

    Rows of more than half a page leave the rest of it empty.
    """
    size = _row_bytes(endpoint_id, event_id, text)
    if size > PAGE_BYTES:
        return -(-size // PAGE_BYTES) * PAGE_BYTES
    return PAGE_BYTES // (PAGE_BYTES // size)


class FileSpool:
    """
    A spool in a file.

    It is opened, and created if it does not exist, by the constructor. Safe to use from
    several threads and processes, and after a `fork` in both.

    Args:
        path: The file; an absolute path.
        application_id: The application that the items are for.
        max_bytes: How many bytes of the file may be in use, not counting its log.
        timeout_seconds: How long to wait for other writers.

    Attributes:
        spool_id: The same for as long as the file is the same.
        used_bytes: Bytes of the file that were in use when it was last measured.

    Raises:
        ConfigurationError: If the file has items of another application.
        StoreError: If the file cannot be used.
    """

    spool_id: str
    used_bytes: int

    def __init__(
        self,
        path: Path,
        application_id: str,
        *,
        max_bytes: int,
        timeout_seconds: float,
    ) -> None:
        self._max_bytes = max_bytes
        self._granted_bytes = 0
        # Of this process, so that it need not read them from their texts again.
        self._recent: dict[int, Event | Endpoint] = {}
        self._file = SqliteFile(path, SCHEMA, timeout_seconds)
        try:
            # Resolves links, which fails for some paths that cannot be opened, either.
            self._claim = Claim(claim_path(path))
            self._check_application(application_id)
        except BaseException:
            self._file.close()
            raise

    def _check_application(self, application_id: str) -> None:
        with self._file.transaction() as connection:
            found = connection.execute(
                "SELECT id, spool_id FROM application"
            ).fetchone()
            if found is None:
                found = application_id, new_event_id()
                connection.execute("INSERT INTO application VALUES (?, ?, 0)", found)
            name, self.spool_id = found
            self.used_bytes = used_bytes_in(connection)
            if name != application_id:
                raise ConfigurationError(
                    f"the spool {file_text(str(self._file.path))} has events of "
                    "another application; give each application a separate spool"
                )

    # --- What applications do ---------------------------------------------------------

    def add(
        self,
        endpoint_id: str,
        event_id: str | None,
        text: str,
        model: Event | Endpoint,
    ) -> None:
        """
        Store an event, or the update of an endpoint; when this returns, it is kept.

        Raises:
            SpoolFullError: If there is no room.
            StoreError: If the file cannot be used.
        """
        size = _row_bytes(endpoint_id, event_id, text)
        if size > self._granted_bytes:
            self._measure(size)
        row = endpoint_id, event_id, text, now_milliseconds()
        if event_id is not None:
            number = self._file.run(ADD, row)
            if self._claim.is_held and len(self._recent) < _MOST_RECENT:
                self._recent[number] = model
        else:
            with self._file.transaction() as connection:
                add_endpoint_in(connection, row)
        self._granted_bytes -= size

    def _measure(self, size: int) -> None:
        with self._file.transaction() as connection:
            used = used_bytes_in(connection)
            # What was refused makes room for what is not yet sent.
            while used + size + SPARE_BYTES > self._max_bytes:
                needed = size + SPARE_BYTES
                if needed > self._max_bytes:
                    raise SpoolFullError(used, self._max_bytes, needed)
                if not forget_dead_letters_in(connection, OLDEST):
                    waits = connection.execute(_IS_PENDING, (HIGHEST_ID,)).fetchone()
                    never = needed if waits is None else None
                    raise SpoolFullError(used, self._max_bytes, never)
                used = used_bytes_in(connection)
        room = self._max_bytes - used - SPARE_BYTES
        self._granted_bytes = max(size, min(room // _SHARE, _MOST_GRANTED_BYTES))
        self.used_bytes = used + self._granted_bytes

    def count_dropped(self, event_id: str | None, reason: DropReason) -> None:
        """Count an item that was recorded, and dropped before it was stored."""
        with self._file.transaction() as connection:
            count_dropped_in(connection, event_id, reason)

    def oldest(self) -> list[Item]:
        """Return the items to drop first, to make room; none if there are none."""
        return self.read(0, OLDEST)

    # --- What the deliverer does ------------------------------------------------------

    def claim(self) -> bool:
        """
        Claim the delivery, which one process at a time has; return whether.

        Raises:
            OSError: If the lock file cannot be opened.
        """
        return self._claim.take()

    @property
    def claims(self) -> int:
        """How often it was claimed after another process had claimed it."""
        return self._claim.takeovers

    def release_claim(self) -> None:
        """Let other processes have the claim, until it is claimed again."""
        self._claim.release()

    def ask_for_flush(self, up_to: int) -> None:
        """Ask the process that delivers for items up to this number."""
        self._file.run(
            "UPDATE application SET flush_up_to = max(flush_up_to, ?)", (up_to,)
        )

    def take_flush_request(self) -> int:
        """Return the highest number that was asked for since; 0 if none was."""
        up_to = self._number("SELECT max(flush_up_to) FROM application")
        if up_to:
            self._file.run(
                "UPDATE application SET flush_up_to = 0 WHERE flush_up_to = ?", (up_to,)
            )
        return up_to

    @property
    def highest_id(self) -> int:
        """The number of the newest item; 0 if there never was one."""
        return self._number(HIGHEST)

    def _number(self, statement: str) -> int:
        with self._file.transaction(writes=False) as connection:
            return int(connection.execute(statement).fetchone()[0])

    def read(self, after: int, limit: int) -> list[Item]:
        """Return items with greater numbers, the oldest first."""
        with self._file.transaction(writes=False) as connection:
            items = [Item(*row) for row in connection.execute(_READ, (after, limit))]
        recent = self._recent
        if not recent or not items:
            return items
        found = [item._replace(model=recent.pop(item.id, None)) for item in items]
        # Those that were dropped before they were read.
        for number in [each for each in list(recent) if each < items[-1].id]:
            recent.pop(number, None)
        return found

    def settle(self, settlement: Settlement) -> Settlement:
        """Write down what became of items, and return what was written."""
        if not settlement:
            return settlement
        with self._file.transaction() as connection:
            return settle_in(connection, settlement)

    def has_pending(self, up_to: int) -> bool:
        """Return whether an item with a number up to this one waits."""
        with self._file.transaction(writes=False) as connection:
            return connection.execute(_IS_PENDING, (up_to,)).fetchone() is not None

    def books(self) -> Books:
        """Return what became of all items, and measure the file."""
        with self._file.transaction(writes=False) as connection:
            self.used_bytes = used_bytes_in(connection)
            return books_in(connection)

    def dead_letter_bytes(self) -> int:
        """Return how many bytes make room for new items, at least."""
        with self._file.transaction(writes=False) as connection:
            return dead_letter_bytes_in(connection)

    def check_writable(self) -> None:
        """Write something that changes nothing."""
        self._file.run("UPDATE application SET flush_up_to = flush_up_to", ())

    def take(self, items: Sequence[Item], books: Books) -> Books:
        """
        Take over the items and books of another spool.

        They were accepted, so all of them are: dead letters make room for them, and no
        others are added until there is room.

        Returns:
            The books of this one afterwards.
        """
        with self._file.transaction() as connection:
            take_in(connection, items, books)
            used = used_bytes_in(connection)
            while used > self._max_bytes and forget_dead_letters_in(connection, OLDEST):
                used = used_bytes_in(connection)
            together = books_in(connection)
        self.used_bytes = used
        self._granted_bytes = 0
        return together

    def close(self) -> None:
        """Close the file, and give the claim up; what is in the file stays."""
        self._claim.close()
        self._file.close()


def _row_bytes(endpoint_id: str, event_id: str | None, text: str) -> int:
    return sum(map(_size, (endpoint_id, event_id or "", text))) + _ROW_BYTES


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
