"""What the docs say in tables is what the code says."""

import inspect
import re
from enum import StrEnum

import attrs

from pinpoint_events import Quotas, errors
from pinpoint_events.cli._main import _COMMANDS
from tests.samples import ROOT


def table_rows(page: str) -> list[list[str]]:
    """Return the cells of all table rows of a page of the docs."""
    lines = (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()
    return [line.strip("|").split("|") for line in lines if line.startswith("|")]


class TestQuotas:
    """docs/quotas.md."""

    def test_table(self) -> None:
        """Each limit stands there with its number, unit and source, in order."""
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
                field.metadata["source"],
            ]
            for field in attrs.fields(Quotas)
        ]

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
        assert headings == ["pinpoint-events", *_COMMANDS]
        assert [name.strip() for name in generated] == ["", *_COMMANDS]


class TestExamples:
    """The Python examples of README.md and docs."""

    def test_none_is_skipped(self) -> None:
        """Each of them runs, and each is closed, so that its types are checked too."""
        pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
        texts = [page.read_text(encoding="utf-8") for page in pages]
        assert [text for text in texts if "<!-- skip" in text] == []
        assert [text for text in texts if text.count("```") % 2] == []


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
