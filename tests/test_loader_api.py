import gzip
import io
import json
import os
import pickle
import signal
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pinpoint_events import (
    EventsRequest,
    EventsResponse,
    MemorySender,
    SqliteSender,
    loader,
)
from pinpoint_events.errors import LoadError, LoadErrorCode, SenderError
from pinpoint_events.loader import LoadProgress, load
from tests.commands import takes_long
from tests.test_cli import needs_posix
from tests.test_cli_load import account, line, lines, write


class TestLoad:
    """Files into a sender, from Python."""

    def test_totals(self, tmp_path: Path) -> None:
        """A generator of paths and open files is loaded, and the files stay open."""
        first = write(tmp_path / "a", lines(120))
        second = tmp_path / "b.gz"
        second.write_bytes(gzip.compress(first.read_bytes()))
        seen: list[LoadProgress] = []
        with SqliteSender(tmp_path / "events.db") as sender, second.open("rb") as file:
            sources = (each for each in (first, file))
            totals = load(sources, sender, progress=seen.append)
            assert not file.closed
        assert totals.events.to_wire() == account(240)
        assert seen[-1].totals == totals

    def test_checkpoint(self, tmp_path: Path) -> None:
        """What was loaded once is not sent again."""
        path = write(tmp_path / "a", lines(120))
        checkpoint = tmp_path / "c"
        first = load([path], MemorySender(), checkpoint=checkpoint)
        sender = MemorySender()
        assert load([path], sender, checkpoint=checkpoint) == first
        assert len(sender.requests) == 0

    @pytest.mark.parametrize("options", [{"in_flight": 0}, {"source_id": ""}])
    def test_out_of_range(self, options: dict[str, int]) -> None:
        """Limits are checked before anything is read."""
        with pytest.raises(ValueError):
            load(["no such file"], MemorySender(), **options)  # type: ignore[arg-type]

    def test_error_of_progress(self, tmp_path: Path) -> None:
        """An exception of the callable is raised, and the checkpoint is right."""
        path = write(tmp_path / "a", lines(350))

        def progress(_: LoadProgress) -> None:
            raise LookupError

        with pytest.raises(LookupError):
            load([path], MemorySender(), progress=progress, checkpoint=tmp_path / "c")
        totals = load([path], MemorySender(), checkpoint=tmp_path / "c")
        assert totals.events.to_wire() == account(350)

    def test_exit_in_progress(self, tmp_path: Path) -> None:
        """What is no `Exception` is raised in the caller's thread, too."""

        def progress(_: LoadProgress) -> None:
            raise SystemExit(7)

        path = write(tmp_path / "a", lines(3))
        with pytest.raises(SystemExit, match="7"):
            load([path], MemorySender(), progress=progress)

    def test_interrupted(self, tmp_path: Path) -> None:
        """`KeyboardInterrupt` is raised when the checkpoint is written."""
        path = write(tmp_path / "a", lines(3000))
        store = MemorySender()

        def answer(request: EventsRequest) -> EventsResponse:
            if len(store.requests) == 2:
                signal.raise_signal(signal.SIGINT)
            return store.put_events(request)

        sender = MemorySender(answer=answer)
        with pytest.raises(KeyboardInterrupt):
            load([path], sender, checkpoint=tmp_path / "c", in_flight=1)
        rest = MemorySender()
        totals = load([path], rest, checkpoint=tmp_path / "c")
        assert totals.events.to_wire() == account(3000)
        assert len(store.requests) + len(rest.requests) == 30


class TestStreams:
    """Files that are open already."""

    @pytest.mark.parametrize("buffering", [0, -1])
    def test_pipe_that_stays_open(self, tmp_path: Path, buffering: int) -> None:
        """What is in a pipe is sent before more arrives, with a buffer and without."""
        reading, writing = os.pipe()
        arrived = threading.Event()
        store = MemorySender()

        def answer(request: EventsRequest) -> EventsResponse:
            arrived.set()
            return store.put_events(request)

        with (
            os.fdopen(reading, "rb", buffering) as stream,
            os.fdopen(writing, "wb", 0) as end,
            ThreadPoolExecutor(1) as pool,
        ):
            end.write(write(tmp_path / "a", lines(101)).read_bytes())
            loaded = pool.submit(load, [stream], MemorySender(answer=answer))
            is_sent = arrived.wait(30)
            end.close()
            totals = loaded.result()
        assert is_sent
        assert totals.events.to_wire() == account(101)

    @takes_long
    def test_larger_than_a_read(self, tmp_path: Path) -> None:
        """A stream in memory has all at once; it is read in parts."""
        text = write(tmp_path / "a", lines(9_000)).read_bytes()
        assert len(text) > 1_048_576
        for data in (text, gzip.compress(text)):
            totals = load([io.BytesIO(data)], MemorySender())
            assert totals.events.to_wire() == account(9_000)


class TestErrors:
    """Types and codes."""

    def test_no_such_file(self, tmp_path: Path) -> None:
        """What is before the missing file is loaded; the error pickles."""
        path = write(tmp_path / "a", lines(3))
        with pytest.raises(LoadError) as caught:
            load([path, tmp_path / "b"], MemorySender())
        error = pickle.loads(pickle.dumps(caught.value))
        assert (error.code, error.path) == (
            LoadErrorCode.INPUT_UNREADABLE,
            str(tmp_path / "b"),
        )
        assert error.totals.events.to_wire() == account(3)

    def test_of_the_sender(self, tmp_path: Path) -> None:
        """An error of the sender is the cause."""

        def answer(_: EventsRequest) -> EventsResponse:
            raise SenderError("no")

        path = write(tmp_path / "-", lines(3))
        with pytest.raises(LoadError) as caught:
            load([path], MemorySender(answer=answer))
        assert caught.value.code is LoadErrorCode.SENDER_FAILED
        assert type(caught.value.__cause__) is SenderError


