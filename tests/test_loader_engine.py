import errno
import io
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Self

import pytest

from pinpoint_events import (
    EventsRequest,
    EventsResponse,
    MemorySender,
    Outcome,
    Problem,
    ProblemCode,
    QuotaExceededError,
)
from pinpoint_events.cli import main
from pinpoint_events.cli._interruption import Interruption
from pinpoint_events.cli._progress import Progress
from pinpoint_events.errors import LoadError, LoadErrorCode
from pinpoint_events.loader.checkpoint import Checkpoint
from pinpoint_events.loader.ledger import Ledger
from pinpoint_events.loader.lines import BEGINNING
from pinpoint_events.loader.loading import Load, Plan
from pinpoint_events.loader.rejects_file import RejectsFile
from pinpoint_events.loader.sending import failures, send, trouble_in
from pinpoint_events.loader.stopping import Stop
from pinpoint_events.loader.totals import OutcomeCounts, Totals
from tests.commands import COMMAND, environment, run, takes_long
from tests.samples import event, request
from tests.test_cli import FULL, needs_a_full_device, needs_posix
from tests.test_cli_load import account, line, lines, loaded, write


class Terminal(io.StringIO):
    """A terminal on which nothing is seen."""

    def isatty(self) -> bool:
        """Return True."""
        return True


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def totals_of(accepted: int, rejected: int = 0) -> Totals:
    """Return totals of so many events."""
    account = OutcomeCounts()
    account.by_outcome[Outcome.ACCEPTED] = accepted
    account.by_outcome[Outcome.REJECTED] = rejected
    return Totals(account)


