"""What senders that can look up their endpoints have in common."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from pinpoint_events.model.endpoint import Endpoint

__all__ = ["FindsEndpoints", "WritesExclusively"]


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


@runtime_checkable
class WritesExclusively(FindsEndpoints, Protocol):
    """
    A sender that can keep all others from writing while it reads and writes.

    `SqliteSender` can. Where a sender has this method, too, the endpoint applies the
    service's rules within a block, so that they hold although several processes write
    to the same store, and it processes calls that arrive at the same time in one block.
    """

    def exclusive(self) -> AbstractContextManager[object]:
        """
        Hold one transaction over all calls of this thread within a block.

        What `find_endpoints` finds in the block must not change until its end, other
        than by this thread, and what `put_events` sends must be kept at its end, whole
        or not at all. If the block raises, nothing of it may be kept.

        Raises:
            SenderError: When the block begins or ends; then nothing of it is kept.
        """
        ...
