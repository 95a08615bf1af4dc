"""
What operators do to the spool of running applications: look, put back, copy, delete.

Recorders use the file meanwhile, and wait for a second at most before they keep events
in memory instead. So what changes many items does so in several short transactions,
each of which leaves the books balanced: after an interruption, the same call does the
rest. Each goes on behind the last one, up to the newest item that there was at the
beginning, so that what an application rejects meanwhile is not put back for ever.

The delivery is not claimed. The process that delivers has read up to some thousand
items ahead, and sends those even if they are deleted here.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from sqlite3 import Connection
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import attrs

from pinpoint_events.recorder._claim import claim_path, is_claimed
from pinpoint_events.recorder._schema import SCHEMA
from pinpoint_events.recorder.items import (
    DropReason,
    Item,
    ItemCounts,
    Refusal,
    Settlement,
    count_kinds,
)
from pinpoint_events.recorder.ledger import (
    HIGHEST,
    books_in,
    put_back_in,
    settle_again_in,
    settle_in,
    used_bytes_in,
)
from pinpoint_events.storage.paths import path_text
from pinpoint_events.storage.sqlite_file import SqliteFile

__all__ = [
    "ALL",
    "DeadLetter",
    "KindCounts",
    "Selection",
    "SpoolFile",
    "SpoolStatus",
]

_TIMEOUT_SECONDS: Final = 10.0
_AT_A_TIME: Final = 500  # items in a transaction, which takes milliseconds

_CHOSEN: Final = (
    "id > :after AND id <= :up_to"
    " AND (:endpoint_ids IS NULL"
    " OR endpoint_id IN (SELECT value FROM json_each(:endpoint_ids)))"
    " AND (:event_ids IS NULL"
    " OR event_id IN (SELECT value FROM json_each(:event_ids)))"
)
_CHOSEN_PENDING: Final = (
    f"{_CHOSEN} AND NOT is_settled AND (:before IS NULL OR recorded_at < :before)"
)
_CHOSEN_REJECTED: Final = (
    f"{_CHOSEN} AND (:before IS NULL OR refused_at < :before)"  # noqa: S608
    " AND (:codes IS NULL OR code IN (SELECT value FROM json_each(:codes)))"
)
_COUNTS: Final = "count(event_id), count(*) - count(event_id)"
_ITEM: Final = "id, endpoint_id, event_id, json, recorded_at, attempts"
_NEXT: Final = "ORDER BY id LIMIT :limit"
# S608: the parts are those above.
_READ_PENDING: Final = f"SELECT {_ITEM} FROM item WHERE {_CHOSEN_PENDING} {_NEXT}"  # noqa: S608
_READ_REJECTED: Final = (
    f"SELECT {_ITEM}, code, message, refused_at FROM dead_letter "  # noqa: S608
    f"WHERE {_CHOSEN_REJECTED} {_NEXT}"
)
_COUNT_PENDING: Final = f"SELECT {_COUNTS} FROM item WHERE {_CHOSEN_PENDING}"  # noqa: S608
_COUNT_REJECTED: Final = f"SELECT {_COUNTS} FROM dead_letter WHERE {_CHOSEN_REJECTED}"  # noqa: S608
_NEWEST_REJECTED: Final = "SELECT coalesce(max(id), 0) FROM dead_letter"
_WAITING: Final = f"SELECT {_COUNTS}, min(recorded_at) FROM item WHERE NOT is_settled"  # noqa: S608
_KEPT: Final = f"SELECT {_COUNTS} FROM dead_letter"  # noqa: S608
_CODES: Final = "SELECT code, count(*) FROM dead_letter GROUP BY code ORDER BY code"
_DELETE: Final = "DELETE FROM dead_letter WHERE id IN (SELECT value FROM json_each(?))"
# Once a table is empty, its numbers are used again: another dead letter may have this
# one meanwhile.
_DELETE_SAME: Final = (
    "DELETE FROM dead_letter "
    "WHERE id = ? AND endpoint_id = ? AND event_id IS ? AND json = ?"
)
_FLUSH: Final = (
    "UPDATE application SET flush_up_to = (SELECT coalesce(max(id), 0) FROM item)"
)


@attrs.frozen(kw_only=True)
class Selection:
    """
    Which items are meant: those that all parts of it apply to.

    Attributes:
        endpoint_ids: Those of these endpoints; empty for any.
        event_ids: Those with these event ids; empty for any.
        codes: Dead letters with these codes; empty for any.
        before: Dead letters that were rejected before this time, and pending items that
            were recorded before it, in milliseconds since 1970; None for any.
    """

    endpoint_ids: tuple[str, ...] = ()
    event_ids: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    before: int | None = None

    def parameters(self) -> dict[str, object]:
        """Return it as parameters of the statements."""
        lists = {
            "endpoint_ids": self.endpoint_ids,
            "event_ids": self.event_ids,
            "codes": self.codes,
        }
        texts = {
            name: json.dumps(each) if each else None for name, each in lists.items()
        }
        return {**texts, "before": self.before}


ALL: Final = Selection()
"""Every item."""


class DeadLetter(NamedTuple):
    """
    An item that was rejected, and is kept.

    Attributes:
        item: The event, or the update of an endpoint; its number is that of the dead
            letter.
        refusal: Code and message.
        refused_at: When it was rejected, in milliseconds since 1970.
    """

    item: Item
    refusal: Refusal
    refused_at: int


class KindCounts(NamedTuple):
    """How many items of each kind: events, and updates of endpoints."""

    events: int
    endpoints: int


@attrs.frozen(kw_only=True)
class SpoolStatus:
    """
    What is in a spool, at one moment.

    Attributes:
        application_id: The application; None if no recorder has ever opened the file.
        events: What became of events, by the ledger.
        endpoints: The same of updates of endpoints.
        waiting: How many rows wait, counted one by one.
        dead_letters: How many dead letters are kept.
        codes: Code to the number of dead letters with it.
        oldest_pending_at: When the oldest item that waits was recorded, in milliseconds
            since 1970; None if none waits.
        used_bytes: Bytes of the file that are in use, as `max_bytes` limits them.
        is_delivering: Whether a process has the claim to deliver; None if the file of
            the claim may not be read.
    """

    application_id: str | None
    events: ItemCounts
    endpoints: ItemCounts
    waiting: KindCounts
    dead_letters: KindCounts
    codes: Mapping[str, int]
    oldest_pending_at: int | None
    used_bytes: int
    is_delivering: bool | None

    @property
    def balances(self) -> bool:
        """
        Whether the ledger agrees with the rows.

        It says how many items wait, and they are counted; and no more dead letters are
        kept than were rejected.
        """
        kinds = (self.events, self.endpoints)
        return all(
            counts.pending == waiting and kept <= counts.rejected
            for counts, waiting, kept in zip(
                kinds, self.waiting, self.dead_letters, strict=True
            )
        )


class SpoolFile:
    """
    The file of a spool, whatever its application, opened beside running recorders.

    Args:
        path: The file, which must exist.
        timeout_seconds: How long to wait for other writers.
        writes: Whether to change anything. Otherwise the file need not be writable, and
            no one who writes it is waited for.

    Attributes:
        path: The file.
        application_id: The application; None if no recorder has ever opened the file.

    Raises:
        ConfigurationError: If the path is none.
        StoreError: If the file does not exist, or is no spool of this release, or
            cannot be used.
    """

    path: Path
    application_id: str | None

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        writes: bool = True,
    ) -> None:
        self.path = Path(path_text(path)).absolute()
        self._file = SqliteFile(
            self.path, SCHEMA, timeout_seconds, creates=False, writes=writes
        )
        try:
            with self._file.transaction(writes=False) as connection:
                self.application_id = _application_in(connection)
        except BaseException:
            self._file.close()
            raise

    # --- Looking ----------------------------------------------------------------------

    @property
    def is_delivering(self) -> bool | None:
        """Whether a process delivers; None if the file of its claim may not be read."""
        try:
            return is_claimed(claim_path(self.path))
        except OSError:
            return None

    def status(self) -> SpoolStatus:
        """
        Return what is in it.

        Raises:
            StoreError: If the file cannot be used.
        """
        is_delivering = self.is_delivering
        with self._file.transaction(writes=False) as connection:
            books = books_in(connection)
            *waiting, oldest = connection.execute(_WAITING).fetchone()
            return SpoolStatus(
                application_id=_application_in(connection),
                events=books.events,
                endpoints=books.endpoints,
                waiting=KindCounts(*waiting),
                dead_letters=KindCounts(*connection.execute(_KEPT).fetchone()),
                codes=dict(connection.execute(_CODES).fetchall()),
                oldest_pending_at=oldest,
                used_bytes=used_bytes_in(connection),
                is_delivering=is_delivering,
            )

    def count_pending(self, chosen: Selection = ALL) -> tuple[KindCounts, int]:
        """Return how many items wait, and the number of the newest one."""
        return self._counted(HIGHEST, _COUNT_PENDING, chosen)

    def count_rejected(self, chosen: Selection = ALL) -> tuple[KindCounts, int]:
        """Return how many dead letters there are, and the number of the newest one."""
        return self._counted(_NEWEST_REJECTED, _COUNT_REJECTED, chosen)

    def _counted(
        self, newest: str, count: str, chosen: Selection
    ) -> tuple[KindCounts, int]:
        with self._file.transaction(writes=False) as connection:
            (up_to,) = connection.execute(newest).fetchone()
            given = {**chosen.parameters(), "after": 0, "up_to": up_to}
            return KindCounts(*connection.execute(count, given).fetchone()), up_to

    def pending(self, chosen: Selection = ALL) -> Iterator[Item]:
        """
        Yield the items that wait now, the oldest first.

        What ends while it is read is left out.

        Raises:
            StoreError: If the file cannot be used.
        """
        for rows in self._parts(HIGHEST, _READ_PENDING, chosen):
            yield from (Item(*row) for row in rows)

    def rejected(self, chosen: Selection = ALL) -> Iterator[DeadLetter]:
        """Yield the dead letters that are kept now, likewise."""
        for rows in self._parts(_NEWEST_REJECTED, _READ_REJECTED, chosen):
            yield from map(_dead_letter, rows)

    def _parts(
        self, newest: str, read: str, chosen: Selection
    ) -> Iterator[list[tuple[Any, ...]]]:
        # No transaction stays open: beside one, the log of the file grows.
        with self._file.transaction(writes=False) as connection:
            (up_to,) = connection.execute(newest).fetchone()
        after = 0
        while True:
            with self._file.transaction(writes=False) as connection:
                rows = _next_rows(connection, read, chosen, after, up_to)
            if not rows:
                return
            yield rows
            after = rows[-1][0]

    # --- Changing ---------------------------------------------------------------------

    def put_back(self, chosen: Selection = ALL) -> KindCounts:
        """
        Let dead letters wait again, behind all others; return how many.

        The application sends them again, at once if it is running.

        Raises:
            StoreError: If the file cannot be used. Those before are put back.
        """
        _, up_to = self.count_rejected(chosen)
        return self._change(_READ_REJECTED, chosen, up_to, _put_back)

    def settle(self, delivered: Sequence[Item]) -> None:
        """
        Count dead letters as delivered, and delete them.

        Those that are gone meanwhile, or are others, are ignored.

        Raises:
            StoreError: If the file cannot be used; nothing is changed then.
        """
        with self._file.transaction() as connection:
            gone = [
                item
                for item in delivered
                if connection.execute(_DELETE_SAME, item[:4]).rowcount
            ]
            settle_again_in(connection, gone)

    def purge_pending(self, chosen: Selection, up_to: int) -> KindCounts:
        """
        Delete items that wait; they count as dropped, with the reason `purged`.

        Args:
            chosen: Which.
            up_to: The number of the newest one, as `count_pending` returns it.

        Returns:
            How many were deleted.

        Raises:
            StoreError: If the file cannot be used. Those before are deleted.
        """
        return self._change(_READ_PENDING, chosen, up_to, _purge_pending)

    def purge_rejected(self, chosen: Selection, up_to: int) -> KindCounts:
        """
        Delete dead letters; they still count as rejected.

        Arguments, result and errors are those of `purge_pending`.
        """
        return self._change(_READ_REJECTED, chosen, up_to, _delete)

    def _change(
        self,
        read: str,
        chosen: Selection,
        up_to: int,
        change: Callable[[Connection, Sequence[Item]], None],
    ) -> KindCounts:
        """Change items, each part of them in its own transaction; return how many."""
        events = endpoints = after = 0
        while True:
            with self._file.transaction() as connection:
                rows = _next_rows(connection, read, chosen, after, up_to)
                items = [Item(*row[:6]) for row in rows]
                if items:
                    change(connection, items)
            if not items:
                return KindCounts(events, endpoints)
            more_events, more_endpoints = count_kinds(items)
            events += more_events
            endpoints += more_endpoints
            after = items[-1].id

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Return the object itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()


def _application_in(connection: Connection) -> str | None:
    found = connection.execute("SELECT id FROM application").fetchone()
    return None if found is None else str(found[0])


def _next_rows(
    connection: Connection, read: str, chosen: Selection, after: int, up_to: int
) -> list[tuple[Any, ...]]:
    given = {
        **chosen.parameters(),
        "after": after,
        "up_to": up_to,
        "limit": _AT_A_TIME,
    }
    return connection.execute(read, given).fetchall()


def _dead_letter(row: Sequence[Any]) -> DeadLetter:
    *item, code, message, refused_at = row
    return DeadLetter(Item(*item), Refusal(code, message), refused_at)


def _delete(connection: Connection, rejected: Sequence[Item]) -> None:
    connection.execute(_DELETE, (json.dumps([item.id for item in rejected]),))


def _put_back(connection: Connection, rejected: Sequence[Item]) -> None:
    _delete(connection, rejected)
    put_back_in(connection, rejected)
    connection.execute(_FLUSH)


def _purge_pending(connection: Connection, pending: Sequence[Item]) -> None:
    dropped = tuple((item, DropReason.PURGED) for item in pending)
    settle_in(connection, Settlement(dropped=dropped))
