"""
Strategies for the values of members: texts, times, numbers, mappings.

Each draws every valid value, and often one at a bound: of the type, of JSON, of UTF-8,
or one under, at, and one over a documented quota.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Generic, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from pinpoint_events.model._converters import MAX_INTEGER
from pinpoint_events.quotas import Quotas

__all__ = [
    "attribute_lists",
    "attributes",
    "integers",
    "metric_values",
    "metrics",
    "name_of",
    "names",
    "texts",
    "times",
]

T = TypeVar("T")

_QUOTAS: Final = Quotas()
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_NEAR: Final = datetime(2026, 11, 24, tzinfo=UTC)
_DAY_SECONDS: Final = 24 * 60 * 60
_AROUND: Final = (-1, 0, 1)
_FEW: Final = 3  # members of a mapping or list that is not drawn at a quota


def around(*limits: int | None) -> list[int]:
    """Return one under, at, and one over each limit, sorted."""
    found = {limit + step for limit in limits if limit is not None for step in _AROUND}
    return sorted(found)


# Known sources of errors: escapes, terminators, combining characters, the largest code
# point of each length in UTF-8, and words that have a meaning in other formats.
_EDGE_CASE_TEXTS: Final = (
    "",
    " ",
    "\0",
    "\n",
    "\x7f",
    '"',
    "'",
    "\\",
    "/",
    "\x80",
    "\u07ff",
    "\u2028",
    "\ufeff",
    "\uffff",
    "\U0001f600",
    "\U0010ffff",
    "e\u0301",
    "\u202eabc",
    "\\ud800",
    "null",
    "0",
)
_TEXT_LENGTHS: Final = around(
    _QUOTAS.event_attribute_key_characters,
    _QUOTAS.endpoint_attribute_value_characters,
    _QUOTAS.event_attribute_value_characters,
)
_NAME_COUNTS: Final = around(_QUOTAS.event_attributes_and_metrics)
_LIST_COUNTS: Final = around(_QUOTAS.endpoint_attributes_and_metrics)
_VALUE_COUNTS: Final = around(_QUOTAS.endpoint_attribute_values)


def texts(*, min_size: int = 0, max_size: int | None = None) -> SearchStrategy[str]:
    """
    Any text that UTF-8 can hold.

    Args:
        min_size: Minimum number of characters.
        max_size: Maximum number of characters; None for any number.
    """

    def fits(size: int) -> bool:
        return size >= min_size and (max_size is None or size <= max_size)

    edge_cases = [text for text in _EDGE_CASE_TEXTS if fits(len(text))]
    lengths = [size for size in _TEXT_LENGTHS if fits(size)]
    # The shortest comes first, here and below, so that examples shrink to it.
    shortest = [max(min_size, 1)] if fits(max(min_size, 1)) else []
    sizes = _one_of([*shortest, *lengths])
    long = st.builds(str.__mul__, st.characters(codec="utf-8"), sizes)
    return st.one_of(
        st.text(min_size=min_size, max_size=max_size), _one_of(edge_cases), long
    )


def _one_of(values: Sequence[T]) -> SearchStrategy[T]:
    return st.sampled_from(values) if values else st.nothing()


def names(*, max_size: int | None = None) -> SearchStrategy[str]:
    """
    Any text that is valid as an id or an event type: not empty.

    Args:
        max_size: Maximum number of characters; None for any number.
    """
    return texts(min_size=1, max_size=max_size)


def _zone(seconds: int) -> timezone:
    return timezone(timedelta(seconds=seconds))


ANY_TEXT: Final = texts()
ANY_NAME: Final = names()
"""Shared instances, because Hypothesis validates each new strategy."""


def times(
    *, min_value: datetime = _FIRST, max_value: datetime = _LAST
) -> SearchStrategy[datetime]:
    """
    Any time in the years 1 to 9999, in any time zone, to the microsecond.

    Args:
        min_value: The earliest, with a time zone.
        max_value: The latest, with a time zone.
    """
    first, last = (value.astimezone(UTC) for value in (min_value, max_value))
    days = st.integers((first - _NEAR).days, (last - _NEAR).days)

    def moment(day: int, microsecond: int) -> datetime:
        since = timedelta(days=day, microseconds=microsecond)
        return min(max(first, _NEAR + since), last)

    edge_cases = [
        moment
        for moment in (
            _NEAR,
            first,
            last,
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
            datetime(2026, 11, 24, 9, 30, 0, 999, tzinfo=UTC),
        )
        if first <= moment <= last
    ]
    # Two numbers: `st.datetimes` draws one for each component, which is slower.
    moments = st.builds(moment, days, st.integers(0, _DAY_SECONDS * 10**6 - 1))
    return st.builds(_in_zone, moments | st.sampled_from(edge_cases), _ZONE)


_ZONE: Final = st.sampled_from([UTC, _zone(3600), _zone(-12600), _zone(20700)]) | (
    st.integers(1 - _DAY_SECONDS, _DAY_SECONDS - 1).map(_zone)
)


def _in_zone(moment: datetime, zone: timezone) -> datetime:
    """Return the time in the zone; unchanged if that is outside the years 1 to 9999."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


