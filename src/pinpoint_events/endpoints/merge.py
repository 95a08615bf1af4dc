"""
What a store knows of an endpoint after it was told something new.

The rules are the service's: Amazon Pinpoint API reference,
`apps/application-id/endpoints/endpoint-id`, whose update has the same shape.
"""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import attrs

from pinpoint_events.model._immutable import Immutable, fields_of
from pinpoint_events.model.endpoint import Endpoint

__all__ = ["merged"]

T = TypeVar("T", bound=Immutable)


def merged(stored: Endpoint, update: Endpoint) -> Endpoint:
    """
    Return the stored endpoint, with what the update says of it.

    Members that the update leaves out keep their stored value. `demographic`,
    `location` and `user` are merged member by member in the same way; attributes, user
    attributes and metrics name by name. A named attribute has its whole list of values
    replaced, also by an empty one. So nothing is ever taken away, and updates can be
    merged among themselves before they reach the store.

    Args:
        stored: What was known before; `Endpoint()` if nothing was.
        update: What a request says; `Endpoint()` changes nothing.
    """
    return _merged(stored, update)


def _merged(stored: T, update: T) -> T:
    changes: dict[str, Any] = {}
    for field in fields_of(type(update)):
        said = getattr(update, field.name)
        if said is None or said == {}:
            continue
        known = getattr(stored, field.name)
        if isinstance(said, Immutable) and known is not None:
            said = _merged(known, said)
        elif isinstance(said, Mapping):
            said = {**known, **said}
        if said != known:
            changes[field.name] = said
    if not changes:
        return stored
    return cast("T", attrs.evolve(cast("Any", stored), **changes))
