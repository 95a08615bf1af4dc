"""The members that a stream record and an Amplify envelope write alike."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pinpoint_events.formats.event_ids import with_event_id
from pinpoint_events.model import _converters as to
from pinpoint_events.model._immutable import raise_if_invalid
from pinpoint_events.model.endpoint import Demographic, Endpoint
from pinpoint_events.model.event import Event, Session

__all__ = [
    "EVENT_VERSION",
    "application",
    "application_key",
    "checked_event",
    "client",
    "from_milliseconds",
    "locale",
    "milliseconds",
    "named",
    "session",
]

EVENT_VERSION: Final = "3.1"
"""Of the records of 2019 to 2022, and of Amplify's; the documentation shows 3.0."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    """Return a time of the model as whole milliseconds since 1970."""
    # A time of the model has no fraction of a millisecond, and a float is exact to less
    # than a tenth of one until the year 9999. In whole numbers it takes twice as long.
    return round(moment.timestamp() * 1000)


def from_milliseconds(number: int) -> datetime | None:
    """Return the time; None if it is before year 1 or after year 9999."""
    try:
        return _EPOCH + timedelta(milliseconds=number)
    except OverflowError:
        return None


def named(**members: Any) -> dict[str, Any]:
    """Return the members that are not None."""
    return {name: value for name, value in members.items() if value is not None}


def checked_event(
    endpoint_id: object,
    event: Event,
    endpoint: object,
    event_id: str | None,
    event_id_attribute: str | None,
    **others: object,
) -> Event:
    """
    Return the event to write, with its id as an attribute if that is wanted.

    Args:
        endpoint_id: An argument of a writer, not yet checked, like those after it.
        event: The event.
        endpoint: The endpoint, or None.
        event_id: Its id.
        event_id_attribute: The attribute that receives the id; None for none.
        others: Other arguments, converted.

    Raises:
        ValidationError: With all problems of the arguments.
    """
    checked: dict[str, Any] = {
        "endpoint_id": to.required_text(endpoint_id),  # type: ignore[arg-type]
        "event": to.instance_of(Event, event),
        "endpoint": None if endpoint is None else to.instance_of(Endpoint, endpoint),
        **others,
    }
    if event_id_attribute is not None:
        checked["event_id"] = to.required_text(event_id)  # type: ignore[arg-type]
        checked["event_id_attribute"] = to.text(event_id_attribute)
    raise_if_invalid(**checked)
    if event_id_attribute is None or event_id is None:
        return event
    return with_event_id(event, event_id, event_id_attribute)


def application_key(event: Event) -> tuple[str | None, ...]:
    """Return the members of an event that `application` writes."""
    return (
        event.app_package_name,
        event.app_title,
        event.app_version_code,
        event.sdk_name,
        event.client_sdk_version,
    )


def application(
    application_id: str, event: Event, demographic: Demographic
) -> dict[str, Any]:
    """Return the object `application`."""
    return named(
        app_id=application_id,
        package_name=event.app_package_name,
        sdk=named(name=event.sdk_name, version=event.client_sdk_version),
        title=event.app_title,
        version_name=demographic.app_version,
        version_code=event.app_version_code,
    )


def client(endpoint_id: str, **others: str | None) -> dict[str, Any]:
    """Return the object `client`."""
    return named(client_id=endpoint_id, **others)


def session(
    found: Session | None, id_name: str, write_time: Callable[[datetime], int | str]
) -> dict[str, Any]:
    """
    Return the object `session`; an empty one without a session.

    Args:
        found: The session.
        id_name: The name of the member that has its id.
        write_time: Writes a time.
    """
    if found is None:
        return {}
    members = {id_name: found.id, "start_timestamp": write_time(found.start_timestamp)}
    if found.stop_timestamp is not None:
        members["stop_timestamp"] = write_time(found.stop_timestamp)
    if found.duration is not None:
        members["duration"] = found.duration
    return members


_USUAL_LOCALE: Final = re.compile("[A-Za-z]{2}_[A-Za-z]{2}").fullmatch
_SEPARATOR: Final = re.compile("[-_.@]")
_REGION: Final = re.compile(r"[A-Za-z]{2}|[0-9]{3}")


def locale(code: str) -> dict[str, str]:
    """
    Return the object `device.locale`.

    Seen are `en_US` and `en_gb`, with the countries `US` and `GB`. For other forms, the
    country is inferred: the first part behind the language that can be one (ISO 3166-1
    alpha-2, or three digits of UN M.49), as in `zh_Hans_CN`. What is not known is left
    out.
    """
    if _USUAL_LOCALE(code) is not None:
        return {"code": code, "country": code[3:].upper(), "language": code[:2]}
    language, *parts = _SEPARATOR.split(code)
    country = next(filter(_REGION.fullmatch, parts), "")
    found = {"code": code}
    if country:
        found["country"] = country.upper()
    if language:
        found["language"] = language
    return found
