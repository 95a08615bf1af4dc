"""Spools that real recorders have left, with dead letters and items that wait."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import attrs

from pinpoint_events import (
    Endpoint,
    EndpointItemResponse,
    Event,
    EventItemResponse,
    EventsRequest,
    EventsResponse,
    MemorySender,
    Recorder,
    TransportError,
)
from pinpoint_events.senders._accepted import accepted

__all__ = ["changed", "dead_spool", "offline", "picky", "recorder", "waiting_spool"]

AT = "2026-09-21T12:00:00.123Z"


def picky(request: EventsRequest) -> EventsResponse:
    """Reject events of the type `bad`, and the endpoint `x`."""
    results = {}
    answer = accepted(request)
    for endpoint_id, batch in request.batch_item.items():
        item = answer.results[endpoint_id]
        events = dict(item.events_item_response)
        for event_id, event in batch.events.items():
            if event.event_type == "bad":
                events[event_id] = EventItemResponse(
                    status_code=400, message="no such\ntype"
                )
        endpoint = item.endpoint_item_response
        if endpoint_id == "x":
            endpoint = EndpointItemResponse(status_code=410, message="gone")
        results[endpoint_id] = attrs.evolve(
            item, events_item_response=events, endpoint_item_response=endpoint
        )
    return attrs.evolve(answer, results=results)


def offline(request: EventsRequest) -> EventsResponse:
    """Answer nothing."""
    raise TransportError("the network is down", is_retry_safe=True)


@contextmanager
def recorder(
    path: Path,
    answer: Callable[[EventsRequest], EventsResponse] = picky,
    **options: Any,
) -> Iterator[tuple[Recorder, MemorySender]]:
    """Open a recorder with a sender in memory, and close it at the end."""
    sender = MemorySender(answer=answer)
    given: dict[str, Any] = {"flush_seconds": 0.01, **options}
    given.setdefault("application_id", sender.application_id)
    one = Recorder(sender, spool=path, **given)
    try:
        yield one, sender
    finally:
        one.close(timeout=0)


def dead_spool(path: Path, bad: int = 2, good: int = 3) -> Path:
    """
    Leave a spool with dead letters.

    They are events `b-0`, `b-1` and so on of `user-1`, and the endpoint `x`. Events
    `g-0` and so on, and the endpoint `user-1`, were delivered.
    """
    with recorder(path) as (one, _):
        for number in range(good):
            one.record("user-1", Event("good", timestamp=AT), event_id=f"g-{number}")
        for number in range(bad):
            event = Event("bad", timestamp=AT, attributes={"mail": "ada@example.com"})
            one.record("user-1", event, event_id=f"b-{number}")
        one.identify("user-1", Endpoint(opt_out="NONE"))
        one.identify("x", Endpoint(opt_out="ALL"))
        assert one.flush(20)
    return path


def waiting_spool(path: Path, events: int = 3) -> Path:
    """Leave a spool with events `w-0` and so on, and the endpoint `w`, that wait."""
    with recorder(path, offline) as (one, _):
        for number in range(events):
            one.record("w", Event("waiting", timestamp=AT), event_id=f"w-{number}")
        one.identify("w", Endpoint(opt_out="NONE"))
    return path


def changed(path: Path, sql: str, values: Iterable[object] = ()) -> None:
    """Change a file as another program."""
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(sql, tuple(values))
