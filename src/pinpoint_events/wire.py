"""
The model as the service writes it: names, units, omissions, JSON.

One cattrs converter holds all of it. Each member has the PascalCase of its Python name.
Left out are None and empty mappings, but a batch always has `Endpoint` and `Events`.
Times are UTC with three digits of a second and `Z`, as all of the service's own SDKs
write them.

Requests are read strictly: an unknown key is a problem, because a typo must not vanish.
Answers are read leniently: whatever the service sends, there is an answer to look at.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache, partial
from operator import eq
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, cast, get_args, get_origin

import attrs
from cattrs import Converter

from pinpoint_events.errors import Problem, ValidationError
from pinpoint_events.model._converters import (
    MAX_INTEGER,
    MORE_PROBLEMS,
    MOST_PROBLEMS,
    few_suggestions,
    nearest,
)
from pinpoint_events.model._immutable import FrozenMap, Immutable, Refused, problems_of
from pinpoint_events.model.endpoint import (
    ChannelType,
    Demographic,
    Endpoint,
    EndpointStatus,
    Location,
    OptOut,
    User,
)
from pinpoint_events.model.event import Event, Session
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
)

__all__ = ["from_json", "from_wire", "to_json", "to_wire", "wire_name"]

T = TypeVar("T")

_REQUEST_SIDE: Final = (
    Demographic,
    Endpoint,
    Event,
    EventsBatch,
    EventsRequest,
    Location,
    Session,
    User,
)
_RESPONSE_SIDE: Final = (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
)


def to_wire(obj: Immutable) -> Any:
    """
    Return a model object as plain dicts, lists, strings and numbers.

    Of an `EventsRequest` it is what boto3's `put_events(EventsRequest=...)` takes. An
    `ItemResponse` that was a bare number is one again.

    Raises:
        TypeError: If this is no object of the model.
    """
    kind: Any = type(obj)
    return writer(kind)(obj)


def from_wire(cls: type[T], data: object) -> T:
    """
    Return the model object that the plain data stand for.

    Nothing is taken for granted: an event without a time is refused, too. Of boto3's
    answers both the whole and what stands under `EventsResponse` will do.

    Args:
        cls: The class to build.
        data: What `json.loads` gives, or boto3 takes or returns.

    Raises:
        TypeError: If the class is none of the model.
        ValidationError: With all problems, their paths in the service's names. Classes
            of the answer are read leniently and take any dict.
    """
    if cls not in _REQUEST_SIDE and cls not in _RESPONSE_SIDE:
        message = f"{cls!r} is no class of the model"
        raise TypeError(message)
    with few_suggestions(_SUGGESTIONS):
        return _converter().structure(data, cls)


_SUGGESTIONS: Final = 20


def to_json(obj: Immutable) -> bytes:
    """
    Return a model object as compact JSON in UTF-8.

    Its length is what quotas are measured by. A request keeps its text: it is measured
    first, and then sent, perhaps more than once.

    Raises:
        TypeError: If this is no object of the model.
    """
    kind: Any = type(obj)
    if type(obj) is not EventsRequest:
        return encode(writer(kind, shares=True)(obj))
    kept: bytes | None = getattr(obj, "_json", None)
    if kept is not None:
        return kept
    return remember_json(obj, encode(writer(kind, shares=True)(obj)))


def remember_json(request: EventsRequest, text: bytes) -> bytes:
    """
    Return the text, which `to_json` from now on returns for the request.

    Only for text put together from `to_json` of all parts of the request.
    """
    _set_json(request, text)
    return text


_set_json = cast("Any", EventsRequest)._json.__set__


def from_json(cls: type[T], data: bytes | str) -> T:
    """
    Return the model object that the JSON text stands for.

    Raises:
        ValidationError: If it is not JSON, or as `from_wire` does. A key that stands
            twice in one object is a problem too, in classes of the request.
    """
    read = decode if cls in _RESPONSE_SIDE else decode_request
    return from_wire(cls, read(data))


# --- JSON -----------------------------------------------------------------------------


def _standard_encoder() -> Callable[[object], bytes]:
    """
    Return what writes plain data as compact JSON in UTF-8, by the standard library.

    `JSONEncoder.encode` makes the encoder that is written in C anew for each text: for
    an event, that is a third of the time. Here it is made once, with the arguments that
    it has taken since Python 2.7.
    """
    encoder: Any = json.JSONEncoder(
        ensure_ascii=False,
        allow_nan=False,
        check_circular=False,
        separators=(",", ":"),
    )
    inside: Any = json.encoder
    if inside.c_make_encoder is None:  # in PyPy, for one
        return lambda data: encoder.encode(data).encode()
    parts = inside.c_make_encoder(
        None,
        encoder.default,
        inside.encode_basestring,
        encoder.indent,
        encoder.key_separator,
        encoder.item_separator,
        encoder.sort_keys,
        encoder.skipkeys,
        encoder.allow_nan,
    )
    return lambda data: "".join(parts(data, 0)).encode()


encode: Callable[[object], bytes]

try:
    import msgspec.json
except ImportError:
    encode = _standard_encoder()
    _fast_decode = None
else:
    encode = msgspec.json.Encoder().encode
    _fast_decode = msgspec.json.Decoder().decode


def decode(
    data: bytes | str, hook: Callable[[list[tuple[str, Any]]], Any] | None = None
) -> Any:
    """
    Return what the JSON text says.

    Args:
        data: The text.
        hook: Called with the members of each object, in order; its result stands for
            the object.

    Raises:
        ValidationError: If it is not JSON; NaN and infinities are not.
    """
    if hook is None and _fast_decode is not None:
        try:
            return _fast_decode(data)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            pass  # the standard library has the last word, whichever is installed
    try:
        return json.loads(data, object_pairs_hook=hook, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" at")  # as of some, and not of others
        told = f"is not JSON: {what} at line {error.lineno} column {error.colno}"
        remedy = "correct it there, or fetch the whole of it"
    except UnicodeDecodeError as error:
        told = f"is not UTF-8 at byte {error.start}"
        remedy = "encode it in UTF-8"
    except RecursionError:
        told = "is JSON nested too deeply"
        remedy = "check what wrote it"
    except _NoNumberError as error:
        told = f"is not JSON: {error} is no number"
        remedy = "leave the member out"
    except ValueError:  # Python itself guards against these
        told = "has a number of thousands of digits"
        remedy = "check what wrote it"
    # From None: the errors above hold the text.
    raise ValidationError([Problem((), told, "a JSON text in UTF-8", remedy)]) from None


def decode_request(data: bytes | str) -> Any:
    """
    Return what the JSON text of a request, or of a part of one, says.

    Its objects remember which of their keys stand twice; `from_wire` refuses them.

    Raises:
        ValidationError: As `decode` does.
    """
    found = _decoded_without_loss(data) if type(data) is bytes else None
    return decode(data, _unique) if found is None else found


def _decoded_without_loss(data: bytes) -> Any:
    """
    Return what a text says if certainly no key in it stands twice, else None.

    The accelerator cannot tell that. But it writes what it has read: if that has as
    many colons as the text itself, then no member was dropped, for each has one of its
    own. Strings keep theirs, unless one is escaped. This takes half the time of a look
    at the members of each object.
    """
    if _fast_decode is None or (b"\\" in data and b"\\u" in data):
        return None
    try:
        found = _fast_decode(data)
        text = encode(found)
    except (msgspec.DecodeError, OverflowError, RecursionError, UnicodeError):
        return None
    return found if text.count(b":") == data.count(b":") else None


class _NoNumberError(ValueError):
    """`NaN`, `Infinity` or `-Infinity`, which Python's reader would take."""


