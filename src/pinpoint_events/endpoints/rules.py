"""
The service's rules about endpoints that share an address or a user.

The rules (Amazon Pinpoint API reference, `apps/application-id/endpoints/endpoint-id`,
and developer guide, "Managing an audience member's maximum number of endpoints"; both
read 2026-11-23):

- An endpoint that is created or updated becomes ACTIVE, unless the update gives another
  status.
- An endpoint that is created without an opt-out is opted out of everything.
- When an endpoint is updated, each other endpoint with the same address becomes
  INACTIVE.
- A user has at most 15 endpoints. A further one is refused. If it belongs to a push
  service, however, the user's push endpoint with the oldest effective date becomes
  INACTIVE and loses its user, and the new one is accepted.

What the rules change in other endpoints is written as updates, like those of the
request, so that a sender receives one ordinary request. As a merge cannot remove a
member, an endpoint that loses its user gets the empty user id.

The documentation leaves three cases open, which are decided here. An endpoint that its
update makes INACTIVE takes no address from others. The update `{}` has no effect on
this or other endpoints, and creates none that would be opted out. An endpoint without
an effective date counts as the oldest.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

import attrs

from pinpoint_events.endpoints.merge import merged
from pinpoint_events.endpoints.protocol import FindsEndpoints
from pinpoint_events.model.endpoint import (
    ChannelType,
    Endpoint,
    EndpointStatus,
    OptOut,
    User,
)

__all__ = ["EndpointUpdates", "apply_rules"]

_MAX_USER_ENDPOINTS: Final = 15  # of one user; service quotas, "Endpoint quotas"

# APNS_SANDBOX is not among them, neither in the documentation nor in what users
# observed (amplify-flutter issue 3560).
_PUSH_SERVICES: Final = frozenset(
    {
        ChannelType.ADM,
        ChannelType.APNS,
        ChannelType.APNS_VOIP,
        ChannelType.APNS_VOIP_SANDBOX,
        ChannelType.BAIDU,
        ChannelType.GCM,
    }
)
_TOO_MANY: Final = f"Exceeded maximum endpoint per user count:{_MAX_USER_ENDPOINTS}"
_EMPTY: Final = Endpoint()
_ACTIVE: Final = EndpointStatus.ACTIVE
_DEACTIVATE: Final = Endpoint(endpoint_status=EndpointStatus.INACTIVE)
_REMOVE_USER: Final = Endpoint(
    endpoint_status=EndpointStatus.INACTIVE, user=User(user_id="")
)
_OLDEST: Final = datetime(1, 1, 1, tzinfo=UTC)


class EndpointUpdates(NamedTuple):
    """
    What to send and what to refuse.

    Attributes:
        updates: Endpoint id to the update to send, also of endpoints that the request
            does not name.
        refused: Endpoint id to the service's message, for each endpoint that is not
            accepted.
    """

    updates: Mapping[str, Endpoint]
    refused: Mapping[str, str]


_NO_UPDATES: Final = EndpointUpdates({}, {})


def apply_rules(
    updates: Mapping[str, Endpoint], known: FindsEndpoints, *, is_complete: bool
) -> EndpointUpdates:
    """
    Apply the service's rules to the endpoints of a request.

    Args:
        updates: Endpoint id to the request's update of it, in the order of the request.
        known: Looks up the endpoints that are known.
        is_complete: Whether it knows all endpoints: one that it does not find is new.
    """
    updates = {name: update for name, update in updates.items() if update != _EMPTY}
    if not updates:
        return _NO_UPDATES
    stored = dict(known.find_endpoints(ids=updates))
    completed: dict[str, Endpoint] = {}
    addresses = set()
    user_ids = set()
    is_changed = False
    for name, update in updates.items():
        before = stored.get(name)
        completed[name] = _completed(update, before, is_complete=is_complete)
        after = merged(before or _EMPTY, completed[name])
        if after == before:
            continue
        is_changed = True
        # Only others that the rules may change are looked up: an address may have a
        # hundred thousand endpoints that are INACTIVE already.
        if after.address and after.endpoint_status is _ACTIVE:
            addresses.add(after.address)
        user_id = _user_id(after)
        if user_id and user_id != _user_id(before or _EMPTY):
            user_ids.add(user_id)
    if not is_changed:
        return EndpointUpdates(completed, {})
    others = known.find_endpoints(active_addresses=addresses, user_ids=user_ids)
    return _Endpoints({**others, **stored}).apply(completed)


def _completed(
    update: Endpoint, before: Endpoint | None, *, is_complete: bool
) -> Endpoint:
    """Return the update, with status and opt-out where the rules imply them."""
    status = update.endpoint_status
    opt_out = update.opt_out
    if not is_complete or before is None or before.endpoint_status is not _ACTIVE:
        status = status or _ACTIVE
    if is_complete and before is None:
        opt_out = opt_out or OptOut.ALL
    if status is update.endpoint_status and opt_out is update.opt_out:
        return update
    return attrs.evolve(update, endpoint_status=status, opt_out=opt_out)


def _address_unless_inactive(endpoint: Endpoint) -> str | None:
    is_inactive = endpoint.endpoint_status is EndpointStatus.INACTIVE
    return None if is_inactive else endpoint.address


def _user_id(endpoint: Endpoint) -> str | None:
    return None if endpoint.user is None else endpoint.user.user_id


class _Endpoints:
    """All endpoints that one request concerns, while its updates are applied."""

    def __init__(self, known: dict[str, Endpoint]) -> None:
        self._known = known
        self._updates: dict[str, Endpoint] = {}
        self._refused: dict[str, str] = {}
        # Indexes, because a scan for each update would take quadratic time. Their
        # values are dicts in place of sets, for the order.
        self._by_address: dict[str, dict[str, None]] = {}
        self._by_user: dict[str, dict[str, None]] = {}
        for name, endpoint in known.items():
            self._index(name, _EMPTY, endpoint)

    def apply(self, updates: Mapping[str, Endpoint]) -> EndpointUpdates:
        for name, update in updates.items():
            before = self._known.get(name, _EMPTY)
            after = merged(before, update)
            is_unchanged = after == self._known.get(name)
            if is_unchanged or self._has_room(_user_id(before), after):
                self._deactivate_others(name, after)
                self._update(name, update)
            else:
                self._refused[name] = _TOO_MANY
        return EndpointUpdates(self._updates, self._refused)

    def _update(self, name: str, update: Endpoint) -> None:
        before = self._known.get(name, _EMPTY)
        self._known[name] = after = merged(before, update)
        self._index(name, before, after)
        self._updates[name] = merged(self._updates.get(name, _EMPTY), update)

    def _index(self, name: str, before: Endpoint, after: Endpoint) -> None:
        for index, key_of in (
            (self._by_address, _address_unless_inactive),
            (self._by_user, _user_id),
        ):
            old, new = key_of(before), key_of(after)
            if old and old != new:
                del index[old][name]
            if new:
                index.setdefault(new, {})[name] = None

    def _has_room(self, former_user_id: str | None, endpoint: Endpoint) -> bool:
        """Return whether its user may have the endpoint; make room if allowed."""
        user_id = _user_id(endpoint)
        if not user_id or user_id == former_user_id:
            return True
        names = self._by_user.get(user_id, {})
        if len(names) < _MAX_USER_ENDPOINTS:
            return True
        if endpoint.channel_type not in _PUSH_SERVICES:
            return False
        removable = [
            name for name in names if self._known[name].channel_type in _PUSH_SERVICES
        ]
        if not removable:
            return False
        oldest = min(
            removable, key=lambda name: self._known[name].effective_date or _OLDEST
        )
        self._update(oldest, _REMOVE_USER)
        return True

    def _deactivate_others(self, name: str, endpoint: Endpoint) -> None:
        """Make other endpoints INACTIVE that have the address of an active one."""
        if not endpoint.address or endpoint.endpoint_status is not _ACTIVE:
            return
        for other in list(self._by_address.get(endpoint.address, ())):
            if other != name:
                self._update(other, _DEACTIVATE)
