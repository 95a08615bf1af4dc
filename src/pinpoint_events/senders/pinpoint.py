"""Sends to the service: Amazon Pinpoint's PutEvents, or an endpoint that speaks it."""

from typing import Any, ClassVar, Final

from pinpoint_events.aws.service import Service
from pinpoint_events.builder import new_event_id
from pinpoint_events.errors import ConfigurationError, ServiceError
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse
from pinpoint_events.put_events import events_response, http_request, path_of
from pinpoint_events.retry import (
    Clock,
    ClockCorrected,
    Resender,
    Retry,
    Time,
)
from pinpoint_events.senders._hidden import addresses, without
from pinpoint_events.senders.protocol import BaseSender, checked_application_id

__all__ = ["PinpointSender"]

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

    Credentials, region and all other settings are looked up as a boto3 client looks
    them up, in the same order of precedence; beside that, `AWS_REGION` serves where
    boto3 finds no region. Credentials are asked for when the first request is sent.

    Safe to use from several threads; connections are kept, and shared by none. After a
    `fork`, the child opens its own.

    Args:
        application_id: The Pinpoint project; boto3 calls it `ApplicationId`.
        region: AWS region, as in `eu-west-1`.
        endpoint_url: Where to send, in place of the region's own endpoint.
        session: A session of boto3 or botocore to take settings and credentials from.
        credentials: Botocore's `Credentials`, in place of the session's.
        config: A `botocore.config.Config`: timeouts, proxies, certificates, FIPS and
            dual-stack, pool, user agent. `retries` in it is refused.
        verify: As in boto3: False trusts every certificate, a path names the CA bundle
            to trust, in place of the one in the settings.
        retry: How often to try. Where it is not given, `AWS_MAX_ATTEMPTS` counts. None
            sends once.

    Raises:
        ConfigurationError: If no region is known, or a setting is unknown or unusable.
    """

    _time: ClassVar[Time] = Time()

    def __init__(  # noqa: PLR0913 - each is an option of its own
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
    ) -> None:
        """Look up the settings; nothing is sent yet."""
        # Imported here: code that never sends should not pay for importing botocore.
        from pinpoint_events.aws.http import transport  # noqa: PLC0415
        from pinpoint_events.aws.settings import (  # noqa: PLC0415
            Arguments,
            find_settings,
        )
        from pinpoint_events.aws.signer import Signer  # noqa: PLC0415

        super().__init__()
        self._application_id = checked_application_id(application_id)
        path_of(self._application_id)  # refuses what makes no path
        if not isinstance(retry, Retry | None):
            raise ConfigurationError(
                f"retry is of type {type(retry).__name__}; pass a Retry, or None to "
                "send once"
            )
        settings = find_settings(
            PINPOINT,
            Arguments(region, endpoint_url, session, credentials, config, verify),
        )
        if retry is _DEFAULT_RETRY and settings.max_attempts is not None:
            retry = Retry(attempts=settings.max_attempts)
        self._url = settings.url
        self._signer = Signer(PINPOINT, settings)
        self._transport = transport(settings.link)
        self._clock = Clock(self._time)
        self._resender = Resender(retry, self._time)

    def _put_events(self, request: EventsRequest) -> EventsResponse:
        call_id = new_event_id()
        most = self._resender.retry.attempts

        def send(part: EventsRequest, attempt: int) -> EventsResponse:
            # Named and written as the AWS SDKs do it, for whoever reads logs there.
            unsigned = {
                "amz-sdk-invocation-id": call_id,
                "amz-sdk-request": f"attempt={attempt}; max={most}",
            }
            return self._send(part, unsigned)

        return self._resender.answer(request, send)

    def _send(self, request: EventsRequest, unsigned: dict[str, str]) -> EventsResponse:
        call = http_request(self._application_id, request)
        signed, secrets = self._signer.sign(call, self._clock.now(), unsigned)
        response = self._transport.exchange(signed)
        try:
            return events_response(response)
        except ServiceError as error:
            failure = error
        # Out here, the error below has no other in its context, words as they came.
        told = without(failure, (*secrets, *addresses(request)))
        if self._clock.is_corrected_by(failure, response.headers.get("date")):
            raise ClockCorrected(told)
        raise told

    def _close(self) -> None:
        self._transport.close()

    def __repr__(self) -> str:
        # No URL with credentials in it gets this far.
        return f"<PinpointSender of {self._application_id!r} to {self._url!r}>"
