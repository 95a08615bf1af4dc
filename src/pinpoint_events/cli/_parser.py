"""Parses the command line, and reports errors with AWS CLI version 2's messages."""

import argparse
from typing import Any, NoReturn

from pinpoint_events.problems import shortened

__all__ = ["Parser", "UsageError", "invalid_choice"]


class UsageError(Exception):
    """
    The command line is invalid.

    Attributes:
        message: What is wrong.
        usage: The command's usage; empty if it does not help.
    """

    message: str
    usage: str

    def __init__(self, message: str, usage: str = "") -> None:
        """Keep message and usage."""
        super().__init__(message, usage)
        self.message = message
        self.usage = usage


class Parser(argparse.ArgumentParser):
    """A parser that raises `UsageError` where argparse would exit."""

    def __init__(self, *, example: str, **options: Any) -> None:
        """Create a parser whose help ends with an example."""
        super().__init__(
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **options,
        )
        # Python 3.14 colours the usage, which becomes part of a message here.
        self.color = False
        # argparse's message for `type=int` quotes the value, which may be payload.
        self.register("type", int, _integer)

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError` instead of exiting."""
        raise UsageError(message, self.format_usage())

    def parse_known_or_fail(self, arguments: list[str]) -> argparse.Namespace:
        """
        Return the parsed arguments.

        Raises:
            UsageError: If there are unknown arguments. The message names unknown
                options, and counts other arguments, which may be payload.
        """
        self._check_values(arguments)
        known, unknown = self.parse_known_args(arguments)
        if unknown:
            names = [
                argument.partition("=")[0]
                for argument in unknown
                if argument.startswith("--")
            ]
            others = len(unknown) - len(names)
            remedy = ""
            if others:
                names.append(
                    "an argument that belongs to no option"
                    if others == 1
                    else f"{others} arguments that belong to no option"
                )
                remedy = "; put a value with blanks in quotes"
            guesses = [*filter(None, map(self._nearest, names))]
            if guesses:
                remedy += f"; did you mean {' and '.join(guesses)}?"
            self.error(f"Unknown options: {', '.join(names)}{remedy}")
        return known

    def _check_values(self, arguments: list[str]) -> None:
        """
        Refuse `--name=VALUE` if the name is ambiguous, or takes no value.

        argparse's own messages quote the value, which may be payload.
        """
        actions = self._option_string_actions
        for argument in arguments:
            if argument == "--":
                return
            name, equals, _ = argument.partition("=")
            if argument[:1] == "-" and argument[:2] in actions and argument[2:]:
                name, equals = argument[:2], "="  # a short option and its value
            if not equals or name[:1] != "-":
                continue
            matches = [name] if name in actions else []
            matches = matches or [each for each in actions if each.startswith(name)]
            if len(matches) > 1:
                self.error(f"ambiguous option: {name} could match {', '.join(matches)}")
            if matches and actions[matches[0]].nargs == 0:
                names = "/".join(actions[matches[0]].option_strings)
                self.error(f"argument {names}: takes no value")

    def _nearest(self, name: str) -> str | None:
        """Return the option that a name resembles, if there is one."""
        from difflib import get_close_matches  # noqa: PLC0415 - needed for mistakes only

        known = [each for each in self._option_string_actions if each[:2] == "--"]
        return next(iter(get_close_matches(name, known, n=1)), None)


def invalid_choice(argument: str, value: str, choices: list[str]) -> str:
    """Return the message for a value that is not one of the choices."""
    from difflib import get_close_matches  # noqa: PLC0415 - needed for errors only

    suggestions = ", ".join(get_close_matches(value, choices) or choices)
    return (
        f"argument {argument}: Found invalid choice {shortened(value)}; maybe you "
        f"meant: {suggestions}"
    )


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        message = "invalid int value; pass a whole number"
        raise argparse.ArgumentTypeError(message) from None
