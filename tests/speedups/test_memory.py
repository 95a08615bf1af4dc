"""
Nothing leaks: objects, references and memory are as many after a million events.

`PINPOINT_EVENTS_SLOW` draws a million events and a hundred thousand refusals; without
it, as in the README's command, there are a hundredth of them.
"""

import gc
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from pinpoint_events.compiled import core
from pinpoint_events.errors import ValidationError
from pinpoint_events.item_texts import event_writer
from pinpoint_events.model._converters import NO_NUMBERS, NO_TEXT
from pinpoint_events.model.endpoint import ChannelType, Endpoint, User
from pinpoint_events.model.event import Event, Session
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import EventItemResponse, ItemResponse
from pinpoint_events.quotas import Quotas
from pinpoint_events.wire import to_json

resource = pytest.importorskip("resource")  # which Windows does not have
pytestmark = pytest.mark.skipif(core is None, reason="the compiled part is not used")

EVENTS: Final = 1_000_000 if os.environ.get("PINPOINT_EVENTS_SLOW") else 10_000
REFUSALS: Final = EVENTS // 10
MOMENT: Final = datetime(2026, 9, 21, 12, 0, 0, 123_456, tzinfo=UTC)
TEXT: Final = "not interned"
NUMBER: Final = float("9.99")
PARTS: Final[list[object]] = [
    *(None, UTC, MOMENT, TEXT, NUMBER, NO_TEXT, NO_NUMBERS, Event, Session, Endpoint),
    *(EventItemResponse, ChannelType.EMAIL, type(NO_TEXT), type(NO_NUMBERS)),
]
LONG_TEXT: Final = "x" * 10_000  # more than C writes without memory of its own
write: Final = event_writer(Quotas(event_attribute_value_characters=5))
write_short: Final = event_writer(Quotas(event_bytes=1_000))


def make() -> None:
    """Make one of everything, write it, and read an answer."""
    session = Session(id=TEXT, start_timestamp=MOMENT)
    event = Event(
        TEXT,
        timestamp=MOMENT,
        attributes={TEXT: TEXT, "é": "\n"},
        metrics={TEXT: NUMBER, "i": 5, "e": 1e22},
        session=session,
    )
    endpoint = Endpoint(
        address=TEXT,
        channel_type="EMAIL",
        attributes={TEXT: [TEXT]},
        effective_date="2026-09-21T12:00:00.123Z",
        user=User(user_attributes={TEXT: (TEXT,)}),
    )
    batch = EventsBatch(endpoint=endpoint, events={TEXT: event})
    to_json(EventsRequest(batch_item={TEXT: batch}))
    hash(event)
    write(event, TEXT)
    to_json(Event(LONG_TEXT, timestamp=MOMENT))
    core.time_text(MOMENT)
    answer = {"StatusCode": 202, "Message": TEXT}
    events = {TEXT: answer, "b": answer}
    core.read_item(
        {"EndpointItemResponse": answer, "EventsItemResponse": events}, ItemResponse
    )


def refuse() -> None:
    """Refuse one of everything: in a value, a key, a rule, and the call itself."""
    calls: list[Callable[[], Any]] = [
        lambda: Event(TEXT, timestamp=MOMENT, attributes={TEXT: TEXT, "k": 1}),  # type: ignore[dict-item]
        lambda: Event(TEXT, timestamp=MOMENT, metrics={TEXT: NUMBER, "m": True}),
        lambda: Event(TEXT, timestamp="2026-02-29T12:00:00.000Z"),
        lambda: Endpoint(address=TEXT),
        lambda: User(user_attributes={TEXT: [TEXT, "\ud800"]}),
        lambda: Event(timestamp=MOMENT),  # type: ignore[call-arg]
        lambda: Event(TEXT, unknown=TEXT),  # type: ignore[call-arg]
    ]
    for call in calls:
        with suppress(ValidationError, TypeError):
            call()
    # Too long, and over a quota after a long text.
    assert write_short(Event(LONG_TEXT, timestamp=MOMENT)) is None
    assert write(Event(LONG_TEXT, timestamp=MOMENT, attributes={TEXT: TEXT})) is None
    bad: dict[str, Any] = {"StatusCode": 202, "Message": None}
    taken: dict[str, Any] = {"StatusCode": 202, "Message": TEXT}
    for of_endpoint, of_events in ((bad, taken), (taken, bad)):
        events = {"a": taken, TEXT: of_events}
        core.read_item(
            {"EndpointItemResponse": of_endpoint, "EventsItemResponse": events},
            ItemResponse,
        )


def resident_bytes() -> int:
    """Return what is resident, or where the system does not tell, the most ever."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        # Not the most ever: tests that ran before may have needed more than leaks here.
        page_bytes: int = resource.getpagesize()
        return int(statm.read_text().split()[1]) * page_bytes
    most: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


# Less than one number, of 24 bytes, for each event or refusal.
@pytest.mark.parametrize(
    "work, times, most_bytes",
    [(make, EVENTS, 4_000_000), (refuse, REFUSALS, 1_500_000)],
)
def test_nothing_leaks(work: Callable[[], None], times: int, most_bytes: int) -> None:
    """References, objects and memory are flat."""
    for _ in range(1_000):
        work()
    gc.collect()
    counts = [sys.getrefcount(part) for part in PARTS]
    objects, memory = len(gc.get_objects()), resident_bytes()
    for _ in range(times):
        work()
    gc.collect()
    # A handful: frames, caches of the interpreter, threads of the test runner.
    for before, part in zip(counts, PARTS, strict=True):
        assert abs(sys.getrefcount(part) - before) < 200
    assert abs(len(gc.get_objects()) - objects) < 200
    assert resident_bytes() - memory < most_bytes
