"""
For tests of code that uses this package: data, senders that keep all, pytest fixtures.

`strategies` makes Hypothesis strategies for every public class, for answers and for
faulty input; it needs the extra `testing`. `MemorySender` and `RecordingSender` need
nothing. pytest finds the fixtures `pinpoint_sender`, which is a `RecordingSender`, and
`pinpoint_server`, which is a `PinpointServer` and needs the extra `server`.

Names are bound when first used: Hypothesis and pytest themselves import this package,
the one to learn what `st.from_type` is to do for our classes, the other for fixtures.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pinpoint_events import _bound, _known_names

if TYPE_CHECKING:
    from pinpoint_events.senders import MemorySender as MemorySender
    from pinpoint_events.testing import strategies as strategies
    from pinpoint_events.testing._recording import RecordingSender as RecordingSender
    from pinpoint_events.testing._recording import SentEvent as SentEvent
    from pinpoint_events.testing._serving import PinpointServer as PinpointServer

__all__ = [
    "MemorySender",
    "PinpointServer",
    "RecordingSender",
    "SentEvent",
    "strategies",
]

_MODULE_OF = {
    "MemorySender": "senders",
    "PinpointServer": "testing._serving",
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
