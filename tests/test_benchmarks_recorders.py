"""The benchmark of recorders counts right, and says what it could not do."""

import base64
import gzip
import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pytest
from benchmarks.recorders import calls, losses, store
from benchmarks.recorders.calls import Lap, Measured, Shape
from benchmarks.recorders.losses import Application, Outcome, Situation, cell
from benchmarks.recorders.peers import PACKAGES, PeersError, peers_python
from benchmarks.recorders.server import Counts, answer, serials, server
from benchmarks.recorders.trackers import (
    DURABLE,
    OURS,
    PEERS,
    SEGMENT,
    VOLATILE,
    destination,
    purchases,
)

from pinpoint_events import BatchBuilder, Event, open_sender
from tests.commands import takes_long

PURCHASES = list(purchases(0, 3))
TEXT = json.dumps([each.properties() for each in PURCHASES])


class TestServer:
    """The server that all trackers send to."""

    @pytest.mark.parametrize(
        "path, encoding, body",
        [
            ("/v1/batch", "", TEXT.encode()),
            ("/batch/", "gzip", gzip.compress(TEXT.encode())),
            ("/track", "", f"data={quote(TEXT)}".encode()),
            ("/v1/traces", "", b"\x0a\x10serial-000000000\x12serial-000000001serial-2"),
        ],
    )
    def test_finds_serials(self, path: str, encoding: str, body: bytes) -> None:
        """Whatever the format around them."""
        expected = [0, 1] if path == "/v1/traces" else [0, 1, 2]
        assert serials(path, encoding, body) == expected

    def test_finds_serials_in_base64(self) -> None:
        """Snowplow's batches have each event's content in it."""
        data = [
            {"ue_px": base64.urlsafe_b64encode(each.serial.encode()).decode()}
            for each in PURCHASES
        ]
        body = json.dumps({"data": data}).encode()
        path = "/com.snowplowanalytics.snowplow/tp2"
        assert serials(path, "", body) == [0, 1, 2]

    def test_counts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Different events, repeats and requests; PutEvents is answered by item."""
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        builder = BatchBuilder()
        for each in PURCHASES:
            event = Event("purchase", attributes={"serial": each.serial})
            builder.add(each.user_id, event)
        request = builder.build()
        with server() as running:
            with open_sender(destination(running.url)) as sender:
                sender.put_events(request).raise_for_failures(request)
            body = PURCHASES[0].serial.encode()
            with urllib.request.urlopen(f"{running.url}/v1/batch", body) as response:
                assert json.load(response) == {"status": 1, "success": True}
            assert running.settled_counts() == Counts(events=3, repeats=1, requests=2)

    def test_answers(self) -> None:
        """Each protocol has its own."""
        assert answer("/v1/traces", b"") == (200, b"")
        assert answer("/2/httpapi", b"") == (200, b'{"code":200}')


class TestStore:
    """The bars between `record()` and the store."""

    @pytest.mark.parametrize("wall, holds", [(10.0, True), (10.1, False)])
    def test_rate(self, wall: float, *, holds: bool) -> None:
        """10,000 events a second, of each recorder."""
        measured = [(DURABLE, 100_000, 5.0, 8.0), (VOLATILE, 100_000, wall, 5.0)]
        table = store.sustained_table(measured)
        assert table.hold is holds
        assert ("**no**" in table.text) is not holds

    @pytest.mark.parametrize(
        "record, cpu, holds",
        [(37.5, 60.0, True), (38.0, 20.0, False), (25.0, 61.0, False)],
    )
    def test_flat_cost(self, record: float, cpu: float, *, holds: bool) -> None:
        """An event costs the same however many wait."""
        first = (1_000, 25.0, 50.0, 30.0, 20.0)
        table = store.backlog_table([first, (1_000_000, record, 50.0, 30.0, cpu)])
        assert table.hold is holds
        assert ("**no**" in table.text) is not holds

    @pytest.mark.parametrize("milliseconds, holds", [(999.0, True), (1000.0, False)])
    def test_opening(self, milliseconds: float, *, holds: bool) -> None:
        """A file is opened in less than a second."""
        table = store.opening_table([(1_000_000, milliseconds, 1.0, 1.3)])
        assert table.hold is holds
        assert ("**no**" in table.text) is not holds


class TestPeers:
    """The environment of the other trackers."""

    def test_every_package_has_a_version(self) -> None:
        """An exact one."""
        lines = PACKAGES.read_text().splitlines()
        names = [line for line in lines if not line.startswith("#")]
        assert all(line.count("==") == 1 for line in names)

    def test_ready(self, tmp_path: Path) -> None:
        """One with the same packages is used as it is."""
        python = tmp_path / "bin" / "python"
        python.parent.mkdir()
        python.touch()
        (tmp_path / PACKAGES.name).write_bytes(PACKAGES.read_bytes())
        assert peers_python(tmp_path) == python

    def test_directory_of_something_else(self, tmp_path: Path) -> None:
        """It is not cleared."""
        (tmp_path / "thesis.txt").touch()
        with pytest.raises(PeersError) as caught:
            peers_python(tmp_path)
        assert str(caught.value) == f"{tmp_path} exists and is no virtual environment."
        assert (tmp_path / "thesis.txt").exists()

    @takes_long
    def test_no_index(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The command says what it could not do, and how to go on, and fails."""
        for name, value in (("PIP_NO_INDEX", "1"), ("PIP_CONFIG_FILE", "/dev/null")):
            monkeypatch.setenv(name, value)
        command = [sys.executable, "-m", "benchmarks.recorders", "--quick"]
        directory = tmp_path / "peers"
        done = subprocess.run(
            [*command, "--only", "peers", "--peers-environment", str(directory)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        message = "The other trackers cannot be installed; is the package index"
        assert message in done.stderr
        assert "`--only ours`" in done.stderr
        assert not (directory / PACKAGES.name).exists()


class TestLosses:
    """What arrives."""

    def test_cell(self) -> None:
        """How many, how many twice, and why no more."""
        outcome = Outcome(1_000, 1_000, 0, 0, "")
        assert cell([1_000], [outcome]) == "1,000"
        outcomes = [
            outcome,
            outcome._replace(repeats=3),
            outcome._replace(note="hangs"),
        ]
        assert cell([200, 100, 200], outcomes) == "100 to 200, 3 twice, hangs"
        assert cell([0], [Outcome(0, 0, 0, 9, "")]) == "0, 9 calls raise"

    def test_events_of(self) -> None:
        """The child of a fork records a tenth."""
        assert Situation("", "fork", share=0.1).events_of(1_000) == 100
        assert Situation("", "exit").events_of(1_000) == 1_000

    def test_application_that_fails(self) -> None:
        """It is named, with its error."""
        application = Application(Path(sys.executable), "Nobody's", 30)
        with pytest.raises(RuntimeError, match="Nobody's: KeyError"):
            application.outcome(losses.SITUATIONS[0], 1)


ONE, EIGHT = Shape("1 thread", 1, 1, 1), calls._SHAPES[1]


class TestCalls:
    """What a call costs."""

    def test_row(self) -> None:
        """Of all laps, in microseconds; the bar is for one thread."""
        laps = [Lap([1_000, 2_000, 3_000], 9e-6), Lap([4_000, 5_000, 6_000], 9e-6)]
        measured = Measured(DURABLE, laps, 1.2)
        costs = ("3.5", "3.5", "6", "3.0", "1.20")
        found = measured.row(calls._ONE)
        assert found == ("1 thread", DURABLE, *costs, "at most 1.5", "yes")
        assert measured.row(EIGHT) == ("8 threads", DURABLE, *costs, "", "")
        assert not Measured(VOLATILE, laps, 0.6).holds(calls._ONE)
        assert Measured(SEGMENT, laps, None).row(calls._ONE)[-3:] == ("", "", "")

    def test_ratio(self) -> None:
        """The median of the ratios of laps next to each other."""
        ours = [Lap([2], 0), Lap([9], 0), Lap([6], 0)]
        theirs = [Lap([1], 0), Lap([1], 0), Lap([2], 0)]
        assert calls._ratio(ours, theirs) == 3

    def test_names(self) -> None:
        """Every tracker has one."""
        assert {SEGMENT} <= PEERS.keys()
        assert OURS.keys() == {DURABLE, VOLATILE}


@takes_long
class TestOurs:
    """The recorder itself."""

    def test_all_tables(self) -> None:
        """The command prints them, also where there are no other trackers."""
        command = [sys.executable, "-m", "benchmarks.recorders", "--quick"]
        done = subprocess.run(
            [*command, "--only", "ours"], capture_output=True, text=True, check=True
        )
        rows = [line.split(" | ") for line in done.stdout.splitlines()]
        durable = [row[0] for row in rows if DURABLE in row[0]]
        assert durable == [
            f"| {DURABLE}",
            f"| {DURABLE}: at once",
            f"| {DURABLE}: after the next process",
        ]
        assert done.stdout.count("| ---") > 4
