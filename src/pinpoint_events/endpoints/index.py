"""Ids of endpoints by address and user, for those who keep endpoints in memory."""

from collections.abc import Collection, Iterator

from pinpoint_events.model.endpoint import Endpoint, EndpointStatus

__all__ = ["EndpointIndex"]

_Key = tuple[str, str]


class EndpointIndex:
    """
    Finds the ids of endpoints without looking at any that are not found.

    Not safe to use from several threads at a time.
    """

    def __init__(self) -> None:
        self._ids: dict[_Key, set[str]] = {}

    def change(
        self, endpoint_id: str, before: Endpoint | None, after: Endpoint | None
    ) -> None:
        """Replace what is known of an endpoint; None for one that does not exist."""
        old, new = set(_keys(before)), set(_keys(after))
        for key in old - new:
            ids = self._ids[key]
            ids.discard(endpoint_id)
            if not ids:
                del self._ids[key]
        for key in new - old:
            self._ids.setdefault(key, set()).add(endpoint_id)

    def find(
        self,
        *,
        addresses: Collection[str] = (),
        active_addresses: Collection[str] = (),
        user_ids: Collection[str] = (),
    ) -> set[str]:
        """Return the ids of endpoints that match any of the arguments."""
        found: set[str] = set()
        for kind, values in (
            ("address", addresses),
            ("active", active_addresses),
            ("user", user_ids),
        ):
            found.update(*(self._ids.get((kind, value), ()) for value in values))
        return found


def _keys(endpoint: Endpoint | None) -> Iterator[_Key]:
    if endpoint is None:
        return
    if endpoint.address is not None:
        yield "address", endpoint.address
        if endpoint.endpoint_status is not EndpointStatus.INACTIVE:
            yield "active", endpoint.address
    if endpoint.user is not None and endpoint.user.user_id is not None:
        yield "user", endpoint.user.user_id
