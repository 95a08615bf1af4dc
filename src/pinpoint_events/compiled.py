"""
The optional compiled part: what it is, whether it is used, and if not, why.

The distribution `pinpoint-events-speedups` has the same constructors, writers and
readers in C, for the sound case alone: at anything else it calls the functions in
Python, which hold all rules and messages. Without it everything is the same, but takes
longer. Both sides name the number of their interface, and fit only if it is the same.
"""

import os
from typing import Any, Final, NamedTuple

from pinpoint_events.problems import WordEnum

__all__ = ["Speedups", "SpeedupsState", "core", "speedups"]

# Change it together with CORE_INTERFACE in speedups/src/core/core.h.
_INTERFACE: Final = 1

_SWITCH: Final = "PINPOINT_EVENTS_PURE"


class SpeedupsState(WordEnum):
    """
    Whether the compiled part is used.

    Attributes:
        USED: It is.
        NOT_INSTALLED: `pinpoint-events-speedups` is not installed.
        SWITCHED_OFF: `PINPOINT_EVENTS_PURE` is `1` in the environment.
        OTHER_INTERFACE: It is of another release than this package.
        NOT_LOADABLE: Python cannot load it: it is built for another Python or system.
        OTHER_INTERPRETER: Another interpreter of this process uses it: one can.
    """

    USED = "used"
    NOT_INSTALLED = "not installed"
    SWITCHED_OFF = "switched off"
    OTHER_INTERFACE = "of another release"
    NOT_LOADABLE = "not loadable"
    OTHER_INTERPRETER = "used by another interpreter"


class Speedups(NamedTuple):
    """
    The compiled part of this process.

    Attributes:
        state: Whether it is used, and if not, why.
        version: Its version; None if it was not loaded.
    """

    state: SpeedupsState
    version: str | None

    @property
    def is_used(self) -> bool:
        """Whether it is used."""
        return self.state is SpeedupsState.USED


def _found() -> tuple[Any, Speedups]:
    if os.environ.get(_SWITCH) == "1":
        return None, Speedups(SpeedupsState.SWITCHED_OFF, None)
    try:
        import pinpoint_events_speedups as found  # noqa: PLC0415 - if it is wanted
    except ModuleNotFoundError as error:
        is_absent = error.name == "pinpoint_events_speedups"
        absent = SpeedupsState.NOT_INSTALLED
        return None, Speedups(absent if is_absent else SpeedupsState.NOT_LOADABLE, None)
    except ImportError:
        return None, Speedups(SpeedupsState.NOT_LOADABLE, None)
    version = str(getattr(found, "__version__", None))
    if getattr(found, "INTERFACE", None) != _INTERFACE:
        return None, Speedups(SpeedupsState.OTHER_INTERFACE, version)
    if not found.claim():
        return None, Speedups(SpeedupsState.OTHER_INTERPRETER, version)
    return found, Speedups(SpeedupsState.USED, version)


core: Any
"""The compiled part's module; None if it is not used."""

core, _speedups = _found()


def speedups() -> Speedups:
    """Return whether the compiled part is used, and if not, why."""
    return _speedups
