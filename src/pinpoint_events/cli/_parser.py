"""Reading the command line, with AWS CLI version 2's words where something is wrong."""

import argparse
import re
from typing import Any, NoReturn

from pinpoint_events.problems import shortened

__all__ = ["Parser", "UsageError", "invalid_choice"]


class UsageError(Exception):
    """
    The command line is not what it must be.

    Attributes:
        message: What is wrong.
        usage: How the command is used; empty where that is not the matter.
    """

    message: str
    usage: str

    def __init__(self, message: str, usage: str = "") -> None:
        """Keep what is wrong."""
        super().__init__(message, usage)
        self.message = message
        self.usage = usage


class Parser(argparse.ArgumentParser):
    """A parser that raises `UsageError` where argparse would end the process."""

    def __init__(self, *, example: str, **options: Any) -> None:
        """Make a parser whose help ends with an example."""
        super().__init__(
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **options,
        )
        # Python 3.14 paints usage and help; the usage goes into messages of one line.
        self.color = False

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting."""
        # argparse repeats the values of options that it cannot tell apart, that take
        # none, or that must be numbers. They may be somebody's data.
        message = re.sub(r"=.* could match", " could match", message, flags=re.DOTALL)
        message = re.sub(r"ignored explicit argument .*", "takes no value", message)
        number = r"\1; pass a whole number"
        message = re.sub(r"(invalid int value): .*", number, message, flags=re.DOTALL)
        raise UsageError(message, self.format_usage())

    def parse_known_or_fail(self, arguments: list[str]) -> argparse.Namespace:
        """
        Return the parsed arguments.

        Raises:
            UsageError: If there are arguments that the command does not know. Options
                are named; other arguments may be data, and are counted.
        """
        known, unknown = self.parse_known_args(arguments)
        if unknown:
            names = [each.split("=")[0] for each in unknown if each.startswith("--")]
            others = len(unknown) - len(names)
            remedy = ""
            if others:
                names.append(
                    "an argument that belongs to no option"
                    if others == 1
                    else f"{others} arguments that belong to no option"
                )
                remedy = "; a value with blanks stands in quotes"
            self.error(f"Unknown options: {', '.join(names)}{remedy}")
        return known


def invalid_choice(argument: str, chosen: str, choices: list[str]) -> str:
    """Return the message for a word that is none of the choices."""
    from difflib import get_close_matches  # noqa: PLC0415 - needed for mistakes only

    near = get_close_matches(chosen, choices)
    told = f"maybe you meant: {', '.join(near or choices)}"
    return f"argument {argument}: Found invalid choice {shortened(chosen)}; {told}"
