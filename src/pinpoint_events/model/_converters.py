"""
Converters: one for each kind of field.

A converter returns a valid, immutable value, or `Refused` with the problems; it never
raises, so that one error can report all problems of an object. Each begins with a test
of exact types, which nearly every value passes; subclasses and problems come after it.

A subclass can override methods, and a `__class__` can deceive `isinstance` (proxies and
mocks do that). Therefore `issubclass(type(value), ...)` decides, content is read by the
methods of the base class, and the stored value is of the base class. Containers are
copied before they are checked, because another thread may change them.
"""

import math
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, timedelta
from enum import StrEnum
from functools import partial
from operator import index
from typing import Any, Final, TypeVar

from pinpoint_events.model._immutable import (
    FrozenMap,
    Refused,
    dict_inside,
    frozen_map,
)
from pinpoint_events.model._problem_counts import (
    MORE_PROBLEMS,
    most_problems,
    nearest,
)
from pinpoint_events.model._registration import compiled_as, register_map
from pinpoint_events.model._value_kinds import (
    kind_of_naive,
    kind_of_type,
    value_kind,
)
from pinpoint_events.problems import Expected, Problem, ProblemCode

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

MAX_INTEGER: Final = 2**53
"""Largest int, either sign, that every JSON reader keeps (RFC 8259, section 6)."""
_MIN_INTEGER: Final = -MAX_INTEGER
_FLOAT_BITS: Final = sys.float_info.max_exp

_MILLISECOND: Final = timedelta(milliseconds=1)


# Return types state what a finished object holds. `Refused` is never part of one, so it
# is left out: `Any` marks the places where it may be returned.


def text(value: str | None) -> str | None:
    """Convert a string, or None."""
    if value is None or (type(value) is str and value.isascii()):
        return value
    return _text(value)


def required_text(value: str) -> str:
    """Convert a string that is not empty."""
    if type(value) is str and value and value.isascii():
        return value
    sound = _text(value, Expected.NAME)
    if sound == "":
        return _refused(ProblemCode.EMPTY)
    return sound


def _text(value: Any, expected: Expected = Expected.TEXT) -> Any:
    if not issubclass(type(value), str):
        return value if type(value) is Refused else wrong_type(value, expected)
    value = str.__str__(value)
    return _refused(ProblemCode.LONE_SURROGATE) if has_surrogate(value) else value


def has_surrogate(value: str) -> bool:
    """Return whether UTF-8 cannot hold the text."""
    if value.isascii():
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False


def time(value: datetime | str) -> datetime:
    """Convert a time: truncated to milliseconds, in UTC."""
    if type(value) is str and value.isascii():
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            return _time(value)
        if parsed.tzinfo is None:
            return _time(value)
        value = parsed
    if type(value) is datetime and value.tzinfo is UTC:
        over = value.microsecond % 1000
        return value.replace(microsecond=value.microsecond - over) if over else value
    return _time(value)


def optional_time(value: datetime | str | None) -> datetime | None:
    """Convert a time, or None."""
    return None if value is None else time(value)


def now() -> datetime:
    """Return the current time. The model reads no other clock."""
    return time(datetime.now(UTC))


def _time(value: Any) -> Any:
    if issubclass(type(value), str):
        return _parsed_time(str.__str__(value))
    if kind_of_type(type(value)) == "missing":  # pandas' NaT is a datetime
        return wrong_type(value, Expected.TIME)
    if issubclass(type(value), datetime):
        return _in_utc(value)
    if type(value) is Refused:
        return value
    is_float = issubclass(type(value), float)
    if is_float or _index(value) is not None:
        kind = ""
    elif type(value) is bool or value_kind(value) != "number":
        return wrong_type(value, Expected.TIME)
    else:
        kind = "number"
    return _refused(
        ProblemCode.NUMBER_AS_TIME,
        actual=_type_name(value),
        unit=_time_unit(value),
        kind=kind,
    )


def _time_unit(value: Any) -> str:
    """
    Return the unit in which a number since 1970 is a time of our days.

    The empty one if it is a time in none of them, as NaN is not.
    """
    try:
        units = (
            unit
            for unit, scale, last in _TIME_UNITS
            if _FIRST_SECOND * scale <= value < last * scale
        )
        return next(units, "")
    except Exception:  # noqa: BLE001 - code of the caller's; Decimal's NaN raises, too
        return ""


