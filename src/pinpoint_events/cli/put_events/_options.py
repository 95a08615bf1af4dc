"""The options of `put-events`, and which of them do not go together."""

from argparse import Namespace
from typing import Final
from urllib.parse import urlsplit

from pinpoint_events import __version__
from pinpoint_events.cli._parser import Parser, UsageError, invalid_choice

__all__ = ["FORMATS", "parsed"]

FORMATS: Final = ["json", "yaml", "text"]
_SKELETONS: Final = ["input", "yaml-input", "output"]
_WITHOUT_EFFECT: Final = {
    "--color": ["on", "off", "auto"],
    "--cli-binary-format": ["base64", "raw-in-base64-out"],
}
_STANDARD_INPUT: Final = "-"
_MOST_SECONDS: Final = 31_536_000  # a year

# What only has a meaning where AWS settings say where to send.
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
    Return the options, of which each is sound and none contradicts another.

    Raises:
        UsageError: Otherwise.
    """
    parser = _parser(program)
    if arguments[:1] == ["help"]:  # as the AWS CLI has it
        arguments = ["--help"]
    options = parser.parse_known_or_fail(arguments)
    _refuse_choice(parser, "--output", options.output, FORMATS)
    name = "--generate-cli-skeleton"
    _refuse_choice(parser, name, options.generate_cli_skeleton, _SKELETONS)
    for name, choices in _WITHOUT_EFFECT.items():
        _refuse_choice(parser, name, getattr(options, _attribute(name)), choices)
    _refuse_bad_place(parser, options)
    _refuse_bad_timeouts(parser, options)
    _refuse_two_inputs(options)
    if options.generate_cli_skeleton not in {"input", "yaml-input"}:
        _refuse_missing(parser, options)
    return options


def _attribute(name: str) -> str:
    return name.removeprefix("--").replace("-", "_")


def _refuse_choice(
    parser: Parser, name: str, chosen: str | None, choices: list[str]
) -> None:
    if chosen is not None and chosen not in choices:
        parser.error(invalid_choice(name, chosen, choices))


def _refuse_bad_place(parser: Parser, options: Namespace) -> None:
    url = options.endpoint_url
    if url is not None and not _scheme_of(url):
        # Without the value: it may have credentials in it.
        raise UsageError(
            "Bad value for --endpoint-url: scheme is missing. Must be of the form "
            "http://<hostname>/ or https://<hostname>/"
        )
    if options.to is None:
        return
    for name in _AWS_OPTIONS:
        given = getattr(options, _attribute(name))
        if given is not None and given is not False:
            parser.error(
                f"argument {name}: not allowed with argument --to, whose URL says all "
                "of where to send; region and endpoint_url may stand in a pinpoint:// "
                "URL, the rest in AWS' environment variables"
            )


def _scheme_of(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:
        return "unreadable"  # opening the sender reports it, with the remedy


def _refuse_bad_timeouts(parser: Parser, options: Namespace) -> None:
    for name in ("--cli-read-timeout", "--cli-connect-timeout"):
        seconds = getattr(options, _attribute(name))
        if seconds is not None and not 0 <= seconds <= _MOST_SECONDS:
            message = f"{seconds} is not from 0 (wait for ever) to {_MOST_SECONDS:,}"
            parser.error(f"argument {name}: {message}")


def _refuse_two_inputs(options: Namespace) -> None:
    if options.cli_input_json is not None and options.cli_input_yaml is not None:
        raise UsageError("Only one --cli-input- parameter may be specified.")
    inputs = (options.cli_input_json, options.cli_input_yaml, options.events_request)
    if inputs.count(_STANDARD_INPUT) > 1:
        raise UsageError(
            "Only one parameter may be read from standard input; put the other into a "
            "file, and pass file:// and its path"
        )


def _refuse_missing(parser: Parser, options: Namespace) -> None:
    if options.cli_input_json is not None or options.cli_input_yaml is not None:
        return  # what is missing may stand there
    missing = []
    # A plan is made of events alone, and a URL may name the application.
    is_named = options.application_id is not None or options.to is not None
    if not is_named and not options.dry_run:
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
        description="Send one request of events, and print what became of each.\n"
        "The options are those of `aws pinpoint put-events`, and a few more.\n\n"
        "exit codes:\n"
        "  0    there is an answer, also if it refuses some of the items\n"
        "  3    it does, and --fail-on-item-error is given\n"
        "  252  your input is wrong\n"
        "  253  your environment is: region, credentials, a URL, a missing extra\n"
        "  254  the service refused the whole request\n"
        "  255  anything else, such as no connection; 130 after Ctrl-C",
        example=f"{program} --application-id my-app \\\n"
        "      --events-request file://request.json --to sqlite:///events.db",
    )
    _add_input(parser)
    _add_place(parser)
    _add_output(parser)
    return parser


def _add_input(parser: Parser) -> None:
    add = parser.add_argument_group("what to send").add_argument
    add(
        "--application-id",
        metavar="ID",
        help="the Pinpoint project; may stand in the URL of --to instead",
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
        "file://PATH or -; what is given by its own option replaces what stands here",
    )
    add(
        "--cli-input-yaml",
        metavar="YAML",
        help="the same in YAML; needs the extra `cli`",
    )


def _add_place(parser: Parser) -> None:
    add = parser.add_argument_group(
        "where to send; AWS' own settings count for what is left out"
    ).add_argument
    add(
        "--to",
        metavar="URL",
        help="pinpoint://ID?region=..., sqlite:///FILE, ...; in place of all others "
        "here",
    )
    add("--endpoint-url", metavar="URL", help="in place of the region's endpoint")
    add("--region", metavar="NAME", help="AWS region")
    add("--profile", metavar="NAME", help="of AWS' config and credentials files")
    add(
        "--no-sign-request",
        action="store_true",
        help="send without a signature; no credentials are looked for",
    )
    add(
        "--no-verify-ssl",
        action="store_true",
        help="trust every certificate; whoever is between can read and change all",
    )
    add("--ca-bundle", metavar="PATH", help="certificates to trust")
    add(
        "--cli-read-timeout",
        metavar="SECONDS",
        type=int,
        help="how long to wait for an answer; 0 for ever (60 if left out)",
    )
    add(
        "--cli-connect-timeout",
        metavar="SECONDS",
        type=int,
        help="how long to wait for a connection; 0 for ever (60 if left out)",
    )


def _add_output(parser: Parser) -> None:
    add = parser.add_argument_group("what to print").add_argument
    add(
        "--output",
        metavar="FORMAT",
        help="json, yaml (needs the extra `cli`) or text; AWS_DEFAULT_OUTPUT or the "
        "profile say if left out, else it is json",
    )
    add("--query", metavar="JMESPATH", help="print this part of it")
    add(
        "--generate-cli-skeleton",
        metavar="WHICH",
        nargs="?",
        const="input",
        help="send nothing; print all members of the input (`input`, or nothing; "
        "`yaml-input`), or check the input and print a sample of an answer (`output`)",
    )
    add(
        "--dry-run",
        action="store_true",
        help="send nothing; print the plan: requests, their events and bytes, and the "
        "faults found, in which case the exit code is 252",
    )
    add(
        "--fail-on-item-error",
        action="store_true",
        help="exit with 3 where not every item was accepted",
    )
    add(
        "--debug",
        action="store_true",
        help="log what happens on standard error, without payload and secrets",
    )
    version = f"pinpoint-events {__version__}"
    add("--version", action="version", version=version, help="print it, and exit")
    # Scripts for the AWS CLI have these. There is no pager, page, prompt, colour or
    # binary value here.
    for name in ("--no-cli-pager", "--no-paginate", "--no-cli-auto-prompt"):
        add(name, action="store_true", help="accepted, and without effect")
    for name in _WITHOUT_EFFECT:
        add(name, metavar="WORD", help="accepted, and without effect")
