"""
Records read leniently: what a reader does not take is kept aside, and nothing is lost.

`Unread` holds an object of which members are taken one by one. A member is taken only
if it can be read; the rest of all objects, each in its place, is what is kept aside.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar, cast, get_origin

import attrs

from pinpoint_events.errors import ValidationError
from pinpoint_events.formats._writing import (
    EVENT_VERSION,
    from_milliseconds,
)
from pinpoint_events.formats.record import StreamRecord, StreamRecordKind
from pinpoint_events.model import _converters as to
from pinpoint_events.model._immutable import FrozenMap, Immutable, Refused
from pinpoint_events.model._member_types import member_type
from pinpoint_events.model.endpoint import Demographic, Endpoint, User
from pinpoint_events.model.event import Event, Session
from pinpoint_events.problems import Audience, Expected, Problem, ProblemCode
from pinpoint_events.wire import from_wire
from pinpoint_events.wire.json_text import decode, json_problem
from pinpoint_events.wire.names import wire_name
from pinpoint_events.wire.writing import is_model

__all__ = ["read_record"]

M = TypeVar("M", bound=Immutable)

_MEMBERS: Final = (
    "event_type",
    "event_timestamp",
    "arrival_timestamp",
    "application",
    "client",
    "session",
    "attributes",
    "metrics",
    "endpoint",
)


class Unread:
    """What is not yet read of an object."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Copy an object; null counts as left out."""
        self._members = {
            name: value for name, value in data.items() if value is not None
        }
        self._inside: dict[str, Unread] = {}

    def get(self, name: str) -> Any:
        """Return a member without taking it; None if it is not there."""
        return self._members.get(name)

    def take(self, name: str, convert: Callable[[Any], Any]) -> Any:
        """
        Take a member if the converter does not refuse it; else return None.

        Args:
            name: Its name.
            convert: A converter of the model.
        """
        value = self._members.get(name)
        if value is None:
            return None
        found = convert(value)
        if type(found) is Refused:
            return None
        del self._members[name]
        return found

    def drop(self, name: str, value: object) -> None:
        """Drop a member if it has this value, so that nothing is lost with it."""
        if name in self._members and self._members[name] == value:
            del self._members[name]

    def among(self, names: Collection[str]) -> dict[str, Any]:
        """Return the members that have one of these names, without taking them."""
        return {name: self._members[name] for name in self._members if name in names}

    def discard(self, *names: str) -> None:
        """Drop members that were read."""
        for name in names:
            self._members.pop(name, None)

    def keep(self, name: str, value: object) -> None:
        """Keep a member aside, although it could be read."""
        self._members[name] = value

    def replace(self, name: str, inside: "Unread") -> None:
        """Replace a member by what is not yet read of an object."""
        self._members.pop(name, None)
        self._inside[name] = inside

    def inside(self, name: str) -> "Unread":
        """Return an object inside; an empty one if there is none."""
        if name not in self._inside:
            value = self._members.get(name)
            if type(value) is not dict and not isinstance(value, Mapping):
                return Unread({})
            self.replace(name, Unread(value))
        return self._inside[name]

    def rest(self) -> dict[str, Any]:
        """Return all that was not taken; without objects of which nothing is left."""
        for name, inside in self._inside.items():
            rest = inside.rest()
            if rest:
                self._members[name] = rest
        return self._members


def read_record(
    record: Any, device: Callable[[Demographic], dict[str, Any]]
) -> StreamRecord:
    """
    Return what a record says.

    Args:
        record: A mapping, or JSON text.
        device: Returns the object `device` that a writer writes; what a record has
            besides is kept aside.

    Raises:
        ValidationError: If it is no record.
    """
    data = record
    if isinstance(data, str | bytes | bytearray):
        data = decode(bytes(data) if isinstance(data, bytearray) else data)
    if not isinstance(data, Mapping):
        actual = type(data).__qualname__
        problem = json_problem(
            ProblemCode.NOT_AN_OBJECT, actual=actual, allowed=_MEMBERS
        )
        raise ValidationError([problem])
    if "application_key" in data and "application" not in data:
        raise ValidationError([json_problem(ProblemCode.MOBILE_ANALYTICS_RECORD)])
    return _read(Unread(data), device)


