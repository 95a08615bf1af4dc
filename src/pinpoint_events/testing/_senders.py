"""Strategies for senders that give any response, and fail."""

from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from pinpoint_events.errors import SenderError
from pinpoint_events.model._converters import MAX_INTEGER
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse, Outcome
from pinpoint_events.senders import MemorySender, Retry
from pinpoint_events.testing._answers import responses_to
from pinpoint_events.testing._errors import errors
from pinpoint_events.testing._values import either, mostly

__all__ = ["memory_senders", "retries"]

_MAX_SECONDS: Final = 1e9


def retries(
    *,
    attempts: SearchStrategy[int] | None = None,
    deadlines_seconds: SearchStrategy[float] | None = None,
) -> SearchStrategy[Retry]:
    """
    Any `Retry`.

    Args:
        attempts: HTTP requests per call, including the first.
        deadlines_seconds: Seconds after which no attempt begins.
    """
    few_attempts = st.integers(1, 5) | st.integers(1, MAX_INTEGER)
    whole_seconds = st.integers(min_value=1)
    seconds = st.floats(0, _MAX_SECONDS, exclude_min=True) | whole_seconds
    return st.builds(
        Retry,
        attempts=either(attempts, few_attempts),
        deadline_seconds=either(deadlines_seconds, seconds),
    )


def memory_senders(
    *,
    outcomes: SearchStrategy[Outcome] | None = None,
    failures: SearchStrategy[SenderError] | None = None,
) -> SearchStrategy[MemorySender]:
    """
    Senders that give any response to each request, and sometimes fail.

    A response is drawn when the sender is called, and shown with a failing example. So
    use a sender only within the test that drew it, and from one thread.

    Args:
        outcomes: Outcomes of items; any outcome by default.
        failures: Errors, one of which is raised instead of a response one time in
            eight; `st.nothing()` for no failures.
    """
    any_outcome = st.sampled_from(Outcome)
    return st.builds(
        _memory_sender,
        st.data(),
        st.just(either(outcomes, any_outcome)),
        st.just(either(failures, errors(SenderError))),
    )


def _memory_sender(
    data: st.DataObject,
    outcomes: SearchStrategy[Outcome],
    failures: SearchStrategy[SenderError],
) -> MemorySender:
    def answer(request: EventsRequest) -> EventsResponse:
        answers: SearchStrategy[EventsResponse | SenderError]
        answers = responses_to(request, outcomes=outcomes)
        if not failures.is_empty:
            answers = mostly(answers, failures)
        drawn = data.draw(answers, label="answer")
        if isinstance(drawn, SenderError):
            raise drawn
        return drawn

    return MemorySender(answer=answer)
