"""The command itself: starts what its options name, and serves."""

import gc
import logging
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from pinpoint_events.cli import _console as console
from pinpoint_events.cli._codes import FAILED, INTERRUPTED, SUCCESS
from pinpoint_events.cli._log import Repeats, log_lines
from pinpoint_events.cli.serve._access import (
    allowed_hosts,
    check_no_auth,
    listening_socket,
    read_keys,
)
from pinpoint_events.cli.serve._destination import opener
from pinpoint_events.cli.serve._faults import read_faults
from pinpoint_events.cli.serve._options import DEFAULT_TO, PLACEHOLDER, read_options
from pinpoint_events.cli.serve._streams import firehose_of, kinesis_of

if TYPE_CHECKING:
    from socket import socket

    from pinpoint_events.server import App, running
    from pinpoint_events.server.worker_processes import Ended

__all__ = ["run"]

_log = logging.getLogger("pinpoint_events")

_DEFAULT_REGION: Final = "us-east-1"
_SWITCH_SECONDS: Final = 0.001
_CONNECTIONS: Final = 500  # as many as `create_app` allows, where that fits


def run(program: str, arguments: list[str]) -> int:
    """
    Serve until SIGINT or SIGTERM, and finish the requests that were accepted.

    Returns:
        The exit code: 0 after SIGTERM, 130 after SIGINT.

    Raises:
        UsageError: If the command line is wrong.
        PinpointEventsError: If anything else is wrong.
    """
    options = read_options(program, arguments)
    # Imported here: --help should not pay for importing them.
    from pinpoint_events.server import create_app, running  # noqa: PLC0415

    hosts = allowed_hosts(options)
    connections = _fitting_connections(options.workers)
    senders = opener(options)
    region = options.region or _DEFAULT_REGION
    faults = read_faults(options.faults)
    keys = None if options.no_auth else read_keys(options.credentials)
    with ExitStack() as stack:
        if options.workers == 1:
            stack.enter_context(_log_to_stderr(options))
        kinesis = kinesis_of(options.kinesis, options.streams_store, region)
        if kinesis is not None:
            stack.callback(kinesis.close)
        firehose = firehose_of(options.firehose, options.streams_store, region)
        if firehose is not None:
            stack.callback(firehose.close)
        listener = stack.enter_context(listening_socket(options))
        if options.no_auth:
            check_no_auth(listener, is_forced=options.force_no_auth)
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
            any_application_id=PLACEHOLDER not in (options.to or DEFAULT_TO),
            hosts=hosts,
            connections=connections,
        )
        if options.workers == 1:
            with _infrequent_collections(), _quick_switches():
                number = running.run(app, listener, started=console.out)
        else:
            ended = _supervise(app, listener, options)
            if not ended.is_complete:
                return FAILED
            number = ended.number
    return INTERRUPTED if number == signal.SIGINT else SUCCESS


def _supervise(app: "App", listener: "socket", options: Namespace) -> "Ended":
    """Serve by several processes; see `worker_processes`."""
    from pinpoint_events.server import running, worker_processes  # noqa: PLC0415
    from pinpoint_events.server.listening import url_of  # noqa: PLC0415 - not for help

    url = url_of(listener)

    def work(
        place: "running.WorkerPlace", started: Callable[[], None]
    ) -> None:  # pragma: no cover - in the worker
        with _log_to_stderr(options), _infrequent_collections(), _quick_switches():
            running.run(app, listener, started=lambda _: started(), place=place)

    def report(level: int, message: str, details: Mapping[str, object]) -> None:
        # Only for this line: workers log for themselves.
        with _log_to_stderr(options):
            _log.log(level, message, extra=details)

    return worker_processes.supervise(
        work,
        options.workers,
        listener,
        started=lambda: console.out(url),
        report=report,
        stop_seconds=app.limits.stop_seconds,
    )


def _fitting_connections(workers: int) -> int:
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
        which, most = (
            ("this process", f"only {fitting} connections")
            if workers == 1
            else ("each process", f"only {fitting} connections of each")
        )
        console.message(
            f"WARNING: {which} may have {limit} open files, and needs {needed} "
            f"for {_CONNECTIONS} connections and the stores of 100 applications: "
            f"{most} are accepted at a time; raise the limit, for "
            f"example with `ulimit -n {needed}`"
        )
    return fitting


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


@contextmanager
def _quick_switches() -> Iterator[None]:
    """
    Make threads take turns more often: the event loop waits for no other for long.

    By default, a thread that reads a large body keeps the others waiting for 5 ms,
    several times in each call of theirs.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def _log_to_stderr(options: Namespace) -> Iterator[None]:
    """
    Log warnings, and with `--verbose` each answer; never payload.

    Any client can cause warnings, so each kind is logged once a minute.
    """
    level = logging.INFO if options.verbose else logging.WARNING
    # Its warnings are of requests, which are answered.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    process = "" if options.workers == 1 else "%(process)d "
    line = f"%(asctime)s {process}%(levelname)s %(message)s"
    with log_lines(line, level, Repeats()):
        yield
