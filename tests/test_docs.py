"""What the docs say in tables is what the code says."""

import inspect
import os
import re
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

import attrs
import pytest

from pinpoint_events import Quotas, errors
from pinpoint_events.cli._main import _COMMANDS
from pinpoint_events.cli.spool._command import ACTIONS
from tests.samples import ROOT


def table_rows(page: str) -> list[list[str]]:
    """Return the cells of all table rows of a page of the docs."""
    lines = (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()
    return [line.strip("|").split("|") for line in lines if line.startswith("|")]


class TestQuotas:
    """docs/quotas.md."""

    def test_table(self) -> None:
        """Each limit has a row with its number and unit, in order."""
        stated = [
            [cell.strip(" `") for cell in row]
            for row in table_rows("quotas.md")
            if row[0].strip().startswith("`")
        ]
        assert stated == [
            [
                field.name,
                f"{field.default:,}",
                field.metadata["unit"],
            ]
            for field in attrs.fields(Quotas)
        ]

    def test_sources(self) -> None:
        """The page names the source of each limit that the service documents."""
        sources = [
            {
                field.metadata["source"]
                for field in attrs.fields(Quotas)
                if field.name.startswith("endpoint_") is is_of_endpoint
                and field.name != "endpoints_per_request"
            }
            for is_of_endpoint in (True, False)
        ]
        text = (ROOT / "docs" / "quotas.md").read_text(encoding="utf-8")
        ((of_endpoints, of_others),) = re.findall(
            "^The source of the limits of endpoints is (.+); "
            r"that of all others is (.+)\.$",
            text,
            re.MULTILINE,
        )
        assert sources == [{of_endpoints}, {of_others}]

    def test_date(self) -> None:
        """The page names the day on which the limits were read."""
        (read,) = {field.metadata["read"] for field in attrs.fields(Quotas)}
        text = (ROOT / "docs" / "quotas.md").read_text(encoding="utf-8")
        assert f"All were read on {read}." in text


class TestCommandLine:
    """docs/reference/command-line.md."""

    def test_has_each_command(self) -> None:
        """The program and each command have a heading and their generated options."""
        page = ROOT / "docs" / "reference" / "command-line.md"
        text = page.read_text(encoding="utf-8")
        headings = re.findall(r"^## (\S+)$", text, re.MULTILINE)
        generated = re.findall(r"^\.\. command::(.*)$", text, re.MULTILINE)
        actions = re.findall(r"^### spool (\S+)$", text, re.MULTILINE)
        assert headings == ["pinpoint-events", *_COMMANDS]
        assert actions == list(ACTIONS)
        names = [name.strip() for name in generated]
        at = names.index("spool") + 1
        assert names[at : at + len(actions)] == [f"spool {each}" for each in actions]
        del names[at : at + len(actions)]
        assert names == ["", *_COMMANDS]


class TestExamples:
    """The Python examples of README.md and docs."""

    def test_none_is_skipped(self) -> None:
        """Each of them runs, and each is closed, so that its types are checked too."""
        pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
        texts = [page.read_text(encoding="utf-8") for page in pages]
        assert [text for text in texts if "<!-- skip" in text] == []
        assert [text for text in texts if text.count("```") % 2] == []


def named_files() -> list[tuple[str, str, str]]:
    """Return the page, name and text of each program that a page gives a name."""
    block = re.compile(
        r"`(\w+)\.py`:\n\n```python\n(.*?)^```$", re.DOTALL | re.MULTILINE
    )
    return [
        (page.stem, name, text)
        for page in sorted((ROOT / "docs").rglob("*.md"))
        for name, text in block.findall(page.read_text(encoding="utf-8"))
    ]


# What they import is installed by the group `interop`, whose tests run these programs.
INTEROP = {"use-with-celery", "use-with-django"}


class TestNamedFiles:
    """Programs in the docs that are to be saved in a file of the given name."""

    def test_are_found(self) -> None:
        """Each kind of application has one; AWS Lambda has one for queues, too."""
        assert [(page, name) for page, name, _ in named_files()] == [
            ("use-in-a-script", "report_orders"),
            ("use-with-aws-lambda", "shop"),
            ("use-with-aws-lambda", "report"),
            ("use-with-celery", "shop"),
            ("use-with-django", "shop"),
            ("use-with-fastapi", "shop"),
            ("use-with-flask", "shop"),
        ]

    @pytest.mark.parametrize(
        "name, text",
        [(name, text) for page, name, text in named_files() if page not in INTEROP],
        ids=[
            f"{page}-{name}" for page, name, _ in named_files() if page not in INTEROP
        ],
    )
    def test_starts_by_itself(self, tmp_path: Path, name: str, text: str) -> None:
        """The file imports all that it uses, and its factory makes an application."""
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        start = f"import {name}"
        if "def app()" in text:
            start += f"; {name}.app()"
        done = subprocess.run(
            [sys.executable, "-c", start],
            cwd=tmp_path,
            env={
                **os.environ,
                "EVENTS_SPOOL": "events-spool.db",
                "EVENTS_URL": "memory:",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")

    def test_commands_name_them(self) -> None:
        """What a server is started with is a factory, or an object, in that file."""
        found = 0
        for page, name, text in named_files():
            shown = (ROOT / "docs" / "how-to" / f"{page}.md").read_text("utf-8")
            started = re.findall(
                r"^(?:gunicorn|uvicorn) .* '?(\w+):(\w+)(?:\(\)')?$",
                shown,
                re.MULTILINE,
            )
            found += len(started)
            assert all(file == name for file, _ in started)
            assert all(
                f"def {each}()" in text or f"\n{each} = " in text for _, each in started
            )
        assert found == 3


class TestErrors:
    """docs/errors.md."""

    def test_table(self) -> None:
        """Each error that is raised as itself has a row, and no row is of another."""
        stated = [
            name
            for row in table_rows("errors.md")
            for name in re.findall(r"^ `(\w+)` $", row[0])
        ]
        bases = {"PinpointEventsError", "SenderError", "ServiceError"}
        assert sorted(stated) == [
            name
            for name in errors.__all__
            if inspect.isclass(getattr(errors, name))
            and issubclass(getattr(errors, name), errors.PinpointEventsError)
            and name not in bases
        ]

    def test_codes(self) -> None:
        """Each error code has a row, with the words of its docstring."""
        enums = [
            each
            for name in errors.__all__
            if inspect.isclass(each := getattr(errors, name))
            and issubclass(each, StrEnum)
        ]
        stated = [
            (found[1], found[2], row[1].strip())
            for row in table_rows("errors.md")
            if (found := re.fullmatch(r" `(\w+)\.(\w+)` ", row[0]))
        ]
        assert sorted(stated) == sorted(
            (codes.__name__, name, " ".join(words.split()))
            for codes in enums
            for name, words in re.findall(
                r"^    ([A-Z_]+): (.*(?:\n {8}.*)*)",
                inspect.getdoc(codes) or "",
                re.MULTILINE,
            )
        )
