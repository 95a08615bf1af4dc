"""What senders that can look up their endpoints have in common."""

from collections.abc import Collection, Mapping
from typing import Protocol, runtime_checkable

from pinpoint_events.model.endpoint import Endpoint

__all__ = ["FindsEndpoints"]


@runtime_checkable
class FindsEndpoints(Protocol):
    """
    A sender that can look up the endpoints of its application.

    `SqliteSender` and `MemorySender` can. Where a sender has this method, the endpoint
    (`pinpoint_events.server`) applies the service's rules to all endpoints that are
    stored; for other senders it remembers the last 10,000 that it has seen.
    """

    def find_endpoints(
        self,
        *,
        ids: Collection[str] = (),
        addresses: Collection[str] = (),
        user_ids: Collection[str] = (),
        active_addresses: Collection[str] = (),
    ) -> Mapping[str, Endpoint]:
        """
        Return stored endpoints by endpoint id, the oldest first.

        An endpoint is returned if it matches any of the arguments.

        Args:
            ids: Endpoint ids.
            addresses: Addresses of endpoints.
            user_ids: Ids of users.
            active_addresses: Addresses of endpoints that are not INACTIVE.
                An application may have many endpoints at one address, of which the
                rules concern these.
        """
        ...
