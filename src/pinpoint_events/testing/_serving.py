"""A PutEvents endpoint for one test, which keeps accepted events in memory."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from string import ascii_letters, ascii_uppercase, digits
from typing import Final

from pinpoint_events.errors import ConfigurationError
from pinpoint_events.server import App, Credentials, Faults, create_app
from pinpoint_events.testing._recording import (
    RecordingSender,
    SentEvent,
    SentEvents,
    count_not_accepted,
)

__all__ = ["CREDENTIALS", "REGION", "PinpointServer", "served_on", "serving"]


def _random_text(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


# The same in each test of a process, as the port is where it can be: clients and
# sessions that an application keeps from one test to the next go on working. Different
# in each process: a client of another process must not be accepted. In AWS's form, with
# the ends of AWS's own examples, by which scanners for leaked keys recognize them.
CREDENTIALS: Final = Credentials(
    f"AKIA{_random_text(ascii_uppercase + '234567', 9)}EXAMPLE",
    f"{_random_text(ascii_letters + digits, 30)}EXAMPLEKEY",
)
REGION: Final = "us-east-1"


class PinpointServer(SentEvents):
    """
    A PutEvents endpoint that serves on this machine; the fixture `pinpoint_server`.

    It checks requests as `pinpoint-events serve` does, including signatures, and keeps
    accepted events in memory. Every application id exists.

    Attributes:
        url: Its URL.
        credentials: The only key that it accepts: random, the same for all tests of a
            process.
        region: The region that clients are configured with; signatures may be for any.
        faults: The faults to inject; can be changed at any time.
    """

    url: str
    credentials: Credentials
    region: str
    faults: Faults

    def __init__(self, url: str, faults: Faults, applications: "_Applications") -> None:
        self.url = url
        self.credentials = CREDENTIALS
        self.region = REGION
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
    applications = _Applications()
    faults = Faults()
    app = create_app(applications.opened, credentials=CREDENTIALS, faults=faults)
    with served_on(app, port) as url:
        yield PinpointServer(url, faults, applications)


@contextmanager
def served_on(app: App, port: int) -> Iterator[str]:
    """
    Serve an endpoint within the block, and yield its URL.

    Args:
        app: The endpoint.
        port: The port to use if it is free; 0 for any.

    Raises:
        ConfigurationError: If the extra `server` is missing.
    """
    # Imported here: naming `PinpointServer` in an annotation should need no extra.
    from pinpoint_events.server import served  # noqa: PLC0415

    with ExitStack() as stack:
        try:
            server = stack.enter_context(served(app, port=port))
        except ConfigurationError:
            # Another process uses the port.
            server = stack.enter_context(served(app))
        yield server.url
