"""
Requests, and parts of them, read strictly.

An unknown key is a problem, because a typo must not vanish. No defaults are applied: an
event without a timestamp is invalid.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, get_args, get_origin

import attrs

from pinpoint_events.errors import ValidationError
from pinpoint_events.model._converters import wrong_key_type
from pinpoint_events.model._generated import shape_reader
from pinpoint_events.model._immutable import (
    FrozenMap,
    Refused,
    problems_of,
)
from pinpoint_events.model._member_types import member_type
from pinpoint_events.model._problem_counts import (
    few_of,
    more_problems,
    most_problems,
    nearest,
)
from pinpoint_events.model._registration import is_compiled
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.problems import Audience, Problem, ProblemCode
from pinpoint_events.wire.json_text import Repeated, json_problem
from pinpoint_events.wire.names import no_object, wire_name
from pinpoint_events.wire.near_members import near_members
from pinpoint_events.wire.writing import is_model

__all__ = ["make_reader", "repeated_keys", "unknown_key"]

Reader = Callable[[Any, Any], Any]
ReaderOf = Callable[[type[Any]], Reader]


def _reader_of(kind: Any, reader_of: ReaderOf) -> Callable[[Any], Any] | None:
    """Return the reader of such values; None if the constructor takes them."""
    if is_model(kind):
        return partial(_read_object, reader_of(kind), kind)
    if get_origin(kind) is not FrozenMap:
        return None
    (value,) = get_args(kind)
    if is_model(value):
        return partial(_read_objects, reader_of(value), value)
    return _read_plain


def _read_object(read: Callable[[Any, Any], Any], kind: type[Any], data: Any) -> Any:
    """Read one object; return its problems as a value for the constructor."""
    try:
        return read(data, kind)
    except ValidationError as error:
        return Refused(*few_of(error.problems))


def _read_objects(read: Callable[[Any, Any], Any], kind: type[Any], data: Any) -> Any:
    if not isinstance(data, Mapping):
        return data
    objects: dict[Any, Any] = {}
    for key, value in data.items():
        try:
            objects[key] = read(value, kind)
        except ValidationError as error:
            # A batch is more than one item, and all its items are reported.
            is_item = kind is Event
            problems = few_of(error.problems) if is_item else error.problems
            objects[key] = Refused(*problems)
    repeated = repeated_keys(data)
    return Refused(*repeated, *problems_of(objects)) if repeated else objects


def _read_plain(data: Any) -> Any:
    return Refused(*repeated_keys(data)) if type(data) is Repeated else data


def repeated_keys(
    data: Any, code: ProblemCode = ProblemCode.DUPLICATE_KEY
) -> list[Problem]:
    """
    Return a problem for each key that an object has more than once.

    Args:
        data: What was read.
        code: The code of the problems; `DUPLICATE_MEMBER` where the object has members
            with fixed names.
    """
    if type(data) is not Repeated:
        return []
    most = most_problems()
    problems = [json_problem(code, (key,)) for key in data.keys_twice[:most]]
    more = len(data.keys_twice) - most
    return [*problems, _more_problems(more)] if more > 0 else problems


def _more_problems(count: int) -> Problem:
    return more_problems(count)._replace(audience=Audience.JSON)


def make_reader(cls: type[Any], reader_of: ReaderOf) -> Reader:
    """
    Return the function that reads objects of the class.

    Args:
        cls: The class.
        reader_of: Returns the function for a class that a member holds.
    """
    fields = attrs.fields(cls)
    names = {wire_name(field.name): field.name for field in fields}
    readers = {
        field.name: _reader_of(member_type(field), reader_of) for field in fields
    }
    # The time of reading must not become the time of the event.
    required = [
        field.name
        for field in fields
        if field.default is attrs.NOTHING or (cls, field.name) == (Event, "timestamp")
    ]

    read_any = _make_general_reader(cls, names, readers, required)
    known: dict[tuple[str, ...], Callable[[Any, Any], Any]] = {}
    wanted = {wire_name(name) for name in required}

    def read(data: Any, kind: Any) -> Any:
        # Most objects have the same members in the same order as many before them.
        if type(data) is not dict:
            return read_any(data, kind)
        keys = tuple(data)
        read_members = known.get(keys)
        if read_members is None:
            is_sound = names.keys() >= data.keys() and data.keys() >= wanted
            if not is_sound or len(known) >= _MAX_SHAPES:
                return read_any(data, kind)
            read_members = known[keys] = (
                shape_reader(
                    cls,
                    [names[key] for key in keys],
                    readers,
                    read_any=read_any,
                    error_type=ValidationError,
                    in_wire_name=_member_in_wire_name,
                    is_compiled=is_compiled(cls),
                )
                if keys
                else lambda _data, _kind: cls()
            )
        return read_members(data, kind)

    return read


_MAX_SHAPES: Final = 64  # of one class; objects of other shapes are read by `read_any`


def _make_general_reader(
    cls: type[Any],
    names: Mapping[str, str],
    readers: Mapping[str, Callable[[Any], Any] | None],
    required: Sequence[str],
) -> Callable[[Any, Any], Any]:
    """Return the function that reads any data."""

    def read(data: Any, _: Any) -> Any:
        if not isinstance(data, Mapping):
            raise ValidationError([no_object(cls, data)])
        problems = repeated_keys(data)
        members: dict[str, Any] = dict.fromkeys(required, _MISSING)
        unknown = []
        for key, value in data.items():
            name = names.get(key if type(key) is str else _plain_key(key))
            if name is None:
                unknown.append(key)
            elif value is not None:
                reader = readers[name]
                members[name] = value if reader is None else reader(value)
        if unknown:
            problems += _unknown_keys(unknown, cls, names)
        try:
            obj = cls(**members)
        except ValidationError as error:
            problems += map(_member_in_wire_name, error.problems)
            raise ValidationError(problems) from None
        if problems:
            raise ValidationError(problems)
        return obj

    return read


_MISSING: Final = Refused(json_problem(ProblemCode.MISSING))


def _plain_key(key: object) -> str:
    """Return a key of a subclass of str as str; the empty one for any other."""
    return str.__str__(key) if issubclass(type(key), str) else ""


def _member_in_wire_name(problem: Problem) -> Problem:
    """
    Return a constructor's problem with the wire name of its member.

    Deeper parts of the path are keys, or come from data that was read.
    """
    member, *rest = problem.path
    path = (wire_name(str(member)), *rest)
    return problem._replace(path=path, audience=Audience.JSON)


def _unknown_keys(
    keys: list[Any], cls: type[Any], names: Mapping[str, str]
) -> Iterator[Problem]:
    known = tuple(names)
    is_call = cls is EventsRequest and any(map(_is_call_member, keys))
    most = most_problems()
    for position, key in enumerate(keys):
        if position == most:
            yield _more_problems(len(keys) - most)
            return
        if not issubclass(type(key), str):
            yield wrong_key_type(key)._replace(audience=Audience.JSON)
            continue
        word = str.__str__(key)
        if cls is Endpoint and word in _SET_BY_SERVICE:
            yield json_problem(ProblemCode.SET_BY_SERVICE, (word,))
        elif is_call and word in {_CALL_MEMBER, "ApplicationId"}:
            yield json_problem(ProblemCode.WRAPPED_REQUEST, (word,), allowed=known)
        else:
            near = near_members(word, cls, known)
            yield unknown_key(word, known, near)


def _is_call_member(key: Any) -> bool:
    return _plain_key(key) == _CALL_MEMBER


_CALL_MEMBER: Final = "EventsRequest"  # which holds the request in a call of boto3

# Of an endpoint as the service answers it: Amazon Pinpoint API reference,
# `EndpointResponse`, read 2026-11-28.
_SET_BY_SERVICE: Final = frozenset({"ApplicationId", "CohortId", "CreationDate", "Id"})


def unknown_key(
    key: str, known: tuple[str, ...], near: tuple[str, ...] | None = None
) -> Problem:
    """
    Return the problem of a key that is none of the known members.

    Args:
        key: The key.
        known: The known members.
        near: Those that it may have been meant for; by default, those it resembles.
    """
    if near is None:
        near = nearest(key, known)
    return json_problem(ProblemCode.UNKNOWN_KEY, (key,), allowed=known, nearest=near)
