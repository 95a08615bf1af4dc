"""
An endpoint that can be away: `python -m tests.recorder.failing_endpoint`.

It writes its URL to standard output. The line `away` on standard input lets it end the
connection of each call, in one of several ways by turns, and `back` answer again; each
is confirmed by the same line. It ends with standard input.
"""

import sys
from itertools import cycle
from typing import Final, Self

from tests.recorder.endings import KEY

from pinpoint_events import EventsRequest, EventsResponse
from pinpoint_events.senders._accepted import accepted
from pinpoint_events.server import Cut, create_app, served

WAYS: Final = (
    Cut(where="before", is_taken=False),
    Cut(where="inside"),
    Cut(where="before"),
)


class Accepting:
    """A sender that accepts all, and keeps nothing."""

    def put_events(self, request: EventsRequest) -> EventsResponse:
        """Accept a request."""
        return accepted(request)

    def close(self) -> None:
        """Close nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until standard input ends."""
    app = create_app(Accepting(), credentials=KEY)
    ways = cycle(WAYS)
    with served(app) as server:
        say(server.url)
        for line in sys.stdin:
            app.faults.clear()
            if line == "away\n":
                app.faults.add(next(ways))
            say(line.rstrip())


if __name__ == "__main__":
    main()
