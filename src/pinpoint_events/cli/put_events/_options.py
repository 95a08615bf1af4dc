"""The options of `put-events`, and the checks of them."""

from argparse import Namespace
from typing import Final
from urllib.parse import urlsplit

from pinpoint_events.cli._parser import Parser, UsageError, invalid_choice

__all__ = ["FORMATS", "parsed"]

FORMATS: Final = ["json", "yaml", "text"]
_SKELETONS: Final = ["input", "yaml-input", "output"]
_NO_EFFECT: Final = {
    "--color": ["on", "off", "auto"],
    "--cli-binary-format": ["base64", "raw-in-base64-out"],
}
_STANDARD_INPUT: Final = "-"
_MAX_SECONDS: Final = 31_536_000  # a year

# Options that apply to AWS settings, which --to replaces.
_AWS_OPTIONS: Final = (
    "--endpoint-url",
    "--region",
    "--profile",
    "--no-sign-request",
    "--no-verify-ssl",
    "--ca-bundle",
    "--cli-read-timeout",
    "--cli-connect-timeout",
)


def parsed(program: str, arguments: list[str]) -> Namespace:
    """
    Parse the arguments, and return valid options.

    Raises:
        UsageError: If an option is invalid, missing, or contradicts another.
    """
    parser = _parser(program)
    if arguments[:1] == ["help"]:  # as in the AWS CLI
        arguments = ["--help"]
    options = parser.parse_known_or_fail(arguments)
    _check_choice(parser, "--output", options.output, FORMATS)
    name = "--generate-cli-skeleton"
    _check_choice(parser, name, options.generate_cli_skeleton, _SKELETONS)
    for name, choices in _NO_EFFECT.items():
        _check_choice(parser, name, getattr(options, _dest(name)), choices)
    _check_destination(parser, options)
    _check_timeouts(parser, options)
    _check_inputs(options)
    if options.generate_cli_skeleton not in {"input", "yaml-input"}:
        _check_required(parser, options)
    return options


def _dest(name: str) -> str:
    return name.removeprefix("--").replace("-", "_")


def _check_choice(
    parser: Parser, name: str, chosen: str | None, choices: list[str]
) -> None:
    if chosen is not None and chosen not in choices:
        parser.error(invalid_choice(name, chosen, choices))


def _check_destination(parser: Parser, options: Namespace) -> None:
    url = options.endpoint_url
    if url is not None and not _scheme(url):
        # The value is not quoted: it may hold credentials.
        raise UsageError(
            "Bad value for --endpoint-url: scheme is missing. Must be of the form "
            "http://<hostname>/ or https://<hostname>/"
        )
    if options.to is None:
        return
    for name in _AWS_OPTIONS:
        value = getattr(options, _dest(name))
        if value is not None and value is not False:
            parser.error(
                f"argument {name}: not allowed with argument --to, whose URL says all "
                "of where to send; region and endpoint_url may stand in a pinpoint:// "
                "URL, the rest in AWS' environment variables"
            )


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:
        return "invalid"  # opening the sender reports the error and its remedy


def _check_timeouts(parser: Parser, options: Namespace) -> None:
    for name in ("--cli-read-timeout", "--cli-connect-timeout"):
        seconds = getattr(options, _dest(name))
        if seconds is not None and not 0 <= seconds <= _MAX_SECONDS:
            message = f"{seconds} is not from 0 (wait for a day) to {_MAX_SECONDS:,}"
            parser.error(f"argument {name}: {message}")


def _check_inputs(options: Namespace) -> None:
    if options.cli_input_json is not None and options.cli_input_yaml is not None:
        raise UsageError("Only one --cli-input- parameter may be specified.")
    inputs = (options.cli_input_json, options.cli_input_yaml, options.events_request)
    if inputs.count(_STANDARD_INPUT) > 1:
        raise UsageError(
            "Only one parameter may be read from standard input; put the other into a "
            "file, and pass file:// and its path"
        )


def _check_required(parser: Parser, options: Namespace) -> None:
    if options.cli_input_json is not None or options.cli_input_yaml is not None:
        return  # the input may have the missing members
    missing = []
    # --dry-run needs no application id, and the URL of --to may have one.
    has_application = options.application_id is not None or options.to is not None
    if not has_application and not options.dry_run:
        missing.append("--application-id")
    if options.events_request is None:
        missing.append("--events-request")
    if missing:
        message = f"the following arguments are required: {', '.join(missing)}"
        parser.error(message)


