"""
The optional compiled part, if it is to be used.

The distribution `pinpoint-events-speedups` has the same constructors, writers and
readers in C, for the sound case alone: at anything else it calls the functions in
Python, which hold all rules and messages. Without it everything is the same, but takes
longer. Both sides name the number of their interface, and fit only if it is the same.

The public names are in `compiled_state`: the model imports this module each time, and
classes take time to make.
"""

import os
from typing import Any, Final

__all__ = ["core", "core_state", "core_version"]

# Raise it together with CORE_INTERFACE in speedups/src/core/core.h, which says when: a
# compiled part with the same number must know all rules of the converters.
_INTERFACE: Final = 1

_SWITCH: Final = "PINPOINT_EVENTS_PURE"


def _found() -> tuple[Any, str, str | None]:
    if os.environ.get(_SWITCH) == "1":
        return None, "SWITCHED_OFF", None
    try:
        import pinpoint_events_speedups as found  # noqa: PLC0415 - if it is wanted
    except ModuleNotFoundError as error:
        is_absent = error.name == "pinpoint_events_speedups"
        return None, "NOT_INSTALLED" if is_absent else "NOT_LOADABLE", None
    except Exception:  # noqa: BLE001 - a damaged one, as after a full disk, is not used
        return None, "NOT_LOADABLE", None
    version = getattr(found, "__version__", None)
    if getattr(found, "INTERFACE", None) != _INTERFACE:
        is_empty = version is None  # a folder that was left behind
        return None, "NOT_INSTALLED" if is_empty else "OTHER_INTERFACE", version
    if not found.claim():
        return None, "OTHER_INTERPRETER", version
    return found, "USED", version


core: Any
"""The compiled part's module; None if it is not used."""

core_state: str
"""Whether it is used, and if not, why: the name of a `SpeedupsState`."""

core_version: str | None
"""Its version; None if it was not loaded."""

core, core_state, core_version = _found()
