"""The time that requests are signed with: this machine's, corrected by the service."""

import logging
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final

from pinpoint_events.errors import ServiceError

__all__ = ["Clock"]

_log = logging.getLogger("pinpoint_events")

# A service may use these names for a wrong time. It refuses a signature for other
# reasons too, hence the distance; the service itself accepts five minutes.
_SKEW_CODES: Final = frozenset(
    {
        "InvalidSignatureException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
_SKEW_SECONDS: Final = 240.0
# An answer that is further off is not believed: one of them would make all later
# signatures wrong. A clock that is off by more has to be set.
_MAX_SKEW_SECONDS: Final = 86_400.0


class Clock:
    """
    The time to sign with.

    Args:
        now: Returns the seconds since 1970, by this machine's clock.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._ahead_seconds = 0.0  # of the service's clock

    def now(self) -> float:
        """Return the seconds since 1970."""
        return self._now() + self._ahead_seconds

    def is_corrected_by(self, error: ServiceError, date: str | None) -> bool:
        """
        Return whether an answer shows that the clock is wrong, and correct it.

        By a day at most.

        Args:
            error: The service's error, in the answer to a signed request.
            date: The `Date` header of that answer.
        """
        if error.code not in _SKEW_CODES or date is None:
            return False
        try:
            theirs = parsedate_to_datetime(date).timestamp()
        except (OverflowError, ValueError):
            return False
        ahead = theirs - self._now()
        if abs(theirs - self.now()) < _SKEW_SECONDS or abs(ahead) > _MAX_SKEW_SECONDS:
            return False
        self._ahead_seconds = ahead
        _log.warning(
            "clock corrected", extra={"pinpoint_events.seconds": self._ahead_seconds}
        )
        return True
