"""`--debug`: the library's log, on standard error."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pinpoint_events import __version__
from pinpoint_events.cli import _console as console
from pinpoint_events.errors import shortened
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.wire import to_json

__all__ = ["shown_log"]

_log = logging.getLogger("pinpoint_events")

_PREFIX: Final = "pinpoint_events."
_FORMAT: Final = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"


@contextmanager
def shown_log(request: EventsRequest, *, is_shown: bool) -> Iterator[None]:
    """Show the log of what is done within, if that was asked for."""
    if not is_shown:
        yield
        return
    handler = _Handler()
    level = _log.level
    _log.addHandler(handler)
    _log.setLevel(logging.DEBUG)
    try:
        _tell_of(request)
        yield
    finally:
        _log.setLevel(level)
        _log.removeHandler(handler)


def _tell_of(request: EventsRequest) -> None:
    batches = request.batch_item.values()
    measures = {
        "pinpoint_events.version": __version__,
        "pinpoint_events.endpoints": len(batches),
        "pinpoint_events.events": sum(len(batch.events) for batch in batches),
        "pinpoint_events.bytes": len(to_json(request)),
    }
    _log.debug("request is sound", extra=measures)


class _Handler(logging.Handler):
    """Writes a record's message in one line, and what it is about behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(_FORMAT))

    def emit(self, record: logging.LogRecord) -> None:
        details = [
            f"{name.removeprefix(_PREFIX)}={_shown(value)}"
            for name, value in vars(record).items()
            if name.startswith(_PREFIX)
        ]
        console.message(" ".join([self.format(record), *details]))


def _shown(value: object) -> str:
    return shortened(value) if isinstance(value, str) else str(value)
