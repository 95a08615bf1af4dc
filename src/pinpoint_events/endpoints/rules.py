"""
What an endpoint of the service does to others, and what is known of the others.

The rules are the service's own (Amazon Pinpoint API reference,
`apps/application-id/endpoints/endpoint-id`, and developer guide, "Managing an audience
member's maximum number of endpoints"; both read 2026-11-23):

- An endpoint that is created or updated becomes ACTIVE, unless it says otherwise.
- One that is created without an opt-out has opted out of everything.
- Each other endpoint with the address of one that was updated becomes INACTIVE.
- A user has 15 endpoints. A further one is refused; but if it is one of a push service,
  then that one of the user's with the oldest effective date becomes INACTIVE and loses
  its user instead.

What follows from them for other endpoints is said as the request itself could have said
it, so that a sender gets one ordinary request, and needs no way beside it. A merge
cannot take a member away: who loses the user has the empty text for its user id.

Three decisions of our own, where the documentation is silent. An endpoint that is made
INACTIVE by its own words takes no address from others. `{}` says nothing, so nothing
follows from it, and it creates nothing that could opt out. And an endpoint without an
effective date counts as the oldest.
"""

import threading
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol, runtime_checkable

import attrs

from pinpoint_events.endpoints.merge import merged
from pinpoint_events.model.endpoint import (
    ChannelType,
    Endpoint,
    EndpointStatus,
    OptOut,
    User,
)

__all__ = ["EndpointDirectory", "SeenEndpoints", "Update", "updated"]

_USER_ENDPOINTS: Final = 15  # of one user; service quotas, "Endpoint quotas"

# The channels whose endpoints make room. APNS_SANDBOX is not among them, neither in the
# documentation nor in what users saw (amplify-flutter issue 3560).
_MAKING_ROOM: Final = frozenset(
    {
        ChannelType.ADM,
        ChannelType.APNS,
        ChannelType.APNS_VOIP,
        ChannelType.APNS_VOIP_SANDBOX,
        ChannelType.BAIDU,
        ChannelType.GCM,
    }
)
_TOO_MANY: Final = f"Exceeded maximum endpoint per user count:{_USER_ENDPOINTS}"
_NOTHING: Final = Endpoint()
_ACTIVE: Final = EndpointStatus.ACTIVE
_INACTIVE: Final = Endpoint(endpoint_status=EndpointStatus.INACTIVE)
_WITHOUT_USER: Final = Endpoint(
    endpoint_status=EndpointStatus.INACTIVE, user=User(user_id="")
)
_LONG_AGO: Final = datetime(1, 1, 1, tzinfo=UTC)


@runtime_checkable
class EndpointDirectory(Protocol):
    """
    Knows the endpoints of one application.

    A sender that has this method is asked; `SqliteSender` and `MemorySender` have it.
    """

    def find_endpoints(
        self,
        *,
        ids: Collection[str] = (),
        addresses: Collection[str] = (),
        user_ids: Collection[str] = (),
    ) -> Mapping[str, Endpoint]:
        """
        Return endpoint id to what is known of each that is meant, the oldest first.

        Args:
            ids: Those with one of these ids are meant,
            addresses: and those with one of these addresses,
            user_ids: and those of one of these users.
        """
        ...


