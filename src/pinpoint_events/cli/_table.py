"""Tables for people: columns that are aligned, numbers to the right."""

from collections.abc import Sequence

__all__ = ["table"]


def table(rows: Sequence[Sequence[str | int]], *, indent: str = "") -> str:
    """
    Return rows as lines of aligned columns.

    Args:
        rows: The rows; the first one has the columns' names.
        indent: What each line begins with.
    """
    columns = [_column(cells) for cells in zip(*rows, strict=True)]
    lines = zip(*columns, strict=True)
    return "\n".join((indent + "  ".join(line)).rstrip() for line in lines)


def _column(cells: Sequence[str | int]) -> list[str]:
    name, *values = [f"{cell:,}" if isinstance(cell, int) else cell for cell in cells]
    width = max(map(len, [name, *values]))
    is_number = any(isinstance(cell, int) for cell in cells)
    align = str.rjust if is_number else str.ljust
    return [align(text, width) for text in (name, "-" * width, *values)]
