"""
What a field takes: one converter for each kind of field.

A converter returns a sound and immutable value, or `Refused` with what is wrong; it
never raises (`_immutable` tells why). Each begins with a test of exact types, which is
what nearly every value passes, and comes to subclasses and explanations after that.

Subclasses may lie, by methods of their own or, to `isinstance`, by a `__class__` of
their own (proxies and mocks do). So `issubclass(type(value), ...)` decides, content is
read by the methods of the base class, and what is kept is of the base class.
Containers are copied before they are checked: another thread may hold them.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Final, TypeVar

from pinpoint_events.errors import Problem, shortened
from pinpoint_events.model._immutable import (
    FrozenMap,
    Refused,
    frozen_map,
    inner_dict,
    passes_if,
)

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

MAX_INTEGER: Final = 2**53
"""Largest int, either sign, that every JSON reader keeps (RFC 8259, section 6)."""
_MIN_INTEGER: Final = -MAX_INTEGER

_MILLISECOND: Final = timedelta(milliseconds=1)


# The return types below say what a *built* object holds. `Refused` never gets that far,
# so it is not part of them: `Any` stands where one may be returned.


def text(value: str | None) -> str | None:
    """Take a string, or None."""
    if value is None or (type(value) is str and value.isascii()):
        return value
    return _text(value)


def required_text(value: str) -> str:
    """Take a string that is not empty."""
    if type(value) is str and value and value.isascii():
        return value
    sound = _text(value)
    if sound == "":
        return _refused("is empty", "at least 1 character", _NAME_IT)
    return sound


passes_if(required_text, "type({0}) is str and {0} and {0}.isascii()")


def _text(value: Any) -> Any:
    if not issubclass(type(value), str):
        return value if type(value) is Refused else _no_text(value)
    value = str.__str__(value)
    return _refused(*_SURROGATE) if has_surrogate(value) else value


def _no_text(value: Any) -> Any:
    if value is None:
        remedy = _NAME_IT
    elif issubclass(type(value), bytes | bytearray):
        remedy = "decode it"
    else:
        remedy = "convert it with str()"
    return _wrong_type(value, "a str", remedy)


_NAME_IT: Final = "give it a name"
_SURROGATE: Final = (
    "has a lone surrogate",
    "text that UTF-8 can hold",
    "decode the bytes it came from with their own encoding",
)


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
    """Take a moment: truncated to milliseconds, in UTC."""
    if type(value) is str:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return _time(value)
    if type(value) is datetime and value.tzinfo is UTC:
        over = value.microsecond % 1000
        return value.replace(microsecond=value.microsecond - over) if over else value
    return _time(value)


passes_if(
    time,
    "type({0}) is datetime and {0}.tzinfo is UTC and not {0}.microsecond % 1000",
    datetime=datetime,
    UTC=UTC,
)


def optional_time(value: datetime | str | None) -> datetime | None:
    """Take a moment, or None."""
    return None if value is None else time(value)


def now() -> datetime:
    """Return the time of now: the one clock that the model reads."""
    return time(datetime.now(UTC))


def _time(value: Any) -> Any:
    if issubclass(type(value), str):
        return _time_told(str.__str__(value))
    if issubclass(type(value), datetime):
        return _in_utc(value)
    if type(value) is Refused:
        return value
    if value is None:
        remedy = "pass datetime.now(UTC), if it is now"
    elif issubclass(type(value), int | float):
        remedy = "convert seconds with datetime.fromtimestamp(seconds, UTC)"
    else:
        remedy = "pass a datetime with tzinfo"
    return _wrong_type(value, "a datetime with a time zone, or an ISO 8601 str", remedy)


def _time_told(value: str) -> Any:
    try:
        return time(datetime.fromisoformat(value))
    except ValueError:
        return _refused(
            "is no ISO 8601 time",
            "a form such as 2026-11-24T09:30:00.000Z",
            "pass a datetime with tzinfo",
        )


def _in_utc(value: datetime) -> Any:
    try:
        offset = datetime.utcoffset(value)
    except (NotImplementedError, TypeError, ValueError):
        offset = None  # a tzinfo that does not do its duty
    if offset is None:
        return _refused(
            "has no time zone",
            "a time that names its moment",
            "pass tzinfo=UTC, or end the text with Z",
        )
    try:
        utc = datetime.combine(datetime.date(value), datetime.time(value)) - offset
    except OverflowError:
        limit = "years 1 to 9999 in UTC"
        return _refused("is out of range", limit, "correct the time")
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000, tzinfo=UTC)


def duration(value: int | timedelta | None) -> int | None:
    """Take a length of time in milliseconds, or None."""
    return None if value is None else _duration(value)


def _duration(value: Any) -> Any:
    kind = type(value)
    if issubclass(kind, timedelta):
        milliseconds = timedelta.__floordiv__(value, _MILLISECOND)
    elif issubclass(kind, int) and kind is not bool:
        milliseconds = int.__int__(value)
    else:
        remedy = "pass timedelta(milliseconds=...)"
        return _wrong_type(value, "an int of milliseconds, or a timedelta", remedy)
    if 0 <= milliseconds <= MAX_INTEGER:
        return milliseconds
    return _refused(
        "is negative" if milliseconds < 0 else "is beyond 2**53",
        "0 to 2**53 milliseconds",
        "leave it out to have it derived",
    )


def integer(value: int | None) -> int | None:
    """Take a whole number within +-2**53, or None."""
    if value is None or (type(value) is int and _MIN_INTEGER <= value <= MAX_INTEGER):
        return value
    return _integer(value)


def _integer(value: Any) -> Any:
    if not issubclass(type(value), int) or type(value) is bool:
        return _wrong_type(value, "an int", "pass a whole number")
    return _whole(value, "pass a smaller one")


def _whole(value: int, remedy: str) -> Any:
    number = int.__int__(value)
    if -MAX_INTEGER <= number <= MAX_INTEGER:
        return number
    told = f"has {number.bit_length()} bits"
    return _refused(told, "an int within +-2**53", remedy)


def limit(value: int | None) -> int | None:
    """Take a whole number above zero, or None."""
    sound = integer(value)
    if type(sound) is int and sound < 1:
        return _refused(f"is {sound}", "at least 1", "pass None to switch it off")
    return sound


def _number(value: Any) -> Any:
    """Take a number that JSON can carry."""
    kind = type(value)
    if kind is bool:
        remedy = "pass 1 or 0, or make it an attribute"
    elif issubclass(kind, float):
        number = float.__float__(value)
        if number - number == 0.0:  # neither NaN nor an infinity
            return number
        return _refused(f"is {number}", "a finite number", "leave it out")
    elif issubclass(kind, int):
        return _whole(value, "pass a float, or make it an attribute")
    else:
        remedy = "convert it with int() or float()"
    return _wrong_type(value, "an int or a float", remedy)


def degrees(value: Any, bound: int) -> Any:
    """Take an angle of at most `bound` degrees, either sign."""
    angle = _number(value)
    if type(angle) is Refused or -bound <= angle <= bound:
        return angle
    limit = f"-{bound} to {bound} degrees"
    return _refused("is out of range", limit, "check the unit and the order")


def member_of(enum: type[E], value: Any) -> Any:
    """Take a member of the enum or its exact wire string, or None."""
    if value is None or type(value) is enum:
        return value
    if not issubclass(type(value), str):
        wanted = f"{_with_article(enum.__name__)} or its wire string"
        first = next(iter(enum)).name
        return _wrong_type(value, wanted, f"pass one, as in {enum.__name__}.{first}")
    word = str.__str__(value)
    member = enum._value2member_map_.get(word)
    if member is not None:
        return member
    near = nearest(word, enum)
    return _refused(
        f"is {shortened(word)}",
        f"one of {', '.join(enum)}",
        f"did you mean {' or '.join(near)}?" if near else "",
    )


_suggestions_left: ContextVar[list[int] | None] = ContextVar("left", default=None)


@contextmanager
def few_suggestions(most: int) -> Iterator[None]:
    """
    Let `nearest` answer so many times within.

    To look for a name takes longer than all else, and what is read may have a thousand
    faults.
    """
    token = _suggestions_left.set([most])
    try:
        yield
    finally:
        _suggestions_left.reset(token)


def nearest(word: str, names: Sequence[str] | type[StrEnum]) -> list[str]:
    """
    Return the names that the word most resembles, at most three, at least one.

    None only where `few_suggestions` allows no more.
    """
    left = _suggestions_left.get()
    if left is not None:
        if left[0] <= 0:
            return []
        left[0] -= 1
    import difflib  # noqa: PLC0415 - only on the way to an error

    # Compared without case: `email` is nearer to EMAIL than to anything else.
    # The word may be of any length, and the comparison takes its square.
    folded = {str(name).casefold(): str(name) for name in names}
    if word.casefold() in folded:
        return [folded[word.casefold()]]
    found = difflib.get_close_matches(word[:60].casefold(), folded, n=3, cutoff=0.6)
    if not found:
        found = difflib.get_close_matches(word[:60].casefold(), folded, n=1, cutoff=0)
    return [folded[name] for name in found]


# Of one mapping or list, told in full. A request may hold a million faults: to tell all
# of them would take a minute and a gigabyte, and nobody would read it.
MOST_PROBLEMS: Final = 100
MORE_PROBLEMS: Final = Problem((), "has more problems", "", "correct these first")


def instance_of(cls: type[T], value: Any) -> Any:
    """Take an instance of exactly this class."""
    if type(value) is cls or type(value) is Refused:
        return value
    name = cls.__name__
    remedy = f"build it with {name}(...)"
    if isinstance(value, Mapping) and name != "Quotas":  # which has no wire form
        remedy += f" or from_wire({name}, ...)"
    return _wrong_type(value, _with_article(name), remedy)


def _with_article(name: str) -> str:
    return f"{'an' if name[0] in 'EIO' else 'a'} {name}"


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


def text_map(value: Mapping[str, str] | None) -> Mapping[str, str]:
    """Take a mapping of str to str; None is the empty one."""
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
) -> Mapping[str, int | float]:
    """Take a mapping of str to numbers; None is the empty one."""
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


def texts_map(value: Mapping[str, Sequence[str]] | None) -> Mapping[str, Sequence[str]]:
    """Take a mapping of str to sequences of str; None is the empty one."""
    if value is None:
        return NO_TEXTS
    if type(value) is TextsMap:
        return value
    return _mapping(value, TextsMap, _sound_texts)


def object_map(value: Any, cls: type[Any], *, names: bool = True) -> Any:
    """
    Take a mapping of str to instances of the class; None is the empty one.

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
    return {cls}.issuperset(map(type, inner_dict(objects).values()))


