"""JSON texts of a store: what they merge to, and whether two mean the same."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, TypeVar

from pinpoint_events.endpoints.merge import merged
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.wire import from_json, to_json

__all__ = ["EndpointTexts", "canonical_text", "content_number"]

V = TypeVar("V")


def canonical_text(text: str) -> bytes:
    """
    Return the one text of all events that are equal to the one with this text.

    Equal events may differ in the order of their keys, and in 1 and 1.0.
    """
    data = json.loads(text, parse_float=_number)
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number


def content_number(content: bytes) -> int:
    """Return a number of 1 to 2**62 that is made from a content."""
    digest = hashlib.blake2b(content, digest_size=8).digest()
    return 1 + (int.from_bytes(digest, "big") >> 2)


class EndpointTexts:
    """
    Reads and merges endpoints by their texts, and remembers the last results.

    Most updates of an endpoint repeat an earlier one. Not safe to use from several
    threads at a time.

    Args:
        max_bytes: Characters of all texts that are remembered, about; the oldest are
            forgotten first.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._known: dict[tuple[str, ...], Any] = {}
        self._bytes = 0

    def endpoint(self, text: str) -> Endpoint:
        """
        Return the endpoint that a text represents.

        Raises:
            ValidationError: If it represents none.
        """
        return self._remembered(
            (text,), lambda: from_json(Endpoint, text.encode()), len(text)
        )

    def merged(self, stored: str, update: str) -> str:
        """
        Return the text of the stored endpoint with the update merged into it.

        Raises:
            ValidationError: If a text represents no endpoint.
        """
        return self._remembered(
            (stored, update),
            lambda: to_json(
                merged(self.endpoint(stored), self.endpoint(update))
            ).decode(),
            len(stored) + len(update),
        )

    def _remembered(self, key: tuple[str, ...], make: Callable[[], V], size: int) -> V:
        found: V | None = self._known.get(key)
        if found is not None:
            return found
        made = make()
        # As much again for the result, which is about as long as what it is made from.
        self._bytes += 2 * size
        self._known[key] = made
        while self._bytes > self._max_bytes:
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._bytes -= 2 * sum(map(len, oldest))
        return made
