"""What would be sent, and what would be wrong with it."""

from typing import Any, Final

import attrs

from pinpoint_events.cli._problems import for_command_line
from pinpoint_events.errors import QuotaExceededError
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.quotas import Quotas, check_quotas
from pinpoint_events.wire import to_json

__all__ = ["plan"]

# Those of whole requests, by which they are split.
_OF_REQUESTS: Final = ("events_per_request", "request_bytes")


def plan(request: EventsRequest) -> dict[str, Any]:
    """
    Return the plan, as it is printed.

    `Requests` has what is sent: the request itself, or if it is too much for one, those
    that `build_all` makes of it. `Faults` has everything that is over a quota.
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
        "Requests": [_measures(part) for part in parts],
        "Faults": [str(for_command_line(fault)) for fault in faults],
    }


def _split(request: EventsRequest) -> tuple[EventsRequest, ...]:
    limits = attrs.fields(Quotas)
    # What is wrong with single items is among the faults, and no reason to stop here.
    off = {each.name: None for each in limits if each.name not in _OF_REQUESTS}
    return request.split(Quotas(**off))


def _measures(request: EventsRequest) -> dict[str, int]:
    return {
        "Endpoints": len(request.batch_item),
        "Events": request.event_count,
        "Bytes": len(to_json(request)),
    }
