"""Tests of events and sessions: the rules that are theirs."""

from datetime import timedelta
from typing import Any

import attrs
import pytest

from pinpoint_events.model.event import Event, Session
from tests.samples import EVENT, NOON, SESSION, event, facts_of


def session(**members: Any) -> Session:
    """Return a session that began at noon."""
    return Session(id="s-1", start_timestamp=NOON, **members)


class TestEvent:
    """An event has a type, a time, and what else is known of it."""

    def test_type_by_position_or_name(self) -> None:
        """Its type is the one argument that needs no name."""
        assert Event("tapped", timestamp=NOON) == Event(
            event_type="tapped", timestamp=NOON
        )

    def test_defaults(self) -> None:
        """Members that are not given are None; mappings are empty, and not None."""
        assert attrs.asdict(event(), recurse=False) == {
            "event_type": "tapped",
            "timestamp": NOON,
            "attributes": {},
            "metrics": {},
            "session": None,
            "client_sdk_version": None,
            "app_package_name": None,
            "app_title": None,
            "app_version_code": None,
            "sdk_name": None,
        }

    def test_members(self) -> None:
        """All members are kept as they were given."""
        assert attrs.asdict(EVENT, recurse=False) == {
            "event_type": "catalog.item_viewed",
            "timestamp": NOON,
            "attributes": {"item": "sku-17", "note": ""},
            "metrics": {"price": 12.5, "position": 3},
            "session": SESSION,
            "client_sdk_version": "0.1.0",
            "app_package_name": "com.example.shop",
            "app_title": "Shop",
            "app_version_code": "420",
            "sdk_name": "example-sender",
        }

    def test_each_has_its_own_time(self) -> None:
        """The default is the time of each event, and not that of the first."""
        first, second = Event("a"), Event("b")
        assert first.timestamp is not second.timestamp

    def test_knows_no_quotas(self) -> None:
        """However much it holds, an event is one; quotas are checked elsewhere."""
        huge = {f"{number:0100}": "v" * 1_000 for number in range(1_000)}
        assert event(attributes=huge).attributes == huge


class TestSession:
    """A session lasts from its start to its stop, and no other time."""

    def test_ongoing(self) -> None:
        """Without a stop it still runs, and has no duration unless one is given."""
        assert session().duration is None
        assert session(duration=5).duration == 5
        assert session(duration=5).stop_timestamp is None

    @pytest.mark.parametrize(
        "length, milliseconds",
        [
            (timedelta(0), 0),
            (timedelta(milliseconds=1), 1),
            (timedelta(microseconds=1_999), 1),
            (timedelta(days=20_000), 1_728_000_000_000),
        ],
        ids=range(4),
    )
    def test_duration_is_derived(self, length: timedelta, milliseconds: int) -> None:
        """With a stop and no duration, it is stop minus start, in milliseconds."""
        assert session(stop_timestamp=NOON + length).duration == milliseconds
        assert (
            session(stop_timestamp=NOON + length, duration=None).duration
            == milliseconds
        )

    @pytest.mark.parametrize("duration", [20_008, timedelta(milliseconds=20_008)])
    def test_duration_that_agrees(self, duration: int | timedelta) -> None:
        """A duration that is given must be exactly the difference."""
        stop = NOON + timedelta(milliseconds=20_008)
        assert session(stop_timestamp=stop, duration=duration).duration == 20_008

    def test_times_are_truncated_before_they_are_compared(self) -> None:
        """From .1159 to .1231 are 8 ms, as .115 and .123 are what is sent."""
        built = Session(
            id="s",
            start_timestamp=NOON.replace(microsecond=115_900),
            stop_timestamp=NOON.replace(microsecond=123_100),
            duration=8,
        )
        assert built.duration == 8

    def test_text_across_zones(self) -> None:
        """Start and stop may be given in different zones."""
        built = Session(
            id="s",
            start_timestamp="2026-09-21T12:00:00Z",
            stop_timestamp="2026-09-21T14:00:01+02:00",
        )
        assert built.duration == 1_000

    @pytest.mark.parametrize("duration", [20_007, 20_009, 0])
    def test_duration_that_disagrees(self, duration: int) -> None:
        """One millisecond off is what the service refuses too."""
        stop = NOON + timedelta(milliseconds=20_008)
        assert facts_of(lambda: session(stop_timestamp=stop, duration=duration)) == [
            f"duration: duration_mismatch {duration} > 20008 ms"
        ]

    @pytest.mark.parametrize("duration", [None, 5])
    def test_stop_before_start(self, duration: int | None) -> None:
        """It is one problem, whatever the duration."""
        stop = NOON - timedelta(milliseconds=1)
        assert facts_of(lambda: session(stop_timestamp=stop, duration=duration)) == [
            "stop_timestamp: stop_before_start 1 ms"
        ]

    def test_faulty_members_are_not_compared(self) -> None:
        """Each is its own problem; an invalid time has no difference to check."""
        loose: Any = Session
        found = [
            facts_of(lambda: loose(id="s", start_timestamp="?", stop_timestamp=NOON)),
            facts_of(lambda: loose(id="s", start_timestamp=NOON, stop_timestamp="?")),
            facts_of(lambda: session(stop_timestamp=NOON, duration="?")),
            facts_of(
                lambda: loose(
                    id="", start_timestamp=NOON, stop_timestamp=NOON, duration=1
                )
            ),
        ]
        assert found == [
            ["start_timestamp: not_iso_8601"],
            ["stop_timestamp: not_iso_8601"],
            ["duration: wrong_type str not duration"],
            ["id: empty", "duration: duration_mismatch 1 > 0 ms"],
        ]

    def test_evolve_with_another_stop(self) -> None:
        """The old duration disagrees then; None has it derived again."""
        longer = attrs.evolve(
            SESSION, stop_timestamp=NOON + timedelta(1), duration=None
        )
        assert longer.duration == 86_420_008
