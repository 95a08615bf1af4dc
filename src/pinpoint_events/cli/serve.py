"""
The command `serve`: runs an endpoint for PutEvents, Kinesis or Firehose.

Once it accepts connections, it prints its URL as its first and only line of output.
"""

import gc
import logging
import re
import signal
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pinpoint_events.cli import _console as console
from pinpoint_events.cli._codes import INTERRUPTED, SUCCESS
from pinpoint_events.cli._destination import destination_errors
from pinpoint_events.cli._log import Repeats, log_lines
from pinpoint_events.cli._parser import Parser, UsageError
from pinpoint_events.errors import (
    ConfigurationError,
    ConfigurationErrorCode,
    ValidationError,
)
from pinpoint_events.problems import shortened

if TYPE_CHECKING:
    import socket

    from pinpoint_events.senders.protocol import Sender
    from pinpoint_events.server import Faults, Firehose, Keys, Kinesis

__all__ = ["run"]

_PLACEHOLDER: Final = "{application_id}"
_BRACES: Final = re.compile(r"\{.*?\}")
_MAX_PORT: Final = 65_535
_DEFAULT_HOST: Final = "127.0.0.1"
_DEFAULT_PORT: Final = 8080
_DEFAULT_TO: Final = "sqlite:///events.db"
_STREAM: Final = re.compile(r"([a-zA-Z0-9_.-]{1,128})(?::(\d{1,5}))?", re.ASCII)
_DELIVERY_STREAM: Final = re.compile(r"([a-zA-Z0-9_.-]{1,64})", re.ASCII)
_DEFAULT_REGION: Final = "us-east-1"
_CONNECTIONS: Final = 500  # as many as `create_app` allows, where that fits
_MAX_SHARDS: Final = 500  # here; CreateStream takes more
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


def run(program: str, arguments: list[str]) -> int:
    """
    Serve until SIGINT or SIGTERM, and finish the requests that were accepted.

    Returns:
        The exit code: 0 after SIGTERM, 130 after SIGINT.

    Raises:
        UsageError: If the command line is wrong.
        PinpointEventsError: If anything else is wrong.
    """
    options = _options(program, arguments)
    # Imported here: --help should not pay for importing them.
    from pinpoint_events.server import create_app, running  # noqa: PLC0415

    hosts = _hosts(options)
    connections = _fitting_connections()
    senders = _senders(options)
    region = options.region or _DEFAULT_REGION
    faults = _read_faults(options.faults)
    keys = None if options.no_auth else _read_keys(options.credentials)
    with ExitStack() as stack:
        stack.enter_context(_log_to_stderr(is_verbose=options.verbose))
        kinesis = _kinesis(options.kinesis, options.streams_store, region)
        if kinesis is not None:
            stack.callback(kinesis.close)
        firehose = _firehose(options.firehose, options.streams_store, region)
        if firehose is not None:
            stack.callback(firehose.close)
        listener = stack.enter_context(_listener(options))
        if options.no_auth:
            _warn_of_no_auth(listener, is_forced=options.force_no_auth)
        if options.faults is not None:
            console.message(
                "WARNING: --faults: this endpoint fails on purpose, and may lose what "
                "it accepts"
            )
        app = create_app(
            senders,
            kinesis=kinesis,
            firehose=firehose,
            credentials=keys,
            faults=faults,
            naive_times=options.naive_times,
            region=options.region,
            applications=options.application,
            any_application_id=_PLACEHOLDER not in (options.to or _DEFAULT_TO),
            hosts=hosts,
            connections=connections,
        )
        with _infrequent_collections():
            number = running.run(app, listener, started=console.out)
    return INTERRUPTED if number == signal.SIGINT else SUCCESS


def _options(program: str, arguments: list[str]) -> Namespace:
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
    if options.streams_store is not None and not _has_streams(options):
        parser.error(
            "--streams-store is for --kinesis and --firehose; add one of them, or "
            "leave it out"
        )
    _check_region(options.region)
    return options


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


def _has_streams(options: Namespace) -> bool:
    return bool(options.kinesis or options.firehose)


