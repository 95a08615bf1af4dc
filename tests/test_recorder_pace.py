import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinpoint_events.recorder.pace import Pace

NOW = 1_000.0


def pace(random: float = 1.0) -> Pace:
    """Return a pace whose waits are as long as they get, or shortened."""
    return Pace(lambda: random)


def throttled(times: int) -> Pace:
    """Return a pace after so many requests that were too much."""
    throttled = pace()
    for _ in range(times):
        throttled.throttled(NOW)
    return throttled


class TestAtFirst:
    """Until something is wrong, nothing waits."""

    def test_no_wait(self) -> None:
        """Requests follow each other at once."""
        fresh = pace()
        fresh.sent(NOW)
        fresh.accepted()
        assert fresh.wait_seconds(NOW) == 0
        assert not fresh.is_interrupted

    @pytest.mark.parametrize("now", [-1e9, 0.0, 1e9])
    def test_any_clock(self, now: float) -> None:
        """A clock may begin anywhere."""
        assert pace().wait_seconds(now) == 0


class TestOutage:
    """Failures double the wait, up to a minute."""

    def test_doubles(self) -> None:
        """The waits of ten failures, one after the other."""
        failing = pace()
        waits = []
        for _ in range(10):
            failing.failed(NOW)
            waits.append(failing.wait_seconds(NOW))
        assert waits == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]
        assert failing.failures == 10

    def test_is_shortened_at_random(self) -> None:
        """By up to a half, so that clients do not return all at once."""
        waits = []
        for random in (0.0, 0.5, 1.0):
            failing = pace(random)
            failing.failed(NOW)
            waits.append(failing.wait_seconds(NOW))
        assert waits == [0.25, 0.375, 0.5]

    @pytest.mark.parametrize(
        "asked, wait", [(None, 0.5), (0.1, 0.5), (7.0, 7.0), (1e9, 60.0)]
    )
    def test_retry_after(self, asked: float | None, wait: float) -> None:
        """The service may ask for more, but for a minute at most."""
        failing = pace()
        failing.failed(NOW, asked)
        assert failing.wait_seconds(NOW) == wait

    def test_ends(self) -> None:
        """With an answer; the next outage begins with a short wait."""
        failing = pace()
        for _ in range(5):
            failing.failed(NOW)
        assert failing.failures == 5
        failing.answered()
        assert not failing.is_interrupted
        failing.failed(NOW)
        assert failing.wait_seconds(NOW) == 0.5

    def test_try_now(self) -> None:
        """A wait ends at once if someone asks for a delivery; the count stays."""
        failing = pace()
        failing.failed(NOW)
        failing.try_now()
        assert failing.wait_seconds(NOW) == 0
        assert failing.is_interrupted


class TestThrottling:
    """What was too much sets a rate, which recovers."""

    def test_halves(self) -> None:
        """First the service's quota, then half of the rate, down to one in 10 s."""
        waits = [throttled(times).wait_seconds(NOW) for times in range(1, 10)]
        rates = [round(1 / wait, 6) for wait in waits]
        assert rates == [
            15,
            7.5,
            3.75,
            1.875,
            0.9375,
            0.46875,
            0.234375,
            0.117188,
            0.1,
        ]

    @pytest.mark.parametrize(
        "asked, wait", [(None, 1 / 15), (0.0, 1 / 15), (7.0, 7.0), (1e9, 60.0)]
    )
    def test_retry_after(self, asked: float | None, wait: float) -> None:
        """The service may ask for more, but for a minute at most."""
        slow = pace()
        slow.throttled(NOW, asked)
        assert slow.wait_seconds(NOW) == pytest.approx(wait)

    def test_spaces_requests(self) -> None:
        """The next request waits for its turn after the last one."""
        slow = throttled(2)
        slow.sent(NOW + 10)
        assert slow.wait_seconds(NOW + 10) == pytest.approx(1 / 7.5)

    def test_recovers(self) -> None:
        """Each accepted request raises the rate, until it no longer matters."""
        slow = throttled(1)
        slow.accepted()
        slow.sent(NOW + 1)
        assert slow.wait_seconds(NOW + 1) == pytest.approx(1 / 15.25)
        for _ in range(740):
            slow.accepted()
        slow.sent(NOW + 2)
        assert slow.wait_seconds(NOW + 2) == 0

    def test_is_no_outage(self) -> None:
        """It says nothing of the service's health."""
        assert not throttled(3).is_interrupted

    def test_holds_when_asked(self) -> None:
        """Someone who asks for a delivery now does not end the wait of a rate."""
        slow = throttled(9)
        slow.failed(NOW)
        slow.try_now()
        assert slow.wait_seconds(NOW) == pytest.approx(10)


ACTS: list[Callable[[Pace, float], None]] = [
    lambda each, now: each.sent(now),
    lambda each, _: each.accepted(),
    lambda each, _: each.answered(),
    lambda each, now: each.throttled(now),
    lambda each, now: each.throttled(now, 5.0),
    lambda each, now: each.failed(now),
    lambda each, now: each.failed(now, math.inf),
    lambda each, _: each.try_now(),
]


class TestLaws:
    """Whatever happens, a wait is bounded."""

    @given(
        st.lists(st.tuples(st.sampled_from(ACTS), st.floats(0, 100))), st.floats(0, 1)
    )
    def test_bounded(
        self, acts: list[tuple[Callable[[Pace, float], None], float]], random: float
    ) -> None:
        """No wait is longer than a minute, and a wait that is over stays over."""
        any_pace = pace(random)
        now = NOW
        for act, seconds in acts:
            now += seconds
            act(any_pace, now)
            wait = any_pace.wait_seconds(now)
            assert 0 <= wait <= 60.001
            assert any_pace.wait_seconds(now + wait + 0.001) == 0
