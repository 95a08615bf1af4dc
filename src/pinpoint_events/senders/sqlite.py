"""The embedded store: events and endpoints in one SQLite file."""

import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

from pinpoint_events.errors import (
    ConfigurationError,
    StoreError,
    StoreErrorCode,
    ValidationError,
)
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.problems import shortened
from pinpoint_events.quotas import Quotas
from pinpoint_events.senders._accepted import accepted
from pinpoint_events.senders._json_parts import BatchTexts, batch_texts
from pinpoint_events.senders._sqlite_schema import IS_NOT_INACTIVE, SCHEMA
from pinpoint_events.senders._stored_texts import (
    EndpointTexts,
    canonical_text,
    content_number,
)
from pinpoint_events.senders.protocol import (
    DEFAULT_APPLICATION_ID,
    BaseSender,
    check_lists,
    checked_application_id,
)
from pinpoint_events.storage.paths import is_url, path_text
from pinpoint_events.storage.sqlite_file import SqliteFile
from pinpoint_events.wire import to_json
from pinpoint_events.wire.writing import time_text

__all__ = ["SqliteSender"]

_MAX_TIMEOUT_SECONDS: Final = 86_400  # a day

_FIND_ENDPOINT: Final = (
    "SELECT id, json FROM endpoint WHERE application_id = ? AND endpoint_id = ?"
)
_FIND_ENDPOINTS: Final = (
    "SELECT id, endpoint_id, json FROM endpoint WHERE application_id = ? "
    "AND {column} IN ({places}) AND {status}"
)
_ANY_STATUS: Final = "1"
# So that a few statements serve lists of any length. SQLite allows 999 parameters.
_LIST_LENGTHS: Final = (1, 8, 64, 512)
_ADD_ENDPOINT: Final = (
    "INSERT INTO endpoint "
    "(application_id, endpoint_id, json, created_at, updated_at, address, user_id) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_CHANGE_ENDPOINT: Final = (
    "UPDATE endpoint SET json = ?, updated_at = ?, address = ?, user_id = ? "
    "WHERE id = ?"
)
_ADD_EVENT: Final = (
    "INSERT INTO event (endpoint, event_id, variant, json, received_at) "
    "VALUES (?, ?, ?, ?, ?) ON CONFLICT (endpoint, event_id, variant) DO NOTHING"
)
_FIND_EVENT: Final = (
    "SELECT json FROM event WHERE endpoint = ? AND event_id = ? AND variant = ?"
)
_FIRST: Final = 0  # the variant of the first event with its id
_CACHE_BYTES: Final = 4_000_000


