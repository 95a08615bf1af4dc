import gc
import json
import logging
import os
import signal
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import (
    AbstractContextManager,
    ExitStack,
    closing,
    contextmanager,
    redirect_stderr,
    redirect_stdout,
)
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import pytest
from tests.aws import KEYS, aws
from tests.commands import COMMAND, environment, needs_posix, run
from tests.sender_contract import needs_fork
from tests.server.clients import (
    KEY,
    ONE,
    SECONDS,
    answer,
    batch_item,
    boto3_client,
    connected,
    post,
    request,
)

from pinpoint_events import MemorySender
from pinpoint_events.cli import main
from pinpoint_events.server import Credentials, Served, create_app, served
from pinpoint_events.server.listening import listener

__all__ = ["aws"]

USAGE = "usage: pinpoint-events serve"
WARNING = "WARNING: --no-auth: calls are accepted from anyone, signed or not"


@contextmanager
def serving_at(
    place: Sequence[str],
    cwd: Path,
    arguments: Sequence[str],
    env: Mapping[str, str],
    pass_fds: Sequence[int] = (),
) -> Iterator[tuple[Any, "subprocess.Popen[str]"]]:
    """Run the command; yield where it is, and its process."""
    with subprocess.Popen(
        [*COMMAND, "serve", *place, *arguments],
        cwd=cwd,
        pass_fds=pass_fds,
        env=environment(**env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            yield Served(None, url), process  # type: ignore[arg-type] # none here
        finally:
            process.kill()


def serving(
    cwd: Path, *arguments: str, **env: str
) -> AbstractContextManager[tuple[Any, "subprocess.Popen[str]"]]:
    """Run the command at a free port; yield where it is, and its process."""
    return serving_at(("--port", "0"), cwd, arguments, env)


def ended(process: "subprocess.Popen[str]", number: int) -> tuple[int, str, str]:
    """Send a signal; return exit code and what was printed since the first line."""
    process.send_signal(number)
    out, err = process.communicate(timeout=SECONDS)
    return process.returncode, out, err


def stored(path: Path) -> list[tuple[str, str, str]]:
    """Return application, endpoint and event of each event in a store."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT application_id, endpoint_id, event_id FROM events"
        ).fetchall()


@needs_posix
class TestProcess:
    """The command serves as a program, until a signal ends it."""

    def test_boto3(self, tmp_path: Path, aws: pytest.MonkeyPatch) -> None:
        """With the key of its environment, into `events.db`; it is quiet."""
        with serving(tmp_path, **KEYS) as (server, process):
            assert server.url.startswith("http://127.0.0.1:")
            client = boto3_client(server)
            client.put_events(ApplicationId="shop", EventsRequest=ONE)
            assert ended(process, signal.SIGTERM) == (0, "", "")
        assert stored(tmp_path / "events.db") == [("shop", "e", "v")]

    def test_interrupted(self, tmp_path: Path) -> None:
        """Ctrl-C ends it as it ends other programs."""
        with serving(tmp_path, "--no-auth") as (server, process):
            assert post(server, ONE).status == 202
            assert ended(process, signal.SIGINT) == (130, "", f"{WARNING}\n")

    def test_session_token(self, tmp_path: Path, aws: pytest.MonkeyPatch) -> None:
        """A key that is lent needs its token."""
        lent = Credentials(KEY.access_key_id, KEY.secret_access_key, "token")
        with serving(tmp_path, **KEYS, AWS_SESSION_TOKEN="token") as (server, _):
            boto3_client(server, lent).put_events(
                ApplicationId="shop", EventsRequest=ONE
            )
            client = boto3_client(server)
            with pytest.raises(client.exceptions.ClientError, match="session token"):
                client.put_events(ApplicationId="shop", EventsRequest=ONE)

    def test_credentials(self, tmp_path: Path, aws: pytest.MonkeyPatch) -> None:
        """Keys in a file are read again when it changes."""
        file = tmp_path / "keys"

        def write(key: Credentials) -> None:
            fresh = tmp_path / "fresh"
            fresh.write_text(
                f"[any]\naws_access_key_id = {key.access_key_id}\n"
                f"aws_secret_access_key = {key.secret_access_key}\n"
            )
            fresh.replace(file)

        other = Credentials("AKIDOTHER", "another-secret")
        write(KEY)
        with serving(tmp_path, "--credentials", str(file)) as (server, _):
            client = boto3_client(server)
            client.put_events(ApplicationId="shop", EventsRequest=ONE)
            write(other)
            with pytest.raises(client.exceptions.ClientError, match="not known here"):
                client.put_events(ApplicationId="shop", EventsRequest=ONE)
            boto3_client(server, other).put_events(
                ApplicationId="shop", EventsRequest=ONE
            )

    def test_unix_socket(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A proxy in front may reach it by a file, which is gone in the end."""
        place = ("--uds", "endpoint.sock")
        monkeypatch.chdir(tmp_path)  # the path from here is short enough
        running = serving_at(place, tmp_path, ("--no-auth", "--verbose"), {})
        with running as (server, process), socket.socket(socket.AF_UNIX) as proxy:
            assert server.url == "unix:endpoint.sock"
            proxy.connect("endpoint.sock")
            proxy.sendall(request(json.dumps(ONE).encode()))
            assert answer(proxy).status == 202
            code, _, err = ended(process, signal.SIGTERM)
        assert code == 0
        assert " INFO answered application_id='shop' " in err
        assert " peer=" not in err
        assert not (tmp_path / "endpoint.sock").exists()

    def test_inherited_socket(self, tmp_path: Path) -> None:
        """Another program may have opened its socket, and keeps it."""
        with listener("127.0.0.1", 0) as sock:
            number = sock.fileno()
            place = ("--fd", str(number))
            for _ in range(2):
                running = serving_at(place, tmp_path, ("--no-auth",), {}, [number])
                with running as (server, process):
                    assert server.url == f"http://127.0.0.1:{sock.getsockname()[1]}"
                    assert post(server, ONE).status == 202
                    assert ended(process, signal.SIGTERM)[0] == 0

    def test_verbose(self, tmp_path: Path) -> None:
        """On request, there is a line for each answer, without any of the payload."""
        with serving(tmp_path, "--no-auth", "--verbose") as (server, process):
            got = post(server, {"BatchItem": {"e": {"Endpoint": {}, "Events": {}}}})
            _, _, err = ended(process, signal.SIGTERM)
        _, line = err.splitlines()
        _, _, details = line.partition(" INFO answered ")
        before, _, after = details.partition(" seconds=")
        assert before == "application_id='shop' bytes=82 method='POST'"
        request_id = got.headers["x-amzn-requestid"]
        expected = f" status=202 request_id='{request_id}' peer='127.0.0.1:"
        assert expected in after


@needs_posix
class TestFileHandles:
    """The command does what it can with few file handles, and says so."""

    # 64 of them, of which the command itself needs some ten.
    LIMITED = """if True:
        import resource, sys
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), 64))
        from pinpoint_events.cli import main
        sys.exit(main(["serve", "--port", "0", "--no-auth", "--to", sys.argv[2]]))
    """
    FEW = (
        "WARNING: this process may have 64 open files, and needs 850 for 500 "
        "connections and the stores of 100 applications: only 32 connections are "
        "accepted at a time; raise the limit, for example with `ulimit -n 850`"
    )
    FEW_OF_EACH = FEW.replace("this", "each").replace("are", "of each are")

    @pytest.mark.parametrize("soft", ["64", "48"])
    def test_few(self, tmp_path: Path, soft: str) -> None:
        """There are fewer connections, and clients that are silent shut no one out."""
        to = f"sqlite:///{tmp_path}/events.db"
        with (
            subprocess.Popen(
                [*COMMAND[:1], "-c", self.LIMITED, soft, to],
                cwd=tmp_path,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as process,
            ExitStack() as stack,
        ):
            stack.callback(process.kill)
            assert process.stdout is not None
            server = Served(None, process.stdout.readline().strip())  # type: ignore[arg-type] # none here
            for _ in range(100):
                stack.enter_context(connected(server))
            assert post(server, ONE).status == 202
            assert ended(process, signal.SIGTERM) == (0, "", f"{self.FEW}\n{WARNING}\n")


class Here:
    """The command within this process, used once it answers, and then ended."""

    def __init__(
        self, capsys: pytest.CaptureFixture[str], *, number: int = signal.SIGTERM
    ) -> None:
        self.capsys = capsys
        self.number = number

    def serve(
        self, *arguments: str, use: Callable[[Served], object] = bool
    ) -> tuple[int, str, list[str]]:
        """Return exit code, output and messages."""
        with listener("127.0.0.1", 0) as free:
            port = free.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        server = Served(None, url)  # type: ignore[arg-type] # no application here

        def act() -> None:
            while True:
                try:
                    up = post(server, b"", method="GET", path="/healthz")
                except ConnectionError:
                    continue
                break
            try:
                assert up.status == 200
                use(server)
            finally:
                os.kill(os.getpid(), self.number)

        thread = threading.Thread(target=act)
        thread.start()
        code = main(["serve", "--port", str(port), *arguments])
        thread.join(SECONDS)
        out, err = self.capsys.readouterr()
        assert out.endswith(f":{port}\n")
        return code, out, err.splitlines()


@pytest.fixture
def here(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, aws: pytest.MonkeyPatch
) -> Iterator[Here]:
    """The command in an empty directory, and logging as it was before."""
    aws.chdir(tmp_path)
    logs = [logging.getLogger(name) for name in ("pinpoint_events", "uvicorn.error")]
    before = [(log.handlers.copy(), log.propagate, log.level) for log in logs]
    yield Here(capsys)
    for log, (handlers, propagate, level) in zip(logs, before, strict=True):
        log.handlers[:], log.propagate = handlers, propagate
        log.setLevel(level)


@contextmanager
def shown_to(act: Callable[[IO[str]], None]) -> Iterator[IO[str]]:
    """Yield a stream whose lines are shown to a function in another thread."""
    read, write = os.pipe()
    with os.fdopen(read) as lines:
        thread = threading.Thread(target=act, args=[lines])
        thread.start()
        with os.fdopen(write, "w") as out:
            yield out
        thread.join(SECONDS)


@needs_posix
class TestServing:
    """What the command serves, by its options."""

    @pytest.mark.parametrize(
        "arguments, rows",
        [(("--naive-times", "utc"), [("2026-09-21T12:00:00.123Z",)]), ((), [])],
    )
    def test_naive_times(
        self,
        here: Here,
        tmp_path: Path,
        arguments: tuple[str, ...],
        rows: list[tuple[str]],
    ) -> None:
        """Times without a zone are in UTC, with the option for it."""
        event = {"EventType": "tapped", "Timestamp": "2026-09-21T12:00:00.123456"}

        def use(server: Served) -> None:
            assert post(server, batch_item(e={"v": event})).status == 202

        assert here.serve("--no-auth", *arguments, use=use)[0] == 0
        with closing(sqlite3.connect(tmp_path / "events.db")) as connection:
            found = connection.execute("SELECT timestamp FROM events").fetchall()
        assert found == rows

    def test_template(self, here: Here, tmp_path: Path) -> None:
        """Each application can have a separate store; odd ids have none."""

        def use(server: Served) -> None:
            for name, status in (
                ("shop", 202),
                ("forum-1", 202),
                ("%2E%2E%2Fx", 404),
                ("a.b", 404),
                ("", 404),
            ):
                path = f"/v1/apps/{name}/events"
                assert post(server, ONE, path=path).status == status

        to = "sqlite:///{application_id}.db"
        assert here.serve("--no-auth", "--to", to, use=use)[0] == 0
        assert stored(tmp_path / "shop.db") == [("shop", "e", "v")]
        assert stored(tmp_path / "forum-1.db") == [("forum-1", "e", "v")]
        assert sorted(each.name for each in tmp_path.glob("*.db")) == [
            "forum-1.db",
            "shop.db",
        ]

    def test_applications(self, here: Here, tmp_path: Path) -> None:
        """Others than those that are permitted are unknown."""

        def use(server: Served) -> None:
            for name, status in (("shop", 202), ("a%2Fb", 202), ("forum", 404)):
                path = f"/v1/apps/{name}/events"
                assert post(server, ONE, path=path).status == status

        options = ("--application", "shop", "--application", "a/b")
        assert here.serve("--no-auth", *options, use=use)[0] == 0
        assert stored(tmp_path / "events.db") == [("shop", "e", "v"), ("a/b", "e", "v")]

    def test_allowed_hosts(self, here: Here) -> None:
        """Unsigned calls may name hosts that the command is given."""

        def use(server: Served) -> None:
            for name, status in (("a.example", 202), ("b.example", 403)):
                origin = f"Origin: https://{name}"
                assert post(server, ONE, origin).status == status

        assert here.serve("--no-auth", "--allow-host", "A.example", use=use)[0] == 0

    def test_unix_socket(self, here: Here, tmp_path: Path) -> None:
        """A call over a Unix socket is one as any other."""

        def act() -> None:
            with socket.socket(socket.AF_UNIX) as proxy:
                while proxy.connect_ex("endpoint.sock") != 0:
                    pass
                try:
                    proxy.sendall(request(json.dumps(ONE).encode()))
                    assert answer(proxy).status == 202
                finally:
                    os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=act)
        thread.start()
        assert main(["serve", "--no-auth", "--uds", "endpoint.sock"]) == 0
        thread.join(SECONDS)
        assert here.capsys.readouterr().out == "unix:endpoint.sock\n"
        assert stored(tmp_path / "events.db") == [("shop", "e", "v")]

    def test_gateway(self, here: Here, aws: pytest.MonkeyPatch) -> None:
        """Events can go on to another endpoint, for the one application it is for."""
        for name, value in KEYS.items():
            aws.setenv(name, value)
        behind = MemorySender()

        def use(server: Served) -> None:
            client = boto3_client(server)
            client.put_events(ApplicationId="shop", EventsRequest=ONE)
            with pytest.raises(client.exceptions.NotFoundException):
                client.put_events(ApplicationId="forum", EventsRequest=ONE)

        with served(create_app(behind, credentials=KEY)) as store:
            url = quote(store.url, safe="")
            to = f"pinpoint://shop?region=eu-west-1&endpoint_url={url}"
            assert here.serve("--to", to, use=use)[0] == 0
        assert list(behind.events) == [("e", "v")]

    def test_gateway_for_all(self, here: Here, aws: pytest.MonkeyPatch) -> None:
        """So they can for every application, each under its own name."""
        for name, value in KEYS.items():
            aws.setenv(name, value)
        behind: dict[str, MemorySender] = {}

        def opened(application_id: str) -> MemorySender:
            behind[application_id] = MemorySender(application_id=application_id)
            return behind[application_id]

        def use(server: Served) -> None:
            for name in ("shop", "forum"):
                boto3_client(server).put_events(ApplicationId=name, EventsRequest=ONE)

        with served(create_app(opened, credentials=KEY)) as store:
            url = quote(store.url, safe="")
            to = f"pinpoint://{{application_id}}?region=eu-west-1&endpoint_url={url}"
            assert here.serve("--to", to, use=use)[0] == 0
        assert list(behind) == ["shop", "forum"]

    def test_faults(self, here: Here, tmp_path: Path) -> None:
        """What shall go wrong stands in a file."""
        file = tmp_path / "faults.json"
        file.write_text('{"faults": [{"fault": "fail_call", "calls": [1]}]}')

        def use(server: Served) -> None:
            assert [post(server, ONE).status for _ in range(2)] == [500, 202]

        code, _, err = here.serve("--no-auth", "--faults", str(file), use=use)
        assert code == 0
        assert err == [
            WARNING,
            (
                "WARNING: --faults: this endpoint fails on purpose, and may lose what "
                "it accepts"
            ),
        ]

    def test_region(self, here: Here, aws: pytest.MonkeyPatch) -> None:
        """Signatures can be taken for one region only."""
        for name, value in KEYS.items():
            aws.setenv(name, value)

        def use(server: Served) -> None:
            client = boto3_client(server)
            with pytest.raises(client.exceptions.ClientError, match="valid region"):
                client.put_events(ApplicationId="shop", EventsRequest=ONE)

        assert here.serve("--region", "us-east-1", use=use)[0] == 0

    @needs_fork
    # From Python 3.12 on: this process has threads. The command alone has none.
    @pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
    @pytest.mark.parametrize(
        "number, code", [(signal.SIGTERM, 0), (signal.SIGINT, 130)]
    )
    def test_workers(
        self,
        here: Here,
        tmp_path: Path,
        aws: pytest.MonkeyPatch,
        number: int,
        code: int,
    ) -> None:
        """Several processes share the port; what is scarce is so for each."""
        aws.setattr("resource.getrlimit", lambda _: (64, 64))

        def act(lines: IO[str]) -> None:
            url = lines.readline().strip()  # when all of them accept connections
            try:
                server = Served(None, url)  # type: ignore[arg-type] # none here
                assert post(server, ONE).status == 202
            finally:
                os.kill(os.getpid(), number)

        with shown_to(act) as out, redirect_stdout(out):
            assert main(["serve", "--no-auth", "--port", "0", "--workers", "2"]) == code
        err = here.capsys.readouterr().err.splitlines()
        assert err == [TestFileHandles.FEW_OF_EACH, WARNING]
        assert stored(tmp_path / "events.db") == [("shop", "e", "v")]

    @needs_fork
    @pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
    @pytest.mark.usefixtures("here")
    def test_incomplete_worker(self) -> None:
        """A worker that does not end by itself is reason for 255."""

        def act(lines: IO[str]) -> None:
            pids = []
            while not (line := lines.readline()).startswith("http:"):
                _, is_accepting, pid = line.partition(" accepts connections pid=")
                pids += [int(pid)] if is_accepting else []
            child, _ = pids
            os.kill(child, signal.SIGSTOP)
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(child, signal.SIGKILL)

        arguments = ["--no-auth", "--verbose", "--port", "0", "--workers", "2"]
        with shown_to(act) as out, redirect_stdout(out), redirect_stderr(out):
            assert main(["serve", *arguments]) == 255

    def test_few_handles(self, here: Here, aws: pytest.MonkeyPatch) -> None:
        """Few file handles are reason for a warning, as in a separate process."""
        aws.setattr("resource.getrlimit", lambda _: (64, 64))
        run = here.serve("--no-auth")
        assert (run[0], run[2]) == (0, [TestFileHandles.FEW, WARNING])

    def test_forced(self, here: Here) -> None:
        """Calls can be accepted from anyone, anywhere, by force, and loudly."""
        run = here.serve("--no-auth", "--force-no-auth", "--host", "0.0.0.0")
        assert (run[0], run[1][:15], run[2]) == (0, "http://0.0.0.0:", [WARNING])

    def test_interrupted(self, here: Here) -> None:
        """Ctrl-C has the exit code that shells give it."""
        here.number = signal.SIGINT
        assert here.serve("--no-auth")[0] == 130

    def test_collector(self, here: Here) -> None:
        """Python's garbage collector is as before when it is done."""
        before = gc.get_threshold(), gc.get_freeze_count()
        here.serve("--no-auth")
        assert (gc.get_threshold(), gc.get_freeze_count()) == before

    def test_trouble(self, here: Here, tmp_path: Path) -> None:
        """What goes wrong behind the endpoint is told on standard error, and once."""

        def use(server: Served) -> None:
            assert post(server, ONE).status == 202
            for each in tmp_path.iterdir():
                each.unlink()
            (tmp_path / "events.db").mkdir()
            for _ in range(3):
                assert post(server, ONE).status == 503

        _, _, (_, *lines) = here.serve("--no-auth", use=use)
        assert " WARNING store moved or deleted; opening it again " in lines[0]
        assert " ERROR not sent problem=" in lines[1]
        assert any(" ERROR not sent: 2 more in the last " in line for line in lines)


class TestRefused:
    """What cannot be served is told in one line, with the code that says whose turn."""

    def refused(
        self, capsys: pytest.CaptureFixture[str], *arguments: str
    ) -> tuple[int, str]:
        """Return exit code and the first line of standard error."""
        # A free port, unless the place is part of what is tested.
        place = () if {"--fd", "--uds"} & {*arguments} else ("--port", "0")
        code = main(["serve", *place, *arguments])
        out, err = capsys.readouterr()
        assert out == ""
        return code, err.splitlines()[0]

    @pytest.fixture(autouse=True)
    def _here(self, here: Here) -> None:
        """In an empty directory, without anyone's settings."""

    @pytest.mark.parametrize(
        "arguments, message",
        [
            (
                ("--port", "65536"),
                "argument --port: 65536 is not from 0 to 65535",
            ),
            (
                ("--no-auth", "--credentials", "file"),
                "--no-auth and --credentials contradict each other; leave one out",
            ),
            (
                ("--no-auth", "--region", "eu-west-1"),
                "--no-auth and --region contradict each other; leave one out",
            ),
            (
                ("--force-no-auth",),
                "--force-no-auth is for --no-auth; add that, or leave it out",
            ),
            *(
                (
                    (option, value, other, "1"),
                    f"{option} and {other} exclude each other; leave one out",
                )
                for option, value, other in (
                    ("--uds", "file", "--host"),
                    ("--uds", "file", "--port"),
                    ("--uds", "file", "--fd"),
                    ("--fd", "3", "--host"),
                    ("--fd", "3", "--port"),
                )
            ),
            (
                ("--allow-host", "a.example"),
                "--allow-host is for --no-auth; add that, or leave it out",
            ),
            (
                ("--no-auth", "--allow-host", "http://a.example"),
                (
                    "argument --allow-host: 'http://a.example' is no name of a host; "
                    "write it without a scheme and a port, as events.example.com"
                ),
            ),
            *(
                (
                    (option, ""),
                    f"argument {option}: is empty; give it a value, or leave it out",
                )
                for option in (
                    "--credentials",
                    "--faults",
                    "--host",
                    "--naive-times",
                    "--region",
                    "--to",
                    "--uds",
                )
            ),
            *(
                (
                    ("--workers", number),
                    f"argument --workers: {number} is not from 1 to 256",
                )
                for number in ("0", "257")
            ),
            *(
                (
                    ("--no-auth", "--workers", "2", "--to", to),
                    (
                        "--workers and memory: contradict each other, as processes "
                        "share no memory; leave out --workers, or use sqlite:///FILE"
                    ),
                )
                for to in (
                    "memory:",
                    "MEMORY:",
                    "kinesis://s?region=eu-west-1&endpoints=memory%3A",
                )
            ),
            *(
                (
                    ("--no-auth", "--workers", "2", option, "s"),
                    (
                        "--workers is not for --kinesis and --firehose, whose state is "
                        "in the memory of one process; leave it out"
                    ),
                )
                for option in ("--kinesis", "--firehose")
            ),
            (
                ("--no-auth", "--workers", "2", "--faults", "faults.json"),
                (
                    "--workers and --faults contradict each other, as faults count the "
                    "calls of one process; leave one out"
                ),
            ),
            (
                ("--naive-times", "local"),
                "argument --naive-times: is not utc; pass utc, or leave it out",
            ),
            (
                ("--no-auth", "--to", "sqlite:///{app}.db"),
                (
                    "argument --to: '{app}' is no known placeholder; write "
                    "{application_id}, or { as %7B in a name"
                ),
            ),
            (
                ("--no-auth", "--to", "sqlite:///none/{application_id}.db"),
                (
                    "argument --to: the directory 'none' is not there; make it, or "
                    "name another"
                ),
            ),
            (
                ("--no-auth", "--host", "0.0.0.0"),
                (
                    "--no-auth is for loopback addresses: at this one, anyone who "
                    "reaches the machine could write; give keys, or add --force-no-auth"
                ),
            ),
            (
                ("--no-auth", "--faults", "none.json"),
                (
                    "argument --faults: 'none.json' cannot be read: No such file "
                    "or directory; name another, or let this user read it"
                ),
            ),
            (
                ("--no-auth", "word"),
                (
                    "one argument too many; leave it out, or put a value with blanks "
                    "in quotes"
                ),
            ),
        ],
    )
    def test_usage(
        self,
        capsys: pytest.CaptureFixture[str],
        arguments: tuple[str, ...],
        message: str,
    ) -> None:
        """252: the command line."""
        assert self.refused(capsys, *arguments) == (252, message)

    def test_no_fork(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """252: several processes on a system that cannot fork, as Windows."""
        monkeypatch.delattr(os, "fork", raising=False)
        assert self.refused(capsys, "--no-auth", "--workers", "2") == (
            252,
            "--workers needs a system that can fork; leave it out",
        )

    def test_faults(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        """252: a file of faults that is none."""
        (tmp_path / "faults.json").write_text('{"faults": [{"fault": "delay"}]}')
        assert main(["serve", "--no-auth", "--faults", "faults.json"]) == 252
        out, err = capsys.readouterr()
        assert (out, err.splitlines()) == (
            "",
            [
                "Parameter validation failed:",
                (
                    "Missing required parameter in ['faults.json'].faults[0]: "
                    '"seconds"; a required member; add it'
                ),
            ],
        )

    @pytest.mark.parametrize(
        "arguments, message",
        [
            (
                (),
                (
                    "no key in the environment: set AWS_ACCESS_KEY_ID and "
                    "AWS_SECRET_ACCESS_KEY; or give keys with --credentials FILE, or "
                    "take calls from anyone with --no-auth"
                ),
            ),
            (
                ("--credentials", "none"),
                (
                    "credentials file 'none' cannot be read: No such file or "
                    "directory; name another, or let this user read it"
                ),
            ),
            (
                ("--no-auth", "--host", "no such host"),
                (
                    "cannot listen at 'no such host', port 0: Name or service not "
                    "known; choose another"
                ),
            ),
        ],
    )
    def test_environment(
        self,
        capsys: pytest.CaptureFixture[str],
        arguments: tuple[str, ...],
        message: str,
    ) -> None:
        """253: keys, or the place to listen."""
        assert self.refused(capsys, *arguments) == (253, message)

    @pytest.mark.parametrize(
        "url, message",
        [
            ("mysql://x", "this URL is not understood: the scheme 'mysql' "),
            ("mysql://{application_id}", "this URL is not understood: the scheme "),
            ("pinpoint://{application_id}", "You must specify a region: "),
            ("sqlite:///{application_id}.db?x=1", "this sqlite URL has the query key "),
        ],
    )
    def test_url(
        self, capsys: pytest.CaptureFixture[str], url: str, message: str
    ) -> None:
        """253: a URL that is of no use is told of before anything is served."""
        code, found = self.refused(capsys, "--no-auth", "--to", url)
        assert (code, found[: len(message)]) == (253, message)

    def test_no_socket(self, capsys: pytest.CaptureFixture[str]) -> None:
        """253: a file descriptor of nothing that listens."""
        code, message = self.refused(capsys, "--no-auth", "--fd", "1000000")
        assert code == 253
        assert message.startswith("file descriptor 1000000 is no listening socket; let")

    def test_busy_port(self, capsys: pytest.CaptureFixture[str]) -> None:
        """253: another program has the port; nothing is served."""
        with listener("127.0.0.1", 0) as other:
            port = other.getsockname()[1]
            code, found = self.refused(capsys, "--no-auth", "--port", str(port))
        message = f"cannot listen at '127.0.0.1', port {port}: Address already in use; "
        assert (code, found) == (253, f"{message}choose another")

    def test_help(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Help has an example."""
        assert main(["serve", "--help"]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"{USAGE} [-h] [--version] [--to URL]\n")
        assert out.endswith(
            "example:\n  pinpoint-events serve --to sqlite:///events.db\n"
        )

    def test_missing_extra(self, tmp_path: Path) -> None:
        """253: without the extra, one is told how to install it."""
        (tmp_path / "uvicorn.py").write_text("raise ImportError('not installed')\n")
        ran = run("serve", "--no-auth", cwd=tmp_path, PYTHONPATH=str(tmp_path))
        assert ran == (
            253,
            "",
            (
                "the endpoint needs the extra `server`; "
                "run: pip install 'pinpoint-events[server]'\n"
            ),
        )
