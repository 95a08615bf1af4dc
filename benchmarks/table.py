"""The table: a row for each comparison, its medians, and whether its bar holds."""

from collections.abc import Iterable
from statistics import median
from typing import NamedTuple

from benchmarks.timing import Pair


class Bar(NamedTuple):
    """
    What a row must hold.

    Attributes:
        most: The largest ratio of our cost to theirs.
        text: The same in words.
    """

    most: float
    text: str

    @classmethod
    def times_less(cls, times: float) -> "Bar":
        """Ours costs at least so many times less."""
        return cls(1 / times, f"at least {times:g} times less")

    @classmethod
    def within(cls, ratio: float) -> "Bar":
        """Ours costs at most so much of theirs."""
        return cls(ratio, f"at most {ratio:g}")


class Row(NamedTuple):
    """
    One comparison.

    Attributes:
        what: What is compared.
        peer: What it is compared with.
        unit: The unit of the cost.
        per_second: How many of the units are a second.
        bar: What must hold; None for a row without a bar.
    """

    what: str
    peer: str
    unit: str
    per_second: float
    bar: Bar | None = None


class Result(NamedTuple):
    """A row, measured: medians over all pairs of laps."""

    row: Row
    cpu: float
    wall: float
    their_cpu: float
    their_wall: float
    cpu_ratio: float
    wall_ratio: float

    @classmethod
    def of(cls, row: Row, pairs: list[Pair]) -> "Result":
        """Return the medians; a ratio is that of two laps next to each other."""
        scale = row.per_second
        return cls(
            row,
            median(pair.ours.cpu_seconds for pair in pairs) * scale,
            median(pair.ours.wall_seconds for pair in pairs) * scale,
            median(pair.theirs.cpu_seconds for pair in pairs) * scale,
            median(pair.theirs.wall_seconds for pair in pairs) * scale,
            median(pair.ours.cpu_seconds / pair.theirs.cpu_seconds for pair in pairs),
            median(pair.ours.wall_seconds / pair.theirs.wall_seconds for pair in pairs),
        )

    @property
    def holds(self) -> bool:
        """Whether both ratios are within the bar."""
        bar = self.row.bar
        return bar is None or max(self.cpu_ratio, self.wall_ratio) <= bar.most

    def _ratio(self, ratio: float) -> str:
        bar = self.row.bar
        if bar is not None and bar.text.endswith("less"):
            return f"{1 / ratio:.1f} times less"
        return f"{ratio:.2f}"

    def cells(self) -> tuple[str, ...]:
        """Return the row's cells."""
        bar = self.row.bar
        return (
            self.row.what,
            self.row.peer,
            self.row.unit,
            f"{self.cpu:.1f}",
            f"{self.their_cpu:.1f}",
            self._ratio(self.cpu_ratio),
            f"{self.wall:.1f}",
            f"{self.their_wall:.1f}",
            self._ratio(self.wall_ratio),
            "" if bar is None else bar.text,
            "" if bar is None else ("yes" if self.holds else "**no**"),
        )


_HEAD = (
    "what",
    "against",
    "unit",
    "CPU",
    "theirs",
    "ratio",
    "wall",
    "theirs",
    "ratio",
    "bar",
    "holds",
)


def markdown(results: Iterable[Result]) -> str:
    """Return the results as a table in Markdown."""
    aligned = ("---", "---", "---", *("---:",) * 6, "---", "---")
    return lines(_HEAD, aligned, (result.cells() for result in results))


def lines(
    head: Iterable[str], aligned: Iterable[str], rows: Iterable[Iterable[str]]
) -> str:
    """
    Return a table in Markdown.

    Args:
        head: The cells of its head.
        aligned: How each column is aligned, as Markdown writes it.
        rows: The cells of its rows.
    """
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, aligned, *rows))
