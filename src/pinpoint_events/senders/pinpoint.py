"""Sends to the service: Amazon Pinpoint's PutEvents, or an endpoint that speaks it."""

from typing import Any, ClassVar, Final

from pinpoint_events.aws.service import Service
from pinpoint_events.errors import ServiceError
from pinpoint_events.http_messages import HttpRequest, HttpResponse
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.put_events import events_response, http_request, path_of
from pinpoint_events.quotas import Quotas
from pinpoint_events.retry import Retry
from pinpoint_events.senders._blocking import Time
from pinpoint_events.senders._redaction import addresses
from pinpoint_events.senders._signed_calls import DEFAULT_RETRY, Exchange, SignedCalls
from pinpoint_events.senders.observer import AttemptObserver
from pinpoint_events.senders.protocol import BaseSender, checked_application_id
from pinpoint_events.service_errors import service_error

__all__ = ["PinpointSender"]

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
        retry: Retry | None = DEFAULT_RETRY,
        observer: AttemptObserver | None = None,
        quotas: Quotas = Quotas(),  # noqa: B008 - immutable
    ) -> None:
        """Look up the settings; nothing is sent yet."""
        super().__init__(quotas)
        self.application_id = checked_application_id(application_id)
        path_of(self.application_id)  # refuses what makes no path
        arguments = (region, endpoint_url, session, credentials, config, verify)
        self._calls = SignedCalls(PINPOINT, arguments, retry, self._time, _error_of)
        self.observer = observer

    @property
    def observer(self) -> AttemptObserver | None:
        """Watches each HTTP request; see `AttemptObserver`."""
        return self._calls.observer

    @observer.setter
    def observer(self, observer: AttemptObserver | None) -> None:
        self._calls.observer = observer

    @property
    def events_url(self) -> str:
        """The URL that requests go to."""
        return self._calls.url_of(path_of(self.application_id))

    def _put_events(self, request: EventsRequest) -> EventsResponse:
        return self._calls.run(request, self._send, hidden=addresses)

    def _send(self, part: EventsRequest, exchange: Exchange) -> EventsResponse:
        return events_response(exchange(http_request(self.application_id, part)))

    def _close(self) -> None:
        self._calls.close()

    def __repr__(self) -> str:
        # A URL with credentials in it is refused before.
        return f"<PinpointSender of {self.application_id!r} to {self._calls.url!r}>"


def _error_of(_: HttpRequest, response: HttpResponse) -> ServiceError:
    return service_error(response)