def _hosts(options: Namespace) -> list[str]:
    """Return the names of hosts that unsigned calls may name."""
    from pinpoint_events.server._hosts import (  # noqa: PLC0415 - not for help
        is_host_name,
    )

    names = options.allow_host or []
    for name in names:
        if not is_host_name(name):
            raise UsageError(
                f"argument --allow-host: {shortened(name)} is no name of a host; write "
                "it without a scheme and a port, as events.example.com"
            )
    host = options.host or _DEFAULT_HOST
    listened = [host] if is_host_name(host) else []
    return [*names, *listened]


def _senders(options: Namespace) -> "Callable[[str], Sender] | None":
    """Return what opens the sender of an application; None not to serve PutEvents."""
    to = options.to or (None if _has_streams(options) else _DEFAULT_TO)
    if to is None:
        return None
    with destination_errors(to):
        return _sender_factory(to)


@contextmanager
def _infrequent_collections() -> Iterator[None]:
    """
    Make the cyclic garbage collector run less often.

    A request allocates about a thousand objects and hardly any reference cycle. With
    the default thresholds, collections take a twentieth of the time.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


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
        f"{_PLACEHOLDER} in it is replaced by the application id of each request "
        f"(default: {_DEFAULT_TO}; with --kinesis or --firehose, PutEvents is not "
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


def _sender_factory(url: str) -> "Callable[[str], Sender]":
    """
    Return a function that opens the sender of an application.

    Raises:
        ConfigurationError: If the URL is unusable for every application.
        StoreError: If its store cannot be used.
    """
    from pinpoint_events.senders import open_sender  # noqa: PLC0415 - not for help

    def open_by_name(application_id: str) -> "Sender":
        named = url.replace(_PLACEHOLDER, application_id)
        return open_sender(named, application_id=application_id)

    def open_for(application_id: str) -> "Sender":
        try:
            return open_sender(url, application_id=application_id)
        except ConfigurationError as error:
            # The URL was checked below, so it must name another application.
            raise LookupError(application_id) from error

    unknown = next(
        (each for each in _BRACES.findall(url) if each != _PLACEHOLDER), None
    )
    if unknown is not None:
        message = f"argument --to: {shortened(unknown)} is no known placeholder"
        raise UsageError(f"{message}; write {_PLACEHOLDER}, or {{ as %7B in a name")
    if _PLACEHOLDER in url:
        _check_url(url)
        return open_by_name
    # Reports an error in the URL before clients connect.
    open_sender(url).close()
    return open_for


def _kinesis(
    names: list[str] | None, store: str | None, region: str
) -> "Kinesis | None":
    """
    Return a Kinesis with the streams that options name; None without an option.

    Raises:
        UsageError: If a name is invalid.
        StoreError: If the store cannot be used.
    """
    if not names:
        return None
    from pinpoint_events.server import Kinesis  # noqa: PLC0415 - not for help

    wanted = []
    for name in filter(None, names):
        found = _STREAM.fullmatch(name)
        shards = int(found[2] or 1) if found is not None else 0
        if found is None or not 0 < shards <= _MAX_SHARDS:
            message = f"argument --kinesis: {shortened(name)} names no stream"
            raise UsageError(
                f"{message}; write 1 to 128 letters, digits, _ . -, and if needed a "
                f"colon and 1 to {_MAX_SHARDS} shards"
            )
        wanted.append((found[1], shards))
    kinesis = Kinesis(store, region=region)
    for name, shards in wanted:
        kinesis.create_stream(name, shards=shards)
    return kinesis


def _firehose(
    names: list[str] | None, store: str | None, region: str
) -> "Firehose | None":
    """
    Return a Firehose with the streams that options name; None without an option.

    Raises:
        UsageError: If a name is invalid.
        StoreError: If the store cannot be used.
    """
    if not names:
        return None
    from pinpoint_events.server import Firehose  # noqa: PLC0415 - not for help

    wanted = [*filter(None, names)]
    for name in wanted:
        if not _DELIVERY_STREAM.fullmatch(name):
            message = f"argument --firehose: {shortened(name)} names no stream"
            raise UsageError(f"{message}; write 1 to 64 letters, digits, _ . -")
    firehose = Firehose(store, region=region)
    for name in wanted:
        firehose.create_stream(name)
    return firehose


def _check_url(url: str) -> None:
    """
    Check a URL with a placeholder before the first request.

    Raises:
        ConfigurationError: If the URL is unusable for every application.
    """
    from pinpoint_events.senders.url import (  # noqa: PLC0415 - not for help
        open_sender,
        sqlite_path,
    )

    path = sqlite_path(url)
    if path is None:
        named = url.replace(_PLACEHOLDER, "any")
        open_sender(named, application_id="any").close()
        return
    # Opening it would create a store for an application that may not exist.
    directory = Path(path).parent
    if _PLACEHOLDER not in str(directory) and not directory.is_dir():
        message = f"argument --to: the directory {str(directory)!r} is not there"
        raise UsageError(f"{message}; make it, or name another")


def _fitting_connections() -> int:
    """Return how many connections fit into the limit of open files; warn of fewer."""
    from pinpoint_events.server.file_handles import (  # noqa: PLC0415 - not for help
        fitting_connections,
        needed_files,
        raised_limit,
    )

    limit = raised_limit()
    fitting = fitting_connections(_CONNECTIONS, limit)
    if fitting < _CONNECTIONS:
        needed = needed_files(_CONNECTIONS)
        console.message(
            f"WARNING: this process may have {limit} open files, and needs {needed} "
            f"for {_CONNECTIONS} connections and the stores of 100 applications: only "
            f"{fitting} connections are accepted at a time; raise the limit, for "
            f"example with `ulimit -n {needed}`"
        )
    return fitting


def _read_faults(path: str | None) -> "Faults | None":
    from pinpoint_events.server import Faults  # noqa: PLC0415 - not for help

    if path is None:
        return None
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        message = f"argument --faults: {path!r} cannot be read: {error.strerror}"
        raise UsageError(
            f"{message}; name another, or let this user read it"
        ) from error
    try:
        return Faults.from_json(text)
    except ValidationError as error:
        raise ValidationError([each.below(path) for each in error.problems]) from None


def _read_keys(path: str | None) -> "Keys":
    from pinpoint_events.server import Keys  # noqa: PLC0415 - not for help

    if path is not None:
        return Keys.from_file(path)
    try:
        return Keys.from_environment()
    except ConfigurationError as error:
        message = (
            f"{error}; or give keys with --credentials FILE, or take calls from anyone "
            "with --no-auth"
        )
        raise ConfigurationError(message) from None


def _listener(options: Namespace) -> "AbstractContextManager[socket.socket]":
    """
    Return the socket to listen on.

    Raises:
        ConfigurationError: If it cannot be used.
    """
    from pinpoint_events.server.listening import (  # noqa: PLC0415 - not for help
        inherited,
        listener,
        unix_listener,
    )

    if options.uds is not None:
        return unix_listener(options.uds)
    if options.fd is not None:
        return inherited(options.fd)
    port = _DEFAULT_PORT if options.port is None else options.port
    return listener(options.host or _DEFAULT_HOST, port)


def _warn_of_no_auth(listener: "socket.socket", *, is_forced: bool) -> None:
    from pinpoint_events.server.listening import is_local  # noqa: PLC0415

    if not is_local(listener) and not is_forced:
        message = (
            "--no-auth is for loopback addresses: at this one, anyone who reaches the "
            "machine could write; give keys, or add --force-no-auth"
        )
        raise UsageError(message)
    console.message("WARNING: --no-auth: calls are accepted from anyone, signed or not")


@contextmanager
def _log_to_stderr(*, is_verbose: bool) -> Iterator[None]:
    """
    Log warnings, and with `is_verbose` each answer; never payload.

    Any client can cause warnings, so each kind is logged once a minute.
    """
    level = logging.INFO if is_verbose else logging.WARNING
    # Its warnings are of requests, which are answered.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    with log_lines("%(asctime)s %(levelname)s %(message)s", level, Repeats()):
        yield
