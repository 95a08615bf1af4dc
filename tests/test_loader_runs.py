import gzip
import io
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import pytest

from pinpoint_events import EventsRequest, SqliteSender, from_json, to_json
from tests.aws import KEYS, aws
from tests.commands import COMMAND, environment, takes_long
from tests.http_server import CUT, Answer, HttpServer, Received, accepted, answered
from tests.test_cli import needs_posix
from tests.test_cli_load import (
    TAP,
    Load,
    Loaded,
    account,
    line,
    lines,
    load,
    loaded,
    numbers,
    stored,
    write,
    written,
)

__all__ = ["aws", "load"]

ACCEPTED = {"StatusCode": 202, "Message": "Accepted"}
INTERRUPTED = (
    "interrupted: what is on its way is waited for; a second signal ends at once"
)
MORE = "not everything was loaded; the same command goes on from here"
AGAIN = (
    "not everything was loaded; load it again, which makes no second copy where ids "
    "are known"
)


def to(server: HttpServer) -> str:
    """Return the URL of a server."""
    return f"pinpoint://app?region=eu-west-1&endpoint_url={server.url}"


@pytest.fixture
def keys(aws: pytest.MonkeyPatch) -> None:
    """Set credentials, and let nothing be sent twice by the sender."""
    for name, value in {**KEYS, "AWS_MAX_ATTEMPTS": "1"}.items():
        aws.setenv(name, value)


def batch_of(received: Received) -> dict[str, Any]:
    """Return the batches of a request by endpoint id."""
    batch: dict[str, Any] = json.loads(received.body)["BatchItem"]
    return batch


def answering(
    of_event: Callable[[str, str], object], of_endpoint: object = ACCEPTED
) -> Callable[[Received], Answer]:
    """Return a handler whose answers depend on endpoint id and event number."""

    def answer(received: Received) -> Answer:
        results: dict[str, Any] = {}
        for endpoint_id, batch in batch_of(received).items():
            results[endpoint_id] = {
                "EndpointItemResponse": of_endpoint,
                "EventsItemResponse": {
                    event_id: answer
                    for event_id, event in batch["Events"].items()
                    if (answer := of_event(endpoint_id, event["Attributes"]["number"]))
                },
            }
        return answered(results)

    return answer


