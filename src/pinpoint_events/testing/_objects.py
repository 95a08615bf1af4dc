"""How strategies draw the members of an object, and bring it to a size or to quotas."""

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
"""Name of a member to what it is drawn from."""

Given = Mapping[str, SearchStrategy[Any] | None]
"""The same, None for members that the caller leaves to the default."""

_MOST_BYTES: Final = 4_000_000  # of an object that is made to meet a quota


def members(default: Strategies, given: Given) -> SearchStrategy[dict[str, Any]]:
    """
    Return the arguments of a class: those given, and none, some or all others.

    Others are left out rather than drawn as None: that is quicker, and makes it likely
    that only one of them is there, or all.
    """
    fixed = {name: each for name, each in given.items() if each is not None}
    others = {name: each for name, each in default.items() if name not in fixed}
    return _members(Unshown(fixed), Unshown(others))


# Whether a member is there. Each has no first and yes next, so that what needs many
# shrinks to what needs few, and to none.
_SELDOM: Final = st.sampled_from([False, True, False, False, False, False])
_EVENLY: Final = st.sampled_from([False, True])
_MOSTLY: Final = st.sampled_from([False, *[True] * 11])
_HOW_OFTEN: Final = st.sampled_from(
    [*[Unshown(_SELDOM)] * 4, Unshown(_EVENLY), Unshown(_MOSTLY)]
)


@st.composite
def _members(
    draw: DrawFn, fixed: Unshown[Strategies], others: Unshown[Strategies]
) -> dict[str, Any]:
    drawn = {name: draw(each) for name, each in fixed.value.items()}
    is_there = draw(_HOW_OFTEN).value
    for name, each in others.value.items():
        if draw(is_there):
            drawn[name] = draw(each)
    return drawn


def built(
    cls: Callable[..., T], default: Strategies, given: Given
) -> SearchStrategy[T]:
    """Return instances of the class, of arguments as `members` draws them."""
    return members(default, given).map(lambda drawn: cls(**drawn))


def fitted(
    strategy: SearchStrategy[T], fit: Callable[[T], T | None]
) -> SearchStrategy[T]:
    """Return what is left of each value; an example of which nothing is is rejected."""

    def fitting(value: T) -> T:
        left = fit(value)
        return reject() if left is None else left

    return strategy.map(fitting)


def sized(
    strategy: SearchStrategy[T], member: str, limit: int | None, *, within: bool
) -> SearchStrategy[T]:
    """
    Return the objects, now and then one that is as large as a quota of bytes.

    Args:
        strategy: The objects.
        member: The text that is lengthened for it.
        limit: The quota. What would fill the memory is not tried.
        within: Whether none may be over it.
    """
    if limit is None or limit > _MOST_BYTES:
        return strategy
    # No size first: it is what a large one shrinks to.
    sizes = st.sampled_from([0, limit - 1, limit] if within else [0, *around(limit)])
    large = st.builds(lambda obj, size: padded(obj, member, size), strategy, sizes)
    return mostly(strategy, large, one_in=32)


def padded(obj: T, member: str, size: int) -> T:
    """Return the object with a text so long that this is its size, if it can be."""
    model: Any = obj
    missing = size - len(to_json(attrs.evolve(model, **{member: ""})))
    if missing < 0:
        return obj
    larger: T = attrs.evolve(model, **{member: "x" * missing})
    return larger
