"""
The books of a spool's file: what is written and read in one transaction.

The books count by rows: how many items were recorded is the highest number of a row,
with what the ledger adds to it. All functions take the connection of a transaction, so
that an item and its count change together.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Connection
from typing import Final

import attrs

from pinpoint_events.recorder.items import (
    Books,
    DropReason,
    Item,
    ItemCounts,
    Settlement,
    count_kinds,
    now_milliseconds,
)

__all__ = [
    "ADD",
    "HIGHEST",
    "add_endpoint_in",
    "books_in",
    "count_dropped_in",
    "dead_letter_bytes_in",
    "forget_dead_letters_in",
    "put_back_in",
    "settle_again_in",
    "settle_in",
    "take_in",
    "used_bytes_in",
]

ADD: Final = (
    "INSERT INTO item (endpoint_id, event_id, json, recorded_at) VALUES (?, ?, ?, ?)"
)
"""Adds an event, which is counted by its row."""
HIGHEST: Final = "SELECT coalesce(max(id), 0) FROM item"
"""Returns the number of the newest item; 0 if there never was one."""
_DELETE: Final = (
    "DELETE FROM item WHERE id IN (SELECT value FROM json_each(?)) AND NOT is_settled "
    "AND id < (SELECT max(id) FROM item) RETURNING id"
)
# The newest row keeps its number from being used again.
_KEEP: Final = (
    "UPDATE item SET is_settled = 1, json = '' "
    "WHERE id IN (SELECT value FROM json_each(?)) AND NOT is_settled "
    "AND id = (SELECT max(id) FROM item) RETURNING id"
)
_DELETE_KEPT: Final = (
    "DELETE FROM item WHERE is_settled AND id < (SELECT max(id) FROM item)"
)
_FAILED: Final = "UPDATE item SET attempts = ? WHERE id = ?"
_COUNT: Final = (
    "INSERT INTO ledger (subject, name, count) VALUES (?, ?, ?) "
    "ON CONFLICT (subject, name) DO UPDATE SET count = count + excluded.count"
)
_REFUSE: Final = (
    "INSERT INTO dead_letter (endpoint_id, event_id, json, recorded_at, attempts, "
    "code, message, refused_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_FORGET: Final = (
    "DELETE FROM dead_letter WHERE id IN "
    "(SELECT id FROM dead_letter ORDER BY id LIMIT ?)"
)
_DEAD_LETTER_BYTES: Final = (
    "SELECT coalesce(sum(length(CAST(json AS BLOB))), 0) FROM dead_letter"
)
_ADD_AGAIN: Final = (
    "INSERT INTO item (endpoint_id, event_id, json, recorded_at, attempts) "
    "VALUES (?, ?, ?, ?, ?)"
)

_EVENT: Final = "event"
_ENDPOINT: Final = "endpoint"
_STORED: Final = "stored"  # of endpoints: rows that they have taken
_UNSTORED: Final = "unstored"  # recorded, and ended without a row
_STORED_AGAIN: Final = "stored again"  # rejected once, and put back
_DELIVERED: Final = "delivered"
_REJECTED: Final = "rejected"
_DROPPED: Final = "dropped:"


def used_bytes_in(connection: Connection) -> int:
    """Return how many bytes of the file are in use."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def dead_letter_bytes_in(connection: Connection) -> int:
    """Return how many bytes the texts of dead letters have."""
    return int(connection.execute(_DEAD_LETTER_BYTES).fetchone()[0])


def add_endpoint_in(connection: Connection, row: Sequence[object]) -> None:
    """Add the update of an endpoint: the values of `ADD`, without an event id."""
    connection.execute(ADD, row)
    connection.execute(_COUNT, (_ENDPOINT, _STORED, 1))


def count_dropped_in(
    connection: Connection, event_id: str | None, reason: DropReason
) -> None:
    """Count an item that was recorded, and dropped before it was stored."""
    subject = _ENDPOINT if event_id is None else _EVENT
    connection.execute(_COUNT, (subject, f"{_DROPPED}{reason}", 1))
    connection.execute(_COUNT, (subject, _UNSTORED, 1))


def forget_dead_letters_in(connection: Connection, count: int) -> bool:
    """Delete so many of the oldest dead letters; return whether there were any."""
    return connection.execute(_FORGET, (count,)).rowcount > 0


