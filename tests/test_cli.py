import importlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from modulefinder import ModuleFinder
from pathlib import Path

import pytest

import pinpoint_events
from pinpoint_events.cli import _console as console
from pinpoint_events.cli import main
from tests.aws import KEYS
from tests.commands import COMMAND, environment, run, takes_long
from tests.http_server import HttpServer, answered
from tests.samples import ROOT

SPEEDUPS = pinpoint_events.speedups()
VERSION = f"pinpoint-events {pinpoint_events.__version__} (speedups" + (
    f" {SPEEDUPS.version})" if SPEEDUPS.is_used else f": {SPEEDUPS.state})"
)
USAGE = "usage: pinpoint-events [--help] [--version] COMMAND ..."
USAGE_OF_PUT_EVENTS = (
    "usage: pinpoint-events put-events --application-id ID --events-request REQUEST "
    "[OPTION ...]"
)
SENT = ("--application-id", "a", "--events-request", "{}")
SKELETON = ("put-events", "--generate-cli-skeleton")
if os.name == "posix":
    import pty
FULL = Path("/dev/full")
needs_a_full_device = pytest.mark.skipif(
    not FULL.exists(), reason="only Linux has a device that is always full"
)
needs_posix = pytest.mark.skipif(os.name != "posix", reason="by a POSIX shell")
SECRET = "someone@example.com"


def main_of(
    capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, list[str]]:
    """Return exit code, standard output, and the lines of standard error."""
    code = main(arguments)
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out, err.splitlines()


