"""
Processes that record are killed at random: see `crashes.py`.

They run only if `PINPOINT_EVENTS_CRASH_KILLS` says how many, of each destination;
`PINPOINT_EVENTS_CRASH_SEED` says in which way. `nox -s crashes` kills 10, which takes a
quarter of a minute; 100 take three.
"""

import os
import random
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.commands import needs_posix
from tests.recorder.crashes import DESTINATIONS, crash

KILLS: Final = int(os.environ.get("PINPOINT_EVENTS_CRASH_KILLS") or 0)
SEED: Final = int(
    os.environ.get("PINPOINT_EVENTS_CRASH_SEED") or random.randrange(10**6)
)


@pytest.mark.skipif(not KILLS, reason="PINPOINT_EVENTS_CRASH_KILLS is not set")
@needs_posix
class TestCrashes:
    """Each event that `record()` has returned for arrives, whatever is killed."""

    @pytest.mark.parametrize("name", DESTINATIONS)
    def test_kills(
        self, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """None is lost, the books balance, and what arrives again has the same id."""

        def show(line: str) -> None:
            with capsys.disabled():
                sys.stdout.write(f"\n{line}")
                sys.stdout.flush()

        assert crash(name, KILLS, SEED, tmp_path, show) == []