class TestProgress:
    """How far it is."""

    def test_lines(self) -> None:
        """Where there is no terminal, a line comes each ten seconds, and at the end."""
        clock = Clock()
        with redirect_stderr(io.StringIO()) as err:
            progress = Progress(2000, clock)
            progress.continues(totals_of(1000), may_repeat=False)
            for clock.now in (0.0, 9.9, 10.0, 19.9, 20.0, 25.0):
                progress.show(
                    int(clock.now * 10), totals_of(1000 + int(clock.now * 100))
                )
            progress.not_accepted("something else")
            progress.end(2000, totals_of(4999, 1))
        assert err.getvalue().splitlines() == [
            "going on behind 1,000 events of earlier runs",
            "5%, 2,000 events, 100/s",
            "10%, 3,000 events, 100/s",
            "something else",
            "100%, 5,000 events, 1 not accepted, 160/s",
        ]

    def test_continues_into_a_stream(self) -> None:
        """A stream keeps what arrives twice: it says that this may be."""
        with redirect_stderr(io.StringIO()) as err:
            Progress(2000, Clock()).continues(totals_of(1000), may_repeat=True)
        assert err.getvalue().splitlines() == [
            "going on behind 1,000 events of earlier runs",
            (
                "events that were on their way when the last run ended may be in the "
                "stream twice"
            ),
        ]

    def test_bar(self) -> None:
        """On a terminal, one line is written again and again, ten times a second."""
        clock = Clock()
        with redirect_stderr(Terminal()) as err:
            progress = Progress(100, clock)
            for clock.now in (0.0, 0.1, 0.19, 0.2):
                progress.show(50, totals_of(1000 if clock.now < 0.2 else 9))
            progress.not_accepted("something else")
            progress.end(100, totals_of(1000))
        bar = "[###############---------------] 50%, "
        first = f"{bar}1,000 events, 10,000/s"
        second = f"{bar}9 events, 45/s".ljust(len(first))
        end = f"[{'#' * 30}] 100%, 1,000 events, 5,000/s"
        shown = f"\r{first}\r{second}"
        cleared = f"\r{' ' * len(second.rstrip())}\r"
        assert err.getvalue() == f"{shown}{cleared}something else\n\r{end}\n"

    def test_bar_in_a_narrow_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It keeps to one line."""
        monkeypatch.setenv("COLUMNS", "20")
        with redirect_stderr(Terminal()) as err:
            Progress(100).end(100, totals_of(1000))
        assert err.getvalue() == "\r[##################\n"

    def test_closed_terminal(self) -> None:
        """Whoever logs out takes the terminal along, and the run goes on."""

        class Closed(Terminal):
            def write(self, _: str) -> int:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        with redirect_stderr(Closed()) as err:
            clock = Clock()
            progress = Progress(100, clock)
            clock.now = 1.0
            progress.show(50, totals_of(500))
            progress.end(100, totals_of(1000))
        assert err.getvalue() == ""

    def test_of_unknown_size(self) -> None:
        """A pipe has no known size: there is no bar, and no share."""
        clock = Clock()
        with redirect_stderr(Terminal()) as err:
            progress = Progress(None, clock)
            clock.now = 1.0
            progress.end(100, totals_of(10))
        assert err.getvalue() == "\r10 events, 10/s\n"

    def test_without_standard_error(self) -> None:
        """A process may have none, as below pythonw; then nothing is reported."""
        with redirect_stderr(None):
            progress = Progress(100)
            progress.not_accepted("something")
            progress.end(100, totals_of(10))
        assert totals_of(10).events.read == 10

    @needs_posix
    @pytest.mark.parametrize(
        "columns, most", [(0, 79), (1, 0), (2, 1), (41, 40), (500, 499)]
    )
    def test_width(
        self, monkeypatch: pytest.MonkeyPatch, columns: int, most: int
    ) -> None:
        """The width is that of the terminal, whatever standard output is."""
        import fcntl  # Windows has none
        import termios

        monkeypatch.setenv("COLUMNS", "many")
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
        with os.fdopen(theirs, "w") as terminal, redirect_stderr(terminal):
            Progress(100, Clock()).end(100, totals_of(10**12))
        shown = os.read(ours, 65_536).decode().strip("\r\n")
        os.close(ours)
        whole = f"[{'#' * 30}] 100%, 1,000,000,000,000 events, 1,000,000,000,000,000/s"
        assert shown == whole[:most]

    @needs_posix
    def test_on_a_terminal(self, tmp_path: Path) -> None:
        """A real one shows the bar, and messages beside it; output is elsewhere."""
        write(tmp_path / "a", [*lines(120), "7"])
        ours, theirs = os.openpty()
        process = subprocess.Popen(
            [*COMMAND, "load", "a", "--to", "sqlite:///events.db"],
            cwd=tmp_path,
            env=environment(COLUMNS="100"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
        os.close(theirs)
        out, _ = process.communicate(timeout=60)
        err = b""
        try:
            while data := os.read(ours, 65_536):
                err += data
        except OSError:
            pass  # Linux tells the end so
        finally:
            os.close(ours)
        found = loaded(process.returncode, out.decode(), "")
        assert (found.code, found.events) == (3, account(120, rejected=1))
        shown = err.decode()
        assert "'a', line 121: rejected (400): is a number; " in shown
        *_, last = shown.split("\r")
        assert last == "\n"
        assert f"\r[{'#' * 30}] 100%, 121 events, 1 not accepted, " in shown


class OwnSender:
    """A sender of someone else's, by the four methods of the protocol."""

    def __init__(self, answer: Callable[[EventsRequest], EventsResponse]) -> None:
        self.put_events = answer
        self.closed = 0

    def close(self) -> None:
        """Count."""
        self.closed += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def run_load(path: Path, sender: Any, *, in_flight: int = 1) -> tuple[Load, Ledger]:
    """Load a file, and return the run and what it has settled."""
    with Interruption() as interruption, redirect_stderr(io.StringIO()):
        progress = Progress(None)
        settled = Checkpoint.read(None, [str(path)], "")
        ledger = Ledger([str(path)], settled, None, None, progress)
        plan = Plan([str(path)], in_flight)
        load = Load(plan, sender, ledger, interruption, progress)
        load.run()
        return load, ledger