def _no_constant(name: str) -> float:
    raise _NoNumberError(name)


class _Repeated(dict[str, Any]):
    """A JSON object in which keys stand more than once."""

    __qualname__ = "dict"  # in messages that tell the type of a value
    keys_twice: tuple[str, ...] = ()


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) == len(members):
        return found
    repeated = _Repeated(found)
    counts = Counter(name for name, _ in members)
    repeated.keys_twice = tuple(name for name in found if counts[name] > 1)
    return repeated


# --- Out ------------------------------------------------------------------------------

_TWO: Final = tuple(f"{number:02}" for number in range(60))
_THREE: Final = tuple(f"{number:03}" for number in range(1000))
_LAST_SHORT_YEAR: Final = 999


def time_text(moment: datetime) -> str:
    """
    Return a moment of the model as the service's SDKs write it.

    By tables, and with a format for the first thousand years only: `isoformat` takes
    three times as long, because it asks for the zone.
    """
    year = moment.year
    return (
        f"{year if year > _LAST_SHORT_YEAR else f'{year:04}'}"
        f"-{_TWO[moment.month]}-{_TWO[moment.day]}"
        f"T{_TWO[moment.hour]}:{_TWO[moment.minute]}:{_TWO[moment.second]}"
        f".{_THREE[moment.microsecond // 1000]}Z"
    )