@pytest.mark.usefixtures("keys")
class TestAnswers:
    """What a service says of single items."""

    def test_rejected(self, load: Load) -> None:
        """It is written down as it was sent, with the service's code and words."""
        write(Path("a"), lines(150))
        no = {"StatusCode": 400, "Message": "Missing x"}
        rejects = answering(lambda _, number: no if number == "101" else ACCEPTED)
        with HttpServer(default=rejects) as server:
            found = load("a", "--rejected", "r", to=to(server))
        assert found == Loaded(3, account(149, rejected=1), account())
        (record,) = written(Path("r"))
        assert re.fullmatch("[0-9a-f-]{14}5[0-9a-f-]{21}", record.pop("EventId"))
        assert record == {
            "Outcome": "rejected",
            "Code": 400,
            "Message": "Missing x",
            "File": "a",
            "Line": 102,
            "EndpointId": "e-1",
            "Endpoint": {},
            "Event": line(101)["Event"],
        }

    def test_endpoint(self, load: Load) -> None:
        """An endpoint is accounted for beside its events."""
        write(Path("a"), [line(1, Endpoint={"OptOut": "ALL"}), line(2)])
        no = {"StatusCode": 400, "Message": "Exceeded x"}
        rejects = answering(lambda *_: ACCEPTED, no)
        with HttpServer(default=rejects) as server:
            found = load("a", "--rejected", "r", to=to(server))
        assert found == Loaded(3, account(2), account(rejected=1))
        assert written(Path("r")) == [
            {
                "Outcome": "rejected",
                "Code": 400,
                "Message": "Exceeded x",
                "File": "a",
                "Line": 1,
                "BatchItem": {"e-1": {"Endpoint": {"OptOut": "ALL"}, "Events": {}}},
            }
        ]

    def test_endpoint_of_which_nothing_is_said(self, load: Load) -> None:
        """Services that never tell of endpoints do not stop the run."""
        write(Path("a"), [line(1, Endpoint={"OptOut": "ALL"})])
        with HttpServer(default=answering(lambda *_: ACCEPTED, None)) as server:
            found = load("a", to=to(server))
        assert found == Loaded(
            3,
            account(1),
            account(unreported=1),
            ("'a', line 1: unreported (the endpoint)",),
        )

    @pytest.mark.parametrize(
        "answer, outcome",
        [
            ({"StatusCode": 500, "Message": "busy"}, "retryable"),
            (None, "unreported"),
        ],
    )
    def test_open(self, load: Load, answer: object, outcome: str) -> None:
        """What is not settled is written down, and the run goes on."""
        write(Path("a"), lines(150))
        first = answering(lambda _, number: answer if number == "7" else ACCEPTED)
        with HttpServer(first) as server:
            options = ("--rejected", "r", "--in-flight", "1")
            found = load("a", *options, to=to(server))
            assert found == Loaded(3, account(149, **{outcome: 1}), account())
            (record,) = written(Path("r"))
            assert (record["Outcome"], record["Line"]) == (outcome, 8)
            event_id = record["EventId"]
            assert load("r", to=to(server)).events == account(1)
        first_sent, *_, last_sent = server.received
        assert batch_of(last_sent) == {
            "e-7": {"Endpoint": {}, "Events": {event_id: line(7)["Event"]}}
        }
        assert event_id in batch_of(first_sent)["e-7"]["Events"]

    @pytest.mark.parametrize(
        "answer, message",
        [
            ({"StatusCode": 500, "Message": "busy"}, "retryable (500): busy"),
            (None, "unreported"),
        ],
    )
    def test_open_without_a_file(
        self, load: Load, answer: object, message: str
    ) -> None:
        """Where nothing keeps it, the run stops, and the next one sends it again."""
        write(Path("a"), lines(450))
        first = answering(lambda _, number: answer if number == "107" else ACCEPTED)
        options = ("--checkpoint", "c", "--in-flight", "1")
        with HttpServer(accepted, first) as server:
            found = load("a", *options, to=to(server))
            assert (found.code, found.is_all_read) == (255, False)
            assert found.events["Accepted"] == found.events["Read"] - 1
            message = f"'a', line 108: {message}"
            remedy = (
                "load again later, or pass --rejected FILE to write such events down "
                "and go on"
            )
            assert found.err == (message, MORE, f"{message}; {remedy}")
            assert json.loads(Path("c").read_text())["Files"][0]["Lines"] == 100
            assert load("a", *options, to=to(server)) == Loaded(
                0,
                account(450),
                account(),
                ("going on behind 100 events of earlier runs",),
            )


@pytest.mark.usefixtures("keys")
class TestOrder:
    """Several requests at a time, and yet in order where that makes a difference."""

    def test_of_one_address(self, load: Load) -> None:
        """The endpoint that got an address last gets it last, line by line."""
        ada = {"Address": "a@example.com", "ChannelType": "EMAIL"}
        write(Path("a"), [line(n % 2, Endpoint=ada) for n in range(4)])
        arrived: list[list[str]] = []
        at_work = threading.Lock()

        def answer(received: Received) -> Answer:
            assert at_work.acquire(blocking=False)
            arrived.append(list(batch_of(received)))
            try:
                return accepted(received)
            finally:
                at_work.release()

        with HttpServer(default=answer) as server:
            found = load("a", to=to(server))
        assert (found.code, found.events) == (0, account(4))
        assert arrived == [["e-0"], ["e-1"], ["e-0"], ["e-1"]]