class TestDefects:
    """An unexpected error loses nothing either."""

    @pytest.mark.parametrize("in_flight", [1, 4])
    def test_of_a_sender(self, tmp_path: Path, in_flight: int) -> None:
        """A sender that raises what senders must not stops the run at its batch."""
        path = write(tmp_path / "a", lines(350))
        store = MemorySender()

        def answer(request: EventsRequest) -> EventsResponse:
            batches = request.batch_item.values()
            texts = [e.attributes["number"] for b in batches for e in b.events.values()]
            if "107" in texts:
                raise LookupError("a defect")
            return store.put_events(request)

        load, ledger = run_load(path, OwnSender(answer), in_flight=in_flight)
        assert isinstance(load.trouble, LookupError)
        assert ledger.settled.positions[0].lines == 100
        assert ledger.settled.totals.events.to_wire() == account(100)

    def test_is_reported(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It reaches the caller, after the summary."""
        load, _ = run_load(write(tmp_path / "a", lines(1)), None)
        assert type(load.trouble) is AttributeError


class TestLateSignal:
    """A signal that comes when there is nothing left to take back."""

    def test_all_is_read(self, tmp_path: Path) -> None:
        """Everything was loaded, and that is said."""
        path = write(tmp_path / "a", lines(50))
        store = MemorySender()

        def answer(request: EventsRequest) -> EventsResponse:
            signal.raise_signal(signal.SIGINT)
            return store.put_events(request)

        load, ledger = run_load(path, OwnSender(answer))
        assert (load.is_all_read, load.trouble) == (True, None)
        assert ledger.settled.totals.events.to_wire() == account(50)


class TestSending:
    """Sending, and what an error says."""

    def test_invalid(self) -> None:
        """What a sender finds against its own limits is rejected, and no trouble."""
        over = QuotaExceededError(
            [Problem(ProblemCode.REQUEST_TOO_LARGE, actual=2, allowed=1, unit="bytes")]
        )

        def refuse(request: EventsRequest) -> EventsResponse:
            raise over

        part = request(e={"v": event()})
        answers = send(MemorySender(answer=refuse), [part, part])
        assert answers == (over, over)
        assert trouble_in(answers) is None
        failed = failures([part, part], answers)
        assert {key: each[:3] for key, each in failed.items()} == {
            ("e", None): (Outcome.REJECTED, 400, str(over)),
            ("e", "v"): (Outcome.REJECTED, 400, str(over)),
        }

    def test_nothing(self) -> None:
        """A batch of which everything was refused has no requests, and no trouble."""
        assert send(MemorySender(), []) == ()
        assert trouble_in(()) is None
        assert failures([], ()) == {}


class TestThreads:
    """Signals are the main thread's matter."""

    def test_in_another_thread(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The command runs in any thread; where it is not the main one, unheard."""
        path = write(tmp_path / "a", lines(3))
        codes: list[int] = []
        arguments = ["load", str(path), "--to", "memory:"]
        thread = threading.Thread(target=lambda: codes.append(main(arguments)))
        thread.start()
        thread.join()
        out, err = capsys.readouterr()
        assert loaded(codes[0], out, err).events == account(3)


class TestFiles:
    """What cannot be written."""

    def test_summary_that_nobody_reads(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The exit code tells what the closed pipe cannot."""
        path = write(tmp_path / "a", ["7"])
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w", encoding="utf-8") as pipe, redirect_stdout(pipe):
            code = main(["load", str(path), "--to", "memory:"])
        assert code == 3
        assert capsys.readouterr().err.startswith(f"{str(path)!r}, line 1: rejected")

    @needs_a_full_device
    @pytest.mark.parametrize("count", [1, 3000])
    def test_rejected(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], count: int
    ) -> None:
        """A full disk stops the run: what is not accepted would be lost."""
        path = write(tmp_path / "a", ["7"] * count)
        to = ("--to", "memory:", "--rejected", str(FULL))
        found = loaded(main(["load", str(path), *to]), *capsys.readouterr())
        assert (found.code, found.is_all_read) == (255, False)
        assert found.err[-1] == "'/dev/full' cannot be written: No space left on device"

    @needs_a_full_device
    def test_checkpoint_beside_a_full_disk(self, tmp_path: Path) -> None:
        """It never stands behind something that could not be written down."""
        files = [str(write(tmp_path / "a", ["7", *lines(350)]))]
        path = str(tmp_path / "c")
        with (
            Interruption() as interruption,
            redirect_stderr(io.StringIO()),
            RejectsFile(str(FULL), None) as rejected,
        ):
            progress = Progress(None)
            settled = Checkpoint.read(path, files, "")
            ledger = Ledger(files, settled, path, rejected, progress)
            ledger.save_seconds = 0
            sender = MemorySender()
            load = Load(Plan(files, 1), sender, ledger, interruption, progress)
            load.run()
        assert isinstance(load.trouble, LoadError)
        assert load.trouble.code is LoadErrorCode.OUTPUT_UNWRITABLE
        assert ledger.totals.events.to_wire()["Rejected"] == 1
        assert Checkpoint.read(path, files, "") == Checkpoint(
            "", [BEGINNING], Totals(), 0
        )

    @needs_posix
    def test_rejected_beyond_the_size_limit(self, tmp_path: Path) -> None:
        """What is in a buffer only is not taken for written."""
        import resource

        path = str(tmp_path / "r")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        with RejectsFile(path, None) as rejected:
            rejected.write({"Status": "Rejected"})
            resource.setrlimit(resource.RLIMIT_FSIZE, (4, hard))
            try:
                with pytest.raises(LoadError) as caught:
                    rejected.sync()
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert caught.value.code is LoadErrorCode.OUTPUT_UNWRITABLE
        assert str(caught.value) == f"{path!r} cannot be written: File too large"

    @needs_posix
    def test_rejected_to_a_full_pipe(self, tmp_path: Path) -> None:
        """A run that is to end does not wait for the pipe's reader."""
        path = str(tmp_path / "f")
        os.mkfifo(path)
        reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with Stop() as stop, RejectsFile(path, None, stop.wait_for_room) as rejected:
            stop.stop()
            with pytest.raises(LoadError) as caught:
                rejected.write({"Message": "x" * 2_000_000})
        os.close(reading)
        assert caught.value.code is LoadErrorCode.OUTPUT_UNWRITABLE
        assert str(caught.value) == (
            f"{path!r} cannot be written: its reader takes nothing, and the run is "
            "ended"
        )

    def test_room_in_what_has_no_descriptor(self) -> None:
        """Where nothing can be waited for, the write itself blocks."""
        with Stop() as stop:
            assert stop.wait_for_room(io.BytesIO())  # type: ignore[arg-type]

    @needs_posix
    def test_rejected_to_nowhere(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A device may stand in for the file."""
        path = write(tmp_path / "a", ["7"])
        to = ("--to", "memory:", "--rejected", os.devnull)
        found = loaded(main(["load", str(path), *to]), *capsys.readouterr())
        assert (found.code, found.events, found.err) == (3, account(rejected=1), ())

    def test_checkpoint_on_the_way(self, tmp_path: Path) -> None:
        """When the directory is gone, the run stops at the next checkpoint."""
        path = write(tmp_path / "a", lines(350))
        directory = tmp_path / "directory"
        directory.mkdir()
        checkpoint = directory / "c"
        store = MemorySender()

        def answer(request: EventsRequest) -> EventsResponse:
            if checkpoint.exists():
                checkpoint.unlink()
                directory.rmdir()
            return store.put_events(request)

        with Interruption() as interruption, redirect_stderr(io.StringIO()):
            progress = Progress(None)
            settled = Checkpoint.read(str(checkpoint), [str(path)], "")
            ledger = Ledger([str(path)], settled, str(checkpoint), None, progress)
            ledger.save_seconds = 0
            plan = Plan([str(path)], 1)
            load = Load(plan, OwnSender(answer), ledger, interruption, progress)
            load.run()
        assert isinstance(load.trouble, LoadError)
        assert load.trouble.code is LoadErrorCode.OUTPUT_UNWRITABLE
        assert str(load.trouble) == (
            f"the checkpoint {str(checkpoint)!r} cannot be written: No such file or "
            "directory"
        )
        assert len(store.requests) < 4

    def test_checkpoint_at_each_batch(self, tmp_path: Path) -> None:
        """It is written as often as time allows, and is whole each time."""
        path = write(tmp_path / "a", lines(350))
        checkpoint = str(tmp_path / "c")
        seen: list[int] = []

        def answer(request: EventsRequest) -> EventsResponse:
            found = Checkpoint.read(checkpoint, [str(path)], "")
            seen.append(found.totals.events.read)
            return MemorySender().put_events(request)

        with Interruption() as interruption, redirect_stderr(io.StringIO()):
            progress = Progress(None)
            settled = Checkpoint.read(checkpoint, [str(path)], "")
            ledger = Ledger([str(path)], settled, checkpoint, None, progress)
            ledger.save_seconds = 0
            load = Load(
                Plan([str(path)], 1), OwnSender(answer), ledger, interruption, progress
            )
            load.run()
        assert load.trouble is None
        assert seen == sorted(seen)
        assert Checkpoint.read(checkpoint, [str(path)], "") == settled
        assert settled.totals.events.to_wire() == account(350)


MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
print(process.returncode, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


@needs_posix
class TestMemory:
    """The size of the input does not matter."""

    COUNTS = (1_000, 10_000)

    def write(self, path: Path, count: int) -> None:
        """Write so many lines of 2.6 KB."""
        event = {**line(0)["Event"], "AppTitle": "x" * 2500}
        write(path, (line(n, Event=event) for n in range(count)))

    def most_bytes(self, path: Path, count: int) -> int:
        """Return the most memory that it takes to load so many lines."""
        self.write(path / str(count), count)
        arguments = ("load", str(count), "--to", f"sqlite:///{count}.db")
        # By a process in between: until it becomes another, a child is a copy of ours.
        ran = run(
            *arguments, command=(sys.executable, "-c", MEASURE, *COMMAND), cwd=path
        )
        code, most = ran.out.split()
        assert code == "0"
        return int(most)

    @takes_long
    def test_is_constant(self, tmp_path: Path) -> None:
        """27 MB of lines take hardly more than a tenth of them: not 8 MB more."""
        small, large = (self.most_bytes(tmp_path, count) for count in self.COUNTS)
        assert large - small < 8_000_000
