"""
Times without a zone, completed for endpoints that read them as UTC.

Python's `isoformat()` writes such texts for a `datetime` without a zone. Only the four
times of a request are completed, and only where the text is a time already: whatever is
wrong with a text otherwise stays wrong.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pinpoint_events.model._converters import is_date

__all__ = ["complete_with_utc"]


def complete_with_utc(data: Any) -> None:
    """
    Append `Z` to each time without a zone, in place.

    Args:
        data: The plain data of a request, of any form.
    """
    for batch in _objects(data, "BatchItem"):
        _complete(batch.get("Endpoint"), "EffectiveDate")
        for event in _objects(batch, "Events"):
            _complete(event, "Timestamp")
            _complete(event.get("Session"), "StartTimestamp")
            _complete(event.get("Session"), "StopTimestamp")


def _objects(data: Any, name: str) -> Iterator[dict[str, Any]]:
    """Yield the objects in a member that is itself an object of objects."""
    member = data.get(name) if isinstance(data, dict) else None
    for value in member.values() if isinstance(member, dict) else ():
        if isinstance(value, dict):
            yield value


def _complete(data: Any, name: str) -> None:
    text = data.get(name) if isinstance(data, dict) else None
    if isinstance(text, str) and not text.endswith("Z") and _is_naive(text):
        data[name] = f"{text}Z"


def _is_naive(text: str) -> bool:
    """Return whether it is a time without a zone; a date alone is no time."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return False
    return parsed.tzinfo is None and not is_date(text)
