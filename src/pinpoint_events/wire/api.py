"""
The public functions: objects to plain data or JSON text, and back.

The converter, with cattrs and the functions that it finds, takes a tenth of the time of
a process that sends once. It is imported when something is read or written that is
neither an answer nor left to the compiled part.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeVar, cast

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
from pinpoint_events.wire.json_text import decode, decode_request, encode
from pinpoint_events.wire.names import wire_name
from pinpoint_events.wire.reading_answers import READERS

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
    kind: Any = cls
    with few_suggestions(_SUGGESTIONS):
        found: T = _reader(kind)(data, cls)
        return found


_SUGGESTIONS: Final = 20


def _refuse_foreign(cls: Any) -> None:
    """Raise unless it is a class of the model; a value of the caller is not shown."""
    if isinstance(cls, type):
        if cls in _REQUEST_SIDE or cls in READERS:
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
    read = decode if cls in READERS else decode_request
    return from_wire(cls, read(data))


@cache
def _reader(cls: type[Any]) -> Callable[[Any, Any], Any]:
    """Return the function that reads data as the class, which is passed again."""
    if cls in READERS:
        return READERS[cls]
    from pinpoint_events.wire.converter import converter  # noqa: PLC0415 - see above

    return converter().get_structure_hook(cls)


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
    from pinpoint_events.wire.converter import converter  # noqa: PLC0415 - see above

    return converter(shares=shares).get_unstructure_hook(cls)
