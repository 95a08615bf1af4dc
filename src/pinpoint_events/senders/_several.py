"""What senders that send by other senders have in common."""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from pinpoint_events.errors import (
    ConfigurationError,
    PinpointEventsError,
    SenderError,
    defect_text,
)
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.quotas import Quotas, quotas_of
from pinpoint_events.senders.protocol import (
    DEFAULT_APPLICATION_ID,
    BaseSender,
    ChecksReadiness,
    Sender,
    keeps_repeats,
    named_application_of,
)

__all__ = ["SenderAnswer", "SeveralSenders", "answer_of", "passed_on"]

_log = logging.getLogger("pinpoint_events")


class SenderAnswer(NamedTuple):
    """
    What one of several senders answered.

    Attributes:
        sender: The sender.
        request: What it was to send.
        response: Its answer; None if it raised an error.
        error: The error; None if it answered. One that is not of this package is the
            `__cause__` of a `SenderError`.
    """

    sender: Sender
    request: EventsRequest
    response: EventsResponse | None
    error: PinpointEventsError | None


def answer_of(sender: Sender, request: EventsRequest) -> SenderAnswer:
    """Send a request, and return what the sender answered or raised."""
    try:
        response = sender.put_events(request)
    except PinpointEventsError as error:
        return SenderAnswer(sender, request, None, error)
    except Exception as error:  # noqa: BLE001 - senders may be the user's code
        failure = SenderError(defect_text(error))
        failure.__cause__ = error
        return SenderAnswer(sender, request, None, failure)
    return SenderAnswer(sender, request, response, None)


def passed_on(report: Callable[[Any], object], found: object) -> None:
    """Call the user's function; its exceptions are logged and otherwise ignored."""
    try:
        report(found)
    except Exception as error:  # noqa: BLE001 - the function is the user's code
        _log.warning(
            "report failed", extra={"pinpoint_events.problem": defect_text(error)}
        )


class SeveralSenders(BaseSender):
    """
    Sends by other senders, and closes them.

    Args:
        senders: The argument's name and the sender, of each; the first answers.
        report: The user's function.
        quotas: The limits; None for those of the first sender.
    """

    application_id: str
    keeps_repeats: bool

    def __init__(
        self,
        senders: Sequence[tuple[str, Sender]],
        report: object,
        quotas: Quotas | None,
    ) -> None:
        for name, sender in senders:
            given: object = sender
            if not isinstance(given, Sender):
                raise ConfigurationError(
                    f"{name} is of type {type(given).__qualname__}; pass a sender"
                )
        if report is not None and not callable(report):
            raise ConfigurationError(
                f"report is of type {type(report).__qualname__}; pass a function"
            )
        self._senders = tuple(sender for _, sender in senders)
        first = self._senders[0]
        super().__init__(quotas_of(first) if quotas is None else quotas)
        self.application_id = named_application_of(first) or DEFAULT_APPLICATION_ID
        self.keeps_repeats = any(map(keeps_repeats, self._senders))

    def check_ready(self) -> None:
        """
        Raise an error if the first sender could not keep a request now.

        Raises:
            SenderError: Why, if the first sender can say so.
        """
        first = self._senders[0]
        if isinstance(first, ChecksReadiness):
            first.check_ready()

    def _close(self) -> None:
        with ExitStack() as stack:
            for sender in reversed(self._senders):
                stack.callback(sender.close)
