"""What Hypothesis draws from a strategy, the same in each run."""

from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis.strategies import SearchStrategy

T = TypeVar("T")

costly = settings(max_examples=max(10, settings().max_examples // 4))
"""For a law about whole requests: a fourth of the examples that the profile has."""

# Not the phase that varies a value to explain it: it is for people to read.
_FIND = settings(
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=2_000,
    phases=[Phase.generate, Phase.shrink],
)
_DRAW = settings(
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_ROUNDS = 120


def minimal(strategy: SearchStrategy[T], condition: Callable[[T], object]) -> T:
    """Return the simplest value that meets the condition: what a user gets to see."""
    return find(strategy, lambda value: bool(condition(value)), settings=_FIND)


def drawn(
    strategy: SearchStrategy[T],
    tell: Callable[[T], Any],
    *,
    count: int = 50,
    number: int = 0,
) -> set[Any]:
    """Return what is to be told of so many values."""
    found: set[Any] = set()

    @seed(number)
    @settings(_DRAW, max_examples=count)
    @given(strategy)
    def look(value: T) -> None:
        found.add(tell(value))

    look()
    return found


def missing(
    strategy: SearchStrategy[T], tell: Callable[[T], Any], wanted: set[Any]
) -> set[Any]:
    """Return what is not told of a few thousand values, if any."""
    left = {*wanted}
    for number in range(_ROUNDS):
        left -= drawn(strategy, tell, number=number)
        if not left:
            break
    return left
