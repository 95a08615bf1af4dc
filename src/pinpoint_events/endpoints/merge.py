"""
How an update of an endpoint merges into what is stored.

The rules are the service's: Amazon Pinpoint API reference,
`apps/application-id/endpoints/endpoint-id`, whose update has the same members.
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
    Return the stored endpoint with the update merged into it.

    Members that the update leaves out keep their stored value. `demographic`,
    `location` and `user` are merged member by member in the same way; attributes, user
    attributes and metrics name by name. A named attribute has its whole list of values
    replaced, also by an empty one. So an update never removes a member, and updates can
    be merged with each other before they reach the store.

    Args:
        stored: The endpoint before the update; `Endpoint()` for a new one.
        update: The endpoint of a request; `Endpoint()` changes nothing.
    """
    return _merged(stored, update)


def _merged(stored: T, update: T) -> T:
    changes: dict[str, Any] = {}
    for field in fields_of(type(update)):
        new = getattr(update, field.name)
        if new is None or new == {}:
            continue
        old = getattr(stored, field.name)
        if isinstance(new, Immutable) and old is not None:
            new = _merged(old, new)
        elif isinstance(new, Mapping):
            new = {**old, **new}
        if new != old:
            changes[field.name] = new
    if not changes:
        return stored
    return cast("T", attrs.evolve(cast("Any", stored), **changes))
