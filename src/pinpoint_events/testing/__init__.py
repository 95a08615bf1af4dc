"""
For tests of code that uses this package: data, and a sender that keeps all it is given.

`strategies` makes Hypothesis strategies for every public class, for answers and for
faulty input; it needs the extra `testing`. `MemorySender` needs nothing.

Names are bound when first used: Hypothesis itself imports this package, to learn what
`st.from_type` is to do for our classes.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pinpoint_events.senders import MemorySender as MemorySender
    from pinpoint_events.testing import strategies as strategies

__all__ = ["MemorySender", "strategies"]


def __getattr__(name: str) -> Any:
    """Bind a public name when it is first used (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - needed on first use only

    if name == "strategies":
        return import_module(f"{__name__}.strategies")
    return import_module("pinpoint_events.senders").MemorySender


def __dir__() -> list[str]:
    """Return the public names, bound or not."""
    return sorted({*globals(), *__all__})
