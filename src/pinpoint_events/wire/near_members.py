"""
Which member an unknown key may have been meant for.

A key may be a member of another object, inside or around the one that has it: `UserId`
of an endpoint belongs to its `User`. A similar member of the object itself would then
be a wrong suggestion, because it changes what is said: `UserAttributes` resembles
`Attributes`.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, get_args, get_origin

import attrs

from pinpoint_events.model._immutable import FrozenMap
from pinpoint_events.model._member_types import member_type
from pinpoint_events.model._problem_counts import nearest
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.wire.names import wire_name
from pinpoint_events.wire.writing import is_model

__all__ = ["near_members"]

_MOST: Final = 3
_ANY: Final = "[...]"  # after a member that maps ids to objects
# These do not say whose they are: ids of endpoints and events are keys.
_UNCLEAR: Final = frozenset({"endpointid", "eventid", "id"})


class _Place(NamedTuple):
    """
    Where a member belongs that the object itself does not have.

    Attributes:
        paths: Its paths: from the object itself, or from the class of one around it.
        is_around: Whether it is a member of an object around this one.
    """

    paths: tuple[str, ...]
    is_around: bool = False


def near_members(key: str, cls: type[Any], known: Sequence[str]) -> tuple[str, ...]:
    """
    Return the members that a key may have been meant for, the likeliest first.

    Members of other objects have their path, as in `User.UserId`.

    Args:
        key: The unknown key.
        cls: The class of the object that has it.
        known: The members of that class.
    """
    if key.casefold() in _UNCLEAR:
        return ()
    kind: Any = cls
    places = _places(kind)
    place = places.get(key.casefold())
    if place is not None and not place.is_around:
        return place.paths[:_MOST]
    near = nearest(key, [*known, *places] if place is None else known)
    if near and near[0] in places:
        return places[near[0]].paths[:_MOST]
    own = tuple(name for name in near if name not in places)
    return own if place is None else (*place.paths, *own)[:_MOST]


@cache
def _places(cls: Hashable) -> Mapping[str, _Place]:
    """Return where members belong that a class does not have, by their lower names."""
    kind: Any = cls
    places = {name: _Place(paths) for name, paths in _inside(kind).items()}
    for holder in _holders(EventsRequest, kind):
        for name in _members(holder):
            path = f"{holder.__name__}.{name}"
            places.setdefault(name.casefold(), _Place((path,), is_around=True))
        for name, paths in _inside(holder).items():
            full = tuple(f"{holder.__name__}.{path}" for path in paths)
            places.setdefault(name, _Place(full))
    for name in (*map(str.casefold, _members(kind)), *_UNCLEAR):
        places.pop(name, None)
    return places


def _inside(cls: type[Any]) -> Mapping[str, tuple[str, ...]]:
    """Return the paths of the members of objects inside, the nearest ones alone."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for path in _paths(cls):
        *_, parent, name = path
        # People write the names of both in one, too: `SessionId`.
        for each in (name, parent.removesuffix(_ANY) + name):
            found.setdefault(each.casefold(), []).append(path)
    return {
        name: tuple(
            ".".join(path) for path in paths if len(path) == min(map(len, paths))
        )
        for name, paths in found.items()
    }


def _paths(cls: type[Any]) -> Iterator[tuple[str, ...]]:
    """Yield the path of each member of the objects inside."""
    for name, inner in _objects(cls):
        for member in _members(inner):
            yield name, member
        for path in _paths(inner):
            yield name, *path


def _members(cls: type[Any]) -> list[str]:
    return [wire_name(field.name) for field in attrs.fields(cls) if field.init]


def _objects(cls: type[Any]) -> Iterator[tuple[str, type[Any]]]:
    """Yield each member that is an object, or a mapping of objects, and its class."""
    for field in attrs.fields(cls):
        kind = member_type(field)
        name = wire_name(field.name)
        if get_origin(kind) is FrozenMap:
            (kind,) = get_args(kind)
            name += _ANY
        if is_model(kind):
            yield name, kind


def _holders(root: type[Any], cls: type[Any]) -> list[type[Any]]:
    """Return the classes whose objects hold such an object, the nearest first."""
    for _, inner in _objects(root):
        if inner is cls:
            return [root]
        found = _holders(inner, cls)
        if found:
            return [*found, root]
    return []
