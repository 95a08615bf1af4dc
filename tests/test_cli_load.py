import gzip
import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pinpoint_events.cli import main
from tests.commands import COMMAND, environment, run
from tests.test_cli import needs_posix

SECRET = "someone@example.com"
TAP = {"EventType": "tapped", "Timestamp": "2026-09-21T12:00:00.123Z"}
USAGE = (
    "usage: pinpoint-events load [-h] [--version] --to URL [--application-id ID] "
    "[--rejected FILE] [--checkpoint FILE] [--in-flight NUMBER] [--source-id TEXT] "
    "FILE [FILE ...]"
)


def line(number: int, **more: Any) -> dict[str, Any]:
    """Return a line of one event, of one of ten endpoints."""
    event = {**TAP, "Attributes": {"number": str(number)}}
    return {"EndpointId": f"e-{number % 10}", "Event": event, **more}


def lines(count: int) -> list[dict[str, Any]]:
    """Return so many of them."""
    return [line(number) for number in range(count)]


def write(path: Path, data: Iterable[object]) -> Path:
    """Write JSON Lines; what is text already is written as it is."""
    texts = (each if isinstance(each, str) else json.dumps(each) for each in data)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def written(path: Path) -> list[dict[str, Any]]:
    """Return what the lines of a file say."""
    return [json.loads(text) for text in path.read_text().splitlines()]


def stored(path: Path) -> list[tuple[str, ...]]:
    """Return endpoint id, event id and number of all events in a store."""
    query = """
        SELECT endpoint_id, event_id, json_extract(attributes, '$.number')
        FROM events ORDER BY sequence
    """
    with closing(sqlite3.connect(path)) as store:
        return store.execute(query).fetchall()


def numbers(path: Path) -> list[int]:
    """Return the numbers of all events in a store, sorted."""
    return sorted(int(number) for *_, number in stored(path))


def account(
    accepted: int = 0, rejected: int = 0, retryable: int = 0, unreported: int = 0
) -> dict[str, int]:
    """Return an account as the summary has it; it balances."""
    return {
        "Read": accepted + rejected + retryable + unreported,
        "Accepted": accepted,
        "Rejected": rejected,
        "Retryable": retryable,
        "Unreported": unreported,
    }


class Loaded(NamedTuple):
    """What came of a run."""

    code: int
    events: dict[str, int]
    endpoints: dict[str, int]
    err: Sequence[str] = ()
    is_all_read: bool = True


def loaded(code: int, out: str, err: str) -> Loaded:
    """Return what a run printed, without its speed."""
    summary = json.loads(out)
    assert out == json.dumps(summary, indent=4) + "\n"
    assert set(summary) == {"Events", "Endpoints", "AllRead"}
    for each in (summary["Events"], summary["Endpoints"]):
        assert each["Read"] == sum(each.values()) - each["Read"]
    assert SECRET not in err
    lines = tuple(each for each in err.splitlines() if not each.endswith("/s"))
    return Loaded(
        code, summary["Events"], summary["Endpoints"], lines, summary["AllRead"]
    )


def checkpoint(**changed: object) -> str:
    """Return a checkpoint in which something is not as it was written."""
    position = {"Name": "a", "Lines": 0, "Bytes": 0, "Digest": "", "FirstLine": ""}
    data = {
        "Format": "pinpoint-events load",
        "Version": 1,
        "To": "sqlite:///events.db",
        "Files": [position | {k: v for k, v in changed.items() if k in position}],
        "Books": {
            "Events": account() | {k: v for k, v in changed.items() if k in account()},
            "Endpoints": account(),
        },
        "RejectedBytes": changed.get("RejectedBytes"),
    }
    return json.dumps(data)


Load = Callable[..., Loaded]


@pytest.fixture
def load(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Load:
    """Return what loads in this process, in an empty directory, into a store there."""
    monkeypatch.chdir(tmp_path)

    def load(*arguments: str, to: str = "sqlite:///events.db") -> Loaded:
        code = main(["load", *arguments, "--to", to])
        return loaded(code, *capsys.readouterr())

    return load


@pytest.fixture
def refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., list[str]]:
    """Return what tells why a command line is refused, before anything is done."""
    monkeypatch.chdir(tmp_path)

    def refused(*arguments: str) -> list[str]:
        code = main(["load", *arguments])
        out, err = capsys.readouterr()
        assert (code, out) == (252, "")
        assert not Path("events.db").exists() or not stored(Path("events.db"))
        return err.splitlines()

    return refused