_FIRST_SECOND: Final = -62_135_596_800  # since 1970, of year 1
_LAST_SECOND: Final = 253_402_300_799  # of year 9999
_NEAR: Final = 10**11  # years 1 to 5138, so that nearly all milliseconds are above
_TIME_UNITS: Final = (
    ("s", 1, _NEAR),
    ("ms", 10**3, _NEAR),
    ("us", 10**6, _NEAR),
    ("ns", 10**9, _LAST_SECOND),
)


def _parsed_time(value: str) -> Any:
    # ISO 8601 is ASCII. Python takes any character between date and time, and some of
    # its versions the digits of other scripts, which no other reader does.
    if not value.isascii():
        return _refused(ProblemCode.NOT_ISO_8601)
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return _refused(ProblemCode.NOT_ISO_8601)
    if parsed.tzinfo is None and is_date(value):
        return _refused(ProblemCode.NO_TIME_OF_DAY)
    return _in_utc(parsed)


def is_date(text: str) -> bool:
    """
    Return whether a text without a time zone is a date, perhaps with an offset.

    Python takes the offset for a time of day: after a date it accepts any separator.
    """
    for day in (text, _OFFSET.sub("", text)):
        try:
            date.fromisoformat(day)
        except ValueError:
            continue
        return True
    return False


_OFFSET: Final = re.compile(r"[+-]\d\d(:?\d\d)?\Z")


def _in_utc(value: datetime) -> Any:
    try:
        offset = datetime.utcoffset(value)
    except Exception:  # noqa: BLE001 - a broken tzinfo, which may raise anything
        offset = None
    if offset is None:
        kind = kind_of_naive(type(value))
        kind = kind if kind == "naive_timestamp" else ""
        return _refused(ProblemCode.NO_TIME_ZONE, kind=kind)
    try:
        utc = datetime.combine(datetime.date(value), datetime.time(value)) - offset
    except OverflowError:
        years = (MINYEAR, MAXYEAR)
        return _refused(ProblemCode.TIME_OUT_OF_RANGE, allowed=years, unit="years")
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000, tzinfo=UTC)


def duration(value: int | timedelta | None) -> int | None:
    """Convert a duration in milliseconds, or None."""
    return None if value is None else _duration(value)


def _duration(value: Any) -> Any:
    kind = type(value)
    if issubclass(kind, timedelta):
        milliseconds = timedelta.__floordiv__(value, _MILLISECOND)
    else:
        whole = _index(value)
        if whole is None:
            return wrong_type(value, Expected.DURATION)
        milliseconds = whole
    if not -MAX_INTEGER <= milliseconds <= MAX_INTEGER:
        return too_large(milliseconds)
    if milliseconds < 0:
        return _refused(
            ProblemCode.NEGATIVE_DURATION,
            actual=milliseconds,
            allowed=(0, MAX_INTEGER),
            unit="ms",
        )
    return milliseconds


def integer(value: int | None) -> int | None:
    """Convert a whole number within +-2**53, or None."""
    if value is None or (type(value) is int and _MIN_INTEGER <= value <= MAX_INTEGER):
        return value
    return _integer(value)


def _integer(value: Any) -> Any:
    whole = _index(value)
    if whole is None:
        return wrong_type(value, Expected.INTEGER)
    return _whole(whole, ProblemCode.INTEGER_TOO_LARGE)


def _index(value: Any) -> int | None:
    """
    Return the int that a value converts to by `__index__`, as NumPy's do; or None.

    bool is an int, but not a number here. A mock has every method, and is no number.
    """
    kind = type(value)
    if issubclass(kind, int):
        return None if kind is bool else int.__int__(value)
    if not hasattr(kind, "__index__") or hasattr(kind, "assert_called"):
        return None
    try:
        return int.__int__(index(value))
    except Exception:  # noqa: BLE001 - code of the caller's, which may quote the value
        return None  # as arrays do, of more than one number


def _whole(number: int, code: ProblemCode) -> Any:
    if -MAX_INTEGER <= number <= MAX_INTEGER:
        return number
    return too_large(number, code)


