"""The options, and which of them may be used together."""

import os
import re
from argparse import Namespace
from typing import Final
from urllib.parse import unquote

from pinpoint_events.cli._parser import Parser
from pinpoint_events.errors import ConfigurationError, ConfigurationErrorCode

__all__ = ["DEFAULT_TO", "PLACEHOLDER", "has_streams", "read_options"]

PLACEHOLDER: Final = "{application_id}"
DEFAULT_TO: Final = "sqlite:///events.db"

_MAX_PORT: Final = 65_535
_MAX_WORKERS: Final = 256  # more would be a mistake
# A destination, or the endpoints that a stream's sender knows.
_IN_MEMORY: Final = re.compile(r"(?:^|[?&]endpoints=)memory:", re.IGNORECASE)
_NOT_EMPTY: Final = (
    "credentials",
    "faults",
    "host",
    "naive-times",
    "region",
    "streams-store",
    "to",
    "uds",
)


def read_options(program: str, arguments: list[str]) -> Namespace:
    """Return the options, each of which may be used with the others."""
    parser = _parser(program)
    options = parser.parse_known_or_fail(arguments)
    _check_place(parser, options)
    for name in ("credentials", "region") if options.no_auth else ():
        if getattr(options, name) is not None:
            parser.error(f"--no-auth and --{name} contradict each other; leave one out")
    for name in ("force-no-auth", "allow-host"):
        if getattr(options, name.replace("-", "_")) and not options.no_auth:
            parser.error(f"--{name} is for --no-auth; add that, or leave it out")
    for name in _NOT_EMPTY:
        if getattr(options, name.replace("-", "_")) == "":
            parser.error(
                f"argument --{name}: is empty; give it a value, or leave it out"
            )
    if options.naive_times not in {None, "utc"}:
        parser.error("argument --naive-times: is not utc; pass utc, or leave it out")
    if options.streams_store is not None and not has_streams(options):
        parser.error(
            "--streams-store is for --kinesis and --firehose; add one of them, or "
            "leave it out"
        )
    _check_workers(parser, options)
    _check_region(options.region)
    return options


def _check_workers(parser: Parser, options: Namespace) -> None:
    """Check that several processes can serve this, if there are to be several."""
    if not 1 <= options.workers <= _MAX_WORKERS:
        parser.error(
            f"argument --workers: {options.workers} is not from 1 to {_MAX_WORKERS}"
        )
    if options.workers == 1:
        return
    if not hasattr(os, "fork"):
        parser.error("--workers needs a system that can fork; leave it out")
    if _IN_MEMORY.search(unquote(options.to or "")):
        parser.error(
            "--workers and memory: contradict each other, as processes share no "
            "memory; leave out --workers, or use sqlite:///FILE"
        )
    if has_streams(options):
        parser.error(
            "--workers is not for --kinesis and --firehose, whose state is in the "
            "memory of one process; leave it out"
        )
    if options.faults is not None:
        parser.error(
            "--workers and --faults contradict each other, as faults count the calls "
            "of one process; leave one out"
        )


def _check_place(parser: Parser, options: Namespace) -> None:
    """Check where to listen: at one place."""
    if options.port is not None and not 0 <= options.port <= _MAX_PORT:
        parser.error(f"argument --port: {options.port} is not from 0 to {_MAX_PORT}")
    for name, other in (
        *(("uds", other) for other in ("host", "port", "fd")),
        *(("fd", other) for other in ("host", "port")),
    ):
        if getattr(options, name) is not None and getattr(options, other) is not None:
            parser.error(f"--{name} and --{other} exclude each other; leave one out")


def has_streams(options: Namespace) -> bool:
    return bool(options.kinesis or options.firehose)


def _parser(program: str) -> Parser:
    parser = Parser(
        prog=program,
        description="Run a PutEvents endpoint: events that AWS clients send to it go "
        "to\nthe destination that a URL names, such as a store. Or run a Kinesis or a\n"
        "Firehose, for testing clients.\n\n"
        "It prints its URL, then serves until Ctrl-C or SIGTERM.",
        example=f"{program} --to sqlite:///events.db",
    )
    add = parser.add_argument
    add(
        "--to",
        metavar="URL",
        help="the destination: sqlite:///FILE, pinpoint://ID?region=..., ...; "
        f"{PLACEHOLDER} in it is replaced by the application id of each request "
        f"(default: {DEFAULT_TO}; with --kinesis or --firehose, PutEvents is not "
        "served)",
    )
    add(
        "--kinesis",
        metavar="STREAM[:SHARDS]",
        action="append",
        nargs="?",
        const="",
        help="serve Kinesis; create the stream if it does not exist, with 1 shard or "
        "so many; may be repeated",
    )
    add(
        "--firehose",
        metavar="STREAM",
        action="append",
        nargs="?",
        const="",
        help="serve Firehose; create the stream if it does not exist; may be repeated",
    )
    add(
        "--streams-store",
        metavar="FILE",
        help="keep streams of Kinesis and Firehose in this SQLite file (default: in "
        "memory)",
    )
    add(
        "--host",
        metavar="NAME",
        help="host name or address to listen on (default: 127.0.0.1)",
    )
    add(
        "--port",
        metavar="NUMBER",
        type=int,
        help="port to listen on; 0 picks a free port (default: 8080)",
    )
    add(
        "--uds",
        metavar="FILE",
        help="listen on a Unix socket instead, for a proxy in front",
    )
    add(
        "--fd",
        metavar="NUMBER",
        type=int,
        help="listen on a socket that another program has opened, such as systemd: its "
        "file descriptor",
    )
    add(
        "--credentials",
        metavar="FILE",
        help="the keys that requests may be signed with, in the format of "
        "~/.aws/credentials, read again when it changes (default: the key in "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)",
    )
    add(
        "--region",
        metavar="NAME",
        help="the only region that requests may be signed for (default: any)",
    )
    add(
        "--application",
        metavar="ID",
        action="append",
        help="accept calls for this application only; may be repeated (default: any)",
    )
    add(
        "--naive-times",
        metavar="utc",
        help="read times without a zone, which are invalid otherwise, as UTC",
    )
    add(
        "--no-auth",
        action="store_true",
        help="accept all requests, signed or not; on a loopback address only",
    )
    add(
        "--force-no-auth",
        action="store_true",
        help="with --no-auth: allow any address",
    )
    add(
        "--allow-host",
        metavar="NAME",
        action="append",
        help="with --no-auth: accept calls that name this host in their URL, besides "
        "localhost and addresses; may be repeated",
    )
    add(
        "--faults",
        metavar="FILE",
        help="a JSON file with faults to inject, for testing clients",
    )
    add(
        "--workers",
        metavar="NUMBER",
        type=int,
        default=1,
        help="serve by so many processes, to use as many processor cores (default: 1)",
    )
    add(
        "--verbose",
        action="store_true",
        help="log each answer on standard error, without payload",
    )
    return parser


def _check_region(region: str | None) -> None:
    from pinpoint_events.senders.url import is_region_name  # noqa: PLC0415

    if region is not None and not is_region_name(region):
        raise ConfigurationError(
            "argument --region: no region has such a name; pass one that calls are "
            "signed for, such as eu-west-1, or leave it out",
            ConfigurationErrorCode.INVALID_REGION,
        )