class TestCommands:
    """What is printed without any command, and of which there are two."""

    def test_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The version is the package's."""
        assert main_of(capsys, "--version") == (0, f"{VERSION}\n", [])

    @pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",), ("help",)])
    def test_help(
        self, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
    ) -> None:
        """Help names each command, fits a terminal, and ends with an example."""
        code, out, err = main_of(capsys, *arguments)
        assert (code, err) == (0, [])
        assert out.startswith(f"{USAGE}\n")
        assert out.endswith("\nexample:\n  pinpoint-events demo\n")
        assert re.findall(r"^  ([a-z]+(?:-[a-z]+)*)  ", out, re.MULTILINE) == [
            "demo",
            "load",
            "put-events",
            "serve",
            "spool",
            "tail",
        ]
        assert max(map(len, out.splitlines())) <= 80

    @pytest.mark.parametrize(
        "command", ["demo", "load", "put-events", "serve", "spool", "tail"]
    )
    def test_help_of_a_command(
        self, capsys: pytest.CaptureFixture[str], command: str
    ) -> None:
        """Each command has help of its own."""
        code, out, err = main_of(capsys, command, "--help")
        assert (code, err) == (0, [])
        assert out.startswith(f"usage: pinpoint-events {command} ")
        assert f"\nexample:\n  pinpoint-events {command}" in out
        # One word for one thing: a service answers, and rejects what it does not take.
        assert not re.search("response|refuse", out)
        assert max(map(len, out.splitlines())) <= 80

    @pytest.mark.parametrize("arguments", [[], ["put-events"]])
    def test_help_as_a_word(
        self, capsys: pytest.CaptureFixture[str], arguments: list[str]
    ) -> None:
        """The AWS CLI has no option for it, but a word."""
        printed = main_of(capsys, *arguments, "--help")
        assert main_of(capsys, *arguments, "help") == printed
        assert printed[1].startswith("usage: ")

    @pytest.mark.parametrize(
        "command", ["demo", "load", "put-events", "serve", "spool", "tail"]
    )
    def test_of_each_command(
        self, capsys: pytest.CaptureFixture[str], command: str
    ) -> None:
        """Help and version can be asked for with each command, in either order."""
        printed = main_of(capsys, command, "--help")
        assert main_of(capsys, "help", command) == printed
        assert main_of(capsys, command, "--bogus", "--help") == printed
        assert main_of(capsys, command, "--version") == (0, f"{VERSION}\n", [])

    def test_of_the_process(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without arguments given in Python, those of the process are read."""
        monkeypatch.setattr(sys, "argv", ["pinpoint-events", "--version"])
        assert main() == 0
        assert capsys.readouterr() == (f"{VERSION}\n", "")

    @pytest.mark.parametrize(
        "command",
        [
            COMMAND,
            (str(Path(sys.executable).with_name("pinpoint-events")),),
        ],
        ids=["module", "script"],
    )
    def test_installed(self, tmp_path: Path, command: tuple[str, ...]) -> None:
        """The installed script and the module are the same command."""
        assert run("--version", command=command, cwd=tmp_path) == (
            0,
            f"{VERSION}\n",
            "",
        )

    def test_import_runs_nothing(self) -> None:
        """Importing the module `__main__` does not run the command."""
        module = importlib.import_module("pinpoint_events.__main__")
        assert module.main is main


class TestGlobalOptions:
    """The AWS CLI's, before the command: `aws --region eu-west-1 pinpoint ...`."""

    @pytest.mark.parametrize(
        "before",
        [
            ["--query", "EventsResponse", "--output", "text"],
            ["--query=EventsResponse", "--output=text"],
            ["--que", "EventsResponse", "--outp", "text", "--no-cli-pager"],
            ["--color", "off", "--query", "EventsResponse", "--output", "text"],
            ["--output", "bogus", "--query", "EventsResponse", "--output", "text"],
        ],
        ids=" ".join,
    )
    def test_are_for_the_command(
        self, capsys: pytest.CaptureFixture[str], before: list[str]
    ) -> None:
        """They mean the same before and behind its name."""
        request = "BatchItem={e-1={Endpoint={},Events={}}}"
        send = ["put-events", "--to", "memory:", "--events-request", request]
        assert main_of(capsys, *before, *send) == (
            0,
            "ENDPOINTITEMRESPONSE\tAccepted\t202\n",
            [],
        )

    def test_the_last_counts(self, capsys: pytest.CaptureFixture[str]) -> None:
        """What stands behind the name goes before what stands before it."""
        send = ["put-events", "--generate-cli-skeleton", "--output", "text"]
        assert main_of(capsys, "--output", "bogus", *send)[0] == 0

    @pytest.mark.parametrize(
        "arguments, message, usage",
        [
            (
                ["--region", "x", "demo"],
                "Unknown options: --region",
                "usage: pinpoint-events demo [-h] [--version] [--to URL]",
            ),
            (
                ["--no", "put-events"],
                (
                    "ambiguous option: --no could match --no-sign-request, "
                    "--no-verify-ssl, --no-cli-pager, --no-paginate, "
                    "--no-cli-auto-prompt"
                ),
                USAGE_OF_PUT_EVENTS,
            ),
            (["--region"], "the following arguments are required: COMMAND", USAGE),
            (["--debug"], "the following arguments are required: COMMAND", USAGE),
            (
                ["--", "put-events"],
                (
                    "the following arguments are required: --application-id, "
                    "--events-request"
                ),
                USAGE_OF_PUT_EVENTS,
            ),
            (
                ["-", "demo"],
                (
                    "argument COMMAND: Found invalid choice '-'; expected one of demo, "
                    "load, put-events, serve, spool, tail"
                ),
                USAGE,
            ),
            (
                ["--to", "memory:", "demo"],
                "Unknown options: --to; the options of a command follow its name",
                USAGE,
            ),
        ],
        ids=lambda words: " ".join(words)[:30],
    )
    def test_of_others(
        self,
        capsys: pytest.CaptureFixture[str],
        arguments: list[str],
        message: str,
        usage: str,
    ) -> None:
        """A command that has no such option says so; our own stand behind a name."""
        assert main_of(capsys, *arguments) == (252, "", [message, usage])


class TestFrozen:
    """Programs that freeze an application find every module by its imports."""

    def test_all_modules_are_found(self) -> None:
        """None is imported by a computed name alone."""
        finder = ModuleFinder(path=[str(ROOT / "src")])
        finder.run_script(str(ROOT / "src" / "pinpoint_events" / "__main__.py"))
        package = ROOT / "src" / "pinpoint_events"
        names = {
            ".".join(path.relative_to(package.parent).with_suffix("").parts)
            for folder in ("cli", "loader", "senders", "server", "problems")
            for path in (package / folder).rglob("*.py")
        }
        names = {name.removesuffix(".__init__") for name in names}
        assert names <= finder.modules.keys()


@needs_posix
class TestTerminal:
    """Nothing that a server or a file said is acted on by a terminal."""

    SAID = "\x1b]0;planted\x07\x9b31m\u202eab\tc"

    def test_of_this_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The same, without a process."""

        class Screen(io.StringIO):
            def isatty(self) -> bool:
                return True

        screen = Screen()
        monkeypatch.setattr("sys.stdout", screen)
        console.out("\x9b31m ü\t.")
        assert screen.getvalue() == "\\u009b31m ü\t.\n"

    def answer(self, *options: str, is_terminal: bool, path: Path) -> str:
        """Return what is printed of an answer with such a message."""
        item = {"StatusCode": 400, "Message": self.SAID}
        answer = answered({"e": {"EndpointItemResponse": item}})
        request = '{"BatchItem": {"e": {"Endpoint": {}, "Events": {}}}}'
        with HttpServer(answer) as server:
            arguments = ("put-events", "--application-id", "a", *options)
            to = ("--endpoint-url", server.url, "--events-request", request)
            mine, its = pty.openpty() if is_terminal else os.pipe()
            done = subprocess.run(
                [*COMMAND, *arguments, *to],
                stdout=its,
                stderr=subprocess.DEVNULL,
                env=environment(**KEYS, AWS_REGION="eu-west-1"),
                cwd=path,
                check=False,
            )
            assert done.returncode == 0
            os.close(its)
            printed = b""
            with suppress(OSError), os.fdopen(mine, "rb", buffering=0) as stream:
                while chunk := stream.read(65_536):
                    printed += chunk
        return printed.decode()

    @pytest.mark.parametrize("form", ["text", "json"])
    @takes_long
    def test_of_output(self, form: str, tmp_path: Path) -> None:
        """What is not printable is escaped as in JSON; a pipe gets it unchanged."""
        options = ("--output", form)
        shown = self.answer(*options, is_terminal=True, path=tmp_path)
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", shown)
        assert "\\u009b31m\\u202eab" in shown
        piped = self.answer(*options, is_terminal=False, path=tmp_path)
        assert "\x9b31m\u202eab" in piped
        if form == "json":
            messages = [
                json.loads(text)["EventsResponse"]["Results"]["e"][
                    "EndpointItemResponse"
                ]["Message"]
                for text in (shown, piped)
            ]
            assert messages == [self.SAID] * 2


class TestUsage:
    """A slip of the keyboard: exit code 252, one line, and one of usage."""

    @pytest.mark.parametrize(
        "arguments, message, usage",
        [
            (
                ["demo", "-h=x"],
                "argument -h/--help: takes no value",
                "usage: pinpoint-events demo [-h] [--version] [--to URL]",
            ),
            (
                ["--verson", "demo"],
                "Unknown options: --verson; did you mean --version?",
                USAGE,
            ),
            (
                ["put-events", *SENT, "--endpoint-ulr", "x"],
                "Unknown options: --endpoint-ulr; did you mean --endpoint-url?",
                USAGE_OF_PUT_EVENTS,
            ),
            (
                ["put-event"],
                (
                    "argument COMMAND: Found invalid choice 'put-event'; maybe you "
                    "meant: put-events"
                ),
                USAGE,
            ),
            (
                ["x" * 100],
                (
                    f"argument COMMAND: Found invalid choice '{'x' * 59}…'; "
                    "expected one of demo, load, put-events, serve, spool, tail"
                ),
                USAGE,
            ),
            (
                ["--bogus", "demo"],
                "Unknown options: --bogus; the options of a command follow its name",
                USAGE,
            ),
            (
                ["put-events"],
                (
                    "the following arguments are required: --application-id, "
                    "--events-request"
                ),
                USAGE_OF_PUT_EVENTS,
            ),
            (
                ["put-events", "--application-id", "my-app"],
                "the following arguments are required: --events-request",
                USAGE_OF_PUT_EVENTS,
            ),
            (
                ["put-events", "--to", "memory:"],
                "the following arguments are required: --events-request",
                USAGE_OF_PUT_EVENTS,
            ),
            (
                ["put-events", "--application-id"],
                "argument --application-id: expected one argument",
                USAGE_OF_PUT_EVENTS,
            ),
            (
                ["put-events", f"--bogus={SECRET}", SECRET],
                "Unknown options: --bogus",
                USAGE_OF_PUT_EVENTS,
            ),
            (
                ["put-events", SECRET, "two"],
                (
                    "2 arguments too many; leave them out, or put a value with blanks "
                    "in quotes"
                ),
                USAGE_OF_PUT_EVENTS,
            ),
            (
                ["put-events", f"--c={SECRET}\n{SECRET}"],
                (
                    "ambiguous option: --c could match --cli-input-json, "
                    "--cli-input-yaml, --ca-bundle, --cli-read-timeout, "
                    "--cli-connect-timeout, --color, --cli-binary-format"
                ),
                USAGE_OF_PUT_EVENTS,
            ),
            (
                ["put-events", f"--cli-read-timeout={SECRET}\n{SECRET}"],
                ("argument --cli-read-timeout: invalid int value; pass a whole number"),
                USAGE_OF_PUT_EVENTS,
            ),
            (
                ["put-events", f"--help={SECRET}"],
                "argument -h/--help: takes no value",
                USAGE_OF_PUT_EVENTS,
            ),
        ],
    )
    def test_reported(
        self,
        capsys: pytest.CaptureFixture[str],
        arguments: Sequence[str],
        message: str,
        usage: str,
    ) -> None:
        """The words are the AWS CLI's; values, which may be data, are not shown."""
        assert main_of(capsys, *arguments) == (252, "", [message, usage])

    def test_messages_cannot_move_the_cursor(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What is not printable is escaped, bytes that are no text included."""
        code, out, (message, _) = main_of(capsys, "\x1b[2J\udcff\u202e")
        assert (code, out) == (252, "")
        assert message == (
            r"argument COMMAND: Found invalid choice '\x1b[2J\udcff\u202e'; expected "
            "one of demo, load, put-events, serve, spool, tail"
        )

    def test_a_file_name_cannot_move_the_cursor(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A path is shown as it was given, but on one line and escaped."""
        paths = "file://a\x1b\n\udcff"
        main(["put-events", "--application-id", paths, "--events-request", "{}"])
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(
            "Error parsing parameter '--application-id': Unable to load paramfile "
            r"file://a\x1b \udcff: "
        )
        assert err.count("\n") == 1


NEAR: dict[str, dict[str, str | None]] = {
    # The spelling of an option, and the option that it is near; None for none.
    "": {
        "--verison": "--version",
        "--hepl": "--help",
        "-v": "--version",
        "-V": "--version",
        "-version": "--version",
        "-help": "--help",
        "--Help": "--help",
        "--regoin": "--region",
        "-region": "--region",
        "--REGION": "--region",
        "--profle": "--profile",
        "--endpoint_url": "--endpoint-url",
        "--no-verify-tls": "--no-verify-ssl",
    },
    "demo": {
        "--too": "--to",
        "--ot": "--to",
        "-to": "--to",
        "--To": "--to",
        "-TO": "--to",
        "---to": "--to",
        "-hepl": "--help",
        "--verison": "--version",
        "--dest": None,
        "--region": None,
        "-x": None,
        "-hx": None,
        "-?": None,
    },
    "load": {
        "--too": "--to",
        "--ot": "--to",
        "-to": "--to",
        "-t": "--to",
        "--To": "--to",
        "--dest": None,
        "--rejcted": "--rejected",
        "-rejected": "--rejected",
        "--checkpiont": "--checkpoint",
        "-c": "--checkpoint",
        "--inflight": "--in-flight",
        "--sourceid": "--source-id",
        "--application_id": "--application-id",
        "--applicaton-id": "--application-id",
        "-v": "--version",
        "--region": None,
        "-x": None,
    },
    "put-events": {
        "-to": "--to",
        "--To": "--to",
        "--regoin": "--region",
        "--ouput": "--output",
        "-q": "--query",
        "--dryrun": "--dry-run",
        "-dry-run": "--dry-run",
        "--event-request": "--events-request",
        "--fail-on-item-errors": "--fail-on-item-error",
        "--cli-input-jsn": "--cli-input-json",
        "-v": "--version",
        "-x": None,
        "-c": None,  # too many begin with it
        "--verbose": None,
    },
    "serve": {
        "--too": "--to",
        "--ot": "--to",
        "-port": "--port",
        "-p": "--port",
        "-host": "--host",
        "--hots": "--host",
        "--credentails": "--credentials",
        "--noauth": "--no-auth",
        "-verbose": "--verbose",
        "-v": "--version or --verbose",
        "--V": "--version or --verbose",
        "--faluts": "--faults",
        "-x": None,
        "--dest": None,
    },
}
MISSPELT = [
    (command, spelling, near)
    for command, spellings in NEAR.items()
    for spelling, near in spellings.items()
]


class TestMisspelt:
    """An unknown option is reported before all else, and a near one suggested."""

    @pytest.mark.parametrize(
        "form",
        [
            "{}",
            "{} memory:",
            "{}=memory:",
            "{}=my\tfile of mine",
            "{} --bgs",
            "{} 1 2",
        ],
        ids=["alone", "value", "equals", "blanks", "two", "values"],
    )
    @pytest.mark.parametrize("command, spelling, near", MISSPELT)
    def test_reported(
        self,
        capsys: pytest.CaptureFixture[str],
        command: str,
        spelling: str,
        near: str | None,
        form: str,
    ) -> None:
        """Its value belongs to it, and is not shown."""
        words = [form] if "=" in form else form.split()
        words = [word.format(spelling) for word in words]
        code, out, err = main_of(capsys, *([command] if command else []), *words)
        shown = f"{spelling}, --bgs" if "--bgs" in words else spelling
        remedy = "" if command else "; the options of a command follow its name"
        if near is not None:
            remedy = f"; did you mean {near}?"
        assert (code, out, err[0]) == (252, "", f"Unknown options: {shown}{remedy}")
        assert err[1].startswith(f"usage: pinpoint-events {command}".rstrip())
        assert len(err) == 2

    @pytest.mark.parametrize(
        "words",
        [
            ["load", "a", "--too", "memory:", "--in-flight", "x"],
            ["load", "--too", "memory:", "a", "--in-flight"],
            ["load", "--in-flight=0", "--too", "--too=x", "a"],
            ["load", "--too=x", "--help=x", "--", "--rejcted"],
            ["load", "--too=x", "a", "b", "-"],
        ],
        ids=" ".join,
    )
    def test_first(self, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
        """It may be the option that is missing, or take the argument too many."""
        code, out, err = main_of(capsys, *words)
        message = "Unknown options: --too; did you mean --to?"
        assert (code, out, err[0]) == (252, "", message)

    @pytest.mark.parametrize("name", ["--" + "o" * 99, "-" + "o" * 99])
    def test_long(self, capsys: pytest.CaptureFixture[str], name: str) -> None:
        """It is cut."""
        assert main_of(capsys, "demo", name)[2][0] == f"Unknown options: {name[:59]}…"

    @pytest.mark.parametrize(
        "words, count",
        [
            (["serve", "help"], 1),
            (["demo", "help"], 1),
            (["demo", "--to", "memory:", "extra"], 1),
            (["demo", "extra", "--to", "memory:", "--", "--more"], 2),
            (["demo", "-1"], 1),
            (["put-events", "a", "b", "-"], 3),
        ],
        ids=str,
    )
    def test_too_many(
        self, capsys: pytest.CaptureFixture[str], words: list[str], count: int
    ) -> None:
        """An argument that belongs to no option is counted; it may be payload."""
        counted = (
            "one argument too many; leave it out"
            if count == 1
            else f"{count} arguments too many; leave them out"
        )
        code, out, err = main_of(capsys, *words)
        message = f"{counted}, or put a value with blanks in quotes"
        assert (code, out, err[0]) == (252, "", message)

    @pytest.mark.parametrize(
        "word, remedy",
        [
            ("frobnicate", ""),
            ("version", ""),
            ("", ""),
            ("x", ""),
            ("put-event", "put-events"),
            ("put", "put-events"),
            ("PutEvents", "put-events"),
            ("Load", "load"),
            ("sevre", "serve"),
            ("d", "demo"),
        ],
    )
    def test_command(
        self, capsys: pytest.CaptureFixture[str], word: str, remedy: str
    ) -> None:
        """The commands are listed, unless one is near."""
        remedy = (
            f"maybe you meant: {remedy}"
            if remedy
            else "expected one of demo, load, put-events, serve, spool, tail"
        )
        message = f"argument COMMAND: Found invalid choice {word!r}; {remedy}"
        for words in ([word], ["help", word], ["--region", "x", word, "--more"]):
            assert main_of(capsys, *words) == (252, "", [message, USAGE])


class _Stream(io.StringIO):
    """A standard output where once something else happens than writing."""

    def __init__(self, happens: BaseException) -> None:
        super().__init__()
        self._happens: BaseException | None = happens

    def write(self, text: str) -> int:
        happens, self._happens = self._happens, None
        if happens is not None:
            raise happens
        return super().write(text)


class TestEndings:
    """Whatever happens, there is an exit code, a line at most, and no traceback."""

    def test_interrupted(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Ctrl-C ends with 128 and the signal's number, and the line is ended."""
        with redirect_stdout(_Stream(KeyboardInterrupt())):
            code = main(SKELETON)
        assert (code, *capsys.readouterr()) == (130, "", "\n")

    def test_defect(self, capsys: pytest.CaptureFixture[str]) -> None:
        """An unexpected error is reported by its place; its text may be data."""
        with redirect_stdout(_Stream(LookupError(SECRET))):
            code = main(SKELETON)
        out, err = capsys.readouterr()
        assert (code, out) == (255, "")
        line = re.escape(
            f"unexpected LookupError in line 0 of {__file__}: a defect of {VERSION}; "
            "report it\n"
        ).replace("line\\ 0", r"line\ \d+")
        assert re.fullmatch(line, err)

    def test_reader_has_enough(self, capsys: pytest.CaptureFixture[str]) -> None:
        """When the pipe is closed at its other end, all is well."""
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w", encoding="utf-8") as pipe, redirect_stdout(pipe):
            code = main(SKELETON)
        assert (code, *capsys.readouterr()) == (0, "", "")

    def test_no_output_at_all(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A process may have no standard output, as below pythonw."""
        with redirect_stdout(None):
            assert main(SKELETON) == 0
        assert capsys.readouterr() == ("", "")

    def test_no_standard_error_at_all(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A process may have no standard error either."""
        with redirect_stderr(None):
            assert main(["put-event"]) == 252
        assert capsys.readouterr() == ("", "")

    @needs_a_full_device
    @pytest.mark.parametrize("arguments", [SKELETON, ("--help",)])
    def test_full_disk(
        self, capsys: pytest.CaptureFixture[str], arguments: Sequence[str]
    ) -> None:
        """What cannot be written is reported, and is no success."""
        with FULL.open("w", encoding="utf-8") as full, redirect_stdout(full):
            code = main(arguments)
        message = "standard output cannot be written: No space left on device\n"
        assert (code, *capsys.readouterr()) == (255, "", message)

    @needs_a_full_device
    def test_full_disk_for_messages(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Where not even a message can be written, there is the exit code."""
        with FULL.open("w", encoding="utf-8") as full, redirect_stderr(full):
            code = main(["put-event"])
        assert (code, *capsys.readouterr()) == (252, "", "")


def test_log_is_not_printed() -> None:
    """A command prints no log that it was not asked for, as of attempts that fail."""
    program = (
        "import logging; from pinpoint_events.cli import main; main(['--version']); "
        "logging.getLogger('pinpoint_events').warning('sending again')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, timeout=60
    )
    assert ran.stderr == b""


class TestProcesses:
    """The same as seen by a shell."""

    @needs_a_full_device
    def test_full_disk(self, tmp_path: Path) -> None:
        """The interpreter has nothing to add at its end, in words or exit codes."""
        with FULL.open("wb") as full:
            ran = subprocess.run(
                [*COMMAND, *SKELETON],
                check=False,
                cwd=tmp_path,
                env=environment(),
                stdout=full,
                stderr=subprocess.PIPE,
                timeout=60,
            )
            silent = subprocess.run(
                [*COMMAND, "put-event"],
                check=False,
                cwd=tmp_path,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=full,
                timeout=60,
            )
        message = b"standard output cannot be written: No space left on device\n"
        assert (ran.returncode, ran.stderr) == (255, message)
        assert (silent.returncode, silent.stdout) == (252, b"")

    @needs_posix
    def test_reader_has_enough(self, tmp_path: Path) -> None:
        """As with `| head -c 0`."""
        reading, writing = os.pipe()
        os.close(reading)
        try:
            ran = subprocess.run(
                [*COMMAND, *SKELETON],
                check=False,
                cwd=tmp_path,
                env=environment(),
                stdout=writing,
                stderr=subprocess.PIPE,
                timeout=60,
            )
        finally:
            os.close(writing)
        assert (ran.returncode, ran.stderr) == (0, b"")

    @pytest.mark.parametrize(
        "arguments, code",
        [
            (["--help"], 0),
            (["put-events", "--help"], 0),
            (SKELETON, 0),
            (["put-events", "--bogus"], 252),
        ],
        ids=["help", "help of a command", "skeleton", "slip"],
    )
    def test_fast_start(self, tmp_path: Path, arguments: list[str], code: int) -> None:
        """What needs no model loads none, and nothing else that takes time."""
        script = (
            "import sys\n"
            "from pinpoint_events.cli import main\n"
            "code = main(sys.argv[1:])\n"
            "heavy = {'attr', 'attrs', 'botocore', 'cattrs', 'hypothesis', 'msgspec',\n"
            "         'sqlite3', 'ssl', 'urllib3', 'urllib.request', 'asyncio'}\n"
            "print('loaded:', sorted(heavy & sys.modules.keys()), file=sys.stderr)\n"
            "sys.exit(code)\n"
        )
        command = (sys.executable, "-c", script)
        ran = run(*arguments, command=command, cwd=tmp_path)
        assert (ran.code, ran.err.splitlines()[-1]) == (code, "loaded: []")
