"""Sends to the service: Amazon Pinpoint's PutEvents, or an endpoint that speaks it."""

import logging
from collections.abc import Callable
from typing import Any, ClassVar, Final

from pinpoint_events.aws.clock import Clock
from pinpoint_events.aws.service import Service
from pinpoint_events.builder import new_event_id
from pinpoint_events.errors import (
    ConfigurationError,
    PinpointEventsError,
    ServiceError,
    defect_text,
)
from pinpoint_events.http_messages import HttpRequest, HttpResponse
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.put_events import events_response, http_request, path_of
from pinpoint_events.quotas import Quotas
from pinpoint_events.retry import Retry, RetryBudget, RetryCall
from pinpoint_events.senders._blocking import ClockCorrected, NotSent, Time, run
from pinpoint_events.senders._redaction import addresses, redacted
from pinpoint_events.senders.observer import Attempt, AttemptObserver
from pinpoint_events.senders.protocol import BaseSender, checked_application_id

__all__ = ["PinpointSender"]

_log = logging.getLogger("pinpoint_events")

_DEFAULT_RETRY: Final = Retry()

PINPOINT: Final = Service(
    name="pinpoint",
    endpoint_prefix="pinpoint",
    signing_name="mobiletargeting",
    service_id="Pinpoint",
    protocol="rest-json",
    # AWS General Reference, "Amazon Pinpoint endpoints", read 2026-11-23.
    plain_regions=frozenset(
        {
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-south-1",
            "ap-southeast-1",
            "ap-southeast-2",
            "ca-central-1",
            "eu-central-1",
            "eu-west-1",
            "eu-west-2",
            "us-east-1",
            "us-east-2",
            "us-gov-west-1",
            "us-west-2",
        }
    ),
    operation="put_events",
    arguments={"ApplicationId": "a", "EventsRequest": {"BatchItem": {}}},
)