@pytest.mark.usefixtures("keys")
class TestFailures:
    """What becomes of a batch that is not answered item by item."""

    @pytest.mark.parametrize(
        "status, code",
        [(400, "BadRequestException"), (413, "PayloadTooLargeException")],
    )
    def test_refused_for_itself(self, load: Load, status: int, code: str) -> None:
        """Its events are rejected, and the run goes on."""
        write(Path("a"), lines(250))
        no = Answer(status, b'{"Message": "No."}', {"x-amzn-ErrorType": code})
        with HttpServer(accepted, no) as server:
            found = load("a", "--rejected", "r", "--in-flight", "1", to=to(server))
        assert found == Loaded(3, account(150, rejected=100), account())
        records = written(Path("r"))
        assert [each["Line"] for each in records] == list(range(101, 201))
        assert {each["Code"] for each in records} == {status}
        assert records[0]["Message"].startswith(f"{code} (HTTP {status}): No.; ")

    @pytest.mark.parametrize(
        "answer, code, outcome, status",
        [
            (Answer(403, b'{"Message": "No."}'), 254, "retryable", 403),
            (Answer(404), 254, "retryable", 404),
            (Answer(429), 254, "retryable", 429),
            (Answer(500), 254, "retryable", 500),
            (CUT, 255, "retryable", None),
            (Answer(202, b"no JSON"), 255, "unreported", None),
        ],
    )
    def test_stops(
        self, load: Load, answer: Answer, code: int, outcome: str, status: int | None
    ) -> None:
        """The next one would fare no better: it stops, and can go on from there."""
        write(Path("a"), lines(250))
        options = ("--checkpoint", "c", "--rejected", "r", "--in-flight", "1")
        with HttpServer(accepted, answer) as server:
            found = load("a", *options, to=to(server))
            assert (found.code, found.is_all_read) == (code, False)
            assert found.events[outcome.capitalize()] == 100
            assert found.err[0] == MORE
            assert len(found.err) == 2
            records = written(Path("r"))
            assert [each["Line"] for each in records] == list(range(101, 201))
            assert {(each["Outcome"], each["Code"]) for each in records} == {
                (outcome, status)
            }
            assert load("a", *options, to=to(server)) == Loaded(
                0,
                account(250),
                account(),
                ("going on behind 100 events of earlier runs",),
            )
        assert written(Path("r")) == []

    def test_what_is_behind_it_is_counted(self, load: Load) -> None:
        """What was on its way when the run stopped is in its books, and comes again."""
        write(Path("a"), lines(300))
        barrier = threading.Barrier(3)

        def together(received: Received) -> Answer:
            barrier.wait(30)
            is_first = any(
                event["Attributes"]["number"] == "0"
                for batch in batch_of(received).values()
                for event in batch["Events"].values()
            )
            return Answer(500) if is_first else accepted(received)

        with HttpServer(together, together, together) as server:
            options = ("--checkpoint", "c", "--in-flight", "3")
            found = load("a", *options, to=to(server))
            assert found.events == account(200, retryable=100)
            assert json.loads(Path("c").read_text())["Books"]["Events"]["Read"] == 0
            found = load("a", *options, to=to(server))
        assert found == Loaded(0, account(300), account())

    def test_second_request_of_a_batch(self, load: Load) -> None:
        """What stands behind it in the same batch is not sent, and is retryable too."""
        event = {**TAP, "AppTitle": "x" * 900_000}
        events = {f"v-{number}": event for number in range(8)}
        text = json.dumps({"BatchItem": {"e": {"Endpoint": {}, "Events": events}}})
        write(Path("a"), [text])
        with HttpServer(Answer(500)) as server:
            found = load("a", to=to(server))
            assert len(server.received) == 1
        assert (found.code, found.events) == (254, account(retryable=8))
        assert found.err[0] == AGAIN

    def test_no_credentials(self, load: Load, aws: pytest.MonkeyPatch) -> None:
        """A matter of the environment has its own exit code."""
        aws.delenv("AWS_ACCESS_KEY_ID")
        aws.delenv("AWS_SECRET_ACCESS_KEY")
        write(Path("a"), lines(1))
        with HttpServer() as server:
            found = load("a", to=to(server))
        assert (found.code, found.events) == (253, account(retryable=1))

    def test_damaged_input(self, load: Load) -> None:
        """What was read before is loaded, and the checkpoint is behind it."""
        write(Path("a"), lines(250))
        data = gzip.compress(Path("a").read_bytes())
        Path("g").write_bytes(data + b"something else")
        options = ("g", "--checkpoint", "c")
        with HttpServer() as server:
            found = load(*options, to=to(server))
            assert found == Loaded(
                252,
                account(250),
                account(),
                (
                    MORE,
                    (
                        "'g' cannot be read beyond line 250: its gzip data are "
                        "damaged; get the file anew"
                    ),
                ),
                is_all_read=False,
            )
            write(Path("a"), lines(260))
            Path("g").write_bytes(gzip.compress(Path("a").read_bytes()))
            assert load(*options, to=to(server)).events == account(260)
        assert sum(len(batch_of(each)) for each in server.received[3:]) == 10

    def test_another_address(self, load: Load) -> None:
        """The endpoint may have moved; what is behind it counts."""
        write(Path("a"), lines(100))
        with HttpServer() as before, HttpServer() as after:
            for server in (before, after):
                found = load("a", "--checkpoint", "c", to=to(server))
                assert (found.code, found.events) == (0, account(100))
        assert [len(each.received) for each in (before, after)] == [1, 0]
        assert json.loads(Path("c").read_text())["To"] == (
            "pinpoint://app?region=eu-west-1"
        )