class TestInput:
    """What a file may hold."""

    def test_events(self, load: Load) -> None:
        """Each line becomes an event."""
        write(Path("a"), lines(250))
        assert load("a") == Loaded(0, account(250), account())
        assert numbers(Path("events.db")) == list(range(250))

    def test_order(self, load: Load) -> None:
        """One request at a time, an endpoint's events are in the order of the lines."""
        write(Path("a"), lines(250))
        load("a", "--in-flight", "1")
        found = stored(Path("events.db"))
        for each in range(10):
            of_one = [int(n) for name, _, n in found if name == f"e-{each}"]
            assert of_one == list(range(each, 250, 10))

    def test_a_second_run(self, load: Load) -> None:
        """It makes no second copy, also of a file that was moved or compressed."""
        write(Path("a"), lines(250))
        load("a")
        before = stored(Path("events.db"))
        Path("b.gz").write_bytes(gzip.compress(Path("a").read_bytes()))
        Path("a").rename("c")
        assert load("c", "b.gz") == Loaded(0, account(500), account())
        assert stored(Path("events.db")) == before

    def test_a_file_that_grows(self, load: Load) -> None:
        """What is new in it is new in the store."""
        write(Path("a"), lines(150))
        load("a")
        write(Path("a"), lines(170))
        assert load("a").events == account(170)
        assert numbers(Path("events.db")) == list(range(170))

    def test_equal_lines(self, load: Load) -> None:
        """They are events of their own: their numbers tell them apart."""
        write(Path("a"), [line(1)] * 3)
        load("a")
        assert numbers(Path("events.db")) == [1, 1, 1]

    def test_files_that_begin_alike(self, load: Load) -> None:
        """They do not take each other's ids for events that differ."""
        write(Path("a"), [line(1), line(2)])
        write(Path("b"), [line(1), line(12)])
        assert load("a", "b").events == account(4)
        assert numbers(Path("events.db")) == [1, 2, 12]

    def test_source_id(self, load: Load) -> None:
        """It tells files apart that are equal."""
        write(Path("a"), [line(1)])
        for name in ("x", "y", "x"):
            load("a", "--source-id", name)
        assert numbers(Path("events.db")) == [1, 1]

    def test_requests(self, load: Load) -> None:
        """A line may hold a whole request, of more events than one call takes."""
        events = {f"v-{number}": line(number)["Event"] for number in range(120)}
        batch = {"Endpoint": {"Demographic": {"Make": "Acme"}}, "Events": events}
        alone: dict[str, Any] = {"BatchItem": {"e-2": {"Endpoint": {}, "Events": {}}}}
        write(Path("a"), [line(120), {"BatchItem": {"e": batch}}, "", alone, line(121)])
        found = load("a")
        assert (found.code, found.events) == (0, account(122))
        assert numbers(Path("events.db")) == list(range(122))
        with closing(sqlite3.connect("events.db")) as store:
            query = "SELECT endpoint_id, make FROM endpoints ORDER BY endpoint_id"
            assert store.execute(query).fetchall() == [
                ("e", "Acme"),
                ("e-0", None),
                ("e-1", None),
                ("e-2", None),
            ]

    def test_nothing(self, load: Load) -> None:
        """Blank lines are no events, and an empty file has none."""
        write(Path("a"), ["", "  "])
        Path("b").touch()
        assert load("a", "b") == Loaded(0, account(), account())

    def test_standard_input(self, tmp_path: Path) -> None:
        """It is a file like others, compressed or not, and makes the same ids."""
        text = write(tmp_path / "a", lines(150)).read_bytes()
        found = []
        for content in (text, gzip.compress(text)):
            ran = subprocess.run(
                [*COMMAND, "load", "-", "--to", "sqlite:///events.db"],
                capture_output=True,
                check=False,
                cwd=tmp_path,
                env=environment(),
                input=content,
                timeout=60,
            )
            out, err = ran.stdout.decode(), ran.stderr.decode()
            found.append(loaded(ran.returncode, out, err))
        assert found == [Loaded(0, account(150), account())] * 2
        assert numbers(tmp_path / "events.db") == list(range(150))

    @needs_posix
    def test_a_pipe_with_a_name(self, load: Load) -> None:
        """A file that can be opened only once is opened only once."""
        os.mkfifo("pipe")
        text = write(Path("a"), lines(3)).read_bytes()
        writing = threading.Thread(target=lambda: Path("pipe").write_bytes(text))
        writing.start()
        assert load("pipe", "a").events == account(6)
        writing.join()


