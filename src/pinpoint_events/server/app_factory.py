"""Makes endpoints: checks the settings, and puts the parts of one together."""

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import Enum
from typing import Any, Final, Literal

from pinpoint_events.errors import ConfigurationError, ConfigurationErrorCode
from pinpoint_events.model import _converters as to
from pinpoint_events.problems import Expected
from pinpoint_events.quotas import Quotas
from pinpoint_events.senders.protocol import Sender
from pinpoint_events.senders.url import is_region_name
from pinpoint_events.server._active_faults import Faults
from pinpoint_events.server._application_ids import ApplicationIds
from pinpoint_events.server._applications import Applications, Senders, is_one_sender
from pinpoint_events.server._hosts import AllowedHosts, is_host_name
from pinpoint_events.server._limits import Limits
from pinpoint_events.server._request_reader import RequestReader
from pinpoint_events.server._settings import (
    check_settings,
    count,
    kind_of,
    list_of,
    seconds,
)
from pinpoint_events.server.app import App
from pinpoint_events.server.keys import Credentials, Keys
from pinpoint_events.server.sigv4 import Verifier
from pinpoint_events.server.streams.firehose import Firehose
from pinpoint_events.server.streams.http import Services
from pinpoint_events.server.streams.kinesis import Kinesis
from pinpoint_events.server.streams.service import utc_now

__all__ = ["create_app"]

# The log of a store grows to 64 MB, and is then copied into its file.
_MIN_FREE_BYTES: Final = 128 * 1024 * 1024
_MAX_BODY_BYTES: Final = 64 * 1024 * 1024  # where the quota is off


class _Default(Enum):
    FROM_ENVIRONMENT = "the key of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"


FROM_ENVIRONMENT: Final = _Default.FROM_ENVIRONMENT