class Gateway:
    """
    A server in front of a store, which kills the loading process at a given request.

    Attributes:
        process: The process.
        kill_at: Number of the request, from 1.
        kill_before: Whether to kill it before the request is stored, and not after.
    """

    process: "subprocess.Popen[bytes]"

    def __init__(self, store: SqliteSender) -> None:
        self._store = store
        self._lock = threading.Lock()
        self.kill_at = 0
        self.kill_before = False

    def __call__(self, received: Received) -> Answer:
        """Store a request and answer it."""
        with self._lock:
            self.kill_at -= 1
            kills = self.kill_at == 0
        if kills and self.kill_before:
            self.process.kill()
            return CUT
        response = self._store.put_events(from_json(EventsRequest, received.body))
        if kills:
            self.process.kill()
            return CUT
        return Answer(body=to_json(response))


def start(path: Path, *arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
    """Start loading in a separate process."""
    pipes = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }
    return subprocess.Popen(
        [*COMMAND, "load", *arguments],
        cwd=path,
        env=environment(**KEYS, AWS_MAX_ATTEMPTS="1"),
        **{**pipes, **options},
    )


def end(process: "subprocess.Popen[bytes]", given: bytes | None = None) -> Loaded:
    """Return what came of the process."""
    out, err = process.communicate(given, timeout=60)
    return loaded(process.returncode, out.decode(), err.decode())


