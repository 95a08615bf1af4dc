"""
What Kinesis and Firehose have in common: one call after the other, and the store.

Calls are served one at a time: each sees the changes of those before it, and has
written its own before it answers. If the store fails, the call is answered with an
error, and the state is read from the store again before the next call.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from pinpoint_events.errors import ConfigurationError
from pinpoint_events.model import _converters as to
from pinpoint_events.server._answers import unavailable
from pinpoint_events.server._settings import check_settings
from pinpoint_events.server.streams.members import Members, read_body
from pinpoint_events.server.streams.put_faults import NO_PUT_FAULTS, PutFaults
from pinpoint_events.server.streams.refusals import unknown_operation
from pinpoint_events.server.streams.store import StreamsFile
from pinpoint_events.storage.waiting import seconds_left
from pinpoint_events.wire.json_text import encode

__all__ = ["Call", "Service", "arn", "epoch_seconds", "utc_now"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def utc_now() -> datetime:
    """Return the current time of this machine, in UTC."""
    return datetime.now(UTC)


def epoch_seconds(time: datetime) -> float:
    """Return a time as these services send it: seconds since 1970, to milliseconds."""
    return (time - _EPOCH) // _MILLISECOND / 1000


class Call:
    """
    One call.

    Attributes:
        members: Its members.
        now: The current time.
        faults: The faults that apply to its records.
    """

    __slots__ = ("faults", "members", "now")

    members: Members
    now: datetime
    faults: PutFaults

    def __init__(self, members: Members, now: datetime, faults: PutFaults) -> None:
        self.members = members
        self.now = now
        self.faults = faults


class Named(Protocol):
    """A stream, of which the service depends on the name alone."""

    name: str


S = TypeVar("S", bound=Named)


class Service(ABC, Generic[S]):
    """
    A service of AWS, on this machine.

    Args:
        store: The file to keep streams in; None keeps them in memory.
        region: The region in its ARNs.
        account_id: The account in its ARNs.
        clock: Returns the current time, with a time zone.

    Attributes:
        region: The region in its ARNs.
        account_id: The account in its ARNs.
        signing_name: The service name in signatures, and in names of operations.
        target: What `X-Amz-Target` begins with.
        puts: The operations that put records.

    Raises:
        ConfigurationError: If the account id has other than 12 digits, or there is no
            region.
        StoreError: If the file cannot be used.
    """

    signing_name: ClassVar[str]
    target: ClassVar[str]
    puts: ClassVar[frozenset[str]]

    region: str
    account_id: str

    def __init__(
        self,
        store: str | Path | None,
        *,
        region: str,
        account_id: str,
        clock: Callable[[], datetime],
    ) -> None:
        check_settings(
            region=to.required_text(region),
            account_id=to.required_text(account_id),
            clock=to.function(clock),
        )
        is_account = len(account_id) == 12 and account_id.isascii()  # noqa: PLR2004
        if not (is_account and account_id.isdigit()):
            raise ConfigurationError("account_id has not 12 digits; give it 12")
        self.region = region
        self.account_id = account_id
        self._clock = clock
        self._lock = threading.Lock()
        self._streams: dict[str, S] = {}
        self._file = None if store is None else StreamsFile(store)
        self._is_loaded = self._file is None
        try:
            with self._exclusive():
                pass  # reads the file
        except BaseException:
            self.close()
            raise

    @property
    def stream_names(self) -> tuple[str, ...]:
        """The names of all streams, sorted."""
        with self._exclusive():
            return tuple(sorted(self._streams))

    @property
    def path(self) -> Path | None:
        """The file that streams are kept in; None where they are in memory."""
        return None if self._file is None else self._file.path

    def check_ready(self) -> None:
        """
        Raise an error if a call could not be stored now.

        Raises:
            StoreError: If the file cannot be written.
        """
        if self._file is not None:
            self._file.check()

    def close(self) -> None:
        """Close the store."""
        if self._file is not None:
            self._file.close()

    def answer(
        self, operation: str, body: bytes, faults: PutFaults = NO_PUT_FAULTS
    ) -> bytes:
        """
        Serve one call, and return the body of its answer.

        Args:
            operation: The name of the operation.
            body: The body of the call.
            faults: The faults that apply to its records.

        Raises:
            RequestError: If the call is rejected.
            StoreError: If the store fails.
        """
        handler = self._operations.get(operation)
        if handler is None:
            raise unknown_operation(f"{self.signing_name} has no such operation here")
        members = read_body(body)
        with self._exclusive():
            found = handler(Call(members, self._clock(), faults))
        return b"" if found is None else encode(found)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Hold the lock; write what changed at the end."""
        # Only calls over HTTP have a limit.
        if not self._lock.acquire(timeout=seconds_left(threading.TIMEOUT_MAX)):
            raise unavailable("the calls before it take too long; send it again later")
        try:
            self._load()
            try:
                yield
            finally:
                self._save()
        finally:
            self._lock.release()

    @property
    @abstractmethod
    def _operations(self) -> Mapping[str, Callable[[Call], Any]]:
        """The operations, by name."""

    def _load(self) -> None:
        """Read the streams from the file if that is needed."""
        if not self._is_loaded and self._file is not None:
            found = self._stored(self._file)
            self._streams = {stream.name: stream for stream in found}
            self._is_loaded = True

    def _write(self, write: Callable[[StreamsFile], None]) -> None:
        """Write into the file, if there is one; if that fails, it is read again."""
        if self._file is not None:
            self._is_loaded = False
            write(self._file)
            self._is_loaded = True

    @abstractmethod
    def _stored(self, file: StreamsFile) -> Iterable[S]:
        """Return the streams in the file."""

    @abstractmethod
    def _save(self) -> None:
        """Write what changed into the file."""


def arn(service: Service[Any], resource: str) -> str:
    """Return the ARN of a resource."""
    return (
        f"arn:aws:{service.signing_name}:{service.region}:{service.account_id}:"
        f"{resource}"
    )
