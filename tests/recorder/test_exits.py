"""
What is delivered when a process ends, in every way in which one can.

The processes are real, and so is the endpoint. `docs/exits.md` has the results.
"""

import json
import os
import signal
import sqlite3
from contextlib import closing
from inspect import signature
from pathlib import Path

import pytest
from tests.commands import needs_posix, takes_long
from tests.recorder.endings import (
    ALL,
    AT_ONCE,
    CLOSE_SECONDS,
    DEFAULT,
    EVENTS,
    EXIT_SECONDS,
    FILE,
    MEMORY,
    NO_END,
    NOTHING,
    PART,
    SLACK_SECONDS,
    TIME_LEFT,
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
    names_of,
    next_process,
    nowhere,
    recorded,
    rows,
    run,
    serving,
    settings,
    silent,
    spool,
    started,
    until,
    wait_for,
)

from pinpoint_events import ItemCounts, Recorder
from pinpoint_events.server import Delay

__all__ = ["aws", "endpoint", "keys", "spool"]

pytestmark = needs_posix


@takes_long
class TestFile:
    """With a file, nothing is lost."""

    @pytest.mark.parametrize("way", WAYS)
    def test_ends(self, way: str, endpoint: Endpoint, spool: Path) -> None:
        """What is not delivered at once is delivered by the next process."""
        ending = FILE[way]
        ended = run(way, settings(endpoint.url, spool))
        check(ended, way)
        assert endpoint.arrived == delivered_of(ending, way)
        assert ended.seconds <= most_seconds(ending)
        if ending.takes == AT_ONCE:
            check_waits(ended, way, 0.0)

        stats = next_process(endpoint, spool)
        everything = recorded(*names_of(way))
        assert endpoint.arrived == everything
        assert endpoint.doubles == 0
        assert (stats.recorded, stats.delivered) == (len(everything), len(everything))

    @pytest.mark.parametrize("way", in_time(FILE))
    def test_ends_in_time(self, way: str, endpoint: Endpoint, spool: Path) -> None:
        """The end waits for the default of `exit_seconds`, if no answer comes."""
        with silent() as url:
            ended = run(way, settings(url, spool, exit_seconds=None))
        check(ended, way)
        check_waits(ended, way, EXIT_SECONDS)
        assert max(ended.waits) >= EXIT_SECONDS
        next_process(endpoint, spool)
        assert endpoint.arrived == recorded(*names_of(way))

    def test_finalizer_alone(self, endpoint: Endpoint, spool: Path) -> None:
        """The first events may be those of a `__del__`: no error, and no wait."""
        ended = run("finalizer_alone", settings(endpoint.url, spool))
        check(ended, "finalizer_alone")
        assert ended.said == ["False"]  # not delivered
        check_waits(ended, "finalizer_alone", 0.0)
        assert ended.seconds <= SLACK_SECONDS

    def test_next_process(self, endpoint: Endpoint, spool: Path) -> None:
        """The next process need record nothing: it starts, and may flush."""
        run("killed", settings(endpoint.url, spool))
        ended = run("next_one", settings(endpoint.url, spool))
        assert json.loads(ended.said[-1]) == [True, EVENTS, EVENTS, 0]
        assert endpoint.arrived == recorded("parent")

    def test_server_is_away(self, endpoint: Endpoint, spool: Path) -> None:
        """The end waits for `exit_seconds`, and keeps all events."""
        ended = run("waits", settings(nowhere(), spool, exit_seconds=None))
        check(ended, "waits")
        assert FILE["away"][1:] == (NOTHING, ALL, DEFAULT)
        check_waits(ended, "waits", EXIT_SECONDS)
        assert ended.seconds <= most_seconds(FILE["away"])
        next_process(endpoint, spool)
        assert endpoint.arrived == recorded("parent")

    def test_server_is_slow(self, spool: Path) -> None:
        """The end waits for `exit_seconds`; answers that come later are missed."""
        with serving(Delay(seconds=0.4)) as endpoint:
            env = settings(endpoint.url, spool, exit_seconds=None)
            ended = run("waits", env)
            check(ended, "waits")
            check_waits(ended, "waits", EXIT_SECONDS)
            assert ended.seconds <= most_seconds(FILE["slow"])
            # Ten requests take 4 s.
            assert FILE["slow"][1:] == (PART, ALL, DEFAULT)
            assert 0 < len(endpoint.arrived) < EVENTS
            endpoint.app.faults.clear()
            next_process(endpoint, spool)
            assert endpoint.arrived == recorded("parent")
            # The request that was not answered in time is sent again.
            assert endpoint.doubles <= 100