def _parser(program: str) -> Parser:
    parser = Parser(
        prog=program,
        usage="%(prog)s --application-id ID --events-request REQUEST\n"
        "       [OPTION ...]",
        description="Send one request, and print the answer.\n"
        "The options are those of `aws pinpoint put-events`, and a few more.\n\n"
        "exit codes:\n"
        "  0    there is an answer, even if some items were not accepted\n"
        "  3    some items were not accepted, with --fail-on-item-error\n"
        "  252  the input is wrong\n"
        "  253  the environment is wrong: region, credentials, URL, missing extra\n"
        "  254  the service rejected the whole request\n"
        "  255  any other error, such as no connection; 130 after Ctrl-C",
        example=f"{program} --application-id my-app \\\n"
        "      --events-request file://request.json --to sqlite:///events.db",
    )
    _add_input(parser)
    _add_destination(parser)
    _add_output(parser)
    return parser


def _add_input(parser: Parser) -> None:
    add = parser.add_argument_group("what to send").add_argument
    add(
        "--application-id",
        metavar="ID",
        help="the Pinpoint project; with --to, the URL may name it instead, and a "
        "store records `local` if neither does",
    )
    add(
        "--events-request",
        metavar="REQUEST",
        help="the request: JSON, the AWS CLI's shorthand syntax, file://PATH for "
        "either, or - for standard input",
    )
    add(
        "--cli-input-json",
        metavar="JSON",
        help="both of the above in one object, ApplicationId and EventsRequest: JSON, "
        "file://PATH or -; the options --application-id and --events-request "
        "replace its members",
    )
    add(
        "--cli-input-yaml",
        metavar="YAML",
        help="the same in YAML; needs the extra `cli`",
    )


def _add_destination(parser: Parser) -> None:
    add = parser.add_argument_group(
        "where to send (default: AWS settings)"
    ).add_argument
    add(
        "--to",
        metavar="URL",
        help="the destination: pinpoint://ID?region=..., sqlite:///FILE, ...; replaces "
        "all other options in this group",
    )
    add("--endpoint-url", metavar="URL", help="replaces the region's endpoint")
    add("--region", metavar="NAME", help="AWS region")
    add(
        "--profile",
        metavar="NAME",
        help="a profile in AWS' config and credentials files",
    )
    add(
        "--no-sign-request",
        action="store_true",
        help="send without a signature, and load no credentials",
    )
    add(
        "--no-verify-ssl",
        action="store_true",
        help="do not verify certificates, which lets anyone on the way read and change "
        "the request",
    )
    add("--ca-bundle", metavar="PATH", help="a file of certificates to trust")
    add(
        "--cli-read-timeout",
        metavar="SECONDS",
        type=int,
        help="how long to wait for an answer; 0 waits for a day (default: 10)",
    )
    add(
        "--cli-connect-timeout",
        metavar="SECONDS",
        type=int,
        help="how long to wait for a connection; 0 waits for a day (default: 5)",
    )


def _add_output(parser: Parser) -> None:
    add = parser.add_argument_group("what to print").add_argument
    add(
        "--output",
        metavar="FORMAT",
        help="json, yaml (needs the extra `cli`) or text (default: AWS_DEFAULT_OUTPUT, "
        "the profile's output, or json)",
    )
    add(
        "--query",
        metavar="JMESPATH",
        help="print the part that this expression selects",
    )
    add(
        "--generate-cli-skeleton",
        metavar="WHICH",
        nargs="?",
        const="input",
        help="send nothing; print a skeleton of the input in JSON (`input`, the "
        "default) or YAML (`yaml-input`), or check the input and print a sample answer "
        "(`output`)",
    )
    add(
        "--dry-run",
        action="store_true",
        help="send nothing; print the plan: the requests with their events and bytes, "
        "and the faults; with a fault, the exit code is 252",
    )
    add(
        "--fail-on-item-error",
        action="store_true",
        help="exit with 3 if not every item was accepted",
    )
    add(
        "--debug",
        action="store_true",
        help="print the log on standard error, without payload and secrets",
    )
    # Scripts for the AWS CLI may pass these. This command has no pager, pages, prompts,
    # colours or binary values that they could control.
    for name in ("--no-cli-pager", "--no-paginate", "--no-cli-auto-prompt"):
        add(name, action="store_true", help="accepted for compatibility; no effect")
    for name in _NO_EFFECT:
        add(name, metavar="WORD", help="accepted for compatibility; no effect")