class TestKill:
    """`kill -9` in the middle: nothing is lost, and nothing is there twice."""

    @takes_long
    def test_at_any_request(self, tmp_path: Path) -> None:
        """Before and after a request was stored, of several files, several times."""
        data = [line(n) if n % 100 else "no JSON" for n in range(4000)]
        write(tmp_path / "a", data[:700])
        text = write(tmp_path / "b", data[700:]).read_bytes()
        (tmp_path / "b").write_bytes(gzip.compress(text))
        options = ("--rejected", "r", "--checkpoint", "c")
        with SqliteSender(tmp_path / "events.db") as store:
            gateway = Gateway(store)
            with HttpServer(default=gateway) as server:
                for kill_at, kill_before in (
                    (1, True),
                    (3, False),
                    (5, True),
                    (4, False),
                ):
                    gateway.kill_at, gateway.kill_before = kill_at, kill_before
                    gateway.process = start(
                        tmp_path, "a", "b", *options, "--to", to(server)
                    )
                    with gateway.process as process:
                        process.communicate(timeout=60)
                    assert process.returncode == -signal.SIGKILL
                with start(tmp_path, "a", "b", *options, "--to", to(server)) as process:
                    found = end(process)
        assert found._replace(err=()) == Loaded(
            3, account(3960, rejected=40), account()
        )
        assert numbers(tmp_path / "events.db") == [n for n in range(4000) if n % 100]
        assert [
            each["Line"] + (700 if each["File"] == "b" else 0)
            for each in written(tmp_path / "r")
        ] == [n + 1 for n in range(4000) if not n % 100]

    @takes_long
    def test_while_reading_a_pipe(self, tmp_path: Path) -> None:
        """The same input is given again, and only what is missing is loaded."""
        options = ("-", "--to", "sqlite:///events.db", "--checkpoint", "c")
        given: list[str] = []
        settled = 0
        for _ in range(3):
            with start(tmp_path, *options) as process:
                assert process.stdin is not None
                process.stdin.write(joined(given))
                while settled_lines(tmp_path / "c") <= settled:
                    more = [json.dumps(line(len(given) + n)) for n in range(100)]
                    process.stdin.write(joined(more))
                    given += more
                process.kill()
                process.communicate(timeout=60)
            assert process.returncode == -signal.SIGKILL
            settled = settled_lines(tmp_path / "c")
        with start(tmp_path, *options) as process:
            found = end(process, joined(given))
        assert found == Loaded(
            0,
            account(len(given)),
            account(),
            (f"going on behind {settled:,} events of earlier runs",),
        )
        assert numbers(tmp_path / "events.db") == list(range(len(given)))


def joined(texts: Sequence[str]) -> bytes:
    """Return lines as a pipe carries them."""
    return "".join(f"{text}\n" for text in texts).encode()


def settled_lines(checkpoint: Path) -> int:
    """Return the number of lines that a checkpoint of one file has, 0 for none."""
    if not checkpoint.exists():
        return 0
    count: int = json.loads(checkpoint.read_text())["Files"][0]["Lines"]
    return count