def _fast_time_text(moment: datetime) -> str:
    """Return the same, cut out of what the accelerator writes, in 2/3 of the time."""
    try:
        text = encode(moment)
    except TypeError:
        return time_text(moment)  # of a subclass, such as freezegun's
    # It writes six digits of a second, or none.
    has_fraction = len(text) == _FRACTION_BYTES
    return text[1:24].decode() + "Z" if has_fraction else text[1:20].decode() + ".000Z"


_FRACTION_BYTES: Final = len('"2026-11-24T09:30:00.123000Z"')


def wire_name(name: str) -> str:
    """Return the service's name of a member: the PascalCase of ours."""
    return "".join(word.capitalize() for word in name.split("_"))


def _write_member(member: StrEnum) -> str:
    word: str = member._value_
    return word


# A dict, because freezegun puts another `datetime` in the place of each global one.
_PLAIN_WRITERS: Final[dict[Any, Callable[[Any], str]]] = {
    ChannelType: _write_member,
    EndpointStatus: _write_member,
    OptOut: _write_member,
    datetime: time_text if _fast_decode is None else _fast_time_text,
}


def _write_texts(values: FrozenMap[tuple[str, ...]]) -> dict[str, list[str]]:
    return {key: list(texts) for key, texts in values._data.items()}


def _write_objects(
    write: Callable[[Any], Any], values: FrozenMap[Any]
) -> dict[str, Any]:
    return {key: write(value) for key, value in values._data.items()}


def _kind_of(member: "attrs.Attribute[Any]") -> Any:
    """Return the type of what the member holds, None left out of it."""
    if get_origin(member.type) is not UnionType:
        return member.type
    kinds = [kind for kind in get_args(member.type) if kind is not NoneType]
    return kinds[0]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Immutable)


def _writer_of(kind: Any, *, shares: bool) -> Callable[[Any], Any] | None:
    """Return what writes a value of this type; None where its content does."""
    if kind in _PLAIN_WRITERS:
        return _PLAIN_WRITERS[kind]
    if get_origin(kind) is not Mapping:
        return writer(kind, shares=shares) if _is_model(kind) else None
    (_, value) = get_args(kind)
    if _is_model(value):
        return partial(_write_objects, writer(value, shares=shares))
    return _write_texts if get_origin(value) is Sequence and not shares else None


