"""Sends to a second sender as well, and compares what both answer."""

from collections.abc import Callable
from typing import NamedTuple

from pinpoint_events.errors import PinpointEventsError
from pinpoint_events.model.request import EventsRequest
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

__all__ = ["OutcomeDifference", "ShadowReport", "ShadowSender"]


class OutcomeDifference(NamedTuple):
    """
    An item that two senders did not answer alike.

    Attributes:
        endpoint_id: The endpoint's key in the request.
        event_id: The event's key; None for the endpoint itself.
        current: The outcome from the current sender; None if it raised an error.
        candidate: The outcome from the candidate; None if it raised an error.
    """

    endpoint_id: str
    event_id: str | None
    current: Outcome | None
    candidate: Outcome | None


class ShadowReport(NamedTuple):
    """
    What two senders answered to the same request.

    Attributes:
        current: What the current sender answered.
        candidate: What the candidate answered.
        differences: The items that they did not answer alike, in the order of the
            request.
    """

    current: SenderAnswer
    candidate: SenderAnswer
    differences: tuple[OutcomeDifference, ...]


class ShadowSender(SeveralSenders):
    """
    Sends by the current sender, then by a candidate, and reports how they differ.

    For a move from one sender to another: the application goes on with the current one,
    whose answer is returned and whose errors are raised, while the report shows whether
    the candidate accepts the same.

    Both get the whole request, also where the current one rejects items or raises an
    error. So what is sent again after a failure may reach the candidate twice. What the
    candidate answers is never raised. A call takes as long as both together.

    Args:
        current: Answers, and raises.
        candidate: Gets the same requests.
        report: Called after each request, in the calling thread. Its exceptions are
            logged and otherwise ignored.
        quotas: The limits of requests and their items; by default those of the current
            sender.

    Attributes:
        application_id: That of the current sender; `local` if it names none.
        quotas: As given.

    Raises:
        ConfigurationError: If an argument is of another type.
    """

    def __init__(
        self,
        current: Sender,
        candidate: Sender,
        *,
        report: Callable[[ShadowReport], object],
        quotas: Quotas | None = None,
    ) -> None:
        """Take over the senders, which are closed with this one."""
        named = [("current", current), ("candidate", candidate)]
        super().__init__(named, report, quotas)
        self._report = report

    def _put_events(self, request: EventsRequest) -> EventsResponse:
        current, _ = self._senders
        try:
            response = current.put_events(request)
        except PinpointEventsError as error:
            self._compare(SenderAnswer(current, request, None, error))
            raise
        self._compare(SenderAnswer(current, request, response, None))
        return response

    def _compare(self, current: SenderAnswer) -> None:
        _, candidate = self._senders
        # The current one may have used up the time of the call.
        with waiting_until(None):
            answer = answer_of(candidate, current.request)
        differences = _differences(current, answer)
        passed_on(self._report, ShadowReport(current, answer, differences))

    def __repr__(self) -> str:
        current, candidate = self._senders
        return f"<ShadowSender of {current!r} and {candidate!r}>"


def _differences(
    current: SenderAnswer, candidate: SenderAnswer
) -> tuple[OutcomeDifference, ...]:
    ours, theirs = _outcomes(current), _outcomes(candidate)
    return tuple(
        OutcomeDifference(*item, ours.get(item), theirs.get(item))
        for item in ours or theirs
        if ours.get(item) is not theirs.get(item)
    )


def _outcomes(answer: SenderAnswer) -> dict[tuple[str, str | None], Outcome]:
    if answer.response is None:
        return {}
    return {
        (each.endpoint_id, each.event_id): each.outcome
        for each in answer.response.outcomes(answer.request)
    }