def too_large(
    number: int, code: ProblemCode = ProblemCode.INTEGER_TOO_LARGE
) -> Refused:
    """
    Refuse an int for its size.

    By its bits: Python does not write ints of thousands of digits.
    """
    return Refused(Problem(code, actual=number.bit_length(), unit="bits"))


def limit(value: int | None) -> int | None:
    """Convert a whole number above zero, or None."""
    sound = integer(value)
    if type(sound) is int and sound < 1:
        return _refused(ProblemCode.LIMIT_NOT_POSITIVE, actual=sound, allowed=1)
    return sound


def _number(value: Any, expected: Expected = Expected.NUMBER) -> Any:
    """Convert a number that JSON can represent."""
    kind = type(value)
    if issubclass(kind, float):
        number = float.__float__(value)
        if number - number == 0.0:  # neither NaN nor an infinity
            return number
        return _refused(ProblemCode.NOT_FINITE, actual=str(number))
    if kind.__name__ == "Decimal":
        same = _exact_float(value)
        if same is not None:
            return _number(same)
    whole = _index(value)
    if whole is not None:
        if whole.bit_length() >= _FLOAT_BITS:
            return too_large(whole)  # float(), the remedy of others, may refuse it
        return _whole(whole, ProblemCode.METRIC_TOO_LARGE)
    return _no_number(value, expected)


def measure(value: Any) -> Any:
    """Convert one number that JSON can represent, and that could be no attribute."""
    return _number(value, Expected.MEASURE)


def _no_number(value: Any, expected: Expected) -> Any:
    if value_kind(value) == "number" and _is_beyond_floats(value):
        return _refused(ProblemCode.NOT_FINITE, actual=str(math.inf))
    return wrong_type(value, expected)


def _is_beyond_floats(value: Any) -> bool:
    """Return whether float(), the remedy of other numbers, gives an infinite one."""
    try:
        return math.isinf(float(value))
    except OverflowError:
        return True
    except Exception:  # noqa: BLE001 - code of the caller's, which may quote the value
        return False


def _exact_float(value: Any) -> float | None:
    """Return the float that is written as a Decimal is, or None if there is none."""
    from decimal import Decimal  # noqa: PLC0415 - only where there is one

    if not issubclass(type(value), Decimal):
        return None
    if Decimal.is_nan(value):
        return math.nan  # float() takes no signalling one
    number = Decimal.__float__(value)
    # A number that is too large for a float becomes an infinity, too.
    is_same = Decimal.__eq__(value, Decimal(repr(number)))
    return number if is_same else None


def degrees(value: Any, bound: int) -> Any:
    """Convert an angle of at most `bound` degrees, either sign."""
    whole = _index(value)
    angle = _number(value, Expected.MEASURE) if whole is None else whole
    if type(angle) is Refused or -bound <= angle <= bound:
        return angle
    return _refused(ProblemCode.ANGLE_OUT_OF_RANGE, allowed=bound, unit="degrees")


def member_of(enum: type[E], value: Any, *, suggests: bool = True) -> Any:
    """
    Convert a member of the enum or its exact wire string, or None.

    Args:
        enum: The enum.
        value: What was given.
        suggests: As in `unknown_value`.
    """
    if value is None or type(value) is enum:
        return value
    if not issubclass(type(value), str):
        return Refused(wrong_type_of_value(value, tuple(enum), enum.__name__))
    word = str.__str__(value)
    member = enum._value2member_map_.get(word)
    if member is not None:
        return member
    return Refused(unknown_value(word, tuple(enum), enum.__name__, suggests=suggests))


def unknown_value(
    word: str, values: Sequence[str], unit: str = "", *, suggests: bool = True
) -> Problem:
    """
    Return the problem of a word that is none of the known ones.

    The word is kept only if it resembles one of them: any other may be an address or a
    secret that got into the wrong place.

    Args:
        word: The word.
        values: The known ones.
        unit: What they are.
        suggests: Whether to suggest one that resembles it: not where a wrong guess
            would turn the meaning round.
    """
    near = nearest(word, values) if suggests else ()
    return Problem(
        ProblemCode.UNKNOWN_VALUE,
        actual=word if near else None,
        allowed=tuple(map(str, values)),
        unit=unit,
        nearest=near,
    )


