"""An endpoint for one test, which keeps what it accepts."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from string import ascii_letters, ascii_uppercase, digits
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


def _random_text(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


# The same in each test of a process, as the port is where it can be: clients and
# sessions that an application keeps from one test to the next go on working. Different
# in each process: a client of another process must not be accepted. In AWS's form, with
# the ends of AWS's own examples, by which scanners for leaked keys recognize them.
_KEY: Final = Credentials(
    f"AKIA{_random_text(ascii_uppercase + '234567', 9)}EXAMPLE",
    f"{_random_text(ascii_letters + digits, 30)}EXAMPLEKEY",
)
_REGION: Final = "us-east-1"


class PinpointServer(SentEvents):
    """
    A PutEvents endpoint that serves on this machine; the fixture `pinpoint_server`.

    It judges what it is sent as `pinpoint-events serve` does, signatures included, and
    keeps what it accepts in memory. There is every application that is asked for.

    Attributes:
        url: Where it is.
        credentials: The only key that it accepts: random, the same for all tests of a
            process.
        region: The one that clients get; signatures may be for any.
        faults: What shall go wrong; can be changed at any time.
    """

    url: str
    credentials: Credentials
    region: str
    faults: Faults

    def __init__(self, url: str, faults: Faults, applications: "_Applications") -> None:
        self.url = url
        self.credentials = _KEY
        self.region = _REGION
        self.faults = faults
        self._applications = applications

    def application(self, application_id: str) -> RecordingSender:
        """Return what is behind the endpoint for one application: its sender."""
        return self._applications.opened(application_id)

    @property
    def sent(self) -> tuple[SentEvent, ...]:
        """The events that were accepted, of one application after the other."""
        return tuple(each for sender in self._applications.all for each in sender.sent)

    @property
    def _not_accepted(self) -> int:
        # Of what the endpoint itself refuses, the senders hear nothing.
        return sum(map(count_not_accepted, self._applications.all))

    def __repr__(self) -> str:
        return f"<PinpointServer at {self.url}: {len(self.sent)} events>"


class ApplicationSender(RecordingSender):
    """
    A sender that cannot be closed.

    Of many applications, the endpoint closes the senders of some and opens them anew;
    what it then opens is to have what was sent before.
    """

    def close(self) -> None:
        """Do nothing."""


class _Applications:
    """One sender for each application id that somebody has asked for."""

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
    Serve an endpoint at a free port of this machine, while the block lasts.

    Args:
        port: The port to take if it is free; 0 for any.

    Raises:
        ConfigurationError: If the extra `server` is missing.
    """
    # Not above: to name the class in an annotation takes no extra.
    from pinpoint_events.server import served  # noqa: PLC0415

    applications = _Applications()
    faults = Faults()
    app = create_app(applications.opened, credentials=_KEY, faults=faults)
    with ExitStack() as stack:
        try:
            server = stack.enter_context(served(app, port=port))
        except ConfigurationError:
            # Somebody else has it by now.
            server = stack.enter_context(served(app))
        yield PinpointServer(server.url, faults, applications)
