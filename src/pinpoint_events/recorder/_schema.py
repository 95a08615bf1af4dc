"""
The tables of a spool.

Numbers of items are never used twice, so that the highest one tells how many items were
ever stored: that costs nothing when an item is recorded. For this, the newest row stays
when it is settled (`is_settled`) until there is a newer one. All other counts change
when items are settled, in the same transaction.

The version is read when a file is opened, and not again: what a later version changes
must not disturb earlier ones that have the file open, and still write it.
"""

from typing import Final

from pinpoint_events.storage.sqlite_file import Schema

__all__ = ["PAGE_BYTES", "SCHEMA"]

_STATEMENTS: Final = (
    """
    CREATE TABLE item (
        id INTEGER PRIMARY KEY,
        endpoint_id TEXT NOT NULL,
        event_id TEXT,
        json TEXT NOT NULL,
        recorded_at INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        is_settled INTEGER NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX settled_item ON item (id) WHERE is_settled",
    # `subject` is `event` or `endpoint`; `name` is that of a count, of dropped items
    # with the reason after a colon.
    """
    CREATE TABLE ledger (
        subject TEXT NOT NULL,
        name TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (subject, name)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE dead_letter (
        id INTEGER PRIMARY KEY,
        endpoint_id TEXT NOT NULL,
        event_id TEXT,
        json TEXT NOT NULL,
        recorded_at INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        code TEXT NOT NULL,
        message TEXT NOT NULL,
        refused_at INTEGER NOT NULL
    )
    """,
    # `spool_id` tells whether a file is still the same one; items up to `flush_up_to`
    # are to be delivered at once.
    """
    CREATE TABLE application (
        id TEXT NOT NULL,
        spool_id TEXT NOT NULL,
        flush_up_to INTEGER NOT NULL
    )
    """,
)

PAGE_BYTES: Final = 4_096
"""Smaller than that of a store: each item that is recorded writes one to the log."""

SCHEMA: Final = Schema(
    application_id=0x50455350,  # "PESP"
    version=1,
    statements=_STATEMENTS,
    page_bytes=PAGE_BYTES,
)
