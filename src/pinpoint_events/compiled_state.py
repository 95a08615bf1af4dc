"""Whether the compiled part is used, and if not, why."""

from typing import NamedTuple

from pinpoint_events.compiled import core_state, core_version
from pinpoint_events.problems import WordEnum

__all__ = ["Speedups", "SpeedupsState", "speedups"]


class SpeedupsState(WordEnum):
    """
    Whether the compiled part is used.

    Attributes:
        USED: It is.
        NOT_INSTALLED: `pinpoint-events-speedups` is not installed.
        SWITCHED_OFF: `PINPOINT_EVENTS_PURE` is `1` in the environment.
        OTHER_INTERFACE: It is of another release than this package.
        NOT_LOADABLE: Python cannot load it: it is built for another Python or system,
            or this interpreter has its own lock, as isolated ones have.
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


def speedups() -> Speedups:
    """Return whether the compiled part is used, and if not, why."""
    return Speedups(SpeedupsState[core_state], core_version)