def create_app(  # noqa: PLR0913 - independent settings, each with a default
    senders: Senders | None = None,
    *,
    kinesis: Kinesis | None = None,
    firehose: Firehose | None = None,
    credentials: Keys
    | Credentials
    | Iterable[Credentials]
    | Literal[_Default.FROM_ENVIRONMENT]
    | None = FROM_ENVIRONMENT,
    quotas: Quotas = Quotas(),  # noqa: B008 - immutable
    region: str | None = None,
    applications: Iterable[str] | None = None,
    any_application_id: bool = False,
    hosts: Iterable[str] = (),
    naive_times: Literal["utc"] | None = None,
    faults: Faults | None = None,
    clock: Callable[[], datetime] = utc_now,
    workers: int = 15,
    waiting: int = 64,
    connections: int = 500,
    head_seconds: float = 20.0,
    body_seconds: float = 30.0,
    body_bytes_per_second: int = 1_000,
    unproven: int = 64,
    idle_seconds: float = 75.0,
    call_seconds: float = 5.0,
    stop_seconds: float = 30.0,
    min_free_bytes: int = _MIN_FREE_BYTES,
) -> App:
    """
    Return an endpoint for PutEvents, Kinesis or Firehose, an ASGI 3 application.

    Args:
        senders: Where events of PutEvents go: one sender for all application ids, or a
            function that opens a sender for an application id and raises a
            `LookupError` for an unknown one. The endpoint closes the senders that the
            function opens: when it ends, or when 100 are open and another is needed; it
            opens them again for further calls. One sender that is passed in stays open.
            None does not serve PutEvents.
        kinesis: Serves the operations of Kinesis; closed when the endpoint ends.
        firehose: Serves the operations of Firehose; closed when the endpoint ends.
        credentials: The keys that calls may be signed with. If left out, the key in the
            environment. None accepts all calls, signed or not.
        quotas: The limits that calls are checked against.
        region: The only region that signatures may be for; None accepts any.
        applications: The application ids that may be called; None permits all that
            `senders` knows.
        any_application_id: Whether a function `senders` is called with ids of any form,
            such as `../other`. Otherwise, it is called with plain ids only: at most 64
            letters, digits, `-` and `_`, which can be a part of a file name.
        hosts: Names of this endpoint in URLs of clients. Where calls may be unsigned,
            those that name another host are rejected: a web page could have caused
            them. IP addresses, `localhost` and names that end in `.localhost` need not
            be listed.
        naive_times: How to read times without a zone, such as `2026-09-21T12:00:00`:
            `"utc"` as UTC. None rejects the events and endpoints that have one, as the
            service did.
        faults: Faults to simulate, for tests.
        clock: Returns the current time, with a time zone; by default the machine's.
        workers: How many calls are processed at a time. Each may use memory of a few
            times its size, which is 4 MB at most, and 16 MiB for Kinesis and Firehose.
            The service processes 15 at a time.
        waiting: How many further calls may wait at a time.
        connections: How many clients may be connected at a time; a further one takes
            the place of the one that has been idle longest. This limit, `head_seconds`
            and `idle_seconds` apply where this package runs the endpoint; another ASGI
            server has its own.
        head_seconds: How long the head of a request may take to arrive.
        body_seconds: How long the body of a call may take to arrive.
        body_bytes_per_second: How fast a body must arrive on average, after its first 5
            seconds.
        unproven: How many calls may arrive at a time whose head does not prove who sent
            them: unsigned ones, and those whose signature does not cover
            `X-Amz-Content-Sha256`. If there are more, the slowest one is rejected.
            Together they hold 32 MiB.
        idle_seconds: How long a connection is kept without a request.
        call_seconds: How long a call that has arrived may wait, for a worker, for other
            calls of its application and for other writers of its store together. Then
            it is answered with 503. A call that a sender has begun to send is not: its
            outcome is awaited, and senders have their own timeouts.
        stop_seconds: How long the end of the endpoint may take. Calls that have not
            ended by then are given up, and the log says how many.
        min_free_bytes: With less room on the disk of a store, the endpoint says that it
            is not ready (`GET /readyz`); calls are served all the same.

    Raises:
        ConfigurationError: If `credentials`, or the environment, has no usable key, if
            no region has the name `region`, if a setting is of another type or out of
            range, or if there is nothing to serve.
    """
    given_times: object = naive_times
    if given_times is not None and given_times != "utc":
        message = "naive_times is another value than 'utc' or None; pass one of them"
        raise ConfigurationError(message)
    listed = None if applications is None else list_of(str, applications)
    known_hosts = list_of(str, hosts)
    check_settings(
        applications=listed,
        any_application_id=kind_of(bool, any_application_id),
        hosts=known_hosts,
        senders=None if senders is None else _sound_senders(senders),
        kinesis=None if kinesis is None else kind_of(Kinesis, kinesis),
        firehose=None if firehose is None else kind_of(Firehose, firehose),
        quotas=to.instance_of(Quotas, quotas),
        region=to.text(region),
        faults=None if faults is None else kind_of(Faults, faults),
        clock=to.function(clock),
        workers=count(workers),
        waiting=count(waiting, 0),
        connections=count(connections),
        head_seconds=seconds(head_seconds),
        body_seconds=seconds(body_seconds),
        body_bytes_per_second=count(body_bytes_per_second),
        unproven=count(unproven),
        idle_seconds=seconds(idle_seconds),
        call_seconds=seconds(call_seconds),
        stop_seconds=seconds(stop_seconds),
        min_free_bytes=count(min_free_bytes, 0, to.MAX_INTEGER),
    )
    if region is not None and not is_region_name(region):
        # Without the region: it may be a value that got into its place.
        raise ConfigurationError(
            "the region has a name that no region has; pass one that calls are signed "
            "for, such as eu-west-1, or None for any",
            ConfigurationErrorCode.INVALID_REGION,
        )
    if not all(map(is_host_name, known_hosts)):
        message = (
            "hosts has a text that is no name of a host; pass names without a scheme "
            "and a port, such as events.example.com"
        )
        raise ConfigurationError(message)
    if senders is None and kinesis is None and firehose is None:
        message = "there is nothing to serve; pass senders, kinesis or firehose"
        raise ConfigurationError(message)
    keys = _keys(credentials)
    script = Faults() if faults is None else faults
    limits = Limits(
        body_bytes=quotas.request_bytes or _MAX_BODY_BYTES,
        workers=workers,
        waiting=waiting,
        connections=connections,
        head_seconds=head_seconds,
        body_seconds=body_seconds,
        body_bytes_per_second=body_bytes_per_second,
        unproven=unproven,
        idle_seconds=idle_seconds,
        call_seconds=call_seconds,
        stop_seconds=stop_seconds,
        min_free_bytes=min_free_bytes,
    )
    reader = RequestReader(quotas, reads_naive_times_as_utc=naive_times == "utc")
    services = [each for each in (kinesis, firehose) if each is not None]
    takes_any = any_application_id or senders is None or is_one_sender(senders)
    return App(
        None if senders is None else Applications(senders, reader, script),
        None if keys is None else Verifier(keys, region=region),
        services=Services(services, keys, region),
        hosts=AllowedHosts(known_hosts) if keys is None else None,
        ids=ApplicationIds(listed, only_plain=not takes_any),
        faults=script,
        clock=clock,
        limits=limits,
    )


def _sound_senders(senders: object) -> Any:
    is_sound = isinstance(senders, Sender) or callable(senders)
    return senders if is_sound else to.wrong_type(senders, Expected.SENDER)


def _keys(
    credentials: Keys
    | Credentials
    | Iterable[Credentials]
    | Literal[_Default.FROM_ENVIRONMENT]
    | None,
) -> Keys | None:
    if credentials is None or isinstance(credentials, Keys):
        return credentials
    if isinstance(credentials, _Default):
        try:
            return Keys.from_environment()
        except ConfigurationError as error:
            message = (
                f"{error}; or pass credentials=Keys.from_file(...), or None to accept "
                "calls from anyone"
            )
            raise ConfigurationError(message) from None
    if isinstance(credentials, Credentials):
        return Keys([credentials])
    return Keys(credentials)
