"""
When the next request may be sent: a state machine that reads no clock and never sleeps.

Two things make it wait. An outage (no connection, 5xx, an error of any kind that is not
the items' fault) doubles a wait, up to a minute, which is shortened at random so that
clients do not return all at once. Throttling (429) sets a rate: first the service's
default quota of requests, then half of what was too much; each request that is accepted
raises the rate a little, until it is so high that it no longer matters. These are the
additive increase and multiplicative decrease of TCP's congestion control (RFC 5681).
"""

import math
from collections.abc import Callable
from typing import Final

__all__ = ["Pace"]

_BASE_SECONDS: Final = 0.5
_MAX_SECONDS: Final = 60.0
_DOUBLINGS: Final = 7  # by then a wait has its full length

# Requests a second. Amazon Pinpoint quotas, "Event ingestion quotas", read 2026-11-23.
_FIRST_RATE: Final = 15.0
_LOWEST_RATE: Final = 0.1
_INCREASE: Final = 0.25  # for each accepted request
_NO_MATTER: Final = 200.0


class Pace:
    """
    The waits between requests of one deliverer.

    Args:
        random: Returns a number from 0 up to 1.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._rate: float | None = None
        self._rate_until = -math.inf
        self._outage_until = -math.inf
        self._outage_since = math.inf
        self.failures: int = 0

    @property
    def is_interrupted(self) -> bool:
        """Whether the last request failed as a whole."""
        return self.failures > 0

    def outage_seconds(self, now: float) -> float:
        """Return for how long all requests have failed."""
        return max(0.0, now - self._outage_since)

    def wait_seconds(self, now: float) -> float:
        """Return how long to wait before the next request; 0 if it may be sent."""
        return max(0.0, self._rate_until - now, self._outage_until - now)

    def sent(self, now: float) -> None:
        """Note that a request is sent."""
        if self._rate is not None:
            self._rate_until = now + 1 / self._rate

    def answered(self) -> None:
        """Note that a request was answered: there is no outage."""
        self.failures = 0
        self._outage_since = math.inf

    def accepted(self) -> None:
        """Note that a request was answered, and that it was not too much."""
        self.answered()
        if self._rate is not None:
            self._rate += _INCREASE
            if self._rate > _NO_MATTER:
                self._rate = None

    def throttled(self, now: float, retry_after_seconds: float | None = None) -> None:
        """Note that a request, or a part of it, was too much."""
        rate = _FIRST_RATE if self._rate is None else self._rate / 2
        self._rate = max(rate, _LOWEST_RATE)
        wait = max(1 / self._rate, min(retry_after_seconds or 0.0, _MAX_SECONDS))
        self._rate_until = now + wait

    def failed(
        self,
        now: float,
        retry_after_seconds: float | None = None,
        *,
        longest_seconds: float = _MAX_SECONDS,
    ) -> None:
        """
        Note that a request failed, and not, as far as known, for a reason of its items.

        Args:
            now: When.
            retry_after_seconds: What the service asks for.
            longest_seconds: The longest wait, if the service asks for none.
        """
        if not self.failures:
            self._outage_since = now
        self.failures += 1
        wait = _BASE_SECONDS * 2 ** min(self.failures - 1, _DOUBLINGS)
        wait = min(wait, longest_seconds, _MAX_SECONDS) * (0.5 + self._random() / 2)
        wait = max(wait, min(retry_after_seconds or 0.0, _MAX_SECONDS))
        self._outage_until = now + wait

    def try_now(self) -> None:
        """End the wait of an outage: someone asks for a delivery now."""
        self._outage_until = -math.inf
