"""What is delivered when a process ends that has its events in memory."""

import pytest
from tests.commands import needs_posix
from tests.recorder.endings import (
    ALL,
    LOST,
    MEMORY,
    NOTHING,
    WAYS,
    Endpoint,
    aws,
    check,
    delivered_of,
    endpoint,
    keys,
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
