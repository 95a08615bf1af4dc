"""Strategies for the books of a recorder."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from pinpoint_events.errors import StoreErrorCode
from pinpoint_events.recorder import DropReason, ItemCounts, RecorderStats
from pinpoint_events.testing._values import either, optional

__all__ = ["item_counts", "recorder_stats"]

_MOST = 2**53


@st.composite
def item_counts(draw: st.DrawFn) -> ItemCounts:
    """Any counts of items that balance."""
    numbers = st.integers(0, 3) | st.integers(0, _MOST)
    delivered, rejected, pending = draw(st.tuples(numbers, numbers, numbers))
    some = st.integers(1, 3) | st.integers(1, _MOST)
    dropped = draw(st.dictionaries(st.sampled_from(list(map(str, DropReason))), some))
    return ItemCounts(
        recorded=delivered + rejected + pending + sum(dropped.values()),
        delivered=delivered,
        rejected=rejected,
        dropped=dropped,
        pending=pending,
    )


def recorder_stats(
    *,
    events: SearchStrategy[ItemCounts] | None = None,
    endpoints: SearchStrategy[ItemCounts] | None = None,
    spool_errors: SearchStrategy[StoreErrorCode | None] | None = None,
) -> SearchStrategy[RecorderStats]:
    """
    Any stats of a recorder; they balance.

    Args:
        events: Counts of events.
        endpoints: Counts of updates of endpoints.
        spool_errors: Why the spool's file cannot be used; None if it can.
    """
    codes = optional(st.sampled_from(StoreErrorCode))
    return st.builds(
        _stats,
        either(events, item_counts()),
        either(endpoints, item_counts()),
        either(spool_errors, codes),
    )


def _stats(
    events: ItemCounts, endpoints: ItemCounts, spool_error: StoreErrorCode | None
) -> RecorderStats:
    return RecorderStats(
        recorded=events.recorded,
        delivered=events.delivered,
        rejected=events.rejected,
        dropped=events.dropped,
        pending=events.pending,
        endpoints=endpoints,
        spool_error=spool_error,
    )
