"""The endpoints that were seen last, for senders that cannot look up endpoints."""

from collections.abc import Collection, Mapping
from typing import Final

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
        self._ids_by_address: dict[str, set[str]] = {}
        self._ids_by_user: dict[str, set[str]] = {}

    def find_endpoints(
        self,
        *,
        ids: Collection[str] = (),
        addresses: Collection[str] = (),
        user_ids: Collection[str] = (),
    ) -> Mapping[str, Endpoint]:
        """
        Return endpoints by endpoint id, in the order of their ids.

        An endpoint is returned if it matches any of the arguments.
        """
        found = {endpoint_id for endpoint_id in ids if endpoint_id in self._endpoints}
        found.update(*(self._ids_by_address.get(address, ()) for address in addresses))
        found.update(*(self._ids_by_user.get(user_id, ()) for user_id in user_ids))
        return {
            endpoint_id: self._endpoints[endpoint_id] for endpoint_id in sorted(found)
        }

    def remember(self, endpoint_id: str, update: Endpoint) -> None:
        """Merge an accepted update into what is known of the endpoint."""
        endpoint = merged(self._forget(endpoint_id), update)
        self._endpoints[endpoint_id] = endpoint
        for index, key in self._index_keys(endpoint):
            index.setdefault(key, set()).add(endpoint_id)
        if len(self._endpoints) > self._max_endpoints:
            self._forget(next(iter(self._endpoints)))

    def _forget(self, endpoint_id: str) -> Endpoint:
        """Remove an endpoint and return it; an empty one if it is unknown."""
        endpoint = self._endpoints.pop(endpoint_id, _EMPTY)
        for index, key in self._index_keys(endpoint):
            index[key].discard(endpoint_id)
            if not index[key]:
                del index[key]
        return endpoint

    def _index_keys(self, endpoint: Endpoint) -> list[tuple[dict[str, set[str]], str]]:
        user_id = None if endpoint.user is None else endpoint.user.user_id
        keys = [
            (self._ids_by_address, endpoint.address),
            (self._ids_by_user, user_id),
        ]
        return [(index, key) for index, key in keys if key]
