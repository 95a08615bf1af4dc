"""Sends what one sender accepted to others as well."""

import logging
from collections.abc import Callable

from pinpoint_events.model.request import EventsRequest, part_with
from pinpoint_events.model.response import EventsResponse, Outcome
from pinpoint_events.quotas import Quotas
from pinpoint_events.senders._several import (
    SenderAnswer,
    SeveralSenders,
    answer_of,
    passed_on,
)
from pinpoint_events.senders.protocol import Sender
from pinpoint_events.storage.waiting import waiting_until

__all__ = ["MultiSender"]

_log = logging.getLogger("pinpoint_events")

_ACCEPTED = frozenset({Outcome.ACCEPTED})


class MultiSender(SeveralSenders):
    """
    Sends to several senders, of which one is authoritative: its answer is returned.

    The others get what the authoritative one accepted, after it, one after the other.
    So an item that is sent again because it came back retryable reaches them once, and
    one that was rejected does not. An item that the authoritative one did not report
    does not reach them either, even if it was accepted.

    What the others answer is reported, and never raised. The call takes as long as all
    senders together.

    Args:
        authoritative: Answers, and raises.
        others: Get what it accepted.
        report: Called with the answer of each of the others, in the calling thread. Its
            exceptions are logged and otherwise ignored. If left out, errors of the
            others, and items that they did not accept, are logged as warnings.
        quotas: The limits of requests and their items; by default those of the
            authoritative sender.

    Attributes:
        application_id: That of the authoritative sender; `local` if it names none.
        quotas: As given.

    Raises:
        ConfigurationError: If an argument is of another type.
    """

    def __init__(
        self,
        authoritative: Sender,
        *others: Sender,
        report: Callable[[SenderAnswer], object] | None = None,
        quotas: Quotas | None = None,
    ) -> None:
        """Take over the senders, which are closed with this one."""
        named = [("a sender of others", each) for each in others]
        super().__init__([("authoritative", authoritative), *named], report, quotas)
        self._report = _logged if report is None else report

    def _put_events(self, request: EventsRequest) -> EventsResponse:
        authoritative, *others = self._senders
        response = authoritative.put_events(request)
        accepted = _accepted(request, response)
        if accepted is not None:
            # The first may have used up the time of the call; the others get what it
            # accepted nevertheless.
            with waiting_until(None):
                for other in others:
                    passed_on(self._report, answer_of(other, accepted))
        return response

    def __repr__(self) -> str:
        return f"<MultiSender of {', '.join(map(repr, self._senders))}>"


def _accepted(request: EventsRequest, response: EventsResponse) -> EventsRequest | None:
    outcomes = response.outcomes(request)
    if all(each.outcome is Outcome.ACCEPTED for each in outcomes):
        return request  # the usual case; its JSON text is known
    return part_with(request, response, _ACCEPTED)


def _logged(answer: SenderAnswer) -> None:
    """Log that one of the others did not accept everything."""
    problem = _problem_of(answer)
    if problem is not None:
        kind = type(answer.sender).__qualname__
        _log.warning(
            "other sender failed",
            extra={"pinpoint_events.sender": kind, "pinpoint_events.problem": problem},
        )


def _problem_of(answer: SenderAnswer) -> str | None:
    if answer.response is None:
        return type(answer.error).__name__
    outcomes = answer.response.outcomes(answer.request)
    count = sum(each.outcome is not Outcome.ACCEPTED for each in outcomes)
    return f"{count} items not accepted" if count else None
