"""The plan of `--dry-run`: the requests to send, and the faults in them."""

from typing import Any, Final

import attrs

from pinpoint_events.cli._problem_text import problem_text
from pinpoint_events.errors import QuotaExceededError
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.quotas import Quotas, check_quotas
from pinpoint_events.wire import to_json

__all__ = ["plan"]

# The quotas of a whole request, by which it is split.
_REQUEST_QUOTAS: Final = (
    "events_per_request",
    "endpoints_per_request",
    "request_bytes",
)


def plan(request: EventsRequest) -> dict[str, Any]:
    """
    Return the plan to print.

    `Requests` has the size of each request to send: of the request itself, or, if it is
    over a quota of a whole request, of those that `build_all` splits it into.
    `Faults` has a message for everything that is over a quota.
    """
    faults = list(check_quotas(request))
    parts: tuple[EventsRequest, ...] = (request,)
    if any(not fault.path for fault in faults):
        try:
            parts = _split(request)
        except QuotaExceededError as error:
            parts = ()
            faults += error.problems
    return {
        "Requests": [_size(part) for part in parts],
        "Faults": [problem_text(fault) for fault in faults],
    }


def _split(request: EventsRequest) -> tuple[EventsRequest, ...]:
    limits = attrs.fields(Quotas)
    # Items over a quota are already among the faults, and do not prevent the split.
    off = {each.name: None for each in limits if each.name not in _REQUEST_QUOTAS}
    return request.split(Quotas(**off))


def _size(request: EventsRequest) -> dict[str, int]:
    return {
        "Endpoints": len(request.batch_item),
        "Events": request.event_count,
        "Bytes": len(to_json(request)),
    }
