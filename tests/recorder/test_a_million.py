"""A spool in which a million events wait opens at once, and takes little memory."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from tests.commands import environment, takes_long
from tests.samples import ROOT, event

from pinpoint_events import (
    EventsRequest,
    EventsResponse,
    MemorySender,
    Recorder,
    TransportError,
)

EVENTS: Final = 1_000_000
DELIVERED: Final = 20_000
COPY: Final = """
WITH RECURSIVE number (n) AS (
    SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?
)
INSERT INTO item (endpoint_id, event_id, json, recorded_at)
SELECT endpoint_id, 'event-' || n, json, recorded_at
FROM number, (SELECT * FROM item LIMIT 1)
"""
PROGRAM: Final = """
import json, sys, time
from pinpoint_events import Event, Recorder
from tests.recorder.endurance import held

to, spool, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
before = held().memory_bytes
began = time.monotonic()
recorder = Recorder(f"sqlite:///{to}", spool=spool, max_bytes=2**40)
recorder.record("e", Event("last"))
recorded = recorder.stats().recorded
took = time.monotonic() - began
while recorder.stats().delivered < wanted:
    recorder.flush(0.1)
grown = held().memory_bytes - before
recorder.close(0)
stats = recorder.stats()
print(json.dumps([took, recorded, grown, stats.delivered + stats.pending]))
"""


def away(_: EventsRequest) -> EventsResponse:
    """Answer nothing."""
    raise TransportError("the network is down", is_retry_safe=True)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux shows it so")
@takes_long
def test_opens_at_once(tmp_path: Path) -> None:
    """It takes less than a second to record, and the events are read bit by bit."""
    spool = tmp_path / "spool.db"
    first = Recorder(MemorySender(answer=away), spool=spool)
    first.record("e", event())
    first.close(0)
    with closing(sqlite3.connect(spool)) as connection, connection:
        connection.execute(COPY, (EVENTS,))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "events.db", spool, str(DELIVERED)],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        timeout=120,
        check=True,
    )
    took, recorded, grown, counted = json.loads(done.stdout)
    assert took < 1.0
    assert recorded == counted == EVENTS + 2
    assert grown < 40_000_000