def _make_writer(cls: type[Any], *, shares: bool) -> Callable[[Any], dict[str, Any]]:
    """
    Return the function that writes objects of the class; for `shares` see `writer`.

    Made from its fields as source text, as cattrs makes its own, but with tests for
    what is left out that do not have to compare with a default.
    """
    names: dict[str, Any] = {}
    lines = ["wire = {}"]
    for field in attrs.fields(cls):
        if not field.eq:
            continue  # told by HTTP headers, not by the body
        write_value = _writer_of(_kind_of(field), shares=shares)
        names[f"write_{field.name}"] = write_value
        value = "value" if write_value is None else f"write_{field.name}(value)"
        key = wire_name(field.name)
        lines.append(f"value = obj.{field.name}")
        if get_origin(field.type) is Mapping:
            if write_value is None:
                value = "value._data" if shares else "value._data.copy()"
            if field.default is not attrs.NOTHING:
                lines.append(f"if value._data: wire['{key}'] = {value}")
                continue
        elif field.default is not attrs.NOTHING:
            lines.append(f"if value is not None: wire['{key}'] = {value}")
            continue
        lines.append(f"wire['{key}'] = {value}")
    body = "".join(f"    {line}\n" for line in [*lines, "return wire"])
    exec(f"def write(obj):\n{body}", names)  # noqa: S102 - our own names alone
    write: Callable[[Any], dict[str, Any]] = names["write"]
    return write


def _make_item_writer(
    cls: type[ItemResponse], *, shares: bool
) -> Callable[[ItemResponse], dict[str, Any] | int]:
    write = _make_writer(cls, shares=shares)

    def write_item(item: ItemResponse) -> dict[str, Any] | int:
        return write(item) if item.status_code is None else item.status_code

    return write_item


# --- In: requests, strictly -----------------------------------------------------------


def _reader_of(kind: Any) -> Callable[[Any], Any] | None:
    """Return what reads a value of this type; None where the constructor does."""
    if _is_model(kind):
        return partial(_read_object, _structurer(kind), kind)
    if get_origin(kind) is not Mapping:
        return None
    (_, value) = get_args(kind)
    if _is_model(value):
        return partial(_read_objects, _structurer(value), value)
    return _read_plain


def _read_object(read: Callable[[Any, Any], Any], kind: type[Any], data: Any) -> Any:
    """Read one object; its problems go up as a value that the constructor refuses."""
    try:
        return read(data, kind)
    except ValidationError as error:
        return Refused(*error.problems)


def _read_objects(read: Callable[[Any, Any], Any], kind: type[Any], data: Any) -> Any:
    if not isinstance(data, Mapping):
        return data
    objects: dict[Any, Any] = {}
    for key, value in data.items():
        try:
            objects[key] = read(value, kind)
        except ValidationError as error:
            objects[key] = Refused(*error.problems)
    repeated = repeated_keys(data)
    return Refused(*repeated, *problems_of(objects)) if repeated else objects


def _read_plain(data: Any) -> Any:
    return Refused(*repeated_keys(data)) if type(data) is _Repeated else data


def repeated_keys(
    data: Any, remedy: str = "rename one, or put both into one object"
) -> list[Problem]:
    """Return a problem for each key of an object that stands more than once in it."""
    if type(data) is not _Repeated:
        return []
    limit = "each key once"
    twice = data.keys_twice
    told = [Problem((key,), "stands twice", limit, remedy) for key in twice]
    return (
        told if len(told) <= MOST_PROBLEMS else [*told[:MOST_PROBLEMS], MORE_PROBLEMS]
    )


def _make_reader(cls: type[Any]) -> Callable[[Any, Any], Any]:
    fields = attrs.fields(cls)
    names = {wire_name(field.name): field.name for field in fields}
    readers = {field.name: _reader_of(_kind_of(field)) for field in fields}
    # The time of reading is no substitute for the time of the event.
    required = [
        field.name
        for field in fields
        if field.default is attrs.NOTHING or (cls, field.name) == (Event, "timestamp")
    ]

    read_any = _make_patient_reader(cls, names, readers, required)
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
            if not is_sound or len(known) >= _MOST_SHAPES:
                return read_any(data, kind)
            read_members = known[keys] = _make_shape_reader(
                cls, [names[key] for key in keys], readers, read_any
            )
        return read_members(data, kind)

    return read


_MOST_SHAPES: Final = 64  # of one class; objects of any further one are read patiently


