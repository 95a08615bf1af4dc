"""
Delivering before AWS Lambda freezes the process.

Between two invocations Lambda stops the process, and may end it without continuing it.
What waits in the spool then is delivered by the next invocation in the same
environment, if there is one. So a handler flushes before it returns, within the time
that it has.
"""

from typing import Any, Final, Protocol

from pinpoint_events.errors import ConfigurationError
from pinpoint_events.recorder.api import Recorder

__all__ = ["LambdaContext", "flush_in_time"]

_MARGIN_SECONDS: Final = 0.5
_MOST_SECONDS: Final = 900.0  # the longest timeout of a function; AWS Lambda quotas


class LambdaContext(Protocol):
    """What is used of the object that AWS Lambda passes to a handler."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the invocation is ended."""
        ...


def flush_in_time(
    recorder: Recorder,
    context: LambdaContext,
    *,
    margin_seconds: float = _MARGIN_SECONDS,
) -> bool:
    """
    Deliver what was recorded, within the time that an invocation has left.

    Call it at the end of a handler, in a `finally` block. What is not delivered stays
    in the spool.

        >>> from pinpoint_events import Event, MemorySender, Recorder
        >>> from pinpoint_events.recorder import flush_in_time
        >>> recorder = Recorder(MemorySender(), spool=None)
        >>> def handler(event, context):
        ...     try:
        ...         recorder.record(event["user"], Event("tapped"))
        ...     finally:
        ...         flush_in_time(recorder, context)

    Args:
        recorder: The recorder, kept from one invocation to the next.
        context: What Lambda passes to the handler.
        margin_seconds: How much of the time to leave for what the handler still does.

    Returns:
        Whether nothing is pending.

    Raises:
        ConfigurationError: If an argument is of another type, or `margin_seconds` is
            out of range.
    """
    given: Any = recorder
    if not isinstance(given, Recorder):
        raise ConfigurationError(
            f"recorder is of type {type(given).__qualname__}; pass a Recorder"
        )
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    if not callable(remaining):
        raise ConfigurationError(
            f"context is of type {type(context).__qualname__}; pass the one that AWS "
            "Lambda passes to the handler"
        )
    margin: Any = margin_seconds
    if (
        not isinstance(margin, int | float)
        or isinstance(margin, bool)
        or not 0 <= margin <= _MOST_SECONDS
    ):
        raise ConfigurationError(
            f"margin_seconds is no number from 0 to {_MOST_SECONDS:g}"
        )
    return recorder.flush(max(0.0, remaining() / 1000 - margin))
