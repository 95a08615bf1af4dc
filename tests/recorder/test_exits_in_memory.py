"""What is delivered when a process ends that has its events in memory."""

import pytest
from tests.commands import needs_posix
from tests.recorder.endings import (
    ALL,
    EVENTS,
    EXIT_SECONDS,
    LOST,
    MEMORY,
    NOTHING,
    SLACK_SECONDS,
    WAYS,
    Endpoint,
    aws,
    check,
    delivered_of,
    endpoint,
    keys,
    nowhere,
    run,
    settings,
)

__all__ = ["aws", "endpoint", "keys"]

pytestmark = needs_posix


class TestMemory:
    """With `spool=None` what the end does not deliver is lost."""

    @pytest.mark.parametrize("way", [way for way in WAYS if way in MEMORY])
    def test_ends(self, way: str, endpoint: Endpoint) -> None:
        """What is not delivered by the end is lost."""
        ending = MEMORY[way]
        ended = run(way, settings(endpoint.url, None))
        check(ended, way)
        assert endpoint.arrived == delivered_of(ending, way)
        assert ending.after == (LOST if ending.at_once == NOTHING else ALL)

    def test_server_is_away(self) -> None:
        """Events are dropped after `exit_seconds`; `on_dropped` is called for each."""
        ended = run("waits", settings(nowhere(), None, exit_seconds=EXIT_SECONDS))
        check(ended, "waits")
        assert ended.said == [f"dropped {EVENTS} exit"]
        assert ended.seconds <= EXIT_SECONDS + SLACK_SECONDS
