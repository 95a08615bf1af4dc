"""Nothing leaks: see `endurance.py`; `nox -s endurance` runs it for longer."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.commands import takes_long
from tests.samples import ROOT


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux shows it so")
@takes_long
@pytest.mark.parametrize("spool", ["file", "none"])
def test_holds_no_more(spool: str) -> None:
    """Threads, handles and memory are flat over 20,000 events and 20 outages."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.recorder.endurance"),
            *("--events", "20000", "--outages", "20", "--spool", spool),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert len(done.stdout.splitlines()) == 10