class SqliteSender(BaseSender):
    """
    Stores requests in an SQLite file, and accepts every valid item.

    A request is stored whole or not at all. Endpoints are merged into the stored ones,
    by `merged`. An event that arrives again, with the same application, endpoint id,
    event id and content, is stored once. Events with the same ids and other content are
    all stored; `sequence` tells them apart.

    Many threads and processes may write the same file at the same time, while others
    read it. A `fork` waits for the current transaction, and both processes go on
    sending. Answered requests survive the death of the process, also by `kill -9`.
    After a power failure the file is intact, but the last answered requests may be
    missing (SQLite's `synchronous = NORMAL` in WAL mode). The file, and the two next to
    it that end in `-wal` and `-shm`, must be on a local disk, and must not be moved
    while in use.

    Read it with any SQLite client, by these two views:

    - `endpoints`: application_id, endpoint_id, channel_type, address, endpoint_status,
      opt_out, effective_date, request_id, attributes, metrics, user_id,
      user_attributes, app_version, locale, make, model, model_version, platform,
      platform_version, timezone, city, country, latitude, longitude, postal_code,
      region, created_at, updated_at (when it last changed), json.
    - `events`: application_id, endpoint_id, event_id, event_type, timestamp,
      attributes, metrics, session_id, session_start_timestamp, session_stop_timestamp,
      session_duration (milliseconds), client_sdk_version, app_package_name, app_title,
      app_version_code, sdk_name, received_at, sequence (a number that grows with each
      event that arrives), json.

    Times are text in the service's format, in UTC, and sort chronologically.
    Attributes, metrics and user attributes are JSON objects, and `json` is the whole
    endpoint or event as it would be sent. Members that are not given are NULL, or `{}`.

        >>> import sqlite3
        >>> from contextlib import closing
        >>> from pinpoint_events import BatchBuilder, Event, SqliteSender
        >>> event = Event("purchase", attributes={"sku": "A-1"}, metrics={"price": 9.5})
        >>> with SqliteSender("events.db") as sender:
        ...     request = BatchBuilder().add("user-1", event).build()
        ...     sender.put_events(request).raise_for_failures(request)
        >>> with closing(sqlite3.connect("events.db")) as store:
        ...     store.execute('''
        ...         SELECT event_type, attributes, json_extract(metrics, '$.price')
        ...         FROM events WHERE endpoint_id = 'user-1'
        ...     ''').fetchall()
        [('purchase', '{"sku":"A-1"}', 9.5)]

    Args:
        path: The file; created if it does not exist. Its directory must exist.
        application_id: The application that the requests are for. One file can hold
            several.
        timeout_seconds: How long to wait for other writers, in this process and in
            others.
        quotas: The limits of requests and their items.

    Attributes:
        application_id: As given.
        quotas: As given.
        path: The file's absolute path.

    Raises:
        ConfigurationError: If the path does not name a file, the application id is
            empty, or the timeout is not within 0 seconds and a day.
        StoreError: If the file is locked, read-only, damaged, of another program, or
            cannot be opened; `StoreError.code` says which.
    """

    application_id: str
    path: Path

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        application_id: str = DEFAULT_APPLICATION_ID,
        timeout_seconds: float = 5.0,
        quotas: Quotas = Quotas(),  # noqa: B008 - immutable
    ) -> None:
        super().__init__(quotas)
        self.application_id = checked_application_id(application_id)
        self.path = _absolute(path)
        _check_timeout(timeout_seconds)
        # Used in transactions, which one thread at a time is in.
        self._texts = EndpointTexts(_CACHE_BYTES)
        self._file = SqliteFile(self.path, SCHEMA, timeout_seconds)

    def find_endpoints(
        self,
        *,
        ids: Collection[str] = (),
        addresses: Collection[str] = (),
        user_ids: Collection[str] = (),
        active_addresses: Collection[str] = (),
    ) -> dict[str, Endpoint]:
        """
        Return stored endpoints by endpoint id, the oldest first.

        An endpoint is returned if it matches any of the arguments.

        Args:
            ids: Endpoint ids.
            addresses: Addresses of endpoints.
            user_ids: Ids of users.
            active_addresses: Addresses of endpoints that are not INACTIVE.

        Raises:
            StoreError: If the file cannot be read.
            ValidationError: If an argument is no collection of `str`.
        """
        check_lists(
            ids=ids,
            addresses=addresses,
            user_ids=user_ids,
            active_addresses=active_addresses,
        )
        wanted = (
            ("endpoint_id", ids, _ANY_STATUS),
            ("address", addresses, _ANY_STATUS),
            ("user_id", user_ids, _ANY_STATUS),
            ("address", active_addresses, IS_NOT_INACTIVE),
        )
        if not any(values for _, values, _ in wanted):
            return {}
        found: dict[int, tuple[str, Endpoint]] = {}
        with self._file.transaction(writes=False) as connection:
            for column, values, status in wanted:
                for listed in _lists(list(values)):
                    places = ",".join("?" * len(listed))
                    statement = _FIND_ENDPOINTS.format(
                        column=column, places=places, status=status
                    )
                    parameters = (self.application_id, *listed)
                    for key, name, text in connection.execute(statement, parameters):
                        with self._reading(name):
                            found[key] = name, self._texts.endpoint(text)
        return dict(found[key] for key in sorted(found))

    def exclusive(self) -> AbstractContextManager[None]:
        """
        Hold one transaction over all calls of this thread within a block.

        What `find_endpoints` finds in the block, no other thread or process changes
        until its end; so a change may depend on it. All requests of the block are
        stored at its end, or none: an error undoes them all, even if it is caught, and
        the end of the block raises it again. Others cannot write meanwhile, so the
        block should be short. A block in another one is a part of it.

            >>> from pinpoint_events import BatchBuilder, Event
            >>> request = BatchBuilder().add("user-2", Event("first seen")).build()
            >>> with SqliteSender("events.db") as sender, sender.exclusive():
            ...     if not sender.find_endpoints(ids=["user-2"]):
            ...         sender.put_events(request).raise_for_failures(request)

        Raises:
            StoreError: If the file cannot be written, when the block begins or ends.
        """
        return self._file.exclusive()

    def check_ready(self) -> None:
        """
        Raise an error if a request could not be stored now.

        It begins to write, and writes nothing; so it waits for other writers.

        Raises:
            StoreError: If the file cannot be written.
        """
        with self._file.transaction():
            pass

    def _put_events(self, request: EventsRequest) -> EventsResponse:
        batches = list(batch_texts(request))
        with self._file.transaction() as connection:
            # Read in the transaction, where writers take turns: so these times are in
            # the order of the events' `sequence`.
            now = time_text(datetime.now(UTC))
            rows: list[tuple[int, str, int, str, str]] = []
            for batch in batches:
                key = self._put_endpoint(connection, batch, now)
                rows += [
                    (key, event_id, _FIRST, text, now)
                    for event_id, text in batch.event_texts.items()
                ]
            if connection.executemany(_ADD_EVENT, rows).rowcount != len(rows):
                for row in rows:
                    _add_variant(connection, row)
        return accepted(request)

    def _put_endpoint(
        self, connection: sqlite3.Connection, batch: BatchTexts, now: str
    ) -> int:
        """Merge the endpoint into the stored one, and return the id of its row."""
        ids = self.application_id, batch.endpoint_id
        text = batch.endpoint_text
        row = connection.execute(_FIND_ENDPOINT, ids).fetchone()
        if row is None:
            cursor = connection.execute(
                _ADD_ENDPOINT, (*ids, text, now, now, *_columns(batch.endpoint))
            )
            return cast("int", cursor.lastrowid)
        key: int
        stored: str
        key, stored = row
        if text not in {stored, _EMPTY_ENDPOINT}:
            with self._reading(batch.endpoint_id):
                text = self._texts.merged(stored, text)
                columns = _columns(self._texts.endpoint(text))
            if text != stored:
                connection.execute(_CHANGE_ENDPOINT, (text, now, *columns, key))
        return key

    @contextmanager
    def _reading(self, endpoint_id: str) -> Iterator[None]:
        try:
            yield
        except ValidationError:
            message = (
                f"the store {str(self.path)!r} has something under the endpoint id "
                f"{shortened(endpoint_id)} that this release of pinpoint_events cannot "
                "read; use the release that wrote it, or delete the row"
            )
            # From None: the validation error may show values.
            raise StoreError(message, code=StoreErrorCode.UNREADABLE_ROW) from None

    def _close(self) -> None:
        self._file.close()
        self._texts.clear()

    def __repr__(self) -> str:
        return (
            f"SqliteSender({str(self.path)!r}, application_id={self.application_id!r})"
        )


