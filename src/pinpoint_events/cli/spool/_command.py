"""Reads which action of `spool` is meant, and runs it."""

from typing import Any, Final, NoReturn

from pinpoint_events.cli._parser import Parser, invalid_choice

__all__ = ["ACTIONS", "run"]

ACTIONS: Final = ("status", "show", "replay", "export", "purge")
_HELP: Final = frozenset({"-h", "--help", "--version"})


def run(program: str, arguments: list[str]) -> int:
    """
    Run an action.

    Returns:
        Its exit code.

    Raises:
        UsageError: If the command line is wrong, or the file does not exist.
        PinpointEventsError: If the spool cannot be used.
        OutputError: If the output cannot be written.
    """
    # Not only the first argument: global options may precede it.
    action = next((each for each in arguments if each in ACTIONS), None)
    if action is None:
        _help_or_fail(program, arguments)
    rest = arguments.copy()
    rest.remove(action)
    code: int = _module_of(action).run(f"{program} {action}", rest)
    return code


def _help_or_fail(program: str, arguments: list[str]) -> NoReturn:
    """Do what a command line without an action asks for, or say what is wrong."""
    parser = _parser(program)
    words = [each for each in arguments if not each.startswith("-")]
    if words and _HELP.isdisjoint(arguments):
        parser.error(invalid_choice("ACTION", words[0], list(ACTIONS)))
    parser.parse_known_or_fail([each for each in arguments if each not in words])
    parser.error("the following arguments are required: ACTION")


def _module_of(action: str) -> Any:
    """Return the module of an action, imported as those of commands are."""
    match action:
        case "status":
            from pinpoint_events.cli.spool import _status  # noqa: PLC0415

            return _status
        case "show":
            from pinpoint_events.cli.spool import _show  # noqa: PLC0415

            return _show
        case "replay":
            from pinpoint_events.cli.spool import _replay  # noqa: PLC0415

            return _replay
        case "export":
            from pinpoint_events.cli.spool import _export  # noqa: PLC0415

            return _export
        case _:
            from pinpoint_events.cli.spool import _purge  # noqa: PLC0415

            return _purge


def _parser(program: str) -> Parser:
    parser = Parser(
        prog=program,
        usage="%(prog)s [-h] [--version] ACTION PATH ...",
        description="Look into the spool of a `Recorder`, and decide about its dead "
        "letters: what was\nrejected for good, and is kept. The application may be "
        "running.\n\n"
        "actions:\n"
        "  status  counts, the age of what is pending, whether a process delivers\n"
        "  show    the dead letters, or what is pending\n"
        "  replay  send dead letters again, by the application or from here\n"
        "  export  write items as JSON Lines for `pinpoint-events load`\n"
        "  purge   delete items\n\n"
        f"`{program} ACTION --help` describes an action.",
        example=f"{program} status events.spool",
        advice="the options of an action follow its name",
    )
    # Optional to the parser, so that --help and --version need none.
    parser.add_argument("action", metavar="ACTION", nargs="?", help="one of the above")
    return parser
