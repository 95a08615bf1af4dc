"""
Tools for testing code that uses this package: strategies, senders, pytest fixtures.

`strategies` has Hypothesis strategies for every public class, for responses and for
invalid input; it needs the extra `testing`. `MemorySender`, `RecordingSender` and
`RecordingRecorder` need no extra. The pytest fixtures are `pinpoint_sender`, which is a
`RecordingSender`, `pinpoint_recorder`, which is a `RecordingRecorder`, and
`pinpoint_server`, `kinesis_stream` and `firehose_stream`, which are a `PinpointServer`,
a `KinesisStream` and a `FirehoseStream`, and need the extra `server`.

Names are bound when first used, because entry points make Hypothesis and pytest import
this package: Hypothesis to resolve our classes in `st.from_type`, pytest for fixtures.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pinpoint_events import _bound, _known_names

if TYPE_CHECKING:
    from pinpoint_events.senders import MemorySender as MemorySender
    from pinpoint_events.testing import strategies as strategies
    from pinpoint_events.testing._recorder import RecordingRecorder as RecordingRecorder
    from pinpoint_events.testing._recording import RecordingSender as RecordingSender
    from pinpoint_events.testing._recording import SentEvent as SentEvent
    from pinpoint_events.testing._serving import PinpointServer as PinpointServer
    from pinpoint_events.testing._streams import FirehoseStream as FirehoseStream
    from pinpoint_events.testing._streams import KinesisStream as KinesisStream

__all__ = [
    "FirehoseStream",
    "KinesisStream",
    "MemorySender",
    "PinpointServer",
    "RecordingRecorder",
    "RecordingSender",
    "SentEvent",
    "strategies",
]

_MODULE_OF = {
    "FirehoseStream": "testing._streams",
    "KinesisStream": "testing._streams",
    "MemorySender": "senders",
    "PinpointServer": "testing._serving",
    "RecordingRecorder": "testing._recorder",
    "RecordingSender": "testing._recording",
    "SentEvent": "testing._recording",
}


def __getattr__(name: str) -> Any:
    """Bind a public name when it is first used (PEP 562)."""
    if name == "strategies":
        return import_module(f"{__name__}.strategies")
    return _bound(name, globals(), _MODULE_OF)


def __dir__() -> list[str]:
    """Return the public names, bound or not."""
    return _known_names(globals())