def _lists(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the values in lists of a few lengths; the last value may be repeated."""
    longest = _LIST_LENGTHS[-1]
    for start in range(0, len(values), longest):
        part = values[start : start + longest]
        length = next(length for length in _LIST_LENGTHS if length >= len(part))
        yield [*part, *[part[-1]] * (length - len(part))]


def _columns(endpoint: Endpoint) -> tuple[str | None, str | None]:
    """Return the address and the user id."""
    return endpoint.address, None if endpoint.user is None else endpoint.user.user_id


def _add_variant(
    connection: sqlite3.Connection, row: tuple[int, str, int, str, str]
) -> None:
    """Store an event unless it is there, also beside others with the same ids."""
    endpoint, event_id, variant, text, now = row
    content = b""
    while True:
        key = endpoint, event_id, variant
        if connection.execute(_ADD_EVENT, (*key, text, now)).rowcount:
            return
        ((stored,),) = connection.execute(_FIND_EVENT, key)
        if stored == text:
            return
        content = content or canonical_text(text)
        if canonical_text(stored) == content:
            return
        # A number from the content, so that few rows are looked at, however many there
        # are with these ids; the next one if it is that of another content.
        variant = variant + 1 if variant else content_number(content)


_EMPTY_ENDPOINT: Final = to_json(Endpoint()).decode()


def _check_timeout(seconds: object) -> None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise ConfigurationError(
            f"timeout_seconds is of type {type(seconds).__qualname__}; pass a number"
        )
    if not 0 <= seconds <= _MAX_TIMEOUT_SECONDS:
        raise ConfigurationError(
            f"timeout_seconds is {seconds}; pass 0 to {_MAX_TIMEOUT_SECONDS}"
        )


def _absolute(given: str | os.PathLike[str]) -> Path:
    """
    Return the absolute path, as the process may change its directory later.

    Raises:
        ConfigurationError: If it is no path, or SQLite would not take it for a file.
    """
    path = path_text(given)
    if path.casefold() in _NO_FILES:
        raise ConfigurationError(
            f"{path!r} names no file; pass a path, or use MemorySender for tests"
        )
    if is_url(path):
        raise ConfigurationError(
            "path is a URL; pass a path, or pass the URL to open_sender()"
        )
    return Path(path).absolute()


_NO_FILES: Final = frozenset({"", ":memory:", "memory:"})
