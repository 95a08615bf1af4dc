"""The checks of an endpoint's settings."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pinpoint_events.errors import ConfigurationError
from pinpoint_events.model import _converters as to
from pinpoint_events.model._immutable import Refused, problems_of
from pinpoint_events.problems import Expected, Problem, ProblemCode

__all__ = ["check_settings", "count", "kind_of", "list_of", "seconds"]

_MOST: Final = 1_000_000


def check_settings(**converted: object) -> None:
    """
    Check what converters have returned for settings.

    Raises:
        ConfigurationError: If one of them was refused, with all problems.
    """
    problems = problems_of(converted)
    if problems:
        raise ConfigurationError("; ".join(map(str, problems)))


def kind_of(cls: type[Any], value: object) -> Any:
    """Convert an instance of the class, or of a subclass."""
    return value if isinstance(value, cls) else to.instance_of(cls, value)


def list_of(cls: type[Any], values: object) -> Any:
    """Convert any number of instances of the class."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        return to.wrong_type(values, Expected.LIST)
    found = tuple(values)
    problems = [
        problem.below(position)
        for position, value in enumerate(found)
        if type(given := kind_of(cls, value)) is Refused
        for problem in given.problems
    ]
    return Refused(*problems) if problems else found


def count(value: Any, least: int = 1, most: int = _MOST) -> Any:
    """Convert a whole number."""
    sound: Any = to.integer(value)
    if sound is None:
        return to.wrong_type(value, Expected.INTEGER)
    if type(sound) is Refused or least <= sound <= most:
        return sound
    return Refused(
        Problem(
            ProblemCode.NUMBER_OUT_OF_RANGE,
            actual=sound,
            allowed=(least, most),
            unit="a whole number",
        )
    )


def seconds(value: Any) -> Any:
    """Convert a number of seconds above zero."""
    if type(value) is bool or not isinstance(value, int | float):
        return to.wrong_type(value, Expected.SECONDS)
    if 0 < value < float("inf"):
        return value
    return Refused(
        Problem(
            ProblemCode.SECONDS_NOT_POSITIVE, actual=value, allowed=Expected.SECONDS
        )
    )