def _make_shape_reader(
    cls: type[Any],
    members: Sequence[str],
    readers: Mapping[str, Callable[[Any], Any] | None],
    read_any: Callable[[Any, Any], Any],
) -> Callable[[Any, Any], Any]:
    """
    Return the function that reads objects with just these members, in this order.

    Made as source text, it needs neither a loop nor a dict of its own, which is most of
    what a reader of any object takes.
    """
    if not members:
        return lambda _data, _kind: cls()
    names: dict[str, Any] = {
        "ValidationError": ValidationError,
        "in_wire_names": _in_wire_names,
        # Nothing else is done by a call of the class.
        "new": cls.__new__,
        "read_any": read_any,
        "this": cls,
    }
    arguments = []
    for member in members:
        reader = names[f"read_{member}"] = readers[member]
        value = member if reader is None else f"read_{member}({member})"
        arguments.append(f"{member}={value}")
    is_null = " or ".join(f"{member} is None" for member in members)
    body = f"""
    {", ".join(members)}, = data.values()
    if {is_null}:
        return read_any(data, kind)
    try:
        return new(this, {", ".join(arguments)})
    except ValidationError as error:
        raise ValidationError(map(in_wire_names, error.problems)) from None
"""
    exec(f"def read(data, kind):{body}", names)  # noqa: S102 - our own names alone
    read: Callable[[Any, Any], Any] = names["read"]
    return read


def _make_patient_reader(
    cls: type[Any],
    names: Mapping[str, str],
    readers: Mapping[str, Callable[[Any], Any] | None],
    required: Sequence[str],
) -> Callable[[Any, Any], Any]:
    """Return the function that reads whatever there may be."""

    def read(data: Any, _: Any) -> Any:
        if not isinstance(data, Mapping):
            raise ValidationError([_no_object(cls, data)])
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
            problems += map(_in_wire_names, error.problems)
            raise ValidationError(problems) from None
        if problems:
            raise ValidationError(problems)
        return obj

    return read


_MISSING: Final = Refused(Problem((), "is missing", "a required member", "add it"))


def _plain_key(key: object) -> str:
    """Return a key of a subclass of str as str; the empty one for any other."""
    return str.__str__(key) if issubclass(type(key), str) else ""


def _in_wire_names(problem: Problem) -> Problem:
    """Return a constructor's problem: deeper parts are keys, or read from the wire."""
    member, *rest = problem.path
    return problem._replace(path=(wire_name(str(member)), *rest))


def _no_object(cls: type[Any], data: Any) -> Problem:
    found = "null" if data is None else f"of type {type(data).__qualname__}"
    names = [wire_name(field.name) for field in attrs.fields(cls) if field.eq]
    members = ", ".join(names)
    limit = f"an object with members of {members}"
    if isinstance(data, Immutable):
        remedy = "it is one already" if type(data) is cls else "pass to_wire() of it"
    else:
        remedy = "write it as {...}"
    return Problem((), f"is {found}", limit, remedy)


def _unknown_keys(
    keys: list[Any], cls: type[Any], names: Mapping[str, str]
) -> Iterator[Problem]:
    limit = f"one of {', '.join(names)}"
    for position, key in enumerate(keys):
        if position == MOST_PROBLEMS:
            yield MORE_PROBLEMS
            return
        if not issubclass(type(key), str):
            told = f"a key is of type {type(key).__qualname__}"
            yield Problem((), told, "keys of type str", "convert it with str()")
            continue
        word = str.__str__(key)
        if cls is EventsRequest and word in {"EventsRequest", "ApplicationId"}:
            remedy = "pass what stands under EventsRequest"
        else:
            near = nearest(word, list(names))
            remedy = f"did you mean {' or '.join(near)}?" if near else "leave it out"
        yield Problem((word,), "is not known", limit, remedy)


# --- In: answers, leniently -----------------------------------------------------------

_CODE_DIGITS: Final = 9  # more than any status code has


def _read_code(value: Any) -> int | None:
    if isinstance(value, str):
        is_code = value.isascii() and value.isdigit() and len(value) <= _CODE_DIGITS
        return int(value) if is_code else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is int and abs(value) <= MAX_INTEGER:
        return value
    return None