class TestEndpoints:
    """What lines say of endpoints."""

    def test_the_last_word(self, load: Load) -> None:
        """However many are on their way: what a later line says stands at the end."""
        write(
            Path("a"),
            [
                line(0, Endpoint={"Demographic": {"Make": str(number)}})
                for number in range(60)
            ],
        )
        found = load("a", "--in-flight", "8")
        assert found == Loaded(0, account(60), account(60))
        with closing(sqlite3.connect("events.db")) as store:
            assert store.execute("SELECT make FROM endpoints").fetchall() == [("59",)]

    def test_said_again(self, load: Load) -> None:
        """Of what occurs twice in a batch, one copy is sent."""
        write(Path("a"), [line(0, Endpoint={"OptOut": "ALL"})] * 3)
        assert load("a") == Loaded(0, account(3), account(1))

    def test_the_same_id(self, load: Load) -> None:
        """Of events with the same id, the store keeps all that differ, in order."""
        data = [line(number, EndpointId="e", EventId="v") for number in range(40)]
        write(Path("a"), [*data, line(0, EndpointId="e", EventId="v")])
        assert load("a", "--in-flight", "8").events == account(41)
        assert stored(Path("events.db")) == [("e", "v", str(n)) for n in range(40)]


class TestRejected:
    """What is not accepted is reported, or written down."""

    WRONG: tuple[Any, ...] = (
        line(0, EventId="v-0"),
        "no JSON",
        line(2, EndpointId=7, EventId="v-2"),
        line(3, EventId="v-3", Event={**TAP, "Attributes": {"note": SECRET * 20}}),
        {"BatchItem": {"e": {"Endpoint": {}, "Events": {"a": TAP, "b": {}}}}},
        {"BatchItem": {"e": {"Endpoint": {"OptOut": "YES"}, "Events": {}}}},
    )
    MESSAGES = (
        (
            "is not JSON: Expecting value at column 1; a JSON text in UTF-8; correct "
            "it there, or fetch the whole of it"
        ),
        "EndpointId: is a number; expected a string; write it in quotes",
        (
            "Event.Attributes['note']: 380 characters; at most 200; shorten the value "
            "or drop the key"
        ),
        (
            "BatchItem['e'].Events['b'].EventType: is missing; a required member; "
            "add it\n"
            "BatchItem['e'].Events['b'].Timestamp: is missing; a required member; "
            "add it"
        ),
        (
            "BatchItem['e'].Endpoint.OptOut: is no known value; expected one of ALL, "
            "NONE; write one of them"
        ),
    )

    def test_reported(self, load: Load) -> None:
        """Without a file for them, each has a line on standard error."""
        write(Path("a"), self.WRONG)
        found = load("a")
        assert found == Loaded(
            3,
            account(2, rejected=4),
            account(rejected=1),
            tuple(
                f"'a', line {number}: rejected{what} (400): {' '.join(message.split())}"
                for number, what, message in zip(
                    range(2, 7),
                    ["", "", "", "", " (the endpoint)"],
                    self.MESSAGES,
                    strict=True,
                )
            ),
        )
        assert [event_id for _, event_id, _ in stored(Path("events.db"))] == [
            "v-0",
            "a",
        ]

    def test_told_no_more(self, load: Load) -> None:
        """After twenty of them, they are counted."""
        write(Path("a"), ["7"] * 250)
        found = load("a")
        assert (found.code, found.events) == (3, account(rejected=250))
        *reported, last = found.err
        assert len(reported) == 20
        assert last == ("what else is not accepted is counted; --rejected FILE has all")

    def test_written(self, load: Load) -> None:
        """With one, each has a line there: what it is, why, and where it stands."""
        write(Path("a"), self.WRONG)
        found = load("a", "--rejected", "r")
        assert found == Loaded(3, account(2, rejected=4), account(rejected=1))
        members: list[dict[str, Any]] = [
            {},
            self.WRONG[2],
            {**self.WRONG[3], "Endpoint": {}},
            {"EndpointId": "e", "EventId": "b", "Endpoint": {}, "Event": {}},
            self.WRONG[5],
        ]
        assert written(Path("r")) == [
            {
                "Outcome": "rejected",
                "Code": 400,
                "Message": message,
                "File": "a",
                "Line": number,
                **each,
            }
            for number, message, each in zip(
                range(2, 7), self.MESSAGES, members, strict=True
            )
        ]

    @needs_posix
    def test_is_private(self, load: Load) -> None:
        """Events are personal data: only the owner may read the file."""
        write(Path("a"), self.WRONG)
        load("a", "--rejected", "r")
        assert Path("r").stat().st_mode & 0o777 == 0o600

    def test_loaded_in_its_turn(self, load: Load) -> None:
        """Once corrected, it is loaded as it is, under the same ids."""
        write(Path("a"), self.WRONG[2:])
        load("a", "--rejected", "r")
        again = written(Path("r"))
        again[0]["EndpointId"] = "e"
        again[1]["Event"]["Attributes"]["note"] = "short"
        again[2]["Event"] = TAP
        again[3]["BatchItem"]["e"]["Endpoint"]["OptOut"] = "NONE"
        write(Path("r"), again)
        assert load("r") == Loaded(0, account(3), account(1))
        found = [event_id for _, event_id, _ in stored(Path("events.db"))]
        assert found == ["a", "v-2", "b", "v-3"]

    def test_lone_surrogate(self, load: Load) -> None:
        """What no encoding takes is written down as it was written."""
        write(Path("a"), ['{"EndpointId": "\\ud800"}'])
        load("a", "--rejected", "r")
        assert written(Path("r"))[0]["EndpointId"] == "\ud800"

    def test_too_long(self, load: Load) -> None:
        """A line that is too long is refused, and the next one is not."""
        write(Path("a"), [f'"{"x" * 9_000_000}"', line(1)])
        found = load("a")
        assert (found.code, found.events) == (3, account(1, rejected=1))
        (message,) = found.err
        assert message == (
            "'a', line 1: rejected (413): more than 8,000,000 bytes; at most "
            "8,000,000; write one event in a line"
        )

    def test_large_events(self, load: Load) -> None:
        """Batches keep to the bytes of a request; an event too large is refused."""
        large = {**TAP, "Metrics": {}, "AppTitle": "ä" * 400_000}
        data = [line(number, Event=large) for number in range(6)]
        write(Path("a"), [*data, line(6, Event={**large, "AppTitle": "ä" * 600_000})])
        found = load("a")
        assert (found.code, found.events) == (3, account(6, rejected=1))


