"""
The cattrs converter, and the public functions that use it.

cattrs takes a tenth of the time of a process that sends once. It is imported when
something is read or written that is neither an answer nor left to the compiled part.
"""

from collections.abc import Callable
from functools import cache, partial
from operator import eq
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from pinpoint_events.compiled import core
from pinpoint_events.model._immutable import Immutable, fields_of
from pinpoint_events.model._problem_counts import few_suggestions
from pinpoint_events.model.endpoint import (
    Demographic,
    Endpoint,
    Location,
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
from pinpoint_events.wire.json_text import decode, decode_request, encode
from pinpoint_events.wire.names import wire_name
from pinpoint_events.wire.reading_answers import READERS
from pinpoint_events.wire.reading_requests import make_reader
from pinpoint_events.wire.writing import make_item_writer, make_writer

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = [
    "from_json",
    "from_wire",
    "remember_json",
    "text_in_python",
    "to_json",
    "to_wire",
    "writer",
]

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

    The form of an `EventsRequest` is what boto3's `put_events(EventsRequest=...)`
    takes. An `ItemResponse` that was a bare number becomes one again.

    Raises:
        TypeError: If it is not an object of the model.
    """
    kind: Any = type(obj)
    return writer(kind)(obj)


def from_wire(cls: type[T], data: object) -> T:
    """
    Return the model object that plain data represent.

    No defaults are applied: an event without a timestamp is invalid. An answer of boto3
    is accepted whole, or only the part under `EventsResponse`.

    Args:
        cls: The class to build.
        data: What `json.loads` returns, or boto3 takes or returns.

    Raises:
        TypeError: If the class is not a class of the model.
        ValidationError: With all problems, their paths in the service's names. Answers
            are read leniently: any dict is accepted.
    """
    _refuse_foreign(cls)
    with few_suggestions(_SUGGESTIONS):
        found: T = _reader(cast("Any", cls))(data, cls)
        return found


_SUGGESTIONS: Final = 20


def _refuse_foreign(cls: Any) -> None:
    """Raise unless it is a class of the model; a value of the caller is not shown."""
    if isinstance(cls, type):
        if cls in _REQUEST_SIDE or cls in _RESPONSE_SIDE:
            return
        message = (
            f"{cls.__qualname__} is no class of the model; pass one, as EventsRequest"
        )
    else:
        message = (
            f"an object of type {type(cls).__qualname__} is no class of the model; "
            "pass the class first, as in from_wire(EventsRequest, data)"
        )
    raise TypeError(message)


def to_json(obj: Immutable) -> bytes:
    """
    Return a model object as compact JSON in UTF-8.

    Quotas are measured by its length. A request keeps its text, because it is measured
    first and then sent, perhaps more than once.

    Raises:
        TypeError: If it is not an object of the model.
    """
    if type(obj) is not EventsRequest:
        return _text(obj)
    kept: bytes | None = getattr(obj, "_json", None)
    return remember_json(obj, _text(obj)) if kept is None else kept


def _text(obj: Any) -> bytes:
    text: bytes | None = None if core is None else core.text_of(obj)
    return text_in_python(obj) if text is None else text


def text_in_python(obj: Any) -> bytes:
    """Return the JSON text of an object, written by what the compiled part replaces."""
    kind: Any = type(obj)
    return encode(writer(kind, shares=True)(obj))


def _name_fields() -> None:
    """Let the compiled part write requests."""
    core.set_number_writer(encode)
    for cls in _REQUEST_SIDE:
        fields = (field.name for field in fields_of(cls) if field.eq)
        core.name_fields(cls, {name: wire_name(name) for name in fields})


if core is not None:
    _name_fields()


def remember_json(request: EventsRequest, text: bytes) -> bytes:
    """
    Keep the JSON text of a request for `to_json`, and return it.

    The text must be what `to_json` would write.
    """
    _set_json(request, text)
    return text


_set_json = cast("Any", EventsRequest)._json.__set__


def from_json(cls: type[T], data: bytes | str) -> T:
    """
    Return the model object that JSON text represents.

    Args:
        cls: The class to build.
        data: The text. Bytes are UTF-8; a byte order mark before them is ignored.

    Raises:
        ValidationError: If it is not JSON, or as `from_wire` does. In requests, a key
            that occurs twice in one object is a problem too.
    """
    _refuse_foreign(cls)
    read = decode if cls in _RESPONSE_SIDE else decode_request
    return from_wire(cls, read(data))


@cache
def _converter(*, shares: bool = False) -> "Converter":
    from cattrs import Converter  # noqa: PLC0415 - see above

    converter = Converter()
    writer_of = converter.get_unstructure_hook
    for cls in (*_REQUEST_SIDE, *_RESPONSE_SIDE):
        make: Any = make_item_writer if cls is ItemResponse else make_writer
        converter.register_unstructure_hook_factory(
            partial(eq, cls), partial(make, writer_of=writer_of, shares=shares)
        )
    for cls in _REQUEST_SIDE:
        converter.register_structure_hook_factory(
            partial(eq, cls),
            partial(make_reader, reader_of=converter.get_structure_hook),
        )
    return converter


@cache
def _reader(cls: type[Any]) -> Callable[[Any, Any], Any]:
    """Return the function that reads data as the class, which is passed again."""
    return READERS.get(cls) or _converter().get_structure_hook(cls)


@cache
def writer(cls: type[Any], *, shares: bool = False) -> Callable[[Any], Any]:
    """
    Return the function that writes objects of the class as plain data.

    Args:
        cls: The class.
        shares: Whether the result may contain the dicts inside the objects. Only for
            callers that do not change it and do not pass it on.
    """
    _refuse_foreign(cls)
    return _converter(shares=shares).get_unstructure_hook(cls)
