"""`--debug`: prints the library's log on standard error."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pinpoint_events import __version__
from pinpoint_events.cli._log import log_lines
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.wire import to_json

__all__ = ["debug_log"]

_log = logging.getLogger("pinpoint_events")

_FORMAT: Final = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"


@contextmanager
def debug_log(request: EventsRequest, *, is_enabled: bool) -> Iterator[None]:
    """Print the library's log at DEBUG within the block, if `is_enabled`."""
    if not is_enabled:
        yield
        return
    with log_lines(_FORMAT, logging.DEBUG):
        _log_request(request)
        yield


def _log_request(request: EventsRequest) -> None:
    batches = request.batch_item.values()
    measures = {
        "pinpoint_events.version": __version__,
        "pinpoint_events.endpoints": len(batches),
        "pinpoint_events.events": sum(len(batch.events) for batch in batches),
        "pinpoint_events.bytes": len(to_json(request)),
    }
    _log.debug("request is sound", extra=measures)