class TestNames:
    """Public names."""

    def test_are_bound_lazily(self) -> None:
        """Each is found, and another is not."""
        assert set(loader.__all__) <= set(dir(loader))
        assert all(hasattr(loader, name) for name in loader.__all__)
        assert not hasattr(loader, "unknown")


@needs_posix
class TestPlantedLinks:
    """What is written has payload: it goes into no file that a link leads to."""

    @pytest.fixture
    def victim(self, tmp_path: Path) -> Path:
        """Return a file that must stay as it is."""
        path = tmp_path / "victim"
        path.write_text("kept")
        return path

    def test_rejected(self, tmp_path: Path, victim: Path) -> None:
        """A link to a file is refused, also to one that is empty or not there."""
        source = write(tmp_path / "a", ["no JSON"])
        for target in (victim, tmp_path / "missing", write(tmp_path / "empty", [])):
            link = tmp_path / "r"
            link.unlink(missing_ok=True)
            link.symlink_to(target)
            with pytest.raises(LoadError) as caught:
                load([source], MemorySender(), rejected=link)
            assert caught.value.code is LoadErrorCode.REJECTED_UNUSABLE
            assert "symbolic link, which is not followed" in caught.value.message
        assert victim.read_text() == "kept"
        assert not (tmp_path / "missing").exists()
        assert (tmp_path / "empty").read_text() == ""

    def test_rejected_to_a_pipe(self, tmp_path: Path) -> None:
        """A link to a pipe is followed, as `/dev/stdout` is one."""
        source = write(tmp_path / "a", ["no JSON"])
        reading, writing = os.pipe()
        (tmp_path / "r").symlink_to(f"/dev/fd/{writing}")
        load([source], MemorySender(), rejected=tmp_path / "r")
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            assert json.loads(pipe.read())["Outcome"] == "rejected"

    def test_rejected_is_the_users_alone(self, tmp_path: Path) -> None:
        """Also if the file was there, empty and readable by others."""
        source = write(tmp_path / "a", ["no JSON"])
        path = tmp_path / "r"
        path.touch(mode=0o644)
        load([source], MemorySender(), rejected=path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_checkpoint(self, tmp_path: Path, victim: Path) -> None:
        """Its new version goes through no name that can be guessed, and is private."""
        source = write(tmp_path / "a", [line(1)])
        path = tmp_path / "c"
        for name in ("c.pinpoint-events-new", "c.new", "c.tmp", ".c.tmp"):
            (tmp_path / name).symlink_to(victim)
        load([source], MemorySender(), checkpoint=path)
        assert victim.read_text() == "kept"
        assert json.loads(path.read_text())["Files"][0]["Lines"] == 1
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        names = {each.name for each in tmp_path.iterdir() if not each.is_symlink()}
        assert names == {"a", "c", "victim"}

    def test_checkpoint_that_cannot_be_replaced(self, tmp_path: Path) -> None:
        """Nothing is left of the new version."""
        source = write(tmp_path / "a", lines(3))
        path = tmp_path / "c"

        def progress(_: LoadProgress) -> None:
            if path.is_file():
                path.unlink()
                path.mkdir()

        with pytest.raises(LoadError) as caught:
            load([source], MemorySender(), checkpoint=path, progress=progress)
        assert caught.value.code is LoadErrorCode.OUTPUT_UNWRITABLE
        assert {each.name for each in tmp_path.iterdir()} == {"a", "c"}

    def test_rejected_of_another_user(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who owns the file could read it."""
        source = write(tmp_path / "a", ["no JSON"])
        (tmp_path / "r").touch()
        monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
        with pytest.raises(LoadError, match="belongs to another user"):
            load([source], MemorySender(), rejected=tmp_path / "r")

    def test_rejected_that_is_planted_meanwhile(
        self, tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A link that led to a device when it was looked at is refused as well."""
        source = write(tmp_path / "a", ["no JSON"])
        (tmp_path / "r").symlink_to(victim)
        device = os.stat("/dev/null")  # noqa: PTH116 - `Path.stat` is replaced
        monkeypatch.setattr(Path, "stat", lambda _: device)
        with pytest.raises(LoadError) as caught:
            load([source], MemorySender(), rejected=tmp_path / "r")
        assert caught.value.code is LoadErrorCode.REJECTED_UNUSABLE
        monkeypatch.undo()
        assert victim.read_text() == "kept"

    def test_checkpoint_that_is_a_link(self, tmp_path: Path, victim: Path) -> None:
        """Nothing is read or written behind it."""
        source = write(tmp_path / "a", [line(1)])
        (tmp_path / "c").symlink_to(victim)
        with pytest.raises(LoadError) as caught:
            load([source], MemorySender(), checkpoint=tmp_path / "c")
        assert caught.value.code is LoadErrorCode.CHECKPOINT_UNREADABLE
        assert "symbolic link, which is not followed" in caught.value.message
        assert victim.read_text() == "kept"
