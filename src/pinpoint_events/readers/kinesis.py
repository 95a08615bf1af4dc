"""Reads the records of a Kinesis data stream, as they come."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, ClassVar, Final, Self

import attrs

from pinpoint_events.errors import SenderError, ServiceError, TransportError
from pinpoint_events.get_records import (
    FROM_NOW,
    READ_ACTIONS,
    ListedShard,
    Position,
    ReadRecord,
    ShardOrder,
    after,
    from_time,
    iterator_of,
    iterator_request,
    listed_shards,
    page_of,
    page_request,
    shards_request,
)
from pinpoint_events.http_messages import HttpRequest, HttpResponse
from pinpoint_events.put_records import stream_error
from pinpoint_events.retry import Retry
from pinpoint_events.senders._blocking import Time
from pinpoint_events.senders._signed_calls import SignedCalls
from pinpoint_events.senders._stream_name import stream_name
from pinpoint_events.senders.kinesis import kinesis_service

__all__ = ["KinesisReader"]

# Kinesis answers five calls a second for a shard, of all its readers together. (Amazon
# Kinesis developer guide, "Quotas and limits", read 2026-11-29.)
_SECONDS_BETWEEN_CALLS: Final = 0.25
_SECONDS_AT_TIP: Final = 1.0
_CALL_SECONDS: Final = 10.0
_CLOCKS_DIFFER_SECONDS: Final = 5.0
_EXPIRED: Final = "ExpiredIteratorException"  # after five minutes


@attrs.define
class _Reading:
    """A shard that is being read; `position` is where, if there is no iterator."""

    position: Position
    due_at: float
    iterator: str | None = None
    is_at_tip: bool = False


class KinesisReader:
    """
    Reads a stream, all shards side by side, and goes on where they are split or merged.

    Records of one shard come in their order, and a shard's after those of its parents.
    What fails in a way that may pass is tried again, for as long as `Retry` gives a
    call by default.

    Args:
        stream: The name of the stream, or its ARN.
        start: Where to begin.
        region: AWS region; by default that of the ARN, then of the settings.
        endpoint_url: Where to send, in place of the region's own endpoint.
        credentials: Botocore's `Credentials`, in place of those of the settings.

    Raises:
        ConfigurationError: If a setting is missing, unknown or unusable.
    """

    _time: ClassVar[Time] = Time()

    def __init__(
        self,
        stream: str,
        *,
        start: Position,
        region: str | None = None,
        endpoint_url: str | None = None,
        credentials: Any = None,
    ) -> None:
        found = stream_name(stream, "kinesis")
        self._stream = (
            {"StreamName": found.name}
            if found.arn is None
            else {"StreamARN": found.arn}
        )
        self._calls = SignedCalls(
            kinesis_service(found),
            (found.region_or(region), endpoint_url, None, credentials, None, None),
            None,
            self._time,
            lambda request, response: stream_error(request, response, READ_ACTIONS),
        )
        self._order = ShardOrder(start)
        self._shards: dict[str, _Reading] = {}
        self._must_list = True
        self._failing_since: float | None = None

    @property
    def is_at_tip(self) -> bool:
        """Whether everything was read that was there."""
        return (
            not self._must_list
            and self._order.is_complete
            and all(each.is_at_tip for each in self._shards.values())
        )

    def read(self, is_over: Callable[[], bool]) -> tuple[ReadRecord, ...]:
        """
        Return further records, or none if there are none yet.

        It waits for a second at most, then makes a call or two.

        Args:
            is_over: Whether to stop waiting.

        Raises:
            SenderError: If the stream cannot be read, or was not for too long.
        """
        try:
            records = self._read(is_over)
        except SenderError as error:
            self._tolerate(error)
            self._time.wait(_SECONDS_AT_TIP, is_over)
            return ()
        self._failing_since = None
        return records

    def _read(self, is_over: Callable[[], bool]) -> tuple[ReadRecord, ...]:
        if self._must_list:
            self._order.list(self._list())
            self._must_list = False
        now = self._time.monotonic()
        for shard_id, position in self._order.begin().items():
            self._shards[shard_id] = _Reading(position, now)
        if not self._shards:
            # Every shard has ended; its children are not listed yet.
            self._time.wait(_SECONDS_AT_TIP, is_over)
            self._must_list = True
            return ()
        shard_id, shard = min(self._shards.items(), key=lambda item: item[1].due_at)
        self._time.wait(shard.due_at - now, is_over)
        if is_over():
            return ()
        shard.due_at = self._time.monotonic() + _SECONDS_AT_TIP
        return self._read_shard(shard_id, shard)

    def _read_shard(self, shard_id: str, shard: _Reading) -> tuple[ReadRecord, ...]:
        if shard.iterator is None:
            wanted = iterator_request(self._stream, shard_id, shard.position)
            shard.iterator = iterator_of(self._call(wanted))
        request = page_request(self._stream, shard.iterator)
        try:
            page = page_of(shard_id, self._call(request))
        except ServiceError as error:
            if error.code != _EXPIRED:
                raise
            shard.iterator = None
            return ()
        shard.iterator, shard.is_at_tip = page.iterator, page.is_at_tip
        if page.records:
            shard.position = after(page.records[-1].sequence_number)
        elif shard.position is FROM_NOW:
            # If the iterator expires, as while a machine sleeps, nothing is skipped.
            seconds = self._time.now() - _CLOCKS_DIFFER_SECONDS
            shard.position = from_time(datetime.fromtimestamp(seconds, UTC))
        if page.iterator is None:
            del self._shards[shard_id]
            self._order.end(shard_id)
            self._must_list = True
        elif not page.is_at_tip:
            shard.due_at = self._time.monotonic() + _SECONDS_BETWEEN_CALLS
        return page.records

    def _list(self) -> list[ListedShard]:
        found, token = listed_shards(self._call(shards_request(self._stream, None)))
        while token is not None:
            page, token = listed_shards(self._call(shards_request(self._stream, token)))
            found += page
        return found

    def _call(self, request: HttpRequest) -> HttpResponse:
        try:
            return self._calls.call(request, _CALL_SECONDS)
        except TransportError as error:
            # Its own words are for what is sent.
            failure = TransportError(
                f"no answer from {self._calls.url} ({error.code}); check the network, "
                "the region and the endpoint URL",
                error.is_retry_safe,
                code=error.code,
            )
        raise failure

    def _tolerate(self, error: SenderError) -> None:
        now = self._time.monotonic()
        since = self._failing_since = self._failing_since or now
        if not error.is_retry_safe or now - since >= Retry().deadline_seconds:
            raise error

    def close(self) -> None:
        """Close the connections."""
        self._calls.close()

    def __enter__(self) -> Self:
        """Return the reader itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the reader."""
        self.close()