class Screen(io.StringIO):
    """A terminal that says what is on it."""

    def __init__(self) -> None:
        super().__init__()
        self.has_bar = threading.Event()
        self.has_message = threading.Event()

    def isatty(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Write, and let others know."""
        if text.startswith("\r["):
            self.has_bar.set()
        if "interrupted" in text:
            self.has_message.set()
        return super().write(text)


class Killing(io.RawIOBase):
    """A stream at whose end comes not an end, but a signal."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what there is, then send a signal."""
        count = self._content.readinto(buffer)
        if not count:
            os.kill(os.getpid(), signal.SIGTERM)
        return count


@needs_posix
class TestInterruption:
    """Ctrl-C and SIGTERM."""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_while_reading(self, tmp_path: Path, number: signal.Signals) -> None:
        """Waiting for input ends; what was sent is settled; the next run goes on."""
        text = write(tmp_path / "a", lines(350)).read_bytes()
        has_come = threading.Semaphore(0)

        def answer(received: Received) -> Answer:
            has_come.release()
            return accepted(received)

        with HttpServer(default=answer) as server:
            options = ("-", "--checkpoint", "c", "--to", to(server))
            with start(tmp_path, *options) as process:
                assert process.stdin is not None
                process.stdin.write(b"".join(text.splitlines(keepends=True)[:250]))
                process.stdin.flush()
                assert has_come.acquire(timeout=30)
                assert has_come.acquire(timeout=30)
                process.send_signal(number)
                assert process.wait(timeout=30) == 130
                found = end(process)
            assert found == Loaded(
                130,
                account(200),
                account(),
                (INTERRUPTED, MORE),
                is_all_read=False,
            )
            with start(tmp_path, *options) as process:
                found = end(process, text)
        assert (found.code, found.events) == (0, account(350))
        assert len(server.received) == 4

    def test_while_sending(self, tmp_path: Path) -> None:
        """What is on its way is waited for; what is not is taken back."""
        write(tmp_path / "a", lines(950))

        def answer(received: Received) -> Answer:
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            lines_read.append(process.stderr.readline())
            return accepted(received)

        lines_read: list[bytes] = []
        with HttpServer(answer) as server:
            options = ("a", "--in-flight", "1", "--to", to(server))
            with start(tmp_path, *options) as process:
                process.wait(timeout=30)
                found = end(process)
            assert len(server.received) == 1
        assert lines_read[0].startswith(b"interrupted: ")
        assert found == Loaded(
            130, account(100), account(), (AGAIN,), is_all_read=False
        )

    @pytest.mark.usefixtures("keys")
    def test_while_waiting_in_this_process(self, load: Load) -> None:
        """The bar is drawn while an answer is awaited; a signal is reported at once."""
        write(Path("a"), lines(950))
        screen = Screen()

        def answer(received: Received) -> Answer:
            assert screen.has_bar.wait(30)
            os.kill(os.getpid(), signal.SIGINT)
            assert screen.has_message.wait(30)
            return accepted(received)

        before = signal.getsignal(signal.SIGINT)
        with HttpServer(answer) as server, redirect_stderr(screen):
            found = load("a", "--in-flight", "1", to=to(server))
        assert found == Loaded(130, account(100), account(), is_all_read=False)
        assert signal.getsignal(signal.SIGINT) is before

    def test_while_reading_in_this_process(
        self, load: Load, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was read but not sent counts as unread."""
        text = write(Path("a"), lines(150)).read_bytes()
        stdin = io.TextIOWrapper(io.BufferedReader(Killing(text)))
        monkeypatch.setattr(sys, "stdin", stdin)
        assert load("-") == Loaded(
            130, account(100), account(), (INTERRUPTED, AGAIN), is_all_read=False
        )
        assert len(stored(Path("events.db"))) == 100

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    @takes_long
    def test_while_writing_to_a_pipe(
        self, tmp_path: Path, number: signal.Signals
    ) -> None:
        """A reader that takes nothing is not awaited after a signal."""
        events = dict.fromkeys(map(str, range(2_000)), 7)
        write(
            tmp_path / "a", [{"BatchItem": {"e": {"Endpoint": {}, "Events": events}}}]
        )
        os.mkfifo(tmp_path / "f")
        reading = os.open(tmp_path / "f", os.O_RDONLY | os.O_NONBLOCK)
        options = ("a", "--to", "memory:", "--rejected", "f")
        with start(tmp_path, *options) as process:
            assert select.select([reading], [], [], 30)[0]
            process.send_signal(number)
            assert process.wait(timeout=30) == 255
            found = end(process)
        os.close(reading)
        assert found.err[-1] == (
            "'f' cannot be written: its reader takes nothing, and the run is ended"
        )
        assert not found.is_all_read

    def test_pipe_that_is_read(self, tmp_path: Path) -> None:
        """All lines reach the program that reads them."""
        write(tmp_path / "a", ["7"] * 2_000)
        os.mkfifo(tmp_path / "f")
        with (
            (tmp_path / "r").open("wb") as copy,
            subprocess.Popen(["cat", "f"], cwd=tmp_path, stdout=copy) as reader,
        ):
            # Returns when the reader has opened it.
            writing = os.open(tmp_path / "f", os.O_WRONLY)
            options = ("a", "--to", "memory:", "--rejected", "f")
            with start(tmp_path, *options) as process:
                assert end(process).events == account(rejected=2_000)
            os.close(writing)
            assert reader.wait(timeout=30) == 0
        assert len((tmp_path / "r").read_bytes().splitlines()) == 2_000

    def test_twice(self, tmp_path: Path) -> None:
        """A second one ends it at once."""
        write(tmp_path / "a", lines(950))
        is_over = threading.Event()

        def answer(received: Received) -> Answer:
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            lines_read.append(process.stderr.readline())
            process.send_signal(signal.SIGINT)
            is_over.wait(30)
            return CUT

        lines_read: list[bytes] = []
        with HttpServer(answer) as server:
            options = ("a", "--in-flight", "1", "--to", to(server))
            with start(tmp_path, *options) as process:
                assert process.wait(timeout=30) == -signal.SIGINT
                is_over.set()
        assert lines_read[0].startswith(b"interrupted: ")
