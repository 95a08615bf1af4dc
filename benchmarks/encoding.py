"""
Construct, check and encode, against the same model in pydantic 2.

Once by the model alone, which is what the peer does, and once through the builder,
which besides holds each event against the quotas and knows the exact size at each step.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from benchmarks import pydantic_model
from benchmarks.timing import Side
from benchmarks.workload import (
    BATCHES,
    EVENTS,
    EndpointValues,
    built,
    modelled,
    values,
)
from pinpoint_events import to_json


def modelled_body(endpoints: list[EndpointValues]) -> bytes:
    """Return the batch as JSON, by constructors alone."""
    return to_json(modelled(endpoints))


def built_body(endpoints: list[EndpointValues]) -> bytes:
    """Return the batch as JSON, by the builder."""
    return to_json(built(endpoints).build())


@contextmanager
def sides(*, by_builder: bool) -> Iterator[tuple[Side, Side]]:
    """
    Yield this library and its peer, after a look at whether they say the same.

    Args:
        by_builder: Whether the builder is used, or constructors alone.
    """
    body = built_body if by_builder else modelled_body
    batches = [values(number) for number in range(BATCHES)]
    for batch in batches:
        if parsed(body(batch)) != parsed(pydantic_model.body(batch)):
            raise AssertionError("the two sides say different things")
    yield _side(body, batches), _side(pydantic_model.body, batches)


def _side(
    body: Callable[[list[EndpointValues]], bytes], batches: list[list[EndpointValues]]
) -> Side:
    return Side(lambda: [len(body(batch)) for batch in batches], BATCHES * EVENTS)


def parsed(body: bytes) -> Any:
    """Return what a body says, whichever way it writes a time."""
    return json.loads(body, object_hook=_with_moments)


def _with_moments(members: dict[str, Any]) -> dict[str, Any]:
    return {
        key: datetime.fromisoformat(value) if key.endswith("Timestamp") else value
        for key, value in members.items()
    }
