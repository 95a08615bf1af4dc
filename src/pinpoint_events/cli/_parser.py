"""Parses the command line, and reports errors with AWS CLI version 2's messages."""

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final, NoReturn

from pinpoint_events.cli._version import version_text
from pinpoint_events.problems import shortened
from pinpoint_events.problems._similar import similar

__all__ = ["Parser", "UsageError", "invalid_choice"]


class _ShowVersion(argparse.Action):
    """Prints the version, and whether the compiled part is used; then exits."""

    def __call__(
        self, parser: argparse.ArgumentParser, *_: object, **__: object
    ) -> None:
        sys.stdout.write(f"{version_text()}\n")
        parser.exit()


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
    """
    A parser that raises `UsageError` where argparse would exit.

    Args:
        example: The end of the help.
        other_options: Options that are read elsewhere, and suggested for misspelt ones.
        advice: The remedy for an unknown option that resembles none.
        **options: Those of `argparse.ArgumentParser`.
    """

    def __init__(
        self,
        *,
        example: str,
        other_options: Sequence[str] = (),
        advice: str = "",
        **options: Any,
    ) -> None:
        """Create a parser with the options that every command has."""
        super().__init__(
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **options,
        )
        # Python 3.14 colours the usage, which becomes part of a message here.
        self.color = False
        # argparse's message for `type=int` quotes the value, which may be payload.
        self.register("type", int, _integer)
        self._other_options = other_options
        self._advice = advice
        self.add_argument(
            "--version",
            action=_ShowVersion,
            nargs=0,
            default=argparse.SUPPRESS,
            help="print the version, and exit",
        )

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError` instead of exiting."""
        raise UsageError(message, self.format_usage())

    def parse_known_or_fail(self, arguments: list[str]) -> argparse.Namespace:
        """
        Return the parsed arguments.

        Raises:
            UsageError: If there are unknown or missing arguments. The message names
                unknown options first, because a misspelt option may be the missing
                one. It only counts other arguments, which may be payload.
        """
        unknown = self._unknown_options(arguments)
        if unknown:
            others = [each for each in arguments if each not in unknown]
            with suppress(UsageError):
                self.parse_known_args(others)  # prints help or version if asked to
            self.error(self._unknown_text(unknown.values()))
        self._check_values(arguments)
        known, extra = self.parse_known_args(arguments)
        count = len(extra) - extra.count("--")
        if count:
            too_many, them = (
                ("one argument", "it") if count == 1 else (f"{count} arguments", "them")
            )
            remedy = f"leave {them} out, or put a value with blanks in quotes"
            self.error(f"{too_many} too many; {remedy}")
        return known

    def _unknown_options(self, arguments: list[str]) -> dict[str, str]:
        """Return the unknown options among the arguments, and their names."""
        return {
            argument: match[0]
            for argument in _before_end_of_options(arguments)
            if (match := _OPTION_NAME.match(argument))
            and match[0] not in self._option_string_actions
            and not self._abbreviated(match[0])
        }

    def _unknown_text(self, given: Iterable[str]) -> str:
        names = list(dict.fromkeys(given))
        options = [*self._option_string_actions, *self._other_options]
        known = {each[2:]: each for each in options if each[:2] == "--"}
        guesses = [
            " or ".join(known[each] for each in near)
            for name in names
            if (near := _nearest(name.lstrip("-"), known))
        ]
        shown = [shortened(name)[1:-1] for name in names]  # without quotes
        message = f"Unknown options: {', '.join(shown)}"
        remedy = f"did you mean {' and '.join(guesses)}?" if guesses else self._advice
        return f"{message}; {remedy}" if remedy else message

    def _check_values(self, arguments: list[str]) -> None:
        """
        Refuse `--name=VALUE` if the name is ambiguous, or takes no value.

        argparse's own messages quote the value, which may be payload.
        """
        actions = self._option_string_actions
        for argument in _before_end_of_options(arguments):
            name, equals, _ = argument.partition("=")
            if not equals or name[:1] != "-":
                continue
            matches = [name] if name in actions else self._abbreviated(name)
            if len(matches) > 1:
                self.error(f"ambiguous option: {name} could match {', '.join(matches)}")
            if matches and actions[matches[0]].nargs == 0:
                names = "/".join(actions[matches[0]].option_strings)
                self.error(f"argument {names}: takes no value")

    def _abbreviated(self, name: str) -> list[str]:
        """Return the options that argparse takes an abbreviation for."""
        is_long = name[:2] == "--"
        options = self._option_string_actions
        return [each for each in options if is_long and each.startswith(name)]


# What argparse takes for an option: no number, and no blanks, except in a value after
# an equals sign.
_OPTION_NAME: Final = re.compile(r"-[^\s\d.=][^\s=]*(?==|$)")


def _before_end_of_options(arguments: list[str]) -> list[str]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def invalid_choice(argument: str, value: str, choices: list[str]) -> str:
    """Return the message for a value that is not one of the choices."""
    near = _nearest(value, choices)
    remedy = (
        f"maybe you meant: {', '.join(near)}"
        if near
        else f"expected one of {', '.join(choices)}"
    )
    return f"argument {argument}: Found invalid choice {shortened(value)}; {remedy}"


_MOST_SUGGESTIONS: Final = 3


def _nearest(word: str, names: Iterable[str]) -> Sequence[str]:
    """
    Return the names that a word is the beginning of, or has the letters of.

    Otherwise the one that it resembles most. Two letters that are exchanged make a
    short word unlike itself.
    """
    folded = word.casefold()
    near = [
        each
        for each in names
        if folded and (each.startswith(folded) or sorted(each) == sorted(folded))
    ]
    return near if 0 < len(near) <= _MOST_SUGGESTIONS else similar(word, names)[:1]


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        message = "invalid int value; pass a whole number"
        raise argparse.ArgumentTypeError(message) from None
