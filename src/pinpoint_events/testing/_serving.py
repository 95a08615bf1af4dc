"""A PutEvents endpoint for one test, which keeps accepted events in memory."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from pinpoint_events.errors import ConfigurationError
from pinpoint_events.server import Credentials, Faults, create_app
from pinpoint_events.testing._recording import (
    RecordingSender,
    SentEvent,
    SentEvents,
    count_not_accepted,
)

__all__ = ["PinpointServer", "serving"]

# The example key of AWS's documentation. It is the same in each test, as is the port if
# possible, so that clients and sessions that an application keeps still work.
_CREDENTIALS: Final = Credentials(
    "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)
_REGION: Final = "us-east-1"


class PinpointServer(SentEvents):
    """
    A PutEvents endpoint that serves on this machine; the fixture `pinpoint_server`.

    It checks requests as `pinpoint-events serve` does, including signatures, and keeps
    accepted events in memory. Every application id exists.

    Attributes:
        url: Its URL.
        credentials: The key that it accepts.
        region: The region that clients are configured with; signatures may be for any.
        faults: The faults to inject; can be changed at any time.
    """

    url: str
    credentials: Credentials
    region: str
    faults: Faults

    def __init__(self, url: str, faults: Faults, applications: "_Applications") -> None:
        self.url = url
        self.credentials = _CREDENTIALS
        self.region = _REGION
        self.faults = faults
        self._applications = applications

    def application(self, application_id: str) -> RecordingSender:
        """Return the sender that receives the events of an application."""
        return self._applications.opened(application_id)

    @property
    def sent(self) -> tuple[SentEvent, ...]:
        """The events that were accepted, grouped by application."""
        return tuple(each for sender in self._applications.all for each in sender.sent)

    @property
    def _not_accepted(self) -> int:
        # Items that the endpoint itself rejects do not reach the senders.
        return sum(map(count_not_accepted, self._applications.all))

    def __repr__(self) -> str:
        return f"<PinpointServer at {self.url}: {len(self.sent)} events>"


class ApplicationSender(RecordingSender):
    """
    A sender that cannot be closed.

    With many applications, the endpoint closes some senders and opens them again later;
    a reopened sender must have the events that were sent before.
    """

    def close(self) -> None:
        """Do nothing."""


class _Applications:
    """One sender for each application id that a request has named."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: dict[str, RecordingSender] = {}

    def opened(self, application_id: str) -> RecordingSender:
        with self._lock:
            found = self._opened.get(application_id)
            if found is None:
                found = ApplicationSender(application_id=application_id)
                self._opened[application_id] = found
            return found

    @property
    def all(self) -> tuple[RecordingSender, ...]:
        with self._lock:
            return tuple(self._opened.values())


@contextmanager
def serving(port: int = 0) -> Iterator[PinpointServer]:
    """
    Serve an endpoint on a free port of this machine within the block.

    Args:
        port: The port to use if it is free; 0 for any.

    Raises:
        ConfigurationError: If the extra `server` is missing.
    """
    # Imported here: naming `PinpointServer` in an annotation should need no extra.
    from pinpoint_events.server import served  # noqa: PLC0415

    applications = _Applications()
    faults = Faults()
    app = create_app(applications.opened, credentials=_CREDENTIALS, faults=faults)
    with ExitStack() as stack:
        try:
            server = stack.enter_context(served(app, port=port))
        except ConfigurationError:
            # Another process uses the port.
            server = stack.enter_context(served(app))
        yield PinpointServer(server.url, faults, applications)