def _read(
    unread: Unread, device: Callable[[Demographic], dict[str, Any]]
) -> StreamRecord:
    problems: list[Problem] = []
    event_type = _required(unread, "event_type", to.required_text, problems)
    stamps = _stamps(unread, problems)
    application_id, endpoint_id, endpoint = _identity(unread)
    if type(event_type) is str:
        is_test = StreamRecordKind.of(event_type) is StreamRecordKind.TEST
        for value, path in (
            (application_id, ("application", "app_id")),
            (endpoint_id, ("client", "client_id")),
        ):
            if not value and not is_test:
                problems.append(json_problem(ProblemCode.MISSING, path))
    if problems:
        raise ValidationError(problems)
    endpoint = _with_device(unread, endpoint, device)
    application = unread.inside("application")
    sdk = application.inside("sdk")
    event = Event(
        event_type,
        timestamp=stamps.event,
        attributes=_take_map(unread, "attributes", to.text_map),
        metrics=_take_map(unread, "metrics", to.number_map),
        session=_take_session(unread),
        client_sdk_version=sdk.take("version", to.text),
        app_package_name=application.take("package_name", to.text),
        app_title=application.take("title", to.text),
        app_version_code=application.take("version_code", to.text),
        sdk_name=sdk.take("name", to.text),
    )
    unread.drop("event_version", EVENT_VERSION)
    account_id = unread.take("awsAccountId", to.text)
    try:
        return StreamRecord(
            application_id=application_id,
            endpoint_id=endpoint_id,
            endpoint=endpoint,
            event=event,
            arrived_at=stamps.arrival,
            account_id=account_id,
            extra=unread.rest(),
        )
    except ValidationError as error:
        # Only what is kept aside may be at fault; its paths are those of the record.
        problems = [
            each._replace(path=each.path[1:], audience=Audience.JSON)
            for each in error.problems
        ]
    raise ValidationError(problems)


def _required(
    unread: Unread,
    name: str,
    convert: Callable[[Any], Any],
    problems: list[Problem],
) -> Any:
    """Take a member; add a problem for one that is missing or refused."""
    value = unread.get(name)
    if value is None:
        problems.append(json_problem(ProblemCode.MISSING, (name,)))
        return None
    found = convert(value)
    if type(found) is Refused:
        problems += [
            each.below(name)._replace(audience=Audience.JSON) for each in found.problems
        ]
        return None
    unread.discard(name)
    return found


# --- The endpoint ---------------------------------------------------------------------


def _identity(unread: Unread) -> tuple[str, str, Endpoint | None]:
    """Take application id, endpoint id and endpoint; ids are empty if missing."""
    application_id = unread.inside("application").take("app_id", to.required_text)
    endpoint_id = unread.inside("client").take("client_id", to.required_text)
    given = _given_endpoint(unread)
    if given is None:
        return application_id or "", endpoint_id or "", None
    if application_id is None:
        application_id = given.take("ApplicationId", to.required_text)
    if endpoint_id is None:
        endpoint_id = given.take("Id", to.required_text)
    given.drop("ApplicationId", application_id)
    given.drop("Id", endpoint_id)
    return application_id or "", endpoint_id or "", _read_endpoint(given)


def _read_endpoint(unread: Unread) -> Endpoint:
    # The usual case: all that the model knows is sound. It takes a third of the time.
    members = unread.among(_ENDPOINT_MEMBERS)
    try:
        found = from_wire(Endpoint, members)
    except ValidationError:
        return _read_model(Endpoint, unread)
    unread.discard(*members)
    return found


_ENDPOINT_MEMBERS: Final = frozenset(
    wire_name(field.name) for field in attrs.fields(Endpoint)
)


def _given_endpoint(unread: Unread) -> Unread | None:
    """Return the endpoint, wherever and in whichever form it is; None if nowhere."""
    custom = unread.inside("client_context").inside("custom")
    for place in (unread, custom):
        given = place.get("endpoint")
        if isinstance(given, str):
            with suppress(ValidationError):
                given = decode(given)
        if isinstance(given, Mapping):
            found = Unread(given)
            place.replace("endpoint", found)
            return found
    return None


def _with_device(
    unread: Unread,
    endpoint: Endpoint | None,
    device: Callable[[Demographic], dict[str, Any]],
) -> Endpoint | None:
    """
    Return the endpoint with what the record says of it elsewhere.

    In Pinpoint's records, that repeats the endpoint. It counts where the endpoint does
    not say the same, as in the documented record, which has no endpoint.
    """
    given = unread.inside("device")
    locale, platform = given.inside("locale"), given.inside("platform")
    application, client = unread.inside("application"), unread.inside("client")
    demographic = None if endpoint is None else endpoint.demographic
    added: dict[str, Any] = {}
    for member, place, name in (
        ("app_version", application, "version_name"),
        ("locale", locale, "code"),
        ("make", given, "make"),
        ("model", given, "model"),
        ("platform", platform, "name"),
        ("platform_version", platform, "version"),
    ):
        if demographic is None or getattr(demographic, member) is None:
            value = place.take(name, to.text)
            if value is not None:
                added[member] = value
    if added:
        demographic = attrs.evolve(demographic or Demographic(), **added)
        endpoint = attrs.evolve(endpoint or Endpoint(), demographic=demographic)
    if demographic is not None:
        expected = device(demographic)
        application.drop("version_name", demographic.app_version)
        for place, members in (
            (given, expected),
            (platform, expected.get("platform", {})),
            (locale, expected.get("locale", {})),
        ):
            for name, value in members.items():
                place.drop(name, value)
    # Of Amplify's envelope.
    user = None if endpoint is None else endpoint.user
    if user is not None and user.user_id is not None:
        client.drop("user_id", user.user_id)
    elif (user_id := client.take("user_id", to.text)) is not None:
        user = attrs.evolve(user or User(), user_id=user_id)
        endpoint = attrs.evolve(endpoint or Endpoint(), user=user)
    return endpoint


# --- Times ----------------------------------------------------------------------------


