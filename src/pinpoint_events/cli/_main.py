"""From arguments to a command, and from what comes of it to an exit code."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from pinpoint_events import __version__
from pinpoint_events.cli import _console as console
from pinpoint_events.cli._codes import (
    ENVIRONMENT_IS_WRONG,
    FAILED,
    INPUT_IS_WRONG,
    INTERRUPTED,
    SERVICE_REFUSED,
    SUCCESS,
)
from pinpoint_events.cli._parser import Parser, UsageError, invalid_choice
from pinpoint_events.cli._problems import for_command_line
from pinpoint_events.errors import (
    ConfigurationError,
    PinpointEventsError,
    ServiceError,
    ValidationError,
    defect_text,
)

__all__ = ["main"]

_CODES: Final[Sequence[tuple[type[Exception], int]]] = (
    (UsageError, INPUT_IS_WRONG),
    (ValidationError, INPUT_IS_WRONG),
    (ConfigurationError, ENVIRONMENT_IS_WRONG),
    (ServiceError, SERVICE_REFUSED),
)

_PROGRAM: Final = "pinpoint-events"

_COMMANDS: Final = ("demo", "load", "put-events", "serve")

# Of the AWS CLI's options, those that may stand before its command, as in
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
        arguments: The arguments after the program's name; those of the process if None.
    """
    console.use_utf8()
    given = list(sys.argv[1:] if arguments is None else arguments)
    code = _exit_code(lambda: _run(given))
    # argparse leaves what it printed in the buffer.
    return _exit_code(console.flush) or code


def _run(arguments: list[str]) -> int:
    own, of_command, rest = _split_global_options(arguments)
    parser = _parser()
    try:
        if not arguments:
            parser.print_help()
            return SUCCESS
        chosen = parser.parse_known_or_fail([*own, *rest[:1]]).command
        if chosen == "help":  # as the AWS CLI has it
            parser.print_help()
            return SUCCESS
        if chosen not in _COMMANDS:
            parser.error(invalid_choice("COMMAND", chosen, list(_COMMANDS)))
        command = _command(chosen)
        code: int = command.run(f"{_PROGRAM} {chosen}", [*of_command, *rest[1:]])
    except SystemExit:
        # By argparse, for help and version, which it has printed.
        return SUCCESS
    return code


def _command(name: str) -> Any:
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
        case _:
            from pinpoint_events.cli import serve  # noqa: PLC0415

            return serve


def _split_global_options(
    arguments: list[str],
) -> tuple[list[str], list[str], list[str]]:
    """
    Return our own options, those for the command, and all from the command's name on.

    What is for the command goes before its own arguments, of which the last counts.
    """
    own: list[str] = []
    of_command: list[str] = []
    at = 0
    while at < len(arguments) and arguments[at].startswith("-"):
        name, equals, _ = arguments[at].partition("=")
        is_global = len(name) > len("--") and _starts_one_of(_GLOBAL, name)
        value_follows = not equals and _starts_one_of(_GLOBAL_WITH_VALUE, name)
        end = at + (2 if is_global and value_follows else 1)
        (of_command if is_global else own).extend(arguments[at:end])
        at = end
    return own, of_command, arguments[at:]


def _starts_one_of(names: tuple[str, ...], start: str) -> bool:
    return any(name.startswith(start) for name in names)


def _parser() -> Parser:
    parser = Parser(
        prog=_PROGRAM,
        usage="%(prog)s [--help] [--version] COMMAND ...",
        description="Typed batches of Amazon Pinpoint events, at a shell.\n\n"
        "commands:\n"
        "  demo        send a small batch into SQLite and show what became of it\n"
        "  load        send the events of files of JSON Lines, of any size\n"
        "  put-events  send one request, as `aws pinpoint put-events` does\n"
        "  serve       serve a PutEvents endpoint of your own\n\n"
        f"`{_PROGRAM} COMMAND --help` tells more of each.",
        example=f"{_PROGRAM} demo",
    )
    version = f"{_PROGRAM} {__version__}"
    parser.add_argument("--version", action="version", version=version)
    parser.add_argument("command", metavar="COMMAND", help="one of the above")
    return parser


def _exit_code(run: Callable[[], int | None]) -> int:
    """Return the exit code of what is run; errors are reported in lines."""
    try:
        return run() or SUCCESS
    except console.OutputClosedError:
        return SUCCESS  # the work is done, and nobody wants to read more of it
    except KeyboardInterrupt:
        console.message("")  # the terminal shows ^C; the prompt comes on a new line
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a user gets no traceback, ever
        for line in _lines(error):
            console.message(line)
        return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def _lines(error: Exception) -> list[str]:
    if isinstance(error, UsageError):
        return [error.message, error.usage] if error.usage else [error.message]
    if isinstance(error, ValidationError):
        problems = map(for_command_line, error.problems)
        return ["Parameter validation failed:", *map(str, problems)]
    if isinstance(error, ServiceError):
        return [_refusal_text(error)]
    if isinstance(error, PinpointEventsError | console.OutputError):
        return [str(error)]
    remedy = f"a defect of {_PROGRAM} {__version__}; report it"
    return [f"{defect_text(error)}: {remedy}"]


def _refusal_text(error: ServiceError) -> str:
    said = error.message or f"HTTP {error.status}"
    message = f"An error occurred ({error.code}) when calling the PutEvents operation"
    request = "" if error.request_id is None else f" (request id {error.request_id})"
    return f"{message}: {said}; {error.remedy}{request}"
