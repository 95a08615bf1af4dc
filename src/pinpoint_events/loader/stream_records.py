"""
Records of Pinpoint's event stream, and of Amplify's envelope, as lines of a file.

An event that an application sent becomes one again, with the endpoint that was stored
when it arrived. What Pinpoint itself reported, of a message or of the stream, is no
event to send: it is refused, and named as what it is.
"""

from collections.abc import Mapping
from typing import Any, Final

from pinpoint_events.data_quotas import of_endpoint
from pinpoint_events.errors import ValidationError
from pinpoint_events.formats.record import StreamRecordKind
from pinpoint_events.formats.stream_record import from_stream_record
from pinpoint_events.loader.items import (
    UNTOUCHED,
    Content,
    Item,
    application_problems,
    rejection,
)
from pinpoint_events.problems import ProblemCode
from pinpoint_events.quotas import Quotas
from pinpoint_events.wire.json_text import json_problem

__all__ = ["stream_content"]

_KINDS: Final[Mapping[StreamRecordKind, str]] = {
    StreamRecordKind.CAMPAIGN: "a campaign",
    StreamRecordKind.JOURNEY: "a journey",
    StreamRecordKind.EMAIL: "an e-mail",
    StreamRecordKind.SMS: "a text message",
    StreamRecordKind.TEST: "the setting up of a stream",
}


def stream_content(
    data: dict[str, Any], event_id: str, quotas: Quotas, application_id: str | None
) -> Content:
    """
    Return what a record says.

    Args:
        data: The record.
        event_id: The id of its event, because a record has none.
        quotas: The limits of endpoints; those of events are the builder's.
        application_id: The application that events go to; None if that is not known.
    """
    try:
        record = from_stream_record(data)
    except ValidationError as error:
        return Content((), (rejection(error.problems, data),))
    if record.kind is not StreamRecordKind.APP:
        problem = json_problem(ProblemCode.STREAM_RECORD, unit=_KINDS[record.kind])
        return Content((), (rejection([problem], data),))
    problems = application_problems(
        record.application_id, application_id, "application", "app_id"
    )
    endpoint = None if record.endpoint == UNTOUCHED else record.endpoint
    if endpoint is not None:
        over = of_endpoint(endpoint, quotas)
        problems += [problem.below("endpoint") for problem in over]
    if problems:
        return Content((), (rejection(problems, data),))
    return Content((Item(record.endpoint_id, endpoint, {event_id: record.event}),))
