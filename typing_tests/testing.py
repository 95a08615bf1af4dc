"""What users rely on of the types of strategies; read by type checkers, never run."""

from typing import Any, assert_type

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from pinpoint_events import (
    BatchBuilder,
    Endpoint,
    Event,
    EventsRequest,
    EventsResponse,
    MemorySender,
    Quotas,
    SenderError,
)
from pinpoint_events.testing import strategies
from pinpoint_events.testing.strategies import InvalidInput


def values() -> None:
    assert_type(strategies.endpoints(), SearchStrategy[Endpoint])
    assert_type(strategies.events(sessions=st.none()), SearchStrategy[Event])
    assert_type(
        strategies.events_requests(within=Quotas()), SearchStrategy[EventsRequest]
    )
    assert_type(strategies.batch_builders(), SearchStrategy[BatchBuilder])
    assert_type(strategies.quotas(event_bytes=st.none()), SearchStrategy[Quotas])


def answers(request: EventsRequest) -> None:
    assert_type(strategies.responses_to(request), SearchStrategy[EventsResponse])
    assert_type(strategies.wire_responses_to(request), SearchStrategy[dict[str, Any]])
    assert_type(strategies.errors(SenderError), SearchStrategy[SenderError])
    assert_type(strategies.memory_senders(), SearchStrategy[MemorySender])


def invalid_input(invalid: InvalidInput[dict[str, Any]]) -> None:
    assert_type(invalid.data, dict[str, Any])
    assert_type(invalid.path, tuple[str | int, ...])
    assert_type(
        strategies.invalid_arguments(Endpoint),
        SearchStrategy[InvalidInput[dict[str, Any]]],
    )
    assert_type(strategies.invalid_json_requests(), SearchStrategy[InvalidInput[bytes]])
