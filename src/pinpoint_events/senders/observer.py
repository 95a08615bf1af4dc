"""Watching the HTTP requests of a sender, for logs, metrics and raw answers."""

from typing import NamedTuple, Protocol

from pinpoint_events.errors import PinpointEventsError
from pinpoint_events.http_messages import HttpResponse

__all__ = ["Attempt", "AttemptObserver"]


class Attempt(NamedTuple):
    """
    One HTTP request of a call.

    Attributes:
        number: Which attempt of the call it is, from 1.
        max_attempts: How many the call may have.
        url: Where it goes.
        request_bytes: Bytes of its body.
    """

    number: int
    max_attempts: int
    url: str
    request_bytes: int


class AttemptObserver(Protocol):
    """
    Is called in the sending thread, before and after each attempt.

    It gets no header and no body of the request, which hold credentials and data. Its
    exceptions are logged and otherwise ignored: they do not affect the call.
    """

    def sending(self, attempt: Attempt) -> None:
        """Handle that a request is about to be sent."""
        ...

    def answered(self, attempt: Attempt, response: HttpResponse) -> None:
        """Handle a complete answer, whatever its status."""
        ...

    def failed(self, attempt: Attempt, error: PinpointEventsError) -> None:
        """Handle that no complete answer arrived."""
        ...