def wrong_type_of_value(
    value: object, values: Sequence[str], unit: str = ""
) -> Problem:
    """
    Return the problem of what is no word at all, where one of the known is expected.

    Args:
        value: What was found.
        values: The known words; the first serves as the example.
        unit: What they are.
    """
    words = tuple(map(str, values))
    return Problem(
        ProblemCode.WRONG_TYPE_OF_VALUE,
        actual=_type_name(value),
        allowed=words,
        unit=unit,
        nearest=words[:1],
    )


def instance_of(cls: type[T], value: Any) -> Any:
    """Convert an instance of exactly this class."""
    if type(value) is cls or type(value) is Refused:
        return value
    name = cls.__name__
    code = ProblemCode.NOT_AN_INSTANCE
    # The model's classes alone are read by `from_wire`.
    if isinstance(value, Mapping) and cls.__module__.startswith(f"{__package__}."):
        code = ProblemCode.PLAIN_DATA
    return _refused(code, actual=_type_name(value), unit=name)


class TextMap(FrozenMap[str]):
    """str to str."""

    __slots__ = ()


class NumberMap(FrozenMap[int | float]):
    """str to a number."""

    __slots__ = ()


class TextsMap(FrozenMap[tuple[str, ...]]):
    """str to some str."""

    __slots__ = ()


class ObjectMap(FrozenMap[T]):
    """str to objects of one of our classes."""

    __slots__ = ()


NO_TEXT: Final = frozen_map(TextMap, {})
NO_NUMBERS: Final = frozen_map(NumberMap, {})
NO_TEXTS: Final = frozen_map(TextsMap, {})
NO_OBJECTS: Final[ObjectMap[Any]] = frozen_map(ObjectMap, {})


def function(value: Any) -> Any:
    """Convert what can be called."""
    return value if callable(value) else wrong_type(value, Expected.FUNCTION)


def texts(value: Any) -> Any:
    """Convert a collection of str, of any class; its order is kept."""
    is_other = isinstance(value, (str, *_BYTES)) or not isinstance(value, Collection)
    return _sound_texts(value if is_other else tuple(value))


def text_map(value: Mapping[str, str] | None) -> FrozenMap[str]:
    """Convert a mapping of str to str; None becomes the empty mapping."""
    if type(value) is dict:
        value = value.copy()
        for key, item in value.items():
            if not (
                type(item) is str
                and item.isascii()
                and type(key) is str
                and key.isascii()
            ):
                break
        else:
            return frozen_map(TextMap, value) if value else NO_TEXT
    elif value is None or type(value) is TextMap:
        return NO_TEXT if value is None else value
    return _mapping(value, TextMap, _sound_text)


def number_map(
    value: Mapping[str, int] | Mapping[str, float] | Mapping[str, int | float] | None,
) -> FrozenMap[int | float]:
    """Convert a mapping of str to numbers; None becomes the empty mapping."""
    if type(value) is dict:
        value = value.copy()
        for key, item in value.items():
            if type(item) is float:
                if item - item != 0.0:
                    break
            elif type(item) is not int or not _MIN_INTEGER <= item <= MAX_INTEGER:
                break
            if type(key) is not str or not key.isascii():
                break
        else:
            return frozen_map(NumberMap, value) if value else NO_NUMBERS
    elif value is None or type(value) is NumberMap:
        return NO_NUMBERS if value is None else value
    return _mapping(value, NumberMap, _sound_number)


def texts_map(
    value: Mapping[str, Sequence[str]] | None,
) -> FrozenMap[tuple[str, ...]]:
    """Convert a mapping of str to sequences of str; None becomes the empty mapping."""
    if value is None:
        return NO_TEXTS
    if type(value) is TextsMap:
        return value
    return _mapping(value, TextsMap, _sound_texts)


def object_map(value: Any, cls: type[Any], *, names: bool = True) -> Any:
    """
    Convert a mapping of str to instances of the class; None becomes the empty mapping.

    With `names`, no key may be empty.
    """
    if type(value) is dict:
        value = value.copy()
        for key, item in value.items():
            if type(item) is not cls or type(key) is not str or not key.isascii():
                break
            if names and not key:
                break
        else:
            return frozen_map(ObjectMap, value) if value else NO_OBJECTS
    elif value is None:
        return NO_OBJECTS
    elif type(value) is ObjectMap and _holds_only(cls, value):
        return value
    return _mapping(value, ObjectMap, partial(instance_of, cls), names=names)


