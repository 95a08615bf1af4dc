"""Tests of the time to sign with."""

import pytest

from pinpoint_events.aws.clock import Clock
from pinpoint_events.errors import ForbiddenError
from tests.fake_time import FakeTime


class TestClock:
    """The clock is corrected from an answer that refuses its time."""

    DATE = "Mon, 21 Sep 2026 12:00:00 GMT"
    SECONDS = 1_789_992_000.0

    @pytest.mark.parametrize(
        "code",
        [
            "RequestTimeTooSkewed",
            "RequestExpired",
            "RequestInTheFuture",
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
        ],
    )
    def test_is_corrected(self, code: str) -> None:
        """The service's time counts, and goes on as ours does."""
        time = FakeTime()
        time.seconds = self.SECONDS - 80_000
        clock = Clock(time.now)
        assert clock.is_corrected_by(ForbiddenError(403, code), self.DATE)
        time.seconds += 5
        assert clock.now() == self.SECONDS + 5

    def test_is_corrected_back(self) -> None:
        """It may be this machine that is set right meanwhile."""
        time = FakeTime()
        time.seconds = self.SECONDS - 80_000
        clock = Clock(time.now)
        skewed = ForbiddenError(403, "RequestTimeTooSkewed")
        assert clock.is_corrected_by(skewed, self.DATE)
        time.seconds = self.SECONDS
        assert clock.is_corrected_by(skewed, self.DATE)
        assert clock.now() == self.SECONDS

    @pytest.mark.parametrize("apart", [-86_400.0, 86_400.0])
    def test_is_corrected_by_a_day_at_most(self, apart: float) -> None:
        """One answer with another century must not make all signatures wrong."""
        skewed = ForbiddenError(403, "RequestTimeTooSkewed")
        time = FakeTime()
        time.seconds = self.SECONDS + apart * 1.01
        clock = Clock(time.now)
        assert not clock.is_corrected_by(skewed, self.DATE)
        assert clock.now() == time.seconds
        time.seconds = self.SECONDS + apart
        assert clock.is_corrected_by(skewed, self.DATE)
        assert clock.now() == self.SECONDS

    @pytest.mark.parametrize("apart", [-240.0, 240.0])
    def test_is_left_where_it_is_near(self, apart: float) -> None:
        """Signatures are refused for other reasons, too, and four minutes are far."""
        refused = ForbiddenError(403, "SignatureDoesNotMatch")
        time = FakeTime()
        time.seconds = self.SECONDS + apart * 0.99
        assert not Clock(time.now).is_corrected_by(refused, self.DATE)
        time.seconds = self.SECONDS + apart
        assert Clock(time.now).is_corrected_by(refused, self.DATE)

    @pytest.mark.parametrize(
        "code, date",
        [
            ("AccessDeniedException", DATE),
            ("RequestExpired", None),
            ("RequestExpired", "yesterday"),
            ("RequestExpired", "Mon, 21 Sep 99999999999999999999 12:00:00 GMT"),
        ],
    )
    def test_is_left_without_reason(self, code: str, date: str | None) -> None:
        """Other refusals and unreadable dates say nothing about it."""
        time = FakeTime()
        clock = Clock(time.now)
        assert not clock.is_corrected_by(ForbiddenError(403, code), date)
        assert clock.now() == time.seconds
