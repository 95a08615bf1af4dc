import io
import json
import os
import re
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pinpoint_events import Event, SqliteSender, StoreError
from pinpoint_events.cli import main
from pinpoint_events.recorder.operators import SpoolFile
from pinpoint_events.senders._accepted import accepted
from tests.aws import KEYS
from tests.commands import COMMAND, environment, needs_posix, run
from tests.http_server import HttpServer, answered
from tests.spools import changed, dead_spool, offline, recorder, waiting_spool
from tests.stores import writing

if os.name == "posix":
    import pty

SECRET = "ada@example.com"  # in each event that is rejected
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Printed(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: Sequence[str]

    @property
    def data(self) -> Any:
        """What its output is as JSON."""
        return json.loads(self.out)


Run = Callable[..., Printed]


@pytest.fixture
def spool(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Return what runs an action in this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def spool(*arguments: str) -> Printed:
        code = main(["spool", *arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert SECRET not in err
        lines = [each for each in err.splitlines() if not each.endswith("/s")]
        return Printed(code, TIME.sub("TIME", out), lines)

    return spool


def dead_ids(spool: Run) -> list[str | None]:
    """Return the event ids of the dead letters, as `show` does."""
    found = spool("show", "s", "--output", "json").data
    return [each["EventId"] for each in found["Items"]]


def counts(spool: Run, kind: str = "Events") -> dict[str, Any]:
    """Return the counts of books that balance, as `status` does; only those above 0."""
    status = spool("status", "s", "--output", "json")
    assert (status.code, status.data["Balanced"]) == (0, True)
    return {name: count for name, count in status.data[kind].items() if count}


class TestCommandLine:
    """What is wrong with it is said before a file is touched."""

    @pytest.mark.parametrize(
        "arguments, message",
        [
            ([], "the following arguments are required: ACTION"),
            (
                ["stauts", "s"],
                (
                    "argument ACTION: Found invalid choice 'stauts'; maybe you meant: "
                    "status"
                ),
            ),
            (
                ["--bogus"],
                "Unknown options: --bogus; the options of an action follow its name",
            ),
            (["status"], "the following arguments are required: PATH"),
            (["status", ""], "argument PATH: is empty; name the file of the spool"),
            (
                ["show", "s", "--output", "yaml"],
                (
                    "argument --output: Found invalid choice 'yaml'; expected one of "
                    "table, json"
                ),
            ),
            (["show", "s", "--limit", "0"], "argument --limit: 0 is not at least 1"),
            (
                ["show", "s", "--pending", "--code", "400"],
                "argument --code: only dead letters have one; leave it out",
            ),
            (
                ["replay", "s", "--application-id", "a"],
                "argument --application-id: is for --to, which is missing",
            ),
            (["purge", "s", "--yes"], "pass --pending or --rejected, or both"),
            (
                ["purge", "s", "--pending"],
                "what is deleted is lost; pass --yes to confirm",
            ),
            (
                ["purge", "s", "--rejected", "--yes", "--older-than", "week"],
                (
                    "argument --older-than: is no length of time; pass one as in 90s, "
                    "10m, 12h or 7d"
                ),
            ),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_wrong(self, spool: Run, arguments: list[str], message: str) -> None:
        """Exit code 252, a message and the usage."""
        found = spool(*arguments)
        assert (found.code, found.out, found.err[0]) == (252, "", message)
        assert found.err[1].startswith("usage: pinpoint-events spool ")
        assert list(Path().iterdir()) == []

    @pytest.mark.parametrize(
        "path, reason",
        [
            ("none", "'none': No such file or directory"),
            (".", "'.' is no file; name that of a spool"),
            ("a\0b", r"'a\x00b': a null character is in no file's name"),
        ],
    )
    @pytest.mark.parametrize("action", ["status", "show", "replay", "export", "purge"])
    def test_no_such_file(
        self, spool: Run, action: str, path: str, reason: str
    ) -> None:
        """That is the user's input; nothing is created."""
        options = ["--pending", "--yes"] if action == "purge" else []
        assert spool(action, path, *options) == (252, "", [f"argument PATH: {reason}"])
        assert list(Path().iterdir()) == []

    def test_no_spool(self, spool: Run) -> None:
        """The store's own message is printed, with the exit code of other failures."""
        SqliteSender("events.db").close()
        with pytest.raises(StoreError) as caught:
            SpoolFile("events.db")
        assert spool("status", "events.db") == (255, "", [str(caught.value)])

    @pytest.mark.parametrize("action", ["status", "show", "replay", "export", "purge"])
    def test_help(self, capsys: pytest.CaptureFixture[str], action: str) -> None:
        """Each action has its own, which fits a terminal."""
        assert main(["help", "spool", action]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"usage: pinpoint-events spool {action} ")
        assert f"\nexample:\n  pinpoint-events spool {action} " in out
        assert max(map(len, out.splitlines())) <= 80

    def test_help_of_no_action(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Help beside a word that is no action is that of the command."""
        assert main(["spool", "stauts", "--help"]) == 0
        assert capsys.readouterr().out.startswith("usage: pinpoint-events spool [-h]")

    def test_global_options(
        self, spool: Run, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """They may precede the command, as those of others do."""
        dead_spool(Path("s"))
        assert main(["--output", "json", "spool", "show", "s", "--limit", "1"]) == 0
        assert json.loads(capsys.readouterr().out)["Total"] == 3


class TestLooking:
    """To look, nothing is written, and no writer is waited for."""

    def test_beside_a_writer(self, spool: Run) -> None:
        """Another program may hold the write lock, for however long."""
        dead_spool(Path("s"))
        before = Path("s").read_bytes()
        with writing(Path("s")):
            assert spool("status", "s", "--output", "json").data["Balanced"]
            assert dead_ids(spool) == ["b-0", "b-1", None]
            assert spool("export", "s", "--file", "exported").code == 0
        assert len(Path("exported").read_text().splitlines()) == 3
        assert Path("s").read_bytes() == before


class TestStatus:
    """`spool status`."""

    def test_table(self, spool: Run) -> None:
        """Facts, then counts."""
        dead_spool(Path("s"))
        changed(Path("s"), "UPDATE ledger SET count = count")
        found = spool("status", "s")
        out = re.sub(r"\d\d,\d{3}", "BYTES", found.out)
        assert (found.code, found.err) == (0, [])
        assert out == (
            "application     local\n"
            "delivery        no process delivers now\n"
            "oldest pending  none\n"
            "dead letters    400: 2, 410: 1\n"
            "bytes used      BYTES\n"
            "books           balance\n"
            "\n"
            "                   events  endpoints\n"
            "-----------------  ------  ---------\n"
            "recorded                5          2\n"
            "delivered               3          1\n"
            "rejected                2          1\n"
            "pending                 0          0\n"
            "rows that wait          0          0\n"
            "dead letters kept       2          1\n"
        )

    def test_json(self, spool: Run) -> None:
        """The same for programs."""
        dead_spool(Path("s"))
        waiting_spool(Path("s"))
        found = spool("status", "s", "--output", "json").data
        assert found.pop("UsedBytes") >= 4_096
        assert 0 <= found.pop("OldestPendingSeconds") < 600
        assert found == {
            "ApplicationId": "local",
            "Events": {
                "Recorded": 8,
                "Delivered": 3,
                "Rejected": 2,
                "Dropped": {},
                "Pending": 3,
            },
            "Endpoints": {
                "Recorded": 3,
                "Delivered": 1,
                "Rejected": 1,
                "Dropped": {},
                "Pending": 1,
            },
            "Waiting": {"Events": 3, "Endpoints": 1},
            "Balanced": True,
            "DeadLetters": {"Events": 2, "Endpoints": 1, "Codes": {"400": 2, "410": 1}},
            "OldestPendingAt": "TIME",
            "Delivering": False,
        }

    @pytest.mark.parametrize(
        "seconds, words",
        [(-60, "0 s"), (60, "1 min"), (7_200, "2 h"), (86_400 * 3, "3 d")],
    )
    def test_age(self, spool: Run, seconds: int, words: str) -> None:
        """It is in its largest unit, and never below zero."""
        waiting_spool(Path("s"), 1)
        ago = "UPDATE item SET recorded_at = recorded_at - ? * 1000"
        changed(Path("s"), ago, [seconds])
        assert f"\noldest pending  since TIME ({words})\n" in spool("status", "s").out

    def test_of_an_empty_spool(self, spool: Run) -> None:
        """Where no recorder came so far, there is no application."""
        waiting_spool(Path("s"), 0)
        changed(Path("s"), "DELETE FROM application")
        assert spool("status", "s").out.startswith("application     none yet\n")

    def test_beside_a_recorder(self, spool: Run) -> None:
        """The recorder goes on, and is seen."""
        with recorder(Path("s")) as (one, _):
            one.record("e", Event("good"))
            assert one.flush(20)
            assert "\ndelivery        by a process that is running\n" in (
                spool("status", "s").out
            )
            one.record("e", Event("good"))
            assert one.flush(20)
        assert counts(spool) == {"Recorded": 2, "Delivered": 2}

    def test_unknown_claim(self, spool: Run) -> None:
        """Whether a process delivers may be unknown."""
        dead_spool(Path("s"))
        Path("s-deliverer").unlink()
        Path("s-deliverer").symlink_to("s-deliverer")
        assert "unknown: the lock file may not be read" in (spool("status", "s").out)

    def test_books_that_do_not_balance(self, spool: Run) -> None:
        """That has an exit code of its own, and a message."""
        waiting_spool(Path("s"))
        changed(Path("s"), "DELETE FROM item WHERE event_id = 'w-0'")
        found = spool("status", "s")
        assert found.code == 255
        assert "\nbooks           DO NOT BALANCE\n" in found.out
        assert found.err == [
            (
                "the books do not balance: what is counted is not what is in the file; "
                "keep a copy of it, and report this as a defect"
            )
        ]

    def test_as_a_process(self, tmp_path: Path) -> None:
        """Another process sees what this one has recorded."""
        waiting_spool(tmp_path / "s")
        ran = run("spool", "status", "s", "--output", "json", cwd=tmp_path)
        assert (ran.code, ran.err) == (0, "")
        assert json.loads(ran.out)["Events"]["Pending"] == 3


class TestShow:
    """`spool show`."""

    def test_table(self, spool: Run) -> None:
        """A line for each dead letter, without what is in it."""
        dead_spool(Path("s"))
        found = spool("show", "s")
        assert (found.code, found.err) == (0, [])
        assert re.sub("  +", "  ", found.out).splitlines()[2:] == [
            "TIME  TIME  user-1  b-0  bad  0  400  no such type",
            "TIME  TIME  user-1  b-1  bad  0  400  no such type",
            "TIME  TIME  x  -  -  0  410  gone",
        ]
        assert re.sub("  +", " ", found.out.splitlines()[0]) == (
            "rejected recorded endpoint event type attempts code message"
        )

    def test_control_characters(self, spool: Run) -> None:
        """What could move a terminal's cursor is shown escaped."""
        dead_spool(Path("s"), bad=1)
        changed(Path("s"), "UPDATE dead_letter SET message = ?", ["\x1b[2J gone"])
        found = spool("show", "s")
        assert "\x1b" not in found.out
        assert "\\x1b[2J gone" in found.out

    def test_json(self, spool: Run) -> None:
        """The same for programs."""
        dead_spool(Path("s"))
        found = spool("show", "s", "--output", "json", "--event-id", "b-1")
        assert found.data == {
            "Total": 1,
            "Items": [
                {
                    "RejectedAt": "TIME",
                    "RecordedAt": "TIME",
                    "EndpointId": "user-1",
                    "EventId": "b-1",
                    "EventType": "bad",
                    "Attempts": 0,
                    "Code": "400",
                    "Message": "no such\ntype",
                }
            ],
        }

    def test_pending(self, spool: Run) -> None:
        """What waits has no code."""
        waiting_spool(Path("s"), 1)
        found = spool("show", "s", "--pending")
        lines = [each.split() for each in found.out.splitlines()]
        assert lines[0] == ["recorded", "endpoint", "event", "type", "attempts"]
        assert [each[:4] for each in lines[2:]] == [
            ["TIME", "w", "w-0", "waiting"],
            ["TIME", "w", "-", "-"],
        ]

    def test_content(self, spool: Run) -> None:
        """Content is printed if it is asked for; a text that is no JSON, too."""
        dead_spool(Path("s"), bad=1)
        changed(Path("s"), "UPDATE dead_letter SET json = '{' WHERE endpoint_id = 'x'")
        assert SECRET not in spool("show", "s", "--output", "json").out
        found = spool("show", "s", "--content", "--output", "json").data["Items"]
        assert found[0]["Content"]["Attributes"] == {"mail": SECRET}
        assert found[1]["Content"] == "{"
        assert f'{{"mail": "{SECRET}"}}' in spool("show", "s", "--content").out

    def test_none(self, spool: Run) -> None:
        """That is said, too."""
        waiting_spool(Path("s"), 0)
        assert spool("show", "s", "--pending", "--event-id", "?").out == (
            "no pending items\n"
        )
        assert spool("show", "s") == (0, "no dead letters\n", [])

    def test_limit(self, spool: Run) -> None:
        """What is left out is said."""
        dead_spool(Path("s"), bad=150)
        found = spool("show", "s")
        assert found.err == [
            "100 of 151 items; --limit NUMBER shows more, and export writes all"
        ]
        found = spool("show", "s", "--limit", "2", "--output", "json")
        assert found.data["Total"] == 151
        assert [each["EventId"] for each in found.data["Items"]] == ["b-0", "b-1"]


class TestReplay:
    """`spool replay` without a destination: the application sends again."""

    def test_without_a_process(self, spool: Run) -> None:
        """They wait, and it is said that no process delivers."""
        dead_spool(Path("s"))
        found = spool("replay", "s", "--code", "400")
        assert (found.code, found.out) == (
            0,
            (
                "          events  endpoints\n"
                "--------  ------  ---------\n"
                "put back       2          0\n"
            ),
        )
        assert found.err == [
            (
                "no process delivers now; they are sent once the application runs, or "
                "another that calls Recorder.start()"
            )
        ]
        assert counts(spool) == {"Recorded": 5, "Delivered": 3, "Pending": 2}
        assert dead_ids(spool) == [None]

    def test_beside_a_recorder(self, spool: Run) -> None:
        """They are sent at once."""
        with recorder(Path("s")) as (one, sender):
            one.record("e", Event("bad"), event_id="b")
            assert one.flush(20)
            sender.answer = accepted
            found = spool("replay", "s", "--output", "json")
            assert (found.code, found.err) == (0, [])
            assert found.data == {"PutBack": {"Events": 1, "Endpoints": 0}}
            assert one.flush(20)
            assert one.stats().delivered == 1
        assert counts(spool) == {"Recorded": 1, "Delivered": 1}

    def test_of_none(self, spool: Run) -> None:
        """To put nothing back is no failure."""
        dead_spool(Path("s"))
        found = spool("replay", "s", "--event-id", "?", "--output", "json")
        assert (found.code, found.err) == (0, [])
        assert found.data == {"PutBack": {"Events": 0, "Endpoints": 0}}


def stored(path: str = "events.db") -> list[str]:
    """Return the ids of the events in a store, sorted."""
    with closing(sqlite3.connect(path)) as store:
        query = "SELECT event_id FROM events ORDER BY event_id"
        return [event_id for (event_id,) in store.execute(query)]


class TestReplayTo:
    """`spool replay --to`: dead letters are sent from here, as `load` sends."""

    TO = ("--to", "sqlite:///events.db")

    def test_accepted(self, spool: Run) -> None:
        """They are delivered, and no dead letters any more."""
        dead_spool(Path("s"))
        found = spool("replay", "s", *self.TO, "--output", "json")
        assert (found.code, found.err) == (0, [])
        of_events = {"Read": 2, "Accepted": 2}
        none = {"Rejected": 0, "Retryable": 0, "Unreported": 0}
        assert found.data == {
            "Events": {**of_events, **none},
            "Endpoints": {"Read": 1, "Accepted": 1, **none},
            "AllRead": True,
        }
        assert stored() == ["b-0", "b-1"]
        assert counts(spool) == {"Recorded": 5, "Delivered": 5}
        assert counts(spool, "Endpoints") == {"Recorded": 2, "Delivered": 2}
        assert dead_ids(spool) == []

    def test_table(self, spool: Run) -> None:
        """The totals of `load` for people; those that are not meant stay."""
        dead_spool(Path("s"))
        found = spool("replay", "s", *self.TO, "--event-id", "b-1")
        assert found.out == (
            "           read  accepted  rejected  retryable  unreported\n"
            "---------  ----  --------  --------  ---------  ----------\n"
            "events        1         1         0          0           0\n"
            "endpoints     0         0         0          0           0\n"
        )
        assert dead_ids(spool) == ["b-0", None]

    def test_many(self, spool: Run) -> None:
        """They are packed into several requests, and settled with each of them."""
        dead_spool(Path("s"), bad=1_250, good=0)
        assert spool("replay", "s", *self.TO).code == 0
        assert len(stored()) == 1_250
        assert counts(spool) == {"Recorded": 1_250, "Delivered": 1_250}

    def test_rejected_again(self, spool: Run) -> None:
        """What is not accepted stays a dead letter; the exit code says so."""
        dead_spool(Path("s"))
        changed(
            Path("s"),
            "UPDATE dead_letter SET json = '{\"EventType\": 7}' WHERE event_id = 'b-0'",
        )
        found = spool("replay", "s", *self.TO)
        assert found.code == 3
        assert re.fullmatch(
            r"'dead letters of s', line 1: rejected \(400\): Event.EventType: .*",
            found.err[0],
        )
        assert stored() == ["b-1"]
        assert dead_ids(spool) == ["b-0"]
        assert counts(spool) == {"Recorded": 5, "Delivered": 4, "Rejected": 1}

    def test_retryable(self, spool: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """What the service may accept later ends nothing: the spool keeps it."""
        dead_spool(Path("s"))
        for name, value in {**environment(**KEYS), "AWS_MAX_ATTEMPTS": "1"}.items():
            monkeypatch.setenv(name, value)
        item = {"StatusCode": 503, "Message": "later"}
        events = {"b-0": item, "b-1": item}
        answer = answered(
            {
                "user-1": {"EndpointItemResponse": item, "EventsItemResponse": events},
                "x": {"EndpointItemResponse": item, "EventsItemResponse": {}},
            }
        )
        with HttpServer(answer) as server:
            query = f"region=eu-west-1&endpoint_url={server.url}"
            to = ("--to", f"pinpoint://a?{query}")
            found = spool("replay", "s", *to, "--output", "json")
        assert found.code == 3
        assert found.data["AllRead"]
        assert found.data["Events"]["Retryable"] == 2
        assert dead_ids(spool) == ["b-0", "b-1", None]

    def test_of_no_connection(self, spool: Run) -> None:
        """The run ends, and all stay dead letters."""
        dead_spool(Path("s"))
        Path("events.db").mkdir()
        found = spool("replay", "s", *self.TO)
        assert found.code == 255
        assert dead_ids(spool) == ["b-0", "b-1", None]

    def test_a_spool_that_is_locked_meanwhile(self, spool: Run) -> None:
        """What cannot be settled ends the run, and is sent again by the next one."""
        dead_spool(Path("s"))
        refuse = (
            "CREATE TRIGGER refuse BEFORE DELETE ON dead_letter "
            "BEGIN SELECT raise(ABORT, 'no'); END"
        )
        changed(Path("s"), refuse)
        found = spool("replay", "s", *self.TO)
        assert found.code == 255
        assert found.out.endswith("\nnot all were read\n")
        assert found.err[0] == (
            "not everything was sent; what was not accepted is still in the spool, so "
            "the same command goes on from here"
        )
        assert "cannot be used (SQLITE_CONSTRAINT_TRIGGER)" in found.err[1]
        changed(Path("s"), "DROP TRIGGER refuse")
        assert dead_ids(spool) == ["b-0", "b-1", None]
        assert spool("replay", "s", *self.TO).code == 0
        assert stored() == ["b-0", "b-1"]

    def test_its_application(self, spool: Run) -> None:
        """They go to the spool's application, unless another one is named twice."""
        with recorder(Path("s"), application_id="shop") as (one, _):
            one.record("e", Event("bad", attributes={"mail": SECRET}), event_id="b")
            assert one.flush(20)
        found = spool("replay", "s", "--to", "pinpoint://other?region=eu-west-1")
        assert found == (
            252,
            "",
            [
                (
                    "argument --to: names another application than the spool's, "
                    "'shop'; pass --application-id too, to send there all the same"
                )
            ],
        )
        assert spool("replay", "s", "--to", "bogus:x").code == 253
        assert spool("replay", "s", *self.TO).code == 0
        with closing(sqlite3.connect("events.db")) as store:
            (name,) = store.execute("SELECT application_id FROM events").fetchone()
        assert name == "shop"

    def test_another_application(self, spool: Run) -> None:
        """An option names any other."""
        dead_spool(Path("s"))
        assert spool("replay", "s", *self.TO, "--application-id", "b").code == 0
        with closing(sqlite3.connect("events.db")) as store:
            names = store.execute("SELECT DISTINCT application_id FROM events")
            assert names.fetchall() == [("b",)]


class TestExport:
    """`spool export`: what is in the spool as JSON Lines."""

    def test_to_load(self, spool: Run, capsys: pytest.CaptureFixture[str]) -> None:
        """What is exported can be loaded elsewhere, and stays in the spool."""
        dead_spool(Path("s"))
        waiting_spool(Path("s"))
        before = spool("status", "s", "--output", "json").data
        found = spool("export", "s", "--file", "f.jsonl")
        assert found == (0, "", ["5 events and 2 endpoints exported"])
        assert main(["load", "f.jsonl", "--to", "sqlite:///events.db"]) == 0
        totals = json.loads(capsys.readouterr().out)
        assert (totals["Events"]["Accepted"], totals["Endpoints"]["Accepted"]) == (5, 2)
        assert stored() == ["b-0", "b-1", "w-0", "w-1", "w-2"]
        after = spool("status", "s", "--output", "json").data
        assert {**after, "OldestPendingSeconds": 0} == {
            **before,
            "OldestPendingSeconds": 0,
        }

    @pytest.mark.parametrize(
        "options, ids",
        [
            ([], ["b-0", None, "w-0", None]),
            (["--rejected"], ["b-0", None]),
            (["--pending"], ["w-0", None]),
            (["--pending", "--rejected"], ["b-0", None, "w-0", None]),
            (["--code", "410"], [None]),
            (["--endpoint-id", "w", "--file", "-"], ["w-0", None]),
        ],
        ids=str,
    )
    def test_chosen(
        self, spool: Run, options: list[str], ids: list[str | None]
    ) -> None:
        """Dead letters, what waits, or both, on standard output."""
        dead_spool(Path("s"), bad=1)
        waiting_spool(Path("s"), 1)
        found = spool("export", "s", *options)
        assert found.code == 0
        lines = [json.loads(line) for line in found.out.splitlines()]
        assert [line.get("EventId") for line in lines] == ids

    def test_many(self, spool: Run) -> None:
        """They are written in parts."""
        dead_spool(Path("s"), bad=1_100)
        found = spool("export", "s")
        assert len(found.out.splitlines()) == 1_101
        assert found.err == ["1,100 events and 1 endpoint exported"]

    @needs_posix
    def test_file_is_private(self, spool: Run) -> None:
        """It holds payload, so nobody else may read it."""
        dead_spool(Path("s"))
        spool("export", "s", "--file", "f")
        assert stat.S_IMODE(Path("f").stat().st_mode) == 0o600

    def test_file_that_exists(self, spool: Run) -> None:
        """Nothing is written over, the spool least of all."""
        dead_spool(Path("s"))
        assert spool("export", "s", "--file", "s") == (
            252,
            "",
            [
                (
                    "argument --file: 's' has something in it; move it away, or name "
                    "another file"
                )
            ],
        )
        assert dead_ids(spool) == ["b-0", "b-1", None]

    @pytest.mark.skipif(
        not Path("/dev/full").exists(), reason="only Linux has a full device"
    )
    def test_full_disk(self, spool: Run) -> None:
        """That is no fault of the input."""
        dead_spool(Path("s"))
        found = spool("export", "s", "--file", "/dev/full")
        assert (found.code, found.out) == (255, "")
        assert found.err == ["'/dev/full' cannot be written: No space left on device"]


class Keyboard(io.StringIO):
    """A terminal at which something was typed."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


class TestPurge:
    """`spool purge`: items are deleted."""

    def test_rejected(self, spool: Run) -> None:
        """They still count as rejected."""
        dead_spool(Path("s"))
        found = spool("purge", "s", "--rejected", "--code", "400", "--yes")
        assert found == (
            0,
            (
                "                  events  endpoints\n"
                "----------------  ------  ---------\n"
                "rejected, purged       2          0\n"
            ),
            [],
        )
        assert counts(spool) == {"Recorded": 5, "Delivered": 3, "Rejected": 2}
        assert dead_ids(spool) == [None]

    def test_pending(self, spool: Run) -> None:
        """They count as dropped."""
        dead_spool(Path("s"))
        waiting_spool(Path("s"))
        options = ("--pending", "--rejected", "--yes", "--output", "json")
        found = spool("purge", "s", *options)
        assert found.data == {
            "Purged": {
                "Pending": {"Events": 3, "Endpoints": 1},
                "Rejected": {"Events": 2, "Endpoints": 1},
            }
        }
        assert counts(spool) == {
            "Recorded": 8,
            "Delivered": 3,
            "Rejected": 2,
            "Dropped": {"purged": 3},
        }
        assert "\ndropped: purged         3          1\n" in spool("status", "s").out

    def test_older_than(self, spool: Run) -> None:
        """Only what was rejected before."""
        dead_spool(Path("s"))
        week = "refused_at - 7 * 86400000"
        changed(
            Path("s"),
            f"UPDATE dead_letter SET refused_at = {week} WHERE event_id = 'b-0'",
        )
        options = ("--rejected", "--yes", "--output", "json")
        assert spool("purge", "s", *options, "--older-than", "8d").data == {
            "Purged": {"Rejected": {"Events": 0, "Endpoints": 0}}
        }
        spool("purge", "s", *options, "--older-than", "6d")
        assert dead_ids(spool) == ["b-1", None]

    def test_beside_a_recorder(self, spool: Run) -> None:
        """The recorder's books are those of the file."""
        with recorder(Path("s"), offline) as (one, _):
            one.record("e", Event("good"))
            assert spool("purge", "s", "--pending", "--yes").code == 0
            assert one.flush(20)
            assert one.stats().dropped == {"purged": 1}

    @pytest.mark.parametrize(
        "options, question",
        [
            (["--pending"], "3 events and 1 endpoint that are pending"),
            (
                ["--pending", "--rejected"],
                (
                    "3 events and 1 endpoint that are pending, and 2 events and 1 "
                    "endpoint that are rejected"
                ),
            ),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("answer, code", [("yes\n", 0), ("no\n", 255)])
    def test_asks(
        self,
        spool: Run,
        monkeypatch: pytest.MonkeyPatch,
        options: list[str],
        question: str,
        answer: str,
        code: int,
    ) -> None:
        """The question counts what would be deleted."""
        dead_spool(Path("s"))
        waiting_spool(Path("s"))
        monkeypatch.setattr("sys.stdin", Keyboard(answer))
        found = spool("purge", "s", *options)
        path = str(Path("s").absolute())
        assert found.code == code
        assert found.err[0] == f"delete {question}, in {path!r}? Type yes to delete:"
        assert found.err[1:] == ([] if code == 0 else ["nothing was deleted"])
        assert counts(spool).get("Pending", 0) == (0 if code == 0 else 3)

    @needs_posix
    @pytest.mark.parametrize(
        "answer, code, left",
        [("yes", 0, [None]), ("Y", 0, [None]), ("", 255, ["b-0", "b-1", None])],
    )
    def test_asks_on_a_terminal(
        self,
        spool: Run,
        tmp_path: Path,
        answer: str,
        code: int,
        left: list[str | None],
    ) -> None:
        """It says what would be deleted; only yes deletes it."""
        dead_spool(Path("s"))
        mine, its = pty.openpty()
        arguments = ("spool", "purge", "s", "--rejected", "--code", "400")
        with subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=its,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            text=True,
        ) as process:
            os.write(mine, f"{answer}\n".encode())
            out, err = process.communicate(timeout=60)
        os.close(mine)
        os.close(its)
        question = (
            "delete 2 events and 0 endpoints that are rejected, in "
            f"{str(Path('s').absolute())!r}? Type yes to delete:"
        )
        refused = [] if code == 0 else ["nothing was deleted"]
        assert (process.returncode, err.splitlines()) == (code, [question, *refused])
        assert bool(out) is (code == 0)
        assert dead_ids(spool) == left