class TestUsage:
    """What is refused before anything is sent: exit code 252."""

    @pytest.mark.parametrize(
        "arguments, message",
        [
            ((), "the following arguments are required: FILE, --to"),
            (("a",), "the following arguments are required: --to"),
            (
                ("a", "--in-flight", "0"),
                "argument --in-flight: 0 is not from 1 to 64",
            ),
            (
                ("a", "--in-flight", "65"),
                "argument --in-flight: 65 is not from 1 to 64",
            ),
            (("-", "-"), "argument FILE: - is given more than once"),
            (
                ("a", "b", "--source-id", "x"),
                "argument --source-id: is for a single FILE, and there are more",
            ),
            (
                ("a", "--source-id", ""),
                "argument --source-id: is empty; leave it out",
            ),
            (
                ("a", "--source-id", "\udcff"),
                "argument --source-id: is no text in UTF-8",
            ),
            (
                ("a", "--rejected", "x", "--checkpoint", "./x"),
                "--rejected and --checkpoint name the same file",
            ),
            (
                ("a", "b", "--rejected", "./b"),
                "FILE 'b' and --rejected name the same file",
            ),
            (
                ("a", "--checkpoint", "a"),
                "FILE 'a' and --checkpoint name the same file",
            ),
            (
                ("a", "--checkpoint", "events.db"),
                "--to and --checkpoint name the same file",
            ),
            (("events.db",), "FILE 'events.db' and --to name the same file"),
        ],
    )
    def test_arguments(
        self,
        refused: Callable[..., list[str]],
        arguments: tuple[str, ...],
        message: str,
    ) -> None:
        """The command line contradicts itself."""
        to = ("--to", "sqlite:///events.db") if "required" not in message else ()
        assert refused(*arguments, *to) == [message, USAGE]

    @pytest.mark.parametrize(
        "name, reason",
        [
            ("none", "'none': No such file or directory"),
            ("directory", "'directory' is a directory; name its files"),
            ("a\0b", "'a\\x00b': a null character is in no file's name"),
        ],
    )
    def test_files(
        self, refused: Callable[..., list[str]], name: str, reason: str
    ) -> None:
        """A file that is not there is missed before another one is loaded."""
        write(Path("a"), lines(1))
        Path("directory").mkdir()
        err = refused("a", name, "--to", "sqlite:///events.db")
        assert err == [f"argument FILE: {reason}"]

    def test_rejected_has_something_in_it(
        self, refused: Callable[..., list[str]]
    ) -> None:
        """What an earlier run has written is not lost."""
        write(Path("a"), lines(1))
        write(Path("r"), ["{}"])
        err = refused("a", "--rejected", "r", "--to", "sqlite:///events.db")
        (only,) = err
        assert only == (
            "argument --rejected: 'r' has something in it; move it away, or name "
            "another file"
        )
        assert Path("r").read_text() == "{}\n"

    @needs_posix
    @pytest.mark.parametrize("is_linked", [False, True])
    def test_rejected_keeps_its_permissions(
        self, refused: Callable[..., list[str]], *, is_linked: bool
    ) -> None:
        """A file that is refused stays as it is, also under another name."""
        write(Path("a"), lines(1))
        Path("r").write_bytes(b"" if is_linked else b"{}")
        Path("r").chmod(0o644)
        if is_linked:
            Path("s").hardlink_to("r")
        (only,) = refused("a", "--rejected", "r", "--to", "sqlite:///events.db")
        assert only.startswith("argument --rejected: 'r' has ")
        assert stat.S_IMODE(Path("r").stat().st_mode) == 0o644

    @pytest.mark.parametrize("name", ["--checkpoint", "--rejected"])
    def test_standard_output(
        self, refused: Callable[..., list[str]], name: str
    ) -> None:
        """It has the summary."""
        write(Path("a"), lines(1))
        err = refused("a", name, "-", "--to", "sqlite:///events.db")
        assert err[0] == f"argument {name}: - names no file; pass a path"
        assert not Path("-").exists()

    @needs_posix
    def test_pipe_that_no_program_reads(
        self, refused: Callable[..., list[str]]
    ) -> None:
        """Opening it would wait; a checkpoint would replace it."""
        write(Path("a"), lines(1))
        os.mkfifo("f")
        Path("link").symlink_to("f")
        for link in ("f", "link"):
            assert refused("a", "--rejected", link, "--to", "sqlite:///events.db") == [
                (
                    f"argument --rejected: '{link}' is a pipe that no program reads; "
                    "start its reader, or name a file"
                )
            ]
        assert refused("a", "--checkpoint", "f", "--to", "sqlite:///events.db") == [
            "argument --checkpoint: 'f' is no file"
        ]

    def test_rejected_cannot_be_opened(self, refused: Callable[..., list[str]]) -> None:
        """The file system's reason is reported."""
        write(Path("a"), lines(1))
        err = refused("a", "--rejected", "no/r", "--to", "sqlite:///events.db")
        assert err == [
            "argument --rejected: 'no/r' cannot be written: No such file or directory"
        ]

    @pytest.mark.parametrize(
        "text",
        [
            "no JSON",
            "7",
            "{}",
            '{"Format": "pinpoint-events load", "Version": 2}',
            (
                '{"Format": "pinpoint-events load", "Version": 1, "Files": [], '
                '"Books": {"Events": {"Read": 1, "Accepted": 0, "Rejected": 0, '
                '"Retryable": 0, "Unreported": 0}}, "RejectedBytes": null}'
            ),
            "[" * 100_000,
            checkpoint(Lines=float("inf")),
            checkpoint(Lines=-1),
            checkpoint(Bytes="0"),
            checkpoint(RejectedBytes=-5),
            checkpoint(Read=1),
            checkpoint(Accepted=-1, Rejected=1),
            checkpoint(Accepted=0.5, Rejected=-0.5),
        ],
        ids=range(13),
    )
    def test_no_checkpoint(self, refused: Callable[..., list[str]], text: str) -> None:
        """A file that is none is left as it is."""
        write(Path("a"), lines(1))
        write(Path("c"), [text])
        err = refused("a", "--checkpoint", "c", "--to", "sqlite:///events.db")
        (only,) = err
        assert only == (
            "argument --checkpoint: 'c' is no checkpoint of this release; name another "
            "file"
        )
        assert Path("c").read_text() == f"{text}\n"

    @needs_posix
    def test_checkpoint_cannot_be_read(self, refused: Callable[..., list[str]]) -> None:
        """The file system's reason is reported."""
        write(Path("a"), lines(1))
        err = refused("a", "--checkpoint", ".", "--to", "sqlite:///events.db")
        assert err == ["argument --checkpoint: '.' cannot be read: Is a directory"]

    @needs_posix
    def test_checkpoint_is_no_file(self, refused: Callable[..., list[str]]) -> None:
        """A device would be replaced by a file."""
        write(Path("a"), lines(1))
        to = ("--to", "sqlite:///events.db")
        assert refused("a", "--checkpoint", os.devnull, *to) == [
            f"argument --checkpoint: '{os.devnull}' is no file"
        ]
        assert not Path(os.devnull).is_file()

    def test_where_to(self, load: Load, capsys: pytest.CaptureFixture[str]) -> None:
        """A URL that is none is a matter of the environment, as everywhere."""
        write(Path("a"), lines(1))
        assert main(["load", "a", "--to", "bogus:"]) == 253
        assert capsys.readouterr().err.startswith("this URL is not understood: ")


