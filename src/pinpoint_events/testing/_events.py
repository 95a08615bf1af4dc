"""Strategies for events and sessions."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from pinpoint_events.model.event import Event, Session
from pinpoint_events.quotas import Quotas
from pinpoint_events.testing._objects import Given, Strategies, built, fitted, sized
from pinpoint_events.testing._quotas import fitted_event
from pinpoint_events.testing._values import (
    ANY_NAME,
    ANY_TEXT,
    ANY_TIME,
    either,
    integers,
    optional,
)
from pinpoint_events.testing._values import (
    attributes as event_attributes,
)
from pinpoint_events.testing._values import (
    metrics as any_metrics,
)

__all__ = ["events", "sessions"]


def sessions(
    *,
    ids: SearchStrategy[str] | None = None,
    start_timestamps: SearchStrategy[datetime] | None = None,
    stop_timestamps: SearchStrategy[datetime | None] | None = None,
    durations: SearchStrategy[int | timedelta | None] | None = None,
) -> SearchStrategy[Session]:
    """
    Any session. By default each member has any valid value.

    Args:
        ids: Ids, not empty.
        start_timestamps: Times with a time zone.
        stop_timestamps: Times with a time zone, or None for a session that has not
            ended. An example with a stop before its start is rejected.
        durations: Milliseconds of a session that has not ended; for one that has, the
            class computes them.
    """
    return _sessions(
        either(ids, ANY_NAME),
        either(start_timestamps, ANY_TIME),
        stop_timestamps,
        _DURATION if durations is None else durations,
    )


@st.composite
def _sessions(
    draw: DrawFn,
    ids: SearchStrategy[str],
    starts: SearchStrategy[datetime],
    stops: SearchStrategy[datetime | None] | None,
    durations: SearchStrategy[int | timedelta | None],
) -> Session:
    start = draw(starts)
    if stops is None:
        after = draw(_AFTER)
        stop = None if after is None else _later(start, after)
    else:
        stop = draw(stops)
    assume(stop is None or start <= stop)
    return Session(
        id=draw(ids),
        start_timestamp=start,
        stop_timestamp=stop,
        duration=draw(durations) if stop is None else None,
    )


def _later(start: datetime, microseconds: int) -> datetime:
    """Return the time this long after the start, in the year 9999 at the latest."""
    first = start.astimezone(UTC)
    return first + min(timedelta(microseconds=microseconds), _LAST - first)


_LAST: Final = datetime.max.replace(tzinfo=UTC)
_TEN_THOUSAND_YEARS: Final = timedelta(days=3_652_500) // timedelta(microseconds=1)

# From start to stop, in microseconds: the same millisecond, the next, or any other.
_AFTER: Final = st.one_of(
    st.none(),
    st.sampled_from([0, 1, 999, 1000]),
    st.integers(0, _TEN_THOUSAND_YEARS),
)
_DURATION: Final = optional(integers(min_value=0))

_EVENT_TYPE: Final = ANY_NAME | st.sampled_from(
    ["_session.start", "_session.stop", "_monetization.purchase", "a/b"]
)
_EVENT: Final[Strategies] = {
    "attributes": event_attributes(),
    "metrics": any_metrics(),
    "session": sessions(),
    "client_sdk_version": ANY_TEXT,
    "app_package_name": ANY_TEXT,
    "app_title": ANY_TEXT,
    "app_version_code": ANY_TEXT,
    "sdk_name": ANY_TEXT,
}


def events(
    *,
    event_types: SearchStrategy[str] | None = None,
    timestamps: SearchStrategy[datetime] | None = None,
    attributes: SearchStrategy[Mapping[str, str]] | None = None,
    metrics: SearchStrategy[Mapping[str, int | float]] | None = None,
    sessions: SearchStrategy[Session | None] | None = None,
    client_sdk_versions: SearchStrategy[str | None] | None = None,
    app_package_names: SearchStrategy[str | None] | None = None,
    app_titles: SearchStrategy[str | None] | None = None,
    app_version_codes: SearchStrategy[str | None] | None = None,
    sdk_names: SearchStrategy[str | None] | None = None,
    within: Quotas | None = None,
) -> SearchStrategy[Event]:
    """
    Any event. By default each member has any valid value, or is left out if optional.

    Some events are exactly as large as the quota, or one byte smaller or larger.

    Args:
        event_types: Types, not empty.
        timestamps: Times with a time zone. Never left out, because a test that reads
            the clock is not repeatable.
        attributes: Mappings of names to texts.
        metrics: Mappings of names to numbers.
        sessions: Sessions.
        client_sdk_versions: Versions of the SDK on the device.
        app_package_names: Package names of the app.
        app_titles: Titles of the app.
        app_version_codes: Version numbers of the app.
        sdk_names: Names of the SDK.
        within: Quotas that no event exceeds; None for no quotas.
    """
    given: Given = {
        "event_type": either(event_types, _EVENT_TYPE),
        "timestamp": either(timestamps, ANY_TIME),
        "attributes": attributes,
        "metrics": metrics,
        "session": sessions,
        "client_sdk_version": client_sdk_versions,
        "app_package_name": app_package_names,
        "app_title": app_titles,
        "app_version_code": app_version_codes,
        "sdk_name": sdk_names,
    }
    made = built(Event, _EVENT, given)
    if app_titles is None:
        limit = (within or Quotas()).event_bytes
        made = sized(made, "app_title", limit, within=within is not None)
    return made if within is None else fitted(made, partial(fitted_event, within))
