"""Strategies for senders that answer and fail in any way."""

from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from pinpoint_events.errors import SenderError
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse, Outcome
from pinpoint_events.senders import MemorySender, Retry
from pinpoint_events.testing._answers import responses_to
from pinpoint_events.testing._errors import errors
from pinpoint_events.testing._values import either, mostly

__all__ = ["memory_senders", "retries"]

_MOST_SECONDS: Final = 1e9


def retries(
    *,
    attempts: SearchStrategy[int] | None = None,
    deadlines_seconds: SearchStrategy[float] | None = None,
) -> SearchStrategy[Retry]:
    """
    Any `Retry`.

    Args:
        attempts: HTTP requests for one call, in all.
        deadlines_seconds: Seconds after which no attempt begins.
    """
    few = st.integers(1, 5) | st.integers(min_value=1)
    whole = st.integers(min_value=1)
    seconds = st.floats(0, _MOST_SECONDS, exclude_min=True) | whole
    return st.builds(
        Retry,
        attempts=either(attempts, few),
        deadline_seconds=either(deadlines_seconds, seconds),
    )


def memory_senders(
    *,
    outcomes: SearchStrategy[Outcome] | None = None,
    failures: SearchStrategy[SenderError] | None = None,
) -> SearchStrategy[MemorySender]:
    """
    Senders that answer each request in any way, and now and then fail.

    What a sender answers is drawn when it is asked, and shown with a failing example.
    So use it within the test that drew it, and from one thread.

    Args:
        outcomes: What becomes of an item; anything if left out.
        failures: What is raised in place of an answer, one time in eight;
            `st.nothing()` for no failures.
    """
    every = st.sampled_from(Outcome)
    return st.builds(
        _memory_sender,
        st.data(),
        st.just(either(outcomes, every)),
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
