"""
JSON text: plain data to compact UTF-8, and back.

The accelerator (msgspec) is used where it is installed, the standard library otherwise,
with the same meaning. One encoder per process, so that sizes are exact.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from pinpoint_events.errors import ValidationError
from pinpoint_events.problems import Audience, Problem, ProblemCode

__all__ = [
    "Repeated",
    "decode",
    "decode_object",
    "decode_request",
    "encode",
    "is_fast",
    "json_problem",
    "utf8_text",
    "with_problems",
]

T = TypeVar("T")

json_problem: Callable[..., Problem] = partial(Problem, audience=Audience.JSON)
"""Makes a problem that speaks to those who write JSON."""


def _standard_encoder() -> Callable[[object], bytes]:
    """
    Return the standard library's writer of compact JSON in UTF-8.

    `JSONEncoder.encode` creates the encoder written in C again for each text, which
    takes a third of the time for an event. Here it is created once, with the arguments
    that it has taken since Python 2.7.
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
    Return the plain data that JSON text represents.

    Args:
        data: The text; bytes are UTF-8, with or without a byte order mark.
        hook: Called with the members of each object, in order; its result replaces the
            object.

    Raises:
        ValidationError: If it is not JSON. NaN and infinities are not JSON.
    """
    if hook is None and _fast_decode is not None:
        try:
            return _fast_decode(data)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            pass  # the standard library decides, so that both report the same problem
    return with_problems(partial(_standard_decode, data, hook))


def _standard_decode(
    data: bytes | str, hook: Callable[[list[tuple[str, Any]]], Any] | None
) -> Any:
    text = data if isinstance(data, str) else utf8_text(data)
    return json.loads(text, object_pairs_hook=hook, parse_constant=_no_constant)


def utf8_text(data: bytes) -> str:
    """
    Return bytes as text, without the byte order mark that Windows puts before it.

    `json.loads` takes UTF-16 and UTF-32 as well; JSON between systems is UTF-8, and a
    mark before it may be ignored (RFC 8259, section 8.1).

    Raises:
        UnicodeDecodeError: If they are not UTF-8.
        TypeError: If they are no bytes.
    """
    if not isinstance(data, bytes | bytearray):
        raise TypeError(f"JSON text is str or bytes, not {type(data).__qualname__}")
    encoding = json.detect_encoding(data)
    if not encoding.startswith("utf-8"):
        # Without a mark such bytes may be UTF-8, of a text with null characters.
        raise UnicodeDecodeError("utf-8", bytes(data), 0, 1, f"is {encoding}")
    return data.decode().removeprefix("\ufeff")


def with_problems(read: Callable[[], T]) -> T:
    """
    Return what a reader of JSON returns.

    Args:
        read: Reads with the standard library, and raises its errors.

    Raises:
        ValidationError: In place of those errors, which hold the text.
    """
    try:
        return read()
    except json.JSONDecodeError as error:
        problem = json_problem(
            ProblemCode.NOT_JSON,
            actual=error.msg.removesuffix(" at"),  # which some messages end with
            at=(error.lineno, error.colno),
        )
    except UnicodeDecodeError as error:
        problem = json_problem(ProblemCode.NOT_UTF8, at=(error.start,))
    except RecursionError:
        problem = json_problem(ProblemCode.JSON_TOO_DEEP)
    except _ConstantError as error:
        problem = json_problem(ProblemCode.JSON_CONSTANT, actual=str(error))
    except ValueError:  # Python refuses to read such numbers
        problem = json_problem(ProblemCode.JSON_NUMBER_TOO_LONG)
    # From None: the errors above hold the text.
    raise ValidationError([problem]) from None


def decode_object(data: bytes) -> Mapping[str, Any] | None:
    """Return the JSON object that a text is; None if it is anything else."""
    try:
        found = decode(data)
    except ValidationError:
        return None
    return found if isinstance(found, Mapping) else None


def decode_request(data: bytes | str) -> Any:
    """
    Return the plain data of a request, or of a part of one.

    Objects remember which keys occur twice, which `from_wire` reports.

    Raises:
        ValidationError: As `decode` does.
    """
    found = _decoded_without_loss(data) if type(data) is bytes else None
    return decode(data, _unique) if found is None else found


def _decoded_without_loss(data: bytes) -> Any:
    """
    Return the plain data if certainly no key occurs twice in an object, else None.

    The accelerator does not report duplicate keys. Therefore its result is written
    again: with as many colons as the text itself, no member was dropped, because each
    member has one. Colons in strings stay the same, unless they are escaped. This takes
    half the time of inspecting the members of each object.
    """
    if _fast_decode is None or (b"\\" in data and b"\\u" in data):
        return None
    try:
        found = _fast_decode(data)
        text = encode(found)
    except (msgspec.DecodeError, OverflowError, RecursionError, UnicodeError):
        return None
    return found if text.count(b":") == data.count(b":") else None


class _ConstantError(ValueError):
    """`NaN`, `Infinity` or `-Infinity`, which Python's reader would accept."""


def _no_constant(name: str) -> float:
    raise _ConstantError(name)


class Repeated(dict[str, Any]):
    """A JSON object in which keys occur more than once."""

    __qualname__ = "dict"  # by which problems name its type
    keys_twice: tuple[str, ...] = ()


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) == len(members):
        return found
    repeated = Repeated(found)
    counts = Counter(name for name, _ in members)
    repeated.keys_twice = tuple(name for name in found if counts[name] > 1)
    return repeated


is_fast: bool = _fast_decode is not None
"""Whether the accelerator writes and reads."""
