"""Signed calls of one sender to one AWS service: settings, signature, connection."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

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
from pinpoint_events.retry import Retry, RetryBudget, RetryCall
from pinpoint_events.senders._blocking import ClockCorrected, NotSent, Time, run
from pinpoint_events.senders._redaction import redacted
from pinpoint_events.senders.observer import Attempt, AttemptObserver

__all__ = ["DEFAULT_RETRY", "Exchange", "SignedCalls"]

_log = logging.getLogger("pinpoint_events")

DEFAULT_RETRY: Final = Retry()

Exchange = Callable[[HttpRequest], HttpResponse]
"""Sends one request as an attempt of a call, and returns the answer, if it is 2xx."""


class SignedCalls:
    """
    Sends the calls of one sender.

    Args:
        service: The service to send to.
        arguments: Those of the sender that decide on its settings: region, endpoint
            URL, session, credentials, config and verify, in this order.
        retry: How often and how long to try; `DEFAULT_RETRY` means the settings,
            None sends once.
        time: The clocks.
        error_of: Returns the error of an answer that is not 2xx, from request and
            answer.

    Attributes:
        url: Where requests go.
        region: The region that they are signed for.
        retry: How often and how long each call is tried.
        observer: Watches each attempt; it may be set at any time.

    Raises:
        ConfigurationError: If no region is known, or a setting is unknown or unusable.
    """

    observer: AttemptObserver | None

    def __init__(
        self,
        service: Service,
        arguments: tuple[Any, ...],
        retry: Retry | None,
        time: Time,
        error_of: Callable[[HttpRequest, HttpResponse], ServiceError],
    ) -> None:
        # Imported here: code that never sends should not pay for importing botocore.
        from pinpoint_events.aws.http import transport  # noqa: PLC0415
        from pinpoint_events.aws.settings import (  # noqa: PLC0415
            Arguments,
            find_settings,
        )
        from pinpoint_events.aws.signer import Signer  # noqa: PLC0415

        if not isinstance(retry, Retry | None):
            raise ConfigurationError(
                f"retry is of type {type(retry).__name__}; pass a Retry, or None to "
                "send once"
            )
        settings = find_settings(service, Arguments(*arguments))
        if retry is None or retry is DEFAULT_RETRY:
            attempts = settings.max_attempts or DEFAULT_RETRY.attempts
            seconds = max(settings.given_seconds, DEFAULT_RETRY.deadline_seconds)
            retry = Retry(
                attempts=1 if retry is None else attempts, deadline_seconds=seconds
            )
        self.url = settings.url
        self.region = settings.region
        self.retry = retry
        self.observer = None
        self._signer = Signer(service, settings)
        link = settings.link._replace(call_seconds=retry.deadline_seconds)
        self._transport = transport(link)
        self._time = time
        self._clock = Clock(time.now)
        self._budget = RetryBudget()
        self._error_of = error_of
        self._is_closed = False

    def url_of(self, path: str) -> str:
        """Return the URL of a path at the service."""
        return f"{self.url.removesuffix('/')}{path}"

    def run(
        self,
        request: EventsRequest,
        send: Callable[[EventsRequest, Exchange], EventsResponse],
        *,
        hidden: Callable[[EventsRequest], Iterable[str]],
        deadline: float | None = None,
    ) -> EventsResponse:
        """
        Return the answer to a request, after all attempts.

        Args:
            request: The whole request.
            send: Sends a part of it, by one exchange, and reads the answer.
            hidden: Returns what a part holds that no message may show.
            deadline: When the call must have ended, by the monotonic clock; by default
                when `retry` says.

        Raises:
            PinpointEventsError: The error of the last attempt, if nothing was ever
                answered.
        """
        call_id = new_event_id()
        max_attempts = self.retry.attempts

        def attempt(part: EventsRequest, number: int, _: float) -> EventsResponse:
            # Named and written as the AWS SDKs do it.
            unsigned = {
                "amz-sdk-invocation-id": call_id,
                "amz-sdk-request": f"attempt={number}; max={max_attempts}",
            }

            def exchange(request: HttpRequest) -> HttpResponse:
                try:
                    signed, secrets = self._signer.sign(
                        request, self._clock.now(), unsigned
                    )
                except PinpointEventsError as error:
                    raise NotSent(error) from None
                watched = Attempt(
                    number, max_attempts, self.url_of(request.path), len(request.body)
                )
                left = call.deadline - self._time.monotonic()
                response = self._exchanged(signed, watched, left)
                return self._successful(
                    request, response, secrets, lambda: hidden(part)
                )

            return send(part, exchange)

        call = RetryCall(
            request,
            self.retry,
            self._budget,
            now=self._time.monotonic(),
            deadline=deadline,
        )
        return run(call, attempt, self._time, lambda: self._is_closed)

    def ask(self, request: HttpRequest) -> HttpResponse | None:
        """
        Return the answer to a question whose answer the sender can do without.

        None if it has no permission, or no answer of 2xx arrived. Sent once.
        """
        try:
            return self.call(request, _ASK_SECONDS)
        except PinpointEventsError as error:
            kind = type(error).__name__
            problem = error.code if isinstance(error, ServiceError) else kind
        _log.info("no answer", extra={"pinpoint_events.problem": problem})
        return None

    def call(self, request: HttpRequest, seconds: float) -> HttpResponse:
        """
        Send a request once, or twice if our clock was wrong, and return the answer.

        Args:
            request: The request.
            seconds: How long each may take.

        Raises:
            PinpointEventsError: If no answer of 2xx arrived.
        """
        try:
            return self._called(request, seconds)
        except ClockCorrected:
            pass
        try:
            return self._called(request, seconds)
        except ClockCorrected as again:
            error = again.error
        raise error

    def _called(self, request: HttpRequest, seconds: float) -> HttpResponse:
        signed, secrets = self._signer.sign(request, self._clock.now(), {})
        response = self._transport.exchange(signed, seconds)
        return self._successful(request, response, secrets, tuple)

    def _successful(
        self,
        request: HttpRequest,
        response: HttpResponse,
        secrets: Sequence[str],
        hidden: Callable[[], Iterable[str]],
    ) -> HttpResponse:
        """
        Return an answer of 2xx.

        Raises:
            ClockCorrected: If our clock was wrong.
            ServiceError: If the answer is another.
        """
        if response.status // 100 == _SUCCESS:
            return response
        # The error's `__context__` is empty here: one may quote secrets.
        failure = self._error_of(request, response)
        safe = redacted(failure, (*secrets, *hidden()))
        date = response.headers.get("date") if secrets else None  # of signed
        if self._clock.is_corrected_by(failure, date):
            raise ClockCorrected(safe)
        raise safe

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

    def close(self) -> None:
        """Close the connections; calls that wait for an attempt end."""
        self._is_closed = True
        self._transport.close()


_SUCCESS: Final = 2  # hundred
_ASK_SECONDS: Final = 5.0


def _guarded(notify: Callable[..., None], *arguments: object) -> None:
    try:
        notify(*arguments)
    except Exception as error:  # noqa: BLE001 - the observer is the user's code
        _log.warning(
            "observer failed", extra={"pinpoint_events.problem": defect_text(error)}
        )
