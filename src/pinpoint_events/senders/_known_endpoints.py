"""The endpoints that records of a stream carry: as sent, or merged with a store's."""

import logging
from collections.abc import Mapping
from typing import Final, NamedTuple

from pinpoint_events.endpoints.merge import merged
from pinpoint_events.endpoints.protocol import FindsEndpoints
from pinpoint_events.endpoints.rules import apply_rules
from pinpoint_events.errors import ConfigurationError
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import EndpointItemResponse, EventsResponse
from pinpoint_events.quotas import quotas_of, remember_quotas
from pinpoint_events.senders.protocol import Sender
from pinpoint_events.storage.fork_lock import ForkLock

__all__ = ["Carried", "KnownEndpoints"]

_log = logging.getLogger("pinpoint_events")

_EMPTY: Final = Endpoint()
_BAD_REQUEST: Final = 400


class Carried(NamedTuple):
    """
    The endpoints of a request, as its records carry them.

    Attributes:
        endpoints: Endpoint id to endpoint.
        responses: Endpoint id to what the store answered; empty without a store, where
            the records are all that carries an endpoint.
    """

    endpoints: Mapping[str, Endpoint]
    responses: Mapping[str, EndpointItemResponse | None]


class KnownEndpoints:
    """
    An endpoint store beside a stream, or none.

    Safe to use from several threads; the calls of one sender are applied one after the
    other, as in the served endpoint.

    Args:
        store: Looks up endpoints. If it is a sender as well, updates are stored in it.
            A URL of one is opened.
        application_id: The application, for a URL.

    Raises:
        ConfigurationError: If it cannot look up endpoints, or the URL is invalid.
        StoreError: If what the URL names cannot be used.
    """

    def __init__(
        self, store: "FindsEndpoints | str | None", application_id: str
    ) -> None:
        self._opened: Sender | None = None
        given: object = store
        if isinstance(given, str):
            # Imported here: a URL is rarely given, and opens any sender.
            from pinpoint_events.senders.url import open_sender  # noqa: PLC0415

            given = self._opened = open_sender(given, application_id=application_id)
        if given is not None and not isinstance(given, FindsEndpoints):
            self.close()
            raise ConfigurationError(
                f"endpoints is of type {type(given).__qualname__}, which has no "
                "find_endpoints; pass a SqliteSender, its URL, or None"
            )
        self.store = given
        self._lock = ForkLock()
        self._has_warned = False

    def close(self) -> None:
        """Close the store that a URL named."""
        if self._opened is not None:
            self._opened.close()

    def apply(self, request: EventsRequest) -> Carried:
        """
        Store the endpoints of a request by the service's rules, and return them.

        Raises:
            SenderError: If the store raises it.
        """
        given = {name: each.endpoint for name, each in request.batch_item.items()}
        if self.store is None:
            self._warn_of_lost(request)
            return Carried(given, {})
        with self._lock:
            updates, refused = apply_rules(given, self.store, is_complete=True)
            responses = self._stored(updates)
            known = dict(self.store.find_endpoints(ids=given))
        endpoints = {}
        found: dict[str, EndpointItemResponse | None] = {}
        for name in given:
            before = known.get(name, _EMPTY)
            # A store that only finds endpoints does not have the update.
            endpoints[name] = merged(before, updates.get(name, _EMPTY))
            if name in refused:
                found[name] = EndpointItemResponse(
                    status_code=_BAD_REQUEST, message=refused[name]
                )
            elif name in responses.results:
                found[name] = responses.results[name].endpoint_item_response
            else:
                found[name] = ACCEPTED_ENDPOINT
        return Carried(endpoints, found)

    def _stored(self, updates: Mapping[str, Endpoint]) -> EventsResponse:
        """Store updates, if the store takes any."""
        store: object = self.store
        if not updates or not isinstance(store, Sender):
            return EventsResponse()
        batches = {
            name: EventsBatch(endpoint=update, events={})
            for name, update in updates.items()
        }
        request = EventsRequest(batch_item=batches)
        # Judged as it was received; what the rules add to it counts for no quota.
        remember_quotas(request, quotas_of(store))
        return store.put_events(request)

    def _warn_of_lost(self, request: EventsRequest) -> None:
        """Log once that an endpoint without events gets into no record."""
        if self._has_warned:
            return
        for batch in request.batch_item.values():
            if not batch.events and batch.endpoint != _EMPTY:
                self._has_warned = True
                _log.warning("endpoint without events is in no record; see `endpoints`")
                return


ACCEPTED_ENDPOINT: Final = EndpointItemResponse(status_code=202, message="Accepted")