def _sound_text(value: Any) -> Any:
    return _wrong_type(None, "a str", _NO_NONE) if value is None else _text(value)


_NO_NONE: Final = "leave the key out"


def _sound_number(value: Any) -> Any:
    if type(value) is float and value - value == 0.0:
        return value
    if value is None:
        return _wrong_type(None, "an int or a float", _NO_NONE)
    return _number(value)


def _sound_texts(value: Any) -> Any:
    if issubclass(type(value), str):
        return _wrong_type(value, "a list of str", "put it in a list: [value]")
    if isinstance(value, bytes | bytearray) or not isinstance(value, Sequence):
        remedy = _NO_NONE if value is None else "make it a list of str"
        return _wrong_type(value, "a list of str", remedy)
    items = []
    problems: list[Problem] = []
    for position, item in enumerate(value):
        if len(problems) >= MOST_PROBLEMS:
            problems.append(MORE_PROBLEMS)
            break
        sound: Any = text(item)
        if item is None:
            sound = _wrong_type(None, "a str", "leave it out")
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
    """Copy a mapping whose keys are str into the kind, each value made sound."""
    if not isinstance(value, Mapping):
        if type(value) is Refused:
            return value
        return _wrong_type(value, "a mapping", "pass a dict")
    items: dict[str, Any] = {}
    problems: list[Problem] = []
    # Objects are accounted for one by one, what is in them is not.
    most = math.inf if kind is ObjectMap else MOST_PROBLEMS
    for key, raw in list(value.items()):
        if len(problems) >= most:
            problems.append(MORE_PROBLEMS)
            break
        if not issubclass(type(key), str):
            told = f"a key is {_type_name(key)}"
            problems.append(
                Problem((), told, "keys of type str", "convert it with str()")
            )
            continue
        name = str.__str__(key)
        if has_surrogate(name):
            problem, limit, remedy = _SURROGATE
            problems.append(Problem((name,), f"the key {problem}", limit, remedy))
        elif names and not name:
            limit = "at least 1 character"
            problems.append(Problem((name,), "the key is empty", limit, _NAME_IT))
        elif name in items:
            limit = "each key once"
            problems.append(Problem((name,), "stands twice", limit, "rename one"))
        item = sound(raw)
        if type(item) is Refused:
            problems += [problem.below(name) for problem in item.problems]
        items[name] = item
    return Refused(*problems) if problems else frozen_map(kind, items)


def _refused(problem: str, limit: str, remedy: str) -> Any:
    return Refused(Problem((), problem, limit, remedy))


def _wrong_type(value: object, wanted: str, remedy: str) -> Any:
    return _refused(f"is {_type_name(value)}", wanted, remedy)


def _type_name(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__qualname__}"
