"""Tests of the rates that a sender learns from shards that throttle."""

import pytest

from pinpoint_events.senders._shard_rates import Shard, ShardRates

HALF = 2**127
LOW, HIGH = Shard("low", 0, HALF - 1), Shard("high", HALF, 2 * HALF - 1)


def keys(rates: ShardRates, shard_id: str) -> str:
    """Return a partition key of a shard."""
    return next(key for key in map(str, range(99)) if rates.shard_of(key) == shard_id)


@pytest.fixture
def rates() -> ShardRates:
    """Return the rates of two shards."""
    found = ShardRates()
    found.know([LOW, HIGH])
    return found


class TestShardRates:
    """Only shards that throttled are sent to more slowly."""

    def test_unknown_shards(self) -> None:
        """Nothing is learned of shards that are not known."""
        rates = ShardRates()
        rates.learn(["k"], [None], 0.0)
        assert not rates.is_limiting
        assert rates.shard_of("k") is None
        assert rates.seconds_for({"k": [1] * 9_999}, 0.0) == 0.0

    def test_one_shard(self, rates: ShardRates) -> None:
        """The other is as fast as before."""
        low, high = keys(rates, "low"), keys(rates, "high")
        rates.learn([low], ["high"], 0.0)
        assert rates.seconds_for({high: [1] * 9_000}, 0.0) == 0.0
        # Half of 1,000 records a second.
        assert rates.seconds_for({low: [1] * 500}, 0.0) == pytest.approx(1.0)
        assert rates.seconds_for({low: [1] * 500}, 1.0) == pytest.approx(1.0)

    def test_bytes(self, rates: ShardRates) -> None:
        """Bytes count as well: half of 1 MB a second."""
        low = keys(rates, "low")
        rates.learn([low], [], 0.0)
        assert rates.seconds_for({low: [1_000_000]}, 0.0) == pytest.approx(2.0)

    def test_pause(self, rates: ShardRates) -> None:
        """It saves up no more than a second's worth."""
        low = keys(rates, "low")
        rates.learn([low], [], 0.0)
        assert rates.seconds_for({low: [1] * 500}, 99.0) == 0.0
        assert rates.seconds_for({low: [1] * 500}, 99.0) == pytest.approx(1.0)

    def test_recovers(self, rates: ShardRates) -> None:
        """Each answer without throttling speeds it up, until the rate is dropped."""
        low = keys(rates, "low")
        rates.learn([low, low], [], 0.0)
        for _ in range(15):
            rates.learn([], ["low", None, "other"], 1.0)
        assert rates.is_limiting
        rates.learn([], ["low"], 1.0)
        assert not rates.is_limiting

    def test_least(self, rates: ShardRates) -> None:
        """It never stops."""
        low = keys(rates, "low")
        for _ in range(99):
            rates.learn([low], [], 0.0)
        assert rates.seconds_for({low: [1]}, 0.0) == pytest.approx(0.064)

    def test_resharded(self, rates: ShardRates) -> None:
        """What is no longer open has no rate."""
        low = keys(rates, "low")
        rates.learn([low], [], 0.0)
        assert rates.has([None, "low", "high"])
        assert not rates.has(["new"])
        rates.know([Shard("new", 0, 2 * HALF - 1)])
        assert not rates.is_limiting
        assert rates.shard_of(low) == "new"

    def test_debt(self, rates: ShardRates) -> None:
        """Calls that were counted and not made do not add up without end."""
        low = keys(rates, "low")
        for _ in range(99):
            rates.learn([low], [], 0.0)
        waits = [rates.seconds_for({low: [1] * 500}, 0.0) for _ in range(99)]
        assert waits[-1] == pytest.approx(10.0)
        assert rates.seconds_for({low: [1]}, 11.0) == 0.0

    def test_forgotten(self, rates: ShardRates) -> None:
        """Without a list of shards there are no rates."""
        low = keys(rates, "low")
        rates.learn([low], [], 0.0)
        rates.know([])
        assert not rates.is_limiting
        assert rates.shard_of(low) is None