class SeenEndpoints:
    """
    The endpoints that this process has seen last: for senders that cannot be asked.

    Safe to use from several threads.

    Args:
        most: How many to keep; the one that was not updated for the longest goes first.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._known: dict[str, Endpoint] = {}
        self._at: dict[str, set[str]] = {}
        self._of: dict[str, set[str]] = {}

    def find_endpoints(
        self,
        *,
        ids: Collection[str] = (),
        addresses: Collection[str] = (),
        user_ids: Collection[str] = (),
    ) -> Mapping[str, Endpoint]:
        """Return endpoint id to what was seen of each that is meant."""
        with self._lock:
            meant = {name for name in ids if name in self._known}
            meant.update(*(self._at.get(address, ()) for address in addresses))
            meant.update(*(self._of.get(user_id, ()) for user_id in user_ids))
            return {name: self._known[name] for name in sorted(meant)}

    def remember(self, endpoint_id: str, update: Endpoint) -> None:
        """Merge what was accepted into what is known."""
        with self._lock:
            known = self._forget(endpoint_id)
            self._known[endpoint_id] = now = merged(known, update)
            for index, key in self._keys(now):
                index.setdefault(key, set()).add(endpoint_id)
            if len(self._known) > self._most:
                self._forget(next(iter(self._known)))

    def _forget(self, endpoint_id: str) -> Endpoint:
        known = self._known.pop(endpoint_id, _NOTHING)
        for index, key in self._keys(known):
            index[key].discard(endpoint_id)
            if not index[key]:
                del index[key]
        return known

    def _keys(self, endpoint: Endpoint) -> list[tuple[dict[str, set[str]], str]]:
        keys = [(self._at, endpoint.address), (self._of, _user_id(endpoint))]
        return [(index, key) for index, key in keys if key]


class Update(NamedTuple):
    """
    What becomes of endpoints.

    Attributes:
        says: Endpoint id to what is to be sent of it; of others than those that were
            asked for, too.
        refused: Endpoint id to why it is not taken.
    """

    says: Mapping[str, Endpoint]
    refused: Mapping[str, str]


def updated(
    said: Mapping[str, Endpoint],
    directory: EndpointDirectory,
    *,
    knows_all: bool,
) -> Update:
    """
    Return what follows from what a request says of endpoints.

    Args:
        said: Endpoint id to what the request says of it, in its order.
        directory: What is known of endpoints.
        knows_all: Whether an endpoint that the directory does not know is a new one.
    """
    telling = {name: one for name, one in said.items() if one != _NOTHING}
    if not telling:
        return _NO_UPDATE
    known = dict(directory.find_endpoints(ids=telling))
    says: dict[str, Endpoint] = {}
    changed = []
    for name, one in telling.items():
        before = known.get(name)
        says[name] = _completed(one, before, knows_all=knows_all)
        now = merged(before or _NOTHING, says[name])
        if now != before:
            changed.append(now)
    if not changed:
        return Update(says, {})
    addresses = {now.address for now in changed if now.address}
    users = {user for now in changed if (user := _user_id(now))}
    others = directory.find_endpoints(addresses=addresses, user_ids=users)
    return _Rules({**others, **known}).update(says)


_NO_UPDATE: Final = Update({}, {})


def _completed(one: Endpoint, before: Endpoint | None, *, knows_all: bool) -> Endpoint:
    """Return what a request says of an endpoint, and what goes without saying."""
    status = one.endpoint_status
    opt_out = one.opt_out
    if not knows_all or before is None or before.endpoint_status is not _ACTIVE:
        status = status or _ACTIVE
    if knows_all and before is None:
        opt_out = opt_out or OptOut.ALL
    if status is one.endpoint_status and opt_out is one.opt_out:
        return one
    return attrs.evolve(one, endpoint_status=status, opt_out=opt_out)


def _taken_address(endpoint: Endpoint) -> str | None:
    is_inactive = endpoint.endpoint_status is EndpointStatus.INACTIVE
    return None if is_inactive else endpoint.address


def _user_id(endpoint: Endpoint) -> str | None:
    return None if endpoint.user is None else endpoint.user.user_id


class _Rules:
    """The rules, at work on all endpoints that one request concerns."""

    def __init__(self, known: dict[str, Endpoint]) -> None:
        self._known = known
        self._says: dict[str, Endpoint] = {}
        self._refused: dict[str, str] = {}
        # To look through all of them for each would take the square of their number.
        self._at: dict[str, dict[str, None]] = {}
        self._of: dict[str, dict[str, None]] = {}
        for name, one in known.items():
            self._file(name, _NOTHING, one)

    def update(self, says: Mapping[str, Endpoint]) -> Update:
        for name, one in says.items():
            now = merged(self._known.get(name, _NOTHING), one)
            if now == self._known.get(name) or self._finds_room(name, now):
                self._free_address(name, now)
                self._say(name, one)
            else:
                self._refused[name] = _TOO_MANY
        return Update(self._says, self._refused)

    def _say(self, name: str, one: Endpoint) -> None:
        before = self._known.get(name, _NOTHING)
        self._known[name] = now = merged(before, one)
        self._file(name, before, now)
        self._says[name] = merged(self._says.get(name, _NOTHING), one)

    def _file(self, name: str, before: Endpoint, now: Endpoint) -> None:
        for index, key_of in ((self._at, _taken_address), (self._of, _user_id)):
            old, new = key_of(before), key_of(now)
            if old and old != new:
                del index[old][name]
            if new:
                index.setdefault(new, {})[name] = None

    def _finds_room(self, name: str, now: Endpoint) -> bool:
        """Return whether the endpoint's user may have it; make room if need be."""
        user_id = _user_id(now)
        if not user_id or _user_id(self._known.get(name, _NOTHING)) == user_id:
            return True
        theirs = self._of.get(user_id, {})
        if len(theirs) < _USER_ENDPOINTS:
            return True
        if now.channel_type not in _MAKING_ROOM:
            return False
        going = [key for key in theirs if self._known[key].channel_type in _MAKING_ROOM]
        if not going:
            return False
        oldest = min(
            going, key=lambda key: self._known[key].effective_date or _LONG_AGO
        )
        self._say(oldest, _WITHOUT_USER)
        return True

    def _free_address(self, name: str, now: Endpoint) -> None:
        if not now.address or now.endpoint_status is not _ACTIVE:
            return
        for key in list(self._at.get(now.address, ())):
            if key != name:
                self._say(key, _INACTIVE)