class PinpointSender(BaseSender):
    """
    Sends to Amazon Pinpoint, or to a PutEvents endpoint of your own.

    Credentials, region and all other settings are those of a boto3 client, in the same
    order of precedence; in addition, `AWS_REGION` is used if boto3 finds no region.
    Credentials are looked up when the first request is sent.

    Thread-safe; connections are kept for later requests, and each is used by one thread
    at a time. After a `fork`, the child opens its own.

    Args:
        application_id: The Pinpoint project; boto3 calls it `ApplicationId`.
        region: AWS region, as in `eu-west-1`.
        endpoint_url: Where to send, in place of the region's own endpoint.
        session: A session of boto3 or botocore to take settings and credentials from.
        credentials: Botocore's `Credentials`, in place of the session's.
        config: A `botocore.config.Config`: timeouts, proxies, certificates, FIPS and
            dual-stack, pool, user agent. `retries` in it is refused. Timeouts that it
            leaves out are 5 s to connect and 10 s to read.
        verify: As in boto3: False trusts every certificate, a path names the CA bundle
            to trust, in place of the one in the settings.
        retry: How often and how long to try. If it is not given, `AWS_MAX_ATTEMPTS`
            applies, and a call takes 20 s at most, or one attempt as long as the
            timeouts in `config` allow. None sends once.
        observer: Watches each HTTP request; see `AttemptObserver`.
        quotas: The limits of requests and their items.

    Attributes:
        application_id: As given.
        observer: As given; it may be set at any time.
        quotas: As given.

    Raises:
        ConfigurationError: If no region is known, or a setting is unknown or unusable.
    """

    application_id: str
    observer: AttemptObserver | None
    _time: ClassVar[Time] = Time()

    def __init__(  # noqa: PLR0913 - each is a separate option
        self,
        application_id: str,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        session: Any = None,
        credentials: Any = None,
        config: Any = None,
        verify: bool | str | None = None,
        retry: Retry | None = _DEFAULT_RETRY,
        observer: AttemptObserver | None = None,
        quotas: Quotas = Quotas(),  # noqa: B008 - immutable
    ) -> None:
        """Look up the settings; nothing is sent yet."""
        # Imported here: code that never sends should not pay for importing botocore.
        from pinpoint_events.aws.http import transport  # noqa: PLC0415
        from pinpoint_events.aws.settings import (  # noqa: PLC0415
            Arguments,
            find_settings,
        )
        from pinpoint_events.aws.signer import Signer  # noqa: PLC0415

        super().__init__(quotas)
        self.application_id = checked_application_id(application_id)
        path_of(self.application_id)  # refuses what makes no path
        if not isinstance(retry, Retry | None):
            raise ConfigurationError(
                f"retry is of type {type(retry).__name__}; pass a Retry, or None to "
                "send once"
            )
        settings = find_settings(
            PINPOINT,
            Arguments(region, endpoint_url, session, credentials, config, verify),
        )
        if retry is None or retry is _DEFAULT_RETRY:
            attempts = settings.max_attempts or _DEFAULT_RETRY.attempts
            seconds = max(settings.given_seconds, _DEFAULT_RETRY.deadline_seconds)
            retry = Retry(
                attempts=1 if retry is None else attempts, deadline_seconds=seconds
            )
        self._url = settings.url
        self._signer = Signer(PINPOINT, settings)
        link = settings.link._replace(call_seconds=retry.deadline_seconds)
        self._transport = transport(link)
        self._clock = Clock(self._time.now)
        self._retry = retry
        self._budget = RetryBudget()
        self.observer = observer

    def _put_events(self, request: EventsRequest) -> EventsResponse:
        call_id = new_event_id()
        max_attempts = self._retry.attempts

        def send(part: EventsRequest, number: int, seconds: float) -> EventsResponse:
            # Named and written as the AWS SDKs do it.
            unsigned = {
                "amz-sdk-invocation-id": call_id,
                "amz-sdk-request": f"attempt={number}; max={max_attempts}",
            }
            call = http_request(self.application_id, part)
            try:
                signed, secrets = self._signer.sign(call, self._clock.now(), unsigned)
            except PinpointEventsError as error:
                raise NotSent(error) from None
            attempt = Attempt(number, max_attempts, self.events_url, len(call.body))
            response = self._exchanged(signed, attempt, seconds)
            return self._events_response(part, response, secrets)

        call = RetryCall(request, self._retry, self._budget, now=self._time.monotonic())
        return run(call, send, self._time, lambda: self._is_closed)

    @property
    def events_url(self) -> str:
        """The URL that requests go to."""
        return f"{self._url.removesuffix('/')}{path_of(self.application_id)}"

    def _exchanged(
        self, request: HttpRequest, attempt: Attempt, seconds: float
    ) -> HttpResponse:
        """Send a signed request, and tell the observer."""
        observer = self.observer
        if observer is None:
            return self._transport.exchange(request, seconds)
        _guarded(observer.sending, attempt)
        try:
            response = self._transport.exchange(request, seconds)
        except PinpointEventsError as error:
            _guarded(observer.failed, attempt, error)
            raise
        _guarded(observer.answered, attempt, response)
        return response

    def _events_response(
        self, request: EventsRequest, response: HttpResponse, secrets: tuple[str, ...]
    ) -> EventsResponse:
        try:
            return events_response(response)
        except ServiceError as error:
            failure = error
        # Raised outside the `except` block so that the original error, which may quote
        # secrets, is not attached as `__context__`.
        safe = redacted(failure, (*secrets, *addresses(request)))
        date = response.headers.get("date") if secrets else None  # of signed requests
        if self._clock.is_corrected_by(failure, date):
            raise ClockCorrected(safe)
        raise safe

    def _close(self) -> None:
        self._transport.close()

    def __repr__(self) -> str:
        # A URL with credentials in it is refused before.
        return f"<PinpointSender of {self.application_id!r} to {self._url!r}>"


def _guarded(notify: Callable[..., None], *arguments: object) -> None:
    try:
        notify(*arguments)
    except Exception as error:  # noqa: BLE001 - the observer is the user's code
        _log.warning(
            "observer failed", extra={"pinpoint_events.problem": defect_text(error)}
        )
