"""The directive `command`: a command's usage, options and example, from its parser."""

import argparse
import re
from typing import Any, ClassVar
from unittest import mock

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from pinpoint_events.cli import _main
from pinpoint_events.cli._parser import Parser

PROGRAM = "pinpoint-events"


class _Found(Exception):  # noqa: N818 - no error, but the way out
    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__(parser)
        self.parser = parser


def _leave(parser: Parser, _: list[str]) -> argparse.Namespace:
    raise _Found(parser)


def parser_of(command: str) -> argparse.ArgumentParser:
    """
    Return the parser of a command, such as `load`, or of its action: `spool status`.

    Of the program itself for an empty name.
    """
    if not command:
        return _main._parser()
    name, *action = command.split()
    module = _main._module_of(name)
    try:
        with mock.patch.object(Parser, "parse_known_or_fail", _leave):
            module.run(f"{PROGRAM} {name}", action)
    except _Found as found:
        return found.parser
    raise ValueError(f"{command} parses no options")


def _escaped(text: str) -> str:
    """Return text as reStructuredText, with what is in backquotes as code."""
    parts = re.split(r"`([^`]+)`", text)
    parts[::2] = [re.sub(r"([^\w\s]|_)", r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [f":code:`{part}`" for part in parts[1::2]]
    return "\\ ".join(parts) if len(parts) > 1 else parts[0]


def _named(action: argparse.Action) -> str:
    """Return an option with its value, as the help shows it."""
    names = action.option_strings or [str(action.metavar or action.dest)]
    value = ""
    if action.option_strings and action.nargs != 0:
        value = f" {action.metavar or action.dest.upper()}"
        if action.nargs == "?":
            value = f" [{value.strip()}]"
    return ", ".join(f"{name}{value}" for name in names)


def _description(text: str) -> list[str]:
    """Return paragraphs as they are, and lists with an indent as literal blocks."""
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        head, *rest = paragraph.splitlines()
        if head.startswith("  "):
            lines += ["::", "", *paragraph.splitlines(), ""]
        elif any(line.startswith("  ") for line in rest):
            lines += [_escaped(head.removesuffix(":")) + "::", "", *rest, ""]
        else:
            lines += [_escaped(paragraph), ""]
    return lines


def reference(command: str) -> list[str]:
    """Return the reference of a command in reStructuredText."""
    parser = parser_of(command)
    expand = parser._get_formatter()._expand_help
    usage = parser.format_usage().removeprefix("usage: ").splitlines()
    lines = [f".. program:: {parser.prog}", "", ".. code-block:: text", ""]
    lines += [f"   {line}" for line in usage]
    lines += ["", *_description(str(parser.description))]
    for group in parser._action_groups:
        actions = [each for each in group._group_actions if each.help]
        if not actions:
            continue
        title = str(group.title)
        lines += [f".. rubric:: {_escaped(title[:1].upper() + title[1:])}", ""]
        for action in actions:
            lines += [f".. option:: {_named(action)}", ""]
            lines += [f"   {_escaped(expand(action))}", ""]
    if parser.epilog:
        example = parser.epilog.removeprefix("example:\n").splitlines()
        lines += [".. rubric:: Example", "", ".. code-block:: shell", ""]
        lines += [f"   {line.removeprefix('  ')}" for line in example]
    return [*lines, ""]


class CommandDirective(SphinxDirective):
    """Shows a command; without an argument, the program itself."""

    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """Return the nodes."""
        command = self.arguments[0] if self.arguments else ""
        place = nodes.Element()
        lines = StringList(reference(command), source=f"<{PROGRAM} {command}>")
        self.state.nested_parse(lines, self.content_offset, place)
        return place.children


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive."""
    app.add_directive("command", CommandDirective)
    return {"parallel_read_safe": True}
