"""How many problems of one input are reported, and how many names are suggested."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from pinpoint_events.problems import Problem, ProblemCode
from pinpoint_events.problems._similar import similar

__all__ = [
    "MAX_PROBLEMS",
    "MORE_PROBLEMS",
    "few_of",
    "few_problems",
    "few_suggestions",
    "more_problems",
    "most_problems",
    "nearest",
]

_suggestions_left: ContextVar[list[int] | None] = ContextVar("left", default=None)


@contextmanager
def few_suggestions(most: int) -> Iterator[None]:
    """
    Let `nearest` answer at most so many times within the context.

    The search for similar names takes longer than everything else, and input may have
    thousands of unknown names.
    """
    token = _suggestions_left.set([most])
    try:
        yield
    finally:
        _suggestions_left.reset(token)


def nearest(word: str, names: Sequence[str]) -> tuple[str, ...]:
    """
    Return the names that the word resembles, at most three, the most similar first.

    None where `few_suggestions` allows no more.
    """
    left = _suggestions_left.get()
    if left is not None:
        if left[0] <= 0:
            return ()
        left[0] -= 1
    return similar(word, names)


# Reported for one mapping or list. A request may hold a million faults, and reporting
# all of them would take a minute and a gigabyte.
MAX_PROBLEMS: Final = 100
MORE_PROBLEMS: Final = Problem(ProblemCode.MORE_PROBLEMS)

_most_problems: ContextVar[int | None] = ContextVar("most", default=None)


@contextmanager
def few_problems(most: int) -> Iterator[None]:
    """
    Report at most so many problems of an item within the context, and that it has more.

    For callers that show no more of them: a request may have 1,000 items, and each
    problem costs more than the value that it is about.
    """
    token = _most_problems.set(most)
    try:
        yield
    finally:
        _most_problems.reset(token)


def most_problems() -> int:
    """Return how many problems to report of one mapping or list."""
    most = _most_problems.get()
    return MAX_PROBLEMS if most is None else most


def few_of(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Return the problems of one object that are reported: all without a context."""
    most = _most_problems.get()
    if most is None or len(problems) <= most:
        return problems
    counts = [
        1 if each.code is not ProblemCode.MORE_PROBLEMS else each.actual
        for each in problems[most:]
    ]
    numbers = [count for count in counts if type(count) is int]
    more = sum(numbers) if len(numbers) == len(counts) else None
    return (*problems[:most], more_problems(more))


def more_problems(count: int | None) -> Problem:
    """Return what is reported in place of so many problems; None for any number."""
    is_counted = _most_problems.get() is not None
    return MORE_PROBLEMS._replace(actual=count) if is_counted else MORE_PROBLEMS