class TestHelp:
    """What needs no file and no sender."""

    def test_is_fast(self, tmp_path: Path) -> None:
        """It waits for no model, and for nothing else that takes time."""
        script = (
            "import sys\n"
            "from pinpoint_events.cli import main\n"
            "code = main(sys.argv[1:])\n"
            "heavy = {'attrs', 'botocore', 'cattrs', 'msgspec', 'sqlite3', 'uuid',\n"
            "         'concurrent.futures', 'gzip'}\n"
            "print('loaded:', sorted(heavy & sys.modules.keys()), file=sys.stderr)\n"
            "sys.exit(code)\n"
        )
        command = (sys.executable, "-c", script)
        ran = run("load", "--help", command=command, cwd=tmp_path)
        assert (ran.code, ran.err) == (0, "loaded: []\n")
        assert max(map(len, ran.out.splitlines())) <= 80


class TestCheckpoint:
    """A file that remembers how far it is."""

    def test_of_a_whole_run(self, load: Load) -> None:
        """The next run reads what is new, and its books are those of all runs."""
        write(Path("a"), lines(150))
        write(Path("b"), ["7", line(150)])
        options = ("--checkpoint", "c", "--rejected", "r")
        found = load("a", "b", *options)
        assert found == Loaded(3, account(151, rejected=1), account())
        going_on = "going on behind 152 events of earlier runs"
        assert load("a", "b", *options) == found._replace(err=(going_on,))
        write(Path("a"), [*lines(150), line(151), "7"])
        write(Path("d"), [line(152)])
        assert load("a", "b", "d", *options) == Loaded(
            3, account(153, rejected=2), account(), (going_on,)
        )
        assert numbers(Path("events.db")) == list(range(153))
        assert [(each["File"], each["Line"]) for each in written(Path("r"))] == [
            ("b", 1),
            ("a", 152),
        ]

    def test_empty(self, load: Load) -> None:
        """A file with nothing in it, as `mktemp` makes it, is a new one."""
        write(Path("a"), lines(1))
        Path("c").touch()
        assert load("a", "--checkpoint", "c").code == 0
        assert json.loads(Path("c").read_text())["Files"][0]["Lines"] == 1

    def test_of_more_files(self, load: Load, refused: Callable[..., list[str]]) -> None:
        """All files that it knows of must be given."""
        write(Path("a"), lines(1))
        load("a", "a", "--checkpoint", "c", to="memory:")
        err = refused("a", "--checkpoint", "c", "--to", "sqlite:///events.db")
        (only,) = err
        assert only == (
            "argument --checkpoint: 'c' is of 2 files, and 1 are given; pass the same "
            "files in the same order, or another checkpoint"
        )

    def test_of_another_place(
        self, load: Load, refused: Callable[..., list[str]]
    ) -> None:
        """What is elsewhere does not count as loaded here."""
        write(Path("a"), lines(1))
        load("a", "--checkpoint", "c", "--application-id", "shop", to="memory:")
        for more in ((), ("--application-id", "shop")):
            err = refused(
                "a", "--checkpoint", "c", "--to", "sqlite:///events.db", *more
            )
            (only,) = err
            assert only == (
                "argument --checkpoint: 'c' is of 'memory: (shop)', and --to is "
                "another place; pass the same place, or another checkpoint"
            )

    def test_other_files(self, load: Load) -> None:
        """It is replaced by way of a temporary file with an unused name."""
        for name in ("c.new", "c.tmp", "c.bak", "c~"):
            write(Path(name), [name])
        write(Path("a"), lines(1))
        load("a", "--checkpoint", "c")
        assert {each.name for each in Path().iterdir() if each.name[0] == "c"} == {
            "c",
            "c.new",
            "c.tmp",
            "c.bak",
            "c~",
        }
        assert Path("c.new").read_text() == "c.new\n"

    def test_of_other_files(self, load: Load) -> None:
        """What was loaded must still stand there; nothing is skipped by mistake."""
        write(Path("a"), lines(2))
        load("a", "--checkpoint", "c")
        write(Path("a"), lines(3)[1:])
        found = load("a", "--checkpoint", "c")
        assert (found.code, found.is_all_read) == (252, False)
        assert found.err == (
            "going on behind 2 events of earlier runs",
            "not everything was loaded; the same command goes on from here",
            (
                "'a' is not the file that the checkpoint knows: its first 2 lines are "
                "others; pass the same files in the same order, or another checkpoint"
            ),
        )

    def test_holds_no_payload(self, load: Load) -> None:
        """It has names, numbers and digests."""
        data = line(1, Endpoint={"Address": SECRET, "ChannelType": "EMAIL"})
        write(Path("a"), [data])
        load("a", "--checkpoint", "c")
        assert SECRET not in Path("c").read_text()

    def test_rejected_of_another_run(
        self, load: Load, refused: Callable[..., list[str]]
    ) -> None:
        """A file that lacks what the checkpoint knows of is not that run's."""
        write(Path("a"), ["7"])
        load("a", "--checkpoint", "c", "--rejected", "r")
        to = ("--to", "sqlite:///events.db")
        err = refused("a", "--checkpoint", "c", "--rejected", "s", *to)
        (only,) = err
        assert only == (
            "argument --rejected: 's' has fewer bytes than the checkpoint knows of; "
            "pass the file of the earlier run, or another checkpoint"
        )

    def test_rejected_is_new(self, load: Load) -> None:
        """A run may begin to write down what is not accepted, or leave it."""
        write(Path("a"), ["7"])
        load("a", "--checkpoint", "c")
        write(Path("a"), ["7", "7"])
        load("a", "--checkpoint", "c", "--rejected", "r")
        write(Path("a"), ["7", "7", "7"])
        assert load("a", "--checkpoint", "c").events == account(rejected=3)
        assert [each["Line"] for each in written(Path("r"))] == [2]

    def test_cannot_be_written(
        self, refused: Callable[..., list[str]], load: Load
    ) -> None:
        """That is found before anything is sent, and no run to continue is promised."""
        write(Path("a"), ["7"])
        more = ("--rejected", "r", "--to", "sqlite:///events.db")
        assert refused("a", "--checkpoint", "no/c", *more) == [
            (
                "argument --checkpoint: the checkpoint 'no/c' cannot be written: No "
                "such file or directory; name a file in a directory that can be written"
            )
        ]
        assert numbers(Path("events.db")) == []
        Path("no").mkdir()
        found = load("a", "--checkpoint", "no/c", "--rejected", "r")
        assert (found.code, found.events) == (3, account(rejected=1))
