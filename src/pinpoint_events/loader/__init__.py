"""
Files of JSON Lines, of any size, into a sender.

`lines` reads and numbers, after `first_look` has seen what a file is; `content` and
`requests` say what a line holds, `batch` packs it within quotas, `loading` sends
several at a time and settles them in the order of the lines.
What a settled batch adds is kept in three places, which agree at every moment: the
totals, the rejects file, and the checkpoint.
"""

from typing import TYPE_CHECKING, Any

from pinpoint_events import _bound, _known_names

if TYPE_CHECKING:
    from pinpoint_events.errors import LoadError as LoadError
    from pinpoint_events.errors import LoadErrorCode as LoadErrorCode
    from pinpoint_events.loader.api import LoadProgress as LoadProgress
    from pinpoint_events.loader.api import load as load
    from pinpoint_events.loader.totals import OutcomeCounts as OutcomeCounts
    from pinpoint_events.loader.totals import Totals as Totals

__all__ = [
    "LoadError",
    "LoadErrorCode",
    "LoadProgress",
    "OutcomeCounts",
    "Totals",
    "load",
]

_MODULE_OF = {
    "OutcomeCounts": "loader.totals",
    "LoadError": "errors",
    "LoadErrorCode": "errors",
    "LoadProgress": "loader.api",
    "Totals": "loader.totals",
    "load": "loader.api",
}


def __getattr__(name: str) -> Any:
    """Bind a public name when it is first used (PEP 562)."""
    return _bound(name, globals(), _MODULE_OF)


def __dir__() -> list[str]:
    """Return the public names, bound or not."""
    return _known_names(globals())
