"""
What shall go wrong, and when: a script for tests of those who send.

    >>> from pinpoint_events.server import Cut, FailCall, Faults
    >>> faults = Faults([FailCall(status=503, calls=[1]), Cut(where="inside")])

The same as a file, for `pinpoint-events serve --faults FILE`:

```json
{"faults": [
    {"fault": "fail_call", "status": 503, "calls": [1]},
    {"fault": "cut", "where": "inside"}
]}
```

Calls are counted from 1, from when the fault was added; each call that is well signed
counts. So are items, over all calls: those that are events, or those that are
endpoints. A fault without numbers meets all of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, final

import attrs

from pinpoint_events.errors import Problem, ValidationError, shortened
from pinpoint_events.model import _converters as to
from pinpoint_events.model._immutable import Immutable, Refused, fields_of
from pinpoint_events.wire.reading_requests import repeated_keys

__all__ = [
    "KINDS",
    "BareStatus",
    "Cut",
    "Delay",
    "DropIds",
    "FailCall",
    "FailItem",
    "Fault",
    "ShiftClock",
    "Throttle",
    "read_faults",
]

_ACCEPTED: Final = 202
_MOST_SECONDS: Final = 10_000_000  # about four months


def _refused(problem: str, limit: str) -> Any:
    return Refused(Problem((), problem, limit))


def _number(value: Any, least: float, most: float, kinds: tuple[type, ...]) -> Any:
    what = "a number" if float in kinds else "a whole number"
    limit = f"{what} from {least:,} to {most:,}"
    if type(value) not in kinds:
        return _refused(f"is of type {type(value).__qualname__}", limit)
    return value if least <= value <= most else _refused(f"is {value}", limit)


def _word(value: Any, words: Sequence[str]) -> Any:
    if isinstance(value, str) and value in words:
        return value
    return Refused(_no_word(value, words))


def _no_word(value: Any, words: Sequence[str]) -> Problem:
    limit = f"one of {', '.join(words)}"
    if not isinstance(value, str):
        return Problem((), f"is of type {type(value).__qualname__}", limit)
    return Problem((), f"is {shortened(value)}", limit, _meant(value, words))


def _meant(word: str, words: Sequence[str]) -> str:
    return f"did you mean {' or '.join(to.nearest(word, words))}?"


# As in the model's classes, the types say what a built fault holds.


def _numbers(value: Sequence[int]) -> tuple[int, ...]:
    given: Any = value
    sound: Any
    limit = "a list of whole numbers from 1 on"
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        sound = _refused(f"is of type {type(given).__qualname__}", limit)
    elif all(type(number) is int and number > 0 for number in given):
        sound = tuple(given)
    else:
        sound = _refused("has something else in it", limit)
    numbers: tuple[int, ...] = sound
    return numbers


def _status_of_error(value: int) -> int:
    status: int = _number(value, 400, 599, (int,))
    return status


def _status_of_item(value: int) -> int:
    status: int = _number(value, 100, 599, (int,))
    return status


def _burst(value: int) -> int:
    burst: int = _number(value, 1, 1_000_000, (int,))
    return burst


def _rate(value: float) -> float:
    rate: float = _number(value, 0.001, 1_000_000, (int, float))
    return rate


def _seconds(value: float) -> float:
    seconds: float = _number(value, 0, _MOST_SECONDS, (int, float))
    return seconds


def _optional_seconds(value: float | None) -> float | None:
    return None if value is None else _seconds(value)


def _shift(value: float) -> float:
    seconds: float = _number(value, -_MOST_SECONDS, _MOST_SECONDS, (int, float))
    return seconds


def _kind_of_item(value: str) -> str:
    kind: str = _word(value, ("event", "endpoint"))
    return kind


def _place(value: str) -> str:
    place: str = _word(value, ("before", "inside", "after"))
    return place


def _header_text(value: str | None) -> str | None:
    sound: Any = to.text(value)
    is_sound = sound is None or type(sound) is Refused or _is_plain(sound)
    if not is_sound:
        sound = _refused("cannot stand in a header", "printable ASCII, not empty")
    text: str | None = sound
    return text


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and text.strip() != ""


def _flag(value: bool) -> bool:  # noqa: FBT001 - a field's converter
    sound: Any = value
    if type(sound) is not bool:
        sound = _refused(f"is of type {type(sound).__qualname__}", "true or false")
    flag: bool = sound
    return flag


class Fault(Immutable):
    """Base of all faults."""

    __slots__ = ()


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class FailCall(Fault):
    """
    Refuse whole calls; nothing of them is taken.

    Attributes:
        status: HTTP status, 400 to 599.
        code: Name of the error; the service's name for the status if left out.
        message: What is told.
        retry_after_seconds: What `Retry-After` asks for; no such header if left out.
        calls: Which calls; all if left out.
    """

    status: int = attrs.field(default=500, converter=_status_of_error)
    code: str | None = attrs.field(default=None, converter=_header_text)
    message: str = attrs.field(
        default="a fault was asked for", converter=to.required_text
    )
    retry_after_seconds: float | None = attrs.field(
        default=None, converter=_optional_seconds
    )
    calls: Sequence[int] = attrs.field(default=(), converter=_numbers)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class FailItem(Fault):
    """
    Refuse single items; they are not taken, the others are.

    Attributes:
        status_code: What is answered for the item, 400 to 599.
        message: What is told.
        of: `event` or `endpoint`: what is counted.
        items: Which of them; all if left out.
    """

    status_code: int = attrs.field(default=500, converter=_status_of_error)
    message: str = attrs.field(
        default="a fault was asked for", converter=to.required_text
    )
    of: str = attrs.field(default="event", converter=_kind_of_item)
    items: Sequence[int] = attrs.field(default=(), converter=_numbers)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class Delay(Fault):
    """
    Wait before a call is judged.

    Attributes:
        seconds: For how long.
        calls: Which calls; all if left out.
    """

    seconds: float = attrs.field(converter=_seconds)
    calls: Sequence[int] = attrs.field(default=(), converter=_numbers)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class Throttle(Fault):
    """
    Refuse calls above a rate, with 429; nothing of them is taken.

    Attributes:
        calls_per_second: The rate. The service's own is 15.
        burst: How many calls may come at once after a pause.
    """

    calls_per_second: float = attrs.field(converter=_rate)
    burst: int = attrs.field(default=1, converter=_burst)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class Cut(Fault):
    """
    End the connection.

    Attributes:
        where: `before` the answer, `inside` it, or `after` it, though nothing in it
            said that the connection would end.
        is_taken: Whether what the call asks for is done all the same.
        calls: Which calls; all if left out.
    """

    where: str = attrs.field(converter=_place)
    is_taken: bool = attrs.field(default=True, converter=_flag)
    calls: Sequence[int] = attrs.field(default=(), converter=_numbers)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class BareStatus(Fault):
    """
    Answer a bare number for each endpoint, as the service's model allows.

    Attributes:
        status_code: The number. With 202 the items are taken, else they are not.
        calls: Which calls; all if left out.
    """

    status_code: int = attrs.field(default=_ACCEPTED, converter=_status_of_item)
    calls: Sequence[int] = attrs.field(default=(), converter=_numbers)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class DropIds(Fault):
    """
    Leave items out of the answer, though they are taken.

    Attributes:
        of: `event` or `endpoint`: what is counted.
        items: Which of them; all if left out.
    """

    of: str = attrs.field(default="event", converter=_kind_of_item)
    items: Sequence[int] = attrs.field(default=(), converter=_numbers)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class ShiftClock(Fault):
    """
    Let the endpoint's clock be wrong, for signatures and in the `Date` of its answers.

    Attributes:
        seconds: How far it is ahead; behind, if negative.
    """

    seconds: float = attrs.field(converter=_shift)


KINDS: Final[Mapping[str, type[Fault]]] = {
    "bare_status": BareStatus,
    "cut": Cut,
    "delay": Delay,
    "drop_ids": DropIds,
    "fail_call": FailCall,
    "fail_item": FailItem,
    "shift_clock": ShiftClock,
    "throttle": Throttle,
}


def read_faults(data: Any) -> list[Fault]:
    """
    Return the faults of a file.

    Raises:
        ValidationError: With all that is wrong with it.
    """
    limit = "an object with a list under `faults`"
    remedy = 'write {"faults": [...]}'
    if not isinstance(data, dict):
        raise ValidationError([Problem((), "is no object", limit, remedy)])
    problems = [
        *repeated_keys(data, "drop one"),
        *(
            Problem((key,), "is not known", "one of faults", remedy)
            for key in data
            if key != "faults"
        ),
    ]
    listed = data.get("faults")
    if not isinstance(listed, list):
        told = "is no list" if "faults" in data else "is missing"
        problems.append(Problem(("faults",), told, limit, remedy))
        listed = []
    faults = []
    for position, each in enumerate(listed):
        try:
            faults.append(_read_fault(each))
        except ValidationError as error:
            problems += [p.below("faults", position) for p in error.problems]
    if problems:
        raise ValidationError(problems)
    return faults


def _read_fault(data: Any) -> Fault:
    if not isinstance(data, dict):
        remedy = 'write {"fault": "fail_call"}, for one'
        limit = "an object with the name of its kind under `fault`"
        raise ValidationError([Problem((), "is no object", limit, remedy)])
    kind = data.get("fault")
    cls = KINDS.get(kind) if isinstance(kind, str) else None
    twice = repeated_keys(data, "drop one")
    if cls is None:
        kinds = list(KINDS)
        found = _no_word(kind, kinds)
        if kind is None:
            found = Problem((), "is missing", found.limit, "say which it is")
        raise ValidationError([*twice, found.below("fault")])
    fields = fields_of(cls)
    names = [field.name for field in fields]
    members = {key: value for key, value in data.items() if key != "fault"}
    problems = [
        Problem(
            (key,), "is not known", f"one of {', '.join(names)}", _meant(key, names)
        )
        for key in members
        if key not in names
    ]
    problems += [
        Problem((field.name,), "is missing", "a required member", "add it")
        for field in fields
        if field.default is attrs.NOTHING and field.name not in members
    ]
    if twice or problems:
        raise ValidationError([*twice, *problems])
    build: Any = cls
    fault: Fault = build(**members)
    return fault
