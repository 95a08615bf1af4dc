"""What the docs say in tables is what the code says."""

import inspect
import re

import attrs

from pinpoint_events import Quotas, errors
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
