"""The limits of an endpoint."""

from typing import Final

import attrs

__all__ = ["MAX_HEADERS", "MAX_HEAD_BYTES", "Limits"]

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_HEADERS: Final = 100


@attrs.frozen(kw_only=True)
class Limits:
    """
    The limits of an endpoint; see `create_app`.

    Attributes:
        body_bytes: Size of the body of a call of PutEvents.
        workers: Calls that are processed at a time.
        waiting: Further calls that may wait at a time.
        connections: Clients that may be connected at a time.
        head_seconds: How long the head of a request may take to arrive.
        body_seconds: How long the body of a call may take to arrive.
        body_bytes_per_second: How fast it must arrive, after 5 seconds.
        unproven: Calls that may arrive at a time before their signature is checked.
        idle_seconds: How long a connection is kept without a request.
        call_seconds: How long a call may wait until its sender is called.
        stop_seconds: How long the end of the endpoint may take.
        min_free_bytes: The least room on the disk of a store to be ready.
    """

    body_bytes: int
    workers: int
    waiting: int
    connections: int
    head_seconds: float
    body_seconds: float
    body_bytes_per_second: int
    unproven: int
    idle_seconds: float
    call_seconds: float
    stop_seconds: float
    min_free_bytes: int