@takes_long
class TestLambda:
    """AWS Lambda stops the process between two invocations."""

    @pytest.mark.parametrize("requests", [0, 2])
    def test_freeze(self, requests: int, spool: Path) -> None:
        """A process that is stopped, in the middle of a delivery too, goes on."""
        with (
            serving(Delay(seconds=0.05)) as endpoint,
            started("handler", settings(endpoint.url, spool)) as process,
        ):
            assert process.stdout is not None
            assert process.stdout.readline() == "returned\n"
            until(lambda: len(endpoint.sender.requests) >= requests)
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            assert counts(spool).pending > 0

            process.send_signal(signal.SIGCONT)
            until(lambda: counts(spool).pending == 0)
            ended = wait_for(process)
        check(ended, "handler")
        assert FILE["frozen"][1:] == (ALL, ALL, NO_END)
        assert endpoint.arrived == delivered_of(FILE["frozen"], "handler")
        assert counts(spool) == ItemCounts(recorded=EVENTS, delivered=EVENTS)

    def test_flush_in_time(self, endpoint: Endpoint, spool: Path) -> None:
        """A handler that flushes leaves nothing behind."""
        env = settings(endpoint.url, spool)
        ended = run("flushes", {**env, "MILLISECONDS": "30000"})
        assert ended.said == ["true"]
        assert FILE["flushes"][1:] == (ALL, ALL, TIME_LEFT)
        assert endpoint.arrived == delivered_of(FILE["flushes"], "flushes")
        next_process(endpoint, spool)
        assert endpoint.doubles == 0

    def test_flush_ends_in_time(self, endpoint: Endpoint, spool: Path) -> None:
        """It ends before the time that the invocation has left."""
        env = settings(nowhere(), spool)
        ended = run("flushes", {**env, "MILLISECONDS": "1500"})
        assert ended.said == ["false"]
        assert FILE["flushes"].takes == TIME_LEFT
        check_waits(ended, "flushes", 1.0)
        next_process(endpoint, spool)
        assert endpoint.arrived == recorded("parent")


class TestPage:
    """docs/exits.md."""

    def test_has_each_ending(self) -> None:
        """Each ending that is tested is a row there, as it is tested; no other is."""
        assert rows("exits.md") == [*FILE.values(), *MEMORY.values()]

    def test_has_the_defaults(self) -> None:
        """The seconds there are the defaults of the recorder."""
        default = signature(Recorder).parameters["exit_seconds"].default
        assert default == EXIT_SECONDS
        for method in (Recorder.close, Recorder.aclose):
            assert signature(method).parameters["timeout"].default == CLOSE_SECONDS


def counts(spool: Path) -> ItemCounts:
    """Return what the file says of events, in a real count of its rows."""
    with closing(sqlite3.connect(spool)) as connection:
        pending = connection.execute(
            "SELECT count(*) FROM item WHERE NOT is_settled"
        ).fetchone()[0]
        ledger = dict(
            connection.execute(
                "SELECT name, count FROM ledger WHERE subject = 'event'"
            ).fetchall()
        )
    delivered = ledger.pop("delivered", 0)
    assert ledger == {}
    return ItemCounts(
        recorded=pending + delivered, delivered=delivered, pending=pending
    )