def _holds_only(cls: type[Any], objects: ObjectMap[Any]) -> bool:
    return {cls}.issuperset(map(type, dict_inside(objects).values()))


def _sound_text(value: Any) -> Any:
    return _text(value)


def _sound_number(value: Any) -> Any:
    if type(value) is float and value - value == 0.0:
        return value
    return _number(value)


def _sound_texts(value: Any) -> Any:
    if issubclass(type(value), str):
        return _refused(ProblemCode.BARE_TEXT, actual=_type_name(value))
    if isinstance(value, _BYTES) or not isinstance(value, Sequence):
        return wrong_type(value, Expected.TEXTS)
    items = []
    problems: list[Problem] = []
    most = most_problems()
    for position, item in enumerate(value):
        if len(problems) >= most:
            problems.append(MORE_PROBLEMS)
            break
        sound: Any = _text(item)
        if type(sound) is Refused:
            problems += [problem.below(position) for problem in sound.problems]
        items.append(sound)
    return Refused(*problems) if problems else tuple(items)


def _mapping(
    value: Any,
    kind: type[FrozenMap[Any]],
    sound: Callable[[Any], Any],
    *,
    names: bool = False,
) -> Any:
    """Copy a mapping with str keys into a `kind`, with each value converted."""
    if not isinstance(value, Mapping):
        if type(value) is Refused:
            return value
        return wrong_type(value, Expected.MAPPING)
    items: dict[str, Any] = {}
    problems: list[Problem] = []
    # Problems of objects are reported for each object, those of values are limited.
    most = math.inf if kind is ObjectMap else most_problems()
    for key, raw in list(value.items()):
        if len(problems) >= most:
            problems.append(MORE_PROBLEMS)
            break
        if not issubclass(type(key), str):
            problems.append(wrong_key_type(key))
            continue
        name = str.__str__(key)
        if has_surrogate(name):
            problems.append(Problem(ProblemCode.LONE_SURROGATE_IN_KEY, (name,)))
        elif names and not name:
            problems.append(Problem(ProblemCode.EMPTY_KEY, (name,)))
        elif name in items:
            problems.append(Problem(ProblemCode.DUPLICATE_KEY, (name,)))
        item = sound(raw)
        if type(item) is Refused:
            problems += [problem.below(name) for problem in item.problems]
        items[name] = item
    return Refused(*problems) if problems else frozen_map(kind, items)


def _refused(code: ProblemCode, **facts: Any) -> Any:
    return Refused(Problem(code, **facts))


def wrong_type(value: object, expected: Expected) -> Any:
    """Refuse a value for its type."""
    return _refused(
        ProblemCode.WRONG_TYPE,
        actual=_type_name(value),
        allowed=expected,
        kind=value_kind(value),
    )


def wrong_key_type(key: object) -> Problem:
    """Return the problem of a key that is no str."""
    return Problem(
        ProblemCode.WRONG_KEY_TYPE,
        actual=_type_name(key),
        allowed=Expected.TEXT,
        kind=value_kind(key),
    )


_BYTES: Final = (bytes, bytearray, memoryview)


def _type_name(value: object) -> str:
    return type(value).__qualname__


compiled_as("text", text)
compiled_as("required_text", required_text)
compiled_as("time", time)
compiled_as("optional_time", optional_time)
compiled_as("integer", duration, 0, MAX_INTEGER)
compiled_as("integer", integer, _MIN_INTEGER, MAX_INTEGER)
compiled_as("integer", limit, 1, MAX_INTEGER)
compiled_as("text_map", text_map)
compiled_as("number_map", number_map, _MIN_INTEGER, MAX_INTEGER)
compiled_as("texts_map", texts_map)
register_map("text_map", TextMap, NO_TEXT)
register_map("number_map", NumberMap, NO_NUMBERS)
register_map("texts_map", TextsMap, NO_TEXTS)
register_map("model_map", ObjectMap, NO_OBJECTS)