def take_in(connection: Connection, items: Sequence[Item], books: Books) -> None:
    """Take over the items and books of another spool."""
    connection.executemany(_ADD_AGAIN, [item[1:6] for item in items])
    _count(connection, _STORED, (item for item in items if item.event_id is None))
    for subject, counts in zip((_EVENT, _ENDPOINT), books, strict=True):
        ended = {
            _DELIVERED: counts.delivered,
            _REJECTED: counts.rejected,
            **{f"{_DROPPED}{why}": n for why, n in counts.dropped.items()},
        }
        ended[_UNSTORED] = sum(ended.values())
        connection.executemany(
            _COUNT, [(subject, name, n) for name, n in ended.items() if n]
        )


def _removed(connection: Connection, items: Sequence[Item]) -> set[int]:
    """Remove items, and return the numbers of those that were still there."""
    ids = json.dumps([item.id for item in items])
    gone = {number for (number,) in connection.execute(_DELETE, (ids,)).fetchall()}
    return gone.union(
        number for (number,) in connection.execute(_KEEP, (ids,)).fetchall()
    )


def _count(
    connection: Connection, name: str, items: Iterable[Item], *, sign: int = 1
) -> None:
    """Count items in the ledger."""
    for subject, count in zip((_EVENT, _ENDPOINT), count_kinds(items), strict=True):
        if count:
            connection.execute(_COUNT, (subject, name, sign * count))


def settle_in(connection: Connection, settlement: Settlement) -> Settlement:
    """Write down what became of items, in a transaction; return what was written."""
    ended = settlement.of(_removed(connection, settlement.ended))
    _count(connection, _DELIVERED, ended.delivered)
    _count(connection, _REJECTED, [item for item, _ in ended.refused])
    now = now_milliseconds()
    connection.executemany(
        _REFUSE, [(*item[1:6], *why, now) for item, why in ended.refused]
    )
    for reason in DropReason:
        given_up = [item for item, why in ended.dropped if why is reason]
        _count(connection, f"{_DROPPED}{reason}", given_up)
    connection.execute(_DELETE_KEPT)
    connection.executemany(
        _FAILED, [(item.attempts, item.id) for item in settlement.failed]
    )
    return attrs.evolve(ended, failed=settlement.failed)


def put_back_in(connection: Connection, rejected: Sequence[Item]) -> None:
    """
    Let dead letters that were deleted wait again, in the same transaction.

    They are recorded once, and take a second row. Their attempts and their wait start
    anew, as otherwise `max_age` could drop them before they are sent.
    """
    now = now_milliseconds()
    connection.executemany(ADD, [(*item[1:4], now) for item in rejected])
    _count(connection, _REJECTED, rejected, sign=-1)
    _count(connection, _STORED_AGAIN, rejected)
    _count(connection, _STORED, (item for item in rejected if item.event_id is None))


def settle_again_in(connection: Connection, rejected: Sequence[Item]) -> None:
    """Count dead letters that were deleted as delivered, in the same transaction."""
    _count(connection, _REJECTED, rejected, sign=-1)
    _count(connection, _DELIVERED, rejected)


def books_in(connection: Connection) -> Books:
    """Return the books of the spool of a connection, in a transaction."""
    (highest,) = connection.execute(HIGHEST).fetchone()
    ledger: dict[str, dict[str, int]] = {_EVENT: {}, _ENDPOINT: {}}
    for subject, name, count in connection.execute(
        "SELECT subject, name, count FROM ledger"
    ):
        ledger[subject][name] = count
    endpoints = ledger[_ENDPOINT].pop(_STORED, 0)
    return Books(
        _counts(ledger[_EVENT], highest - endpoints),
        _counts(ledger[_ENDPOINT], endpoints),
    )


def _counts(ledger: Mapping[str, int], rows: int) -> ItemCounts:
    """
    Return the counts of one kind.

    Args:
        ledger: Its part of the ledger.
        rows: How many rows its items have taken.
    """
    dropped = {
        name.removeprefix(_DROPPED): count
        for name, count in ledger.items()
        if name.startswith(_DROPPED)
    }
    recorded = rows + ledger.get(_UNSTORED, 0) - ledger.get(_STORED_AGAIN, 0)
    delivered, rejected = ledger.get(_DELIVERED, 0), ledger.get(_REJECTED, 0)
    ended = delivered + rejected + sum(dropped.values())
    return ItemCounts(
        recorded=recorded,
        delivered=delivered,
        rejected=rejected,
        dropped=dropped,
        # Not counted row by row: a spool may have millions.
        pending=recorded - ended,
    )