def read_text(value: Any) -> str | None:
    """Return the text, lone surrogates replaced; None for anything but a text."""
    if not isinstance(value, str):
        return None
    return value if value.isascii() else value.encode(errors="replace").decode()


R = TypeVar("R", EndpointItemResponse, EventItemResponse)


def _make_response_reader(cls: type[R]) -> Callable[[Any, Any], R]:
    def read(data: Any, _: Any) -> R:
        if isinstance(data, Mapping):
            return cls(
                status_code=_read_code(data.get("StatusCode")),
                message=read_text(data.get("Message")),
            )
        return cls(status_code=_read_code(data))

    return read


_read_endpoint_response: Final = _make_response_reader(EndpointItemResponse)
_read_event_response: Final = _make_response_reader(EventItemResponse)


def _read_item(data: Any, _: Any) -> ItemResponse:
    if not isinstance(data, Mapping):
        return ItemResponse(status_code=_read_code(data))
    of_endpoint = data.get("EndpointItemResponse")
    return ItemResponse(
        endpoint_item_response=None
        if of_endpoint is None
        else _read_endpoint_response(of_endpoint, None),
        events_item_response=_read_event_responses(data.get("EventsItemResponse")),
    )


def _read_event_responses(data: Any) -> dict[str, EventItemResponse]:
    if not isinstance(data, Mapping):
        return {}
    # Most events are told what the one before was: one object then serves for both.
    told: Any = None
    item = EventItemResponse()
    results: dict[str, EventItemResponse] = {}
    for key, value in data.items():
        name = key if type(key) is str and key.isascii() else read_text(key)
        if name is None:
            continue
        if told is None or value != told:
            item = _read_event_response(value, None)
            # True is equal to 1, and is no code.
            told = None if item.status_code in _LIKE_BOOL else value
        results[name] = item
    return results


_LIKE_BOOL: Final = frozenset({None, 0, 1})


def _read_response(data: Any, _: Any) -> EventsResponse:
    if not isinstance(data, Mapping):
        raise ValidationError([_no_object(EventsResponse, data)])
    if isinstance(data.get("EventsResponse"), Mapping):
        data = data["EventsResponse"]
    results = data.get("Results")
    if not isinstance(results, Mapping):
        return EventsResponse()
    return EventsResponse(
        results={
            name: _read_item(item, None)
            for key, item in results.items()
            if (name := read_text(key)) is not None
        }
    )


# --- The converter --------------------------------------------------------------------


@cache
def _converter(*, shares: bool = False) -> Converter:
    converter = Converter()
    for cls in (*_REQUEST_SIDE, *_RESPONSE_SIDE):
        make: Any = _make_item_writer if cls is ItemResponse else _make_writer
        converter.register_unstructure_hook_factory(
            partial(eq, cls), partial(make, shares=shares)
        )
    for cls in _REQUEST_SIDE:
        converter.register_structure_hook_factory(partial(eq, cls), _make_reader)
    readers: dict[type[Any], Callable[[Any, Any], Any]] = {
        EndpointItemResponse: _read_endpoint_response,
        EventItemResponse: _read_event_response,
        EventsResponse: _read_response,
        ItemResponse: _read_item,
    }
    for cls, read in readers.items():
        converter.register_structure_hook(cls, read)
    return converter


@cache
def writer(cls: type[Any], *, shares: bool = False) -> Callable[[Any], Any]:
    """
    Return the function that writes objects of the class as plain data.

    Args:
        cls: The class.
        shares: Whether what it writes may hold the inner dicts of the objects: for
            those who only read it, and give it to nobody.
    """
    if cls not in _REQUEST_SIDE and cls not in _RESPONSE_SIDE:
        message = f"{cls!r} is no class of the model"
        raise TypeError(message)
    return _converter(shares=shares).get_unstructure_hook(cls)


def _structurer(cls: type[Any]) -> Callable[[Any, Any], Any]:
    return _converter().get_structure_hook(cls)
