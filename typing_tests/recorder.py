"""What users rely on of the recorder's types; read by type checkers, never run."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import assert_type

from pinpoint_events import (
    DroppedItem,
    DropReason,
    Endpoint,
    Event,
    ItemCounts,
    MemorySender,
    Recorder,
    RecorderStats,
    RejectedItem,
    SessionRecorder,
    StoreErrorCode,
)
from pinpoint_events.recorder import LambdaContext, OnFull, flush_in_time
from pinpoint_events.testing import RecordingRecorder, SentEvent


def records(event: Event, endpoint: Endpoint) -> None:
    """The calls of an application."""
    recorder = Recorder("memory:", spool=Path("spool.db"), max_age=timedelta(days=1))
    assert_type(recorder.record("user-1", event), str)
    assert_type(recorder.record("user-1", event, event_id="v-1"), str)
    recorder.identify("user-1", endpoint)
    assert_type(recorder.flush(1.5), bool)
    assert_type(recorder.flush(timeout=1), bool)
    assert_type(recorder.close(timeout=1), bool)
    assert_type(recorder.application_id, str)
    with recorder.session("user-1") as session:
        assert_type(session, SessionRecorder)
        assert_type(session.record(event), str)


def senders() -> None:
    """A sender, a function that makes one, or a URL."""
    Recorder(MemorySender(), spool=None)
    Recorder(MemorySender, spool=None)
    Recorder(lambda: MemorySender(application_id="shop"), spool="spool.db")
    Recorder(1, spool=None)  # type: ignore[arg-type]
    Recorder("memory:")  # type: ignore[call-arg]
    Recorder("memory:", spool=None, on_full="drop")  # type: ignore[arg-type]


def counts(stats: RecorderStats) -> None:
    """The books."""
    assert_type(stats.recorded, int)
    assert_type(stats.delivered, int)
    assert_type(stats.rejected, int)
    assert_type(stats.pending, int)
    dropped: Mapping[str, int] = stats.dropped
    assert_type(dropped[DropReason.FULL], int)
    assert_type(stats.endpoints, ItemCounts)
    assert_type(stats.balances, bool)
    assert_type(stats.spool_error, StoreErrorCode | None)


def hooks() -> None:
    """What hooks get."""

    def rejected(item: RejectedItem) -> None:
        assert_type(item.endpoint_id, str)
        assert_type(item.event_id, str | None)
        assert_type(item.code, str)
        assert_type(item.attempts, int)

    def dropped(item: DroppedItem) -> None:
        assert_type(item.reason, DropReason)

    policy: OnFull = "drop_oldest"
    Recorder(
        "memory:",
        spool=None,
        on_full=policy,
        on_rejected=rejected,
        on_dropped=dropped,
        on_error=print,
    )


async def asynchronous(event: Event) -> None:
    """The same in asyncio."""
    async with Recorder("memory:", spool=None) as recorder:
        assert_type(recorder, Recorder)
        recorder.record("user-1", event)
        assert_type(await recorder.aflush(1), bool)
        assert_type(await recorder.aclose(1), bool)


def in_lambda(recorder: Recorder, context: LambdaContext) -> None:
    """In a handler of AWS Lambda."""
    assert_type(flush_in_time(recorder, context), bool)


def in_tests(pinpoint_recorder: RecordingRecorder, event: Event) -> None:
    """The fixture."""
    pinpoint_recorder.record("user-1", event)
    assert_type(pinpoint_recorder.assert_sent("login"), tuple[SentEvent, ...])
