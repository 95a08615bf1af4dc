"""Draws the members of objects, and brings objects to a size or within quotas."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs
from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from pinpoint_events.testing._values import Unshown, around, mostly
from pinpoint_events.wire import to_json

T = TypeVar("T")

Strategies = Mapping[str, SearchStrategy[Any]]
"""Name of a member to its strategy."""

Given = Mapping[str, SearchStrategy[Any] | None]
"""The same; None for members for which the caller keeps the default."""

_MAX_BYTES: Final = 4_000_000  # of an object that is drawn at a quota


def members(default: Strategies, given: Given) -> SearchStrategy[dict[str, Any]]:
    """
    Return the arguments of a class: those given, and none, some or all of the others.

    Others are left out rather than drawn as None. That is faster, and makes it likely
    that exactly one of them is present, or all.
    """
    fixed = {name: each for name, each in given.items() if each is not None}
    others = {name: each for name, each in default.items() if name not in fixed}
    return _members(Unshown(fixed), Unshown(others))


# Whether a member is present. False comes first and True second, so that examples
# shrink towards few members.
_SELDOM: Final = st.sampled_from([False, True, False, False, False, False])
_EVENLY: Final = st.sampled_from([False, True])
_MOSTLY: Final = st.sampled_from([False, *[True] * 11])
_PRESENCE: Final = st.sampled_from(
    [*[Unshown(_SELDOM)] * 4, Unshown(_EVENLY), Unshown(_MOSTLY)]
)


@st.composite
def _members(
    draw: DrawFn, fixed: Unshown[Strategies], others: Unshown[Strategies]
) -> dict[str, Any]:
    drawn = {name: draw(each) for name, each in fixed.value.items()}
    is_present = draw(_PRESENCE).value
    for name, each in others.value.items():
        if draw(is_present):
            drawn[name] = draw(each)
    return drawn


def built(
    cls: Callable[..., T], default: Strategies, given: Given
) -> SearchStrategy[T]:
    """Return instances of the class with arguments drawn by `members`."""
    return members(default, given).map(lambda drawn: cls(**drawn))


def fitted(
    strategy: SearchStrategy[T], fit: Callable[[T], T | None]
) -> SearchStrategy[T]:
    """Return values reduced by `fit`; reject examples for which it returns None."""

    def reduced(value: T) -> T:
        result = fit(value)
        return reject() if result is None else result

    return strategy.map(reduced)


def sized(
    strategy: SearchStrategy[T], member: str, limit: int | None, *, within: bool
) -> SearchStrategy[T]:
    """
    Return the objects, sometimes padded to the size of a quota of bytes.

    Args:
        strategy: The objects.
        member: The text member that is padded.
        limit: The quota; ignored if it is so large that it would exhaust memory.
        within: Whether all objects must be within the quota.
    """
    if limit is None or limit > _MAX_BYTES:
        return strategy
    # 0 pads nothing, and comes first so that large examples shrink to it.
    sizes = st.sampled_from([0, limit - 1, limit] if within else [0, *around(limit)])
    large = st.builds(lambda obj, size: padded(obj, member, size), strategy, sizes)
    return mostly(strategy, large, one_in=32)


def padded(obj: T, member: str, size: int) -> T:
    """Return the object padded to the size; unchanged if it is larger already."""
    model: Any = obj
    missing = size - len(to_json(attrs.evolve(model, **{member: ""})))
    if missing < 0:
        return obj
    larger: T = attrs.evolve(model, **{member: "x" * missing})
    return larger
