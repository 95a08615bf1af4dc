"""The endpoints that were seen last, for senders that cannot look up endpoints."""

from collections.abc import Collection, Mapping
from typing import Final

from pinpoint_events.endpoints.index import EndpointIndex
from pinpoint_events.endpoints.merge import merged
from pinpoint_events.model.endpoint import Endpoint

__all__ = ["SeenEndpoints"]

_EMPTY: Final = Endpoint()


class SeenEndpoints:
    """
    A bounded index of endpoints by id, address and user.

    Not safe to use from several threads at a time: each call must hold a lock of the
    caller.

    Args:
        max_endpoints: How many to keep; the least recently updated is dropped first.
    """

    def __init__(self, max_endpoints: int = 10_000) -> None:
        self._max_endpoints = max_endpoints
        self._endpoints: dict[str, Endpoint] = {}
        self._index = EndpointIndex()

    def find_endpoints(
        self,
        *,
        ids: Collection[str] = (),
        addresses: Collection[str] = (),
        user_ids: Collection[str] = (),
        active_addresses: Collection[str] = (),
    ) -> Mapping[str, Endpoint]:
        """
        Return endpoints by endpoint id, in the order of their ids.

        An endpoint is returned if it matches any of the arguments.
        """
        found = self._index.find(
            addresses=addresses, active_addresses=active_addresses, user_ids=user_ids
        )
        found.update(name for name in ids if name in self._endpoints)
        return {
            endpoint_id: self._endpoints[endpoint_id] for endpoint_id in sorted(found)
        }

    def remember(self, endpoint_id: str, update: Endpoint) -> None:
        """Merge an accepted update into what is known of the endpoint."""
        before = self._endpoints.pop(endpoint_id, None)
        after = merged(before or _EMPTY, update)
        self._endpoints[endpoint_id] = after
        self._index.change(endpoint_id, before, after)
        if len(self._endpoints) > self._max_endpoints:
            oldest = next(iter(self._endpoints))
            self._index.change(oldest, self._endpoints.pop(oldest), None)
