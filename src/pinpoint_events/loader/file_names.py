"""How files are named, on the command line and in messages."""

from typing import Final

__all__ = ["STDIN", "shown"]

STDIN: Final = "-"
"""Standard input, in place of the path of a file."""


def shown(name: str) -> str:
    """Return how a message names a file."""
    return "standard input" if name == STDIN else repr(name)
