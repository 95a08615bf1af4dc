"""What is delivered when a process ends that has its events in memory."""

import pytest
from tests.commands import needs_posix, takes_long
from tests.recorder.endings import (
    ALL,
    AT_ONCE,
    DEFAULT,
    EVENTS,
    EXIT_SECONDS,
    LOST,
    MEMORY,
    NOTHING,
    WAYS,
    Endpoint,
    aws,
    check,
    check_waits,
    delivered_of,
    endpoint,
    in_time,
    keys,
    most_seconds,
    nowhere,
    run,
    settings,
    silent,
)

__all__ = ["aws", "endpoint", "keys"]

pytestmark = needs_posix


@takes_long
class TestMemory:
    """With `spool=None` what the end does not deliver is lost."""

    @pytest.mark.parametrize("way", [way for way in WAYS if way in MEMORY])
    def test_ends(self, way: str, endpoint: Endpoint) -> None:
        """What is not delivered by the end is lost."""
        ending = MEMORY[way]
        ended = run(way, settings(endpoint.url, None))
        check(ended, way)
        assert endpoint.arrived == delivered_of(ending, way)
        assert ended.seconds <= most_seconds(ending)
        if ending.takes == AT_ONCE:
            check_waits(ended, way, 0.0)
        assert ending.after == (LOST if ending.at_once == NOTHING else ALL)

    @pytest.mark.parametrize("way", in_time(MEMORY))
    def test_ends_in_time(self, way: str) -> None:
        """The end of each waits for the default of `exit_seconds`, and drops all."""
        with silent() as url:
            ended = run(way, settings(url, None, exit_seconds=None))
        check(ended, way)
        check_waits(ended, way, EXIT_SECONDS)
        assert min(ended.waits) >= EXIT_SECONDS

    def test_several(self) -> None:
        """Several recorders of a process end together, in the time of one."""
        with silent() as url:
            ended = run("several", settings(url, None, exit_seconds=None))
        check(ended, "several")
        check_waits(ended, "several", EXIT_SECONDS)
        assert min(ended.waits) >= EXIT_SECONDS

    def test_server_is_away(self) -> None:
        """Events are dropped after `exit_seconds`; `on_dropped` is called for each."""
        ended = run("waits", settings(nowhere(), None, exit_seconds=None))
        check(ended, "waits")
        assert MEMORY["away"][1:] == (NOTHING, LOST, DEFAULT)
        assert ended.said == [f"dropped {EVENTS} exit"]
        check_waits(ended, "waits", EXIT_SECONDS)
        assert min(ended.waits) >= EXIT_SECONDS
        assert ended.seconds <= most_seconds(MEMORY["away"])

    def test_handlers_that_raise(self, endpoint: Endpoint) -> None:
        """A handler that raises within `record()` leaves no lock behind."""
        ended = run("interrupted_often", settings(endpoint.url, None))
        # What is raised in the callback of a weak reference Python writes, and drops.
        assert ended.code == 0
        (count,) = map(int, ended.said)
        assert {str(number) for number in range(count)} <= endpoint.arrived

    def test_handler_that_raises_at_first(self, endpoint: Endpoint) -> None:
        """One that raises while the thread begins leaves a recorder that delivers."""
        ended = run("interrupted_at_first", settings(endpoint.url, None))
        assert ended.code == 0
        assert ended.said == ["0"]
