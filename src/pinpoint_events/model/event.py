"""
Events and sessions.

The members and their meaning are the service's: Amazon Pinpoint API reference, `Event`
and `Session`.
"""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, final

import attrs

from pinpoint_events.model import _converters as to
from pinpoint_events.model._immutable import FrozenMap, Immutable, Refused
from pinpoint_events.model._registration import compiled_as
from pinpoint_events.problems import Problem, ProblemCode

__all__ = ["Event", "Session"]

_MILLISECOND: Final = timedelta(milliseconds=1)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class Session(Immutable):
    """
    A period of use, from opening the app to leaving it.

    Times are a `datetime` with a time zone or an ISO 8601 string; they are kept in UTC,
    truncated to milliseconds.

    Attributes:
        id: Your id of the session; not empty.
        start_timestamp: When it began.
        stop_timestamp: When it ended, not before it began; None while it lasts.
        duration: Its length in whole milliseconds; a `timedelta` is accepted. Derived
            when there is a stop time and no duration. The service rejects a duration
            that is not exactly stop minus start, and a stop without a duration.

    Raises:
        ValidationError: With all problems of the arguments.
    """

    id: str = attrs.field(converter=to.required_text)
    start_timestamp: datetime = attrs.field(converter=to.time)
    stop_timestamp: datetime | None = attrs.field(
        default=None, converter=to.optional_time
    )
    duration: int | None = attrs.field(default=None, converter=to.duration)

    _rule_kept_if: ClassVar = ("stop_timestamp",)

    def _broken_rule(self) -> Problem | None:
        if self.stop_timestamp is None:
            return None
        # Any: each may be `Refused`, which a finished session never holds.
        start: Any = self.start_timestamp
        stop: Any = self.stop_timestamp
        duration: Any = self.duration
        if type(stop) is Refused or type(start) is Refused:
            return None
        length = (stop - start) // _MILLISECOND
        if length < 0:
            return Problem(
                ProblemCode.STOP_BEFORE_START,
                ("stop_timestamp",),
                actual=-length,
                unit="ms",
            )
        if duration is None:
            # On a draft, which is not frozen yet.
            self.duration = length  # type: ignore[misc]
        elif type(duration) is not Refused and duration != length:
            return Problem(
                ProblemCode.DURATION_MISMATCH,
                ("duration",),
                actual=duration,
                allowed=length,
                unit="ms",
            )
        return None


def _session(value: Session | None) -> Session | None:
    return None if value is None else to.instance_of(Session, value)


compiled_as("optional_model", _session)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class Event(Immutable):
    """
    Something that happened.

    Its id is not part of it: it is the event's key in a request.

    Attributes:
        event_type: Its name; not empty. May be given by position. Names that begin with
            an underscore are reserved by the service (`_session.start` and others);
            `pinpoint_events.events` builds some of them.
        timestamp: When it happened; now, if left out. A `datetime` with a time zone or
            an ISO 8601 string; kept in UTC, truncated to milliseconds.
        attributes: Name to text.
        metrics: Name to number: finite, ints within +-2**53, and ints stay ints.
        session: The session in which it happened.
        client_sdk_version: Version of the SDK that runs on the client's device.
        app_package_name: Package name of the app that records the event.
        app_title: Its title.
        app_version_code: Its version number.
        sdk_name: Name of the SDK that records the event.

    Raises:
        ValidationError: With all problems of the arguments.
    """

    event_type: str = attrs.field(converter=to.required_text, kw_only=False)
    timestamp: datetime = attrs.field(factory=to.now, converter=to.time)
    attributes: FrozenMap[str] = attrs.field(default=to.NO_TEXT, converter=to.text_map)
    metrics: FrozenMap[int | float] = attrs.field(
        default=to.NO_NUMBERS, converter=to.number_map
    )
    session: Session | None = attrs.field(default=None, converter=_session)
    client_sdk_version: str | None = attrs.field(default=None, converter=to.text)
    app_package_name: str | None = attrs.field(default=None, converter=to.text)
    app_title: str | None = attrs.field(default=None, converter=to.text)
    app_version_code: str | None = attrs.field(default=None, converter=to.text)
    sdk_name: str | None = attrs.field(default=None, converter=to.text)
