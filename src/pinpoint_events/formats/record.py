"""What one record of an event stream says: `StreamRecord`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, final

import attrs

from pinpoint_events.model import _converters as to
from pinpoint_events.model._immutable import (
    FrozenMap,
    Immutable,
    Refused,
    frozen_map,
)
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.problems import Expected, Problem, ProblemCode, WordEnum

__all__ = ["StreamRecord", "StreamRecordKind"]


class StreamRecordKind(WordEnum):
    """
    What a record of an event stream is about, by the type of its event.

    Attributes:
        APP: An event that an application sent with PutEvents.
        CAMPAIGN: What became of a message of a campaign.
        JOURNEY: What became of an activity of a journey.
        EMAIL: What became of an e-mail.
        SMS: What became of a text message.
        TEST: The record that Pinpoint writes once, when a stream is set up.
    """

    APP = "app"
    CAMPAIGN = "campaign"
    JOURNEY = "journey"
    EMAIL = "email"
    SMS = "sms"
    TEST = "test"

    @classmethod
    def of(cls, event_type: str) -> "StreamRecordKind":
        """Return the kind of records with this type of event."""
        if event_type.endswith(_SENT_BY_APPS):
            return cls.APP
        for start, kind in _KINDS.items():
            if event_type.startswith(start):
                return kind
        return cls.APP


# Amazon Pinpoint developer guide, "Streaming Amazon Pinpoint events", read 2026-11-28.
_KINDS: Final = {
    "_campaign.": StreamRecordKind.CAMPAIGN,
    "_journey.": StreamRecordKind.JOURNEY,
    "_email.": StreamRecordKind.EMAIL,
    "_SMS.": StreamRecordKind.SMS,
    "_test.event_stream": StreamRecordKind.TEST,
}
# Types of campaigns and journeys that the mobile SDKs send with PutEvents, when a
# person sees or opens a push message: Amplify for Android and for Swift.
_SENT_BY_APPS: Final = (
    ".opened_notification",
    ".received_background",
    ".received_foreground",
)


class JsonMap(FrozenMap[Any]):
    """str to JSON data: None, bool, numbers, str, tuples, and mappings of this kind."""

    __slots__ = ()


NO_JSON: Final = frozen_map(JsonMap, {})

_PLAIN: Final = frozenset({str, int, float, bool, type(None)})


def _json_map(value: Mapping[str, Any] | None) -> FrozenMap[Any]:
    """Convert a mapping of str to JSON data; None becomes the empty mapping."""
    found: FrozenMap[Any] = NO_JSON if value is None else _sound_json_map(value)
    return found


def _sound_json_map(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return to.wrong_type(value, Expected.MAPPING)
    try:
        return _frozen(value)
    except RecursionError:
        return Refused(Problem(ProblemCode.JSON_TOO_DEEP))


def _frozen(value: Any) -> Any:
    """Return JSON data with immutable mappings and sequences; or `Refused`."""
    if type(value) is JsonMap or type(value) in _PLAIN:
        return value
    problems: list[Problem] = []
    if isinstance(value, Mapping):
        members: dict[str, Any] = {}
        for key, item in list(value.items()):
            if type(key) is not str:
                problems.append(to.wrong_key_type(key))
                continue
            members[key] = inside = _frozen(item)
            if type(inside) is Refused:
                problems += [problem.below(key) for problem in inside.problems]
        return Refused(*problems) if problems else frozen_map(JsonMap, members)
    if isinstance(value, list | tuple):
        items = [_frozen(item) for item in value]
        for position, item in enumerate(items):
            if type(item) is Refused:
                problems += [problem.below(position) for problem in item.problems]
        return Refused(*problems) if problems else tuple(items)
    return to.wrong_type(value, Expected.JSON)


def _endpoint(value: Endpoint | None) -> Endpoint | None:
    return None if value is None else to.instance_of(Endpoint, value)


def _event(value: Event) -> Event:
    event: Event = to.instance_of(Event, value)
    return event


def _id(value: str) -> str:
    is_missing = type(value) is str and not value
    found: str = value if is_missing else to.required_text(value)
    return found


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class StreamRecord(Immutable):
    """
    One record of Pinpoint's event stream, or of a stream with records of its form.

    Attributes:
        application_id: The application. Empty only for a record of
            `StreamRecordKind.TEST` that names none.
        endpoint_id: The endpoint; `client.client_id` of the record. Empty only for a
            record of `StreamRecordKind.TEST` that names none.
        endpoint: The endpoint as it was stored when the event arrived; None if the
            record says nothing about it.
        event: The event. A record has no event id.
        arrived_at: When the event arrived; None if the record does not say.
        account_id: The AWS account; None if the record does not say.
        extra: What else the record has, under its own names, such as the Cognito ids,
            the members of an endpoint that only Pinpoint sets, and what the model does
            not accept. It is JSON data with tuples for arrays.

    Raises:
        ValidationError: With all problems of the arguments.
    """

    application_id: str = attrs.field(converter=_id)
    endpoint_id: str = attrs.field(converter=_id)
    endpoint: Endpoint | None = attrs.field(default=None, converter=_endpoint)
    event: Event = attrs.field(converter=_event)
    arrived_at: datetime | None = attrs.field(default=None, converter=to.optional_time)
    account_id: str | None = attrs.field(default=None, converter=to.text)
    extra: FrozenMap[Any] = attrs.field(default=NO_JSON, converter=_json_map)

    @property
    def kind(self) -> StreamRecordKind:
        """What the record is about."""
        return StreamRecordKind.of(self.event.event_type)
