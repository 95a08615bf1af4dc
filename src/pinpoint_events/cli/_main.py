"""Runs the command that the arguments name, and turns errors into exit codes."""

import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from pinpoint_events.cli import _console as console
from pinpoint_events.cli._codes import (
    ENVIRONMENT_IS_WRONG,
    FAILED,
    INPUT_IS_WRONG,
    INTERRUPTED,
    SERVICE_REJECTED,
    SUCCESS,
)
from pinpoint_events.cli._parser import Parser, UsageError, invalid_choice
from pinpoint_events.cli._problem_text import problem_text
from pinpoint_events.cli._version import version_text
from pinpoint_events.errors import (
    ConfigurationError,
    PinpointEventsError,
    ServiceError,
    ValidationError,
    defect_text,
)

__all__ = ["main"]

_EXIT_CODES: Final[Sequence[tuple[type[Exception], int]]] = (
    (UsageError, INPUT_IS_WRONG),
    (ValidationError, INPUT_IS_WRONG),
    (ConfigurationError, ENVIRONMENT_IS_WRONG),
    (ServiceError, SERVICE_REJECTED),
)

_log = logging.getLogger("pinpoint_events")
_silent: Final = logging.NullHandler()  # one, however often `main` is called

_PROGRAM: Final = "pinpoint-events"

_COMMANDS: Final = ("demo", "load", "put-events", "serve", "spool", "tail")

# The AWS CLI's global options, which may precede its command, as in
# `aws --region eu-west-1 pinpoint put-events`.
_GLOBAL_WITH_VALUE: Final = (
    "--ca-bundle",
    "--cli-binary-format",
    "--cli-connect-timeout",
    "--cli-read-timeout",
    "--color",
    "--endpoint-url",
    "--output",
    "--profile",
    "--query",
    "--region",
)
_GLOBAL: Final = (
    *_GLOBAL_WITH_VALUE,
    "--debug",
    "--no-cli-auto-prompt",
    "--no-cli-pager",
    "--no-paginate",
    "--no-sign-request",
    "--no-verify-ssl",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run a command, and return its exit code.

    Args:
        arguments: The arguments after the program's name; None for `sys.argv[1:]`.
    """
    console.use_utf8()
    # A command says what happened in its own words; only some of them print the log.
    _log.addHandler(_silent)
    given = list(sys.argv[1:] if arguments is None else arguments)
    exit_code = _exit_code(lambda: _run(given))
    # argparse does not flush what it prints.
    return _exit_code(console.flush) or exit_code


def _run(arguments: list[str]) -> int:
    own_options, command_options, rest = _split_global_options(arguments)
    parser = _parser()
    try:
        if not arguments:
            parser.print_help()
            return SUCCESS
        command = parser.parse_known_or_fail([*own_options, *rest[:1]]).command
        if command == "help":  # as in the AWS CLI
            return _run([*rest[1:], "--help"])
        if command not in _COMMANDS:
            parser.error(invalid_choice("COMMAND", command, list(_COMMANDS)))
        module = _module_of(command)
        code: int = module.run(f"{_PROGRAM} {command}", [*command_options, *rest[1:]])
    except SystemExit:
        # Raised by argparse after it has printed help or version.
        return SUCCESS
    return code


def _module_of(name: str) -> Any:
    """
    Return the module of a command.

    Imported when called for: the answer to a typing error should not pay for importing
    what sends events. Imported by name, so that programs that freeze an application
    find it.
    """
    match name:
        case "demo":
            from pinpoint_events.cli import demo  # noqa: PLC0415

            return demo
        case "load":
            from pinpoint_events.cli import load  # noqa: PLC0415

            return load
        case "put-events":
            from pinpoint_events.cli import put_events  # noqa: PLC0415

            return put_events
        case "serve":
            from pinpoint_events.cli import serve  # noqa: PLC0415

            return serve
        case "spool":
            from pinpoint_events.cli import spool  # noqa: PLC0415

            return spool
        case _:
            from pinpoint_events.cli import tail  # noqa: PLC0415

            return tail


def _split_global_options(
    arguments: list[str],
) -> tuple[list[str], list[str], list[str]]:
    """
    Return options of the program, global options, and the rest from the command on.

    Global options are put before the command's arguments, whose last value applies.
    Abbreviated names count, as in argparse.
    """
    own_options: list[str] = []
    command_options: list[str] = []
    start = 0
    while start < len(arguments) and _is_option(arguments[start]):
        name, equals, _ = arguments[start].partition("=")
        is_global = len(name) > len("--") and _abbreviates(name, _GLOBAL)
        value_follows = not equals and _abbreviates(name, _GLOBAL_WITH_VALUE)
        end = start + (2 if is_global and value_follows else 1)
        (command_options if is_global else own_options).extend(arguments[start:end])
        start = end
    return own_options, command_options, arguments[start:]


def _is_option(argument: str) -> bool:
    return argument.startswith("-") and argument != "-"


def _abbreviates(prefix: str, names: tuple[str, ...]) -> bool:
    return any(name.startswith(prefix) for name in names)


def _parser() -> Parser:
    parser = Parser(
        prog=_PROGRAM,
        usage="%(prog)s [--help] [--version] COMMAND ...",
        description="Typed batches of Amazon Pinpoint events, at a shell.\n\n"
        "commands:\n"
        "  demo        store a small batch in SQLite and show the outcome\n"
        "  load        send the events in JSON Lines files of any size\n"
        "  put-events  send one request, like `aws pinpoint put-events`\n"
        "  serve       run a PutEvents endpoint\n"
        "  spool       look into the spool of a recorder, replay, export and purge it\n"
        "  tail        show the records of a Kinesis stream as they come\n\n"
        f"`{_PROGRAM} COMMAND --help` describes a command.",
        example=f"{_PROGRAM} demo",
        other_options=_GLOBAL,
        advice="the options of a command follow its name",
    )
    parser.add_argument("command", metavar="COMMAND", help="one of the above")
    return parser


def _exit_code(run: Callable[[], int | None]) -> int:
    """Call `run`, and return its exit code; print errors to standard error."""
    try:
        return run() or SUCCESS
    except console.OutputClosedError:
        return SUCCESS  # the work is done; only the output is cut off
    except KeyboardInterrupt:
        console.message("")  # ends the terminal's line with ^C
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - users get no traceback
        for line in _error_lines(error):
            console.message(line)
        codes = (code for kind, code in _EXIT_CODES if isinstance(error, kind))
        return next(codes, FAILED)


def _error_lines(error: Exception) -> list[str]:
    if isinstance(error, UsageError):
        return [error.message, error.usage] if error.usage else [error.message]
    if isinstance(error, ValidationError):
        return ["Parameter validation failed:", *map(problem_text, error.problems)]
    if isinstance(error, ServiceError):
        return [_service_error_text(error)]
    if isinstance(error, PinpointEventsError | console.OutputError):
        return [str(error)]
    remedy = f"a defect of {version_text()}; report it"
    return [f"{defect_text(error)}: {remedy}"]


def _service_error_text(error: ServiceError) -> str:
    called = f"when calling the {error.operation} operation"
    prefix = f"An error occurred ({error.code}) {called}"
    message = error.message or f"HTTP {error.status}"
    request = "" if error.request_id is None else f" (request id {error.request_id})"
    return f"{prefix}: {message}; {error.remedy}{request}"