class _Stamps(NamedTuple):
    """When the event happened, and when it arrived."""

    event: Any
    arrival: datetime | None


_FIRST_SECONDS: Final = 1_388_534_400  # 2014; Pinpoint began in 2016
_SECONDS_BOUND: Final = 10**11  # milliseconds of March 1973, seconds of the year 5138


def _stamps(unread: Unread, problems: list[Problem]) -> _Stamps:
    """Take both timestamps: milliseconds, or seconds where they can be no other."""
    given = [unread.get("event_timestamp"), unread.get("arrival_timestamp")]
    numbers = [value for value in map(_whole, given) if value is not None]
    are_seconds = bool(numbers) and all(
        _FIRST_SECONDS <= number < _SECONDS_BOUND for number in numbers
    )

    def moment(value: Any) -> Any:
        number = _whole(value)
        if number is None:
            return to.wrong_type(value, Expected.INTEGER)
        found = from_milliseconds(number * 1000 if are_seconds else number)
        return (
            Refused(Problem(ProblemCode.TIME_OUT_OF_RANGE)) if found is None else found
        )

    return _Stamps(
        event=_required(unread, "event_timestamp", moment, problems),
        arrival=unread.take("arrival_timestamp", moment),
    )


def _whole(value: Any) -> int | None:
    """Return a whole number, also one that is written with a fraction of zero."""
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else None


_MAX_DIGITS: Final = 16


def _number_or_digits(value: Any) -> int | None:
    """
    Return a whole number, also one that is text.

    AWS' Athena tables have `session` as a map of text to text.
    """
    if isinstance(value, str) and value.isascii() and len(value) <= _MAX_DIGITS:
        digits = value.removeprefix("-")
        return int(value) if digits.isdigit() else None
    return _whole(value)


def _session_time(value: Any) -> Any:
    number = _number_or_digits(value)
    found = to.time(value) if number is None else from_milliseconds(number)
    return _REFUSED if found is None else found


_REFUSED: Final = Refused()


def _duration(value: Any) -> Any:
    number = _number_or_digits(value)
    return _REFUSED if number is None else to.duration(number)


def _take_session(unread: Unread) -> Session | None:
    """Take the session if it has an id and a beginning; of the rest, what is sound."""
    session = unread.inside("session")
    # Amplify's envelope has `id`.
    name = "id" if session.get("session_id") is None else "session_id"
    session_id = to.required_text(session.get(name))
    start = _session_time(session.get("start_timestamp"))
    if Refused in {type(session_id), type(start)}:
        return None
    session.discard(name, "start_timestamp")
    stop = _session_time(session.get("stop_timestamp"))
    duration = _duration(session.get("duration"))
    optional = {"stop_timestamp": stop, "duration": duration}
    known = {
        key: value for key, value in optional.items() if type(value) is not Refused
    }
    try:
        found = Session(id=session_id, start_timestamp=start, **known)
    except ValidationError:
        # It ends before it begins, or does not last as long as it says.
        return Session(id=session_id, start_timestamp=start)
    session.discard(*known)
    return found


# --- Mappings and objects of the model ------------------------------------------------


def _take_map(
    unread: Unread, name: str, convert: Callable[[Any], Any]
) -> Mapping[str, Any] | None:
    """Take a mapping; leave the items that the converter refuses."""
    whole: Mapping[str, Any] | None = unread.take(name, convert)
    given = unread.get(name)
    if whole is not None or not isinstance(given, Mapping):
        return whole
    unread.replace(name, items := Unread({}))
    sound: dict[str, Any] = {}
    for key, value in given.items():
        found = convert({key: value})
        if type(found) is Refused:
            items.keep(key, value)
        else:
            sound[key] = value
    return sound


def _texts_map(value: Any) -> Any:
    """Convert a mapping to lists of text; a single text counts as a list of one."""
    if isinstance(value, Mapping):
        value = {
            key: [each] if isinstance(each, str) else each
            for key, each in value.items()
        }
    return to.texts_map(value)


_MAPS: Final[Mapping[Any, Callable[[Any], Any]]] = {
    FrozenMap[int | float]: to.number_map,
    FrozenMap[tuple[str, ...]]: _texts_map,
}


@cache
def _members_of(cls: Any) -> tuple[tuple[str, str, Any, Any], ...]:
    """Return wire name, name, type and converter of each member of a class."""
    return tuple(
        (wire_name(field.name), field.name, member_type(field), field.converter)
        for field in attrs.fields(cls)
    )


def _read_model(cls: type[M], unread: Unread) -> M:
    """Return an object of the model with all members that can be read."""
    members: dict[str, Any] = {}
    for key, name, kind, convert in _members_of(cast("Any", cls)):
        if is_model(kind):
            if isinstance(unread.get(key), Mapping):
                members[name] = _read_model(kind, unread.inside(key))
        elif get_origin(kind) is FrozenMap:
            members[name] = _take_map(unread, key, _MAPS[kind])
        else:
            members[name] = unread.take(key, convert)
    if members.get("address") is not None and members["channel_type"] is None:
        # An address without a channel breaks a rule of the model.
        unread.keep("Address", members.pop("address"))
    return cls(**members)