ANY_TIME: Final = times()


def integers(
    *, min_value: int = -MAX_INTEGER, max_value: int = MAX_INTEGER
) -> SearchStrategy[int]:
    """
    Any integer that every JSON parser represents exactly: within +-2**53.

    Args:
        min_value: The smallest.
        max_value: The largest.
    """
    edge_cases = (0, 1, -1, 2**31, -(2**31) - 1, 2**32, min_value, max_value)
    return st.integers(min_value, max_value) | st.sampled_from(
        [number for number in edge_cases if min_value <= number <= max_value]
    )


def metric_values() -> SearchStrategy[int | float]:
    """Any int within +-2**53, and any float except NaN and the infinities."""
    finite = st.floats(allow_nan=False, allow_infinity=False)
    edge_cases = (
        -0.0,
        5e-324,
        2.2250738585072014e-308,
        1.7976931348623157e308,
        0.1,
        1e22,
    )
    return st.one_of(integers(), finite, st.sampled_from(edge_cases))


def _maps(
    keys: SearchStrategy[str] | None,
    values: SearchStrategy[T] | None,
    default: SearchStrategy[T],
    counts: Sequence[int],
    repeated: SearchStrategy[T],
) -> SearchStrategy[dict[str, T]]:
    few = st.dictionaries(
        either(keys, ANY_TEXT), either(values, default), max_size=_FEW
    )
    if keys is not None or values is not None:
        return few
    # As many as a quota, with equal values, so that they draw as fast as a few.
    many = st.builds(numbered, st.sampled_from([1, *counts]), repeated)
    return mostly(few, many)


def numbered(count: int, value: T) -> dict[str, T]:
    """Return this many members with different names and the same value."""
    return {f"name-{number}": value for number in range(count)}


def attributes(
    *,
    keys: SearchStrategy[str] | None = None,
    values: SearchStrategy[str] | None = None,
) -> SearchStrategy[dict[str, str]]:
    """
    Any attributes of an event: name to text.

    Args:
        keys: The names.
        values: The texts.
    """
    return _maps(keys, values, ANY_TEXT, _NAME_COUNTS, st.just("value"))


def metrics(
    *,
    keys: SearchStrategy[str] | None = None,
    values: SearchStrategy[int | float] | None = None,
) -> SearchStrategy[dict[str, int | float]]:
    """
    Any metrics of an event or endpoint: name to number.

    Args:
        keys: The names.
        values: The numbers.
    """
    return _maps(keys, values, metric_values(), _NAME_COUNTS, st.just(1))


def attribute_lists(
    *,
    keys: SearchStrategy[str] | None = None,
    values: SearchStrategy[list[str]] | None = None,
) -> SearchStrategy[dict[str, list[str]]]:
    """
    Any attributes of an endpoint or user: name to a list of texts.

    Args:
        keys: The names.
        values: The lists.
    """
    few = st.lists(ANY_TEXT, max_size=_FEW)
    many = st.builds(_repeated, st.sampled_from([1, *_VALUE_COUNTS]), texts(max_size=3))
    return _maps(keys, values, mostly(few, many), _LIST_COUNTS, st.just(["value"]))


def _repeated(count: int, text: str) -> list[str]:
    return [text] * count


def either(
    given: SearchStrategy[T] | None, default: SearchStrategy[T]
) -> SearchStrategy[T]:
    """Return the given strategy, or the default if it is None."""
    return default if given is None else given


def optional(strategy: SearchStrategy[T]) -> SearchStrategy[T | None]:
    """Return values of the strategy, and None."""
    return st.none() | strategy


def mostly(
    usual: SearchStrategy[T], seldom: SearchStrategy[T], *, one_in: int = 8
) -> SearchStrategy[T]:
    """Return values of both, of the second one time in `one_in`."""
    return one_each([usual] * (one_in - 1) + [seldom])


def one_each(strategies: Sequence[SearchStrategy[T]]) -> SearchStrategy[T]:
    """
    Return values of each strategy with equal probability.

    A strategy that is listed twice counts twice. `st.one_of` would flatten unions, and
    count each of their branches.
    """
    return _one_each(Unshown(strategies))


class Unshown(Generic[T]):
    """
    An argument of a strategy that the strategy's `repr` omits.

    Hypothesis often computes the `repr` of strategies, including all nested ones.
    """

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        """Keep the value."""
        self.value = value

    def __repr__(self) -> str:
        return "..."


@st.composite
def _one_each(draw: DrawFn, strategies: Unshown[Sequence[SearchStrategy[T]]]) -> T:
    which = draw(st.sampled_from(range(len(strategies.value))))
    return draw(strategies.value[which])


def name_of(cls: object) -> str:
    """Return how an error names what should be a class, without its value."""
    if isinstance(cls, type):
        return cls.__qualname__
    return f"an object of type {type(cls).__qualname__}"
