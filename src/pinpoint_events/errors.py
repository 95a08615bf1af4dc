"""
Every error of this package, in one tree.

```text
PinpointEventsError
    ValidationError (also a ValueError; .problems)
        QuotaExceededError       every problem is a quota
    ConfigurationError           region, URL, credentials, a missing extra
    ItemsFailedError             .outcomes
    SenderError                  .is_retry_safe .retry_after_seconds .request_id
        TransportError           no answer arrived
        InvalidResponseError     an answer arrived that is none
        StoreError               the local store refused
        ServiceError             .status .code .message
            BadRequestError ForbiddenError NotFoundError MethodNotAllowedError
            PayloadTooLargeError TooManyRequestsError InternalServerError
```

The class tells whose fault it is, the attributes what to do. All of them pickle.
None holds a credential, an address, an attribute value or any other payload:
messages show keys, ids, sizes, types and limits.
"""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pinpoint_events.problems import Problem, path_text

if TYPE_CHECKING:
    from pinpoint_events.model.response import ItemOutcome

__all__ = [
    "BadRequestError",
    "ConfigurationError",
    "ForbiddenError",
    "InternalServerError",
    "InvalidResponseError",
    "ItemsFailedError",
    "MethodNotAllowedError",
    "NotFoundError",
    "PayloadTooLargeError",
    "PinpointEventsError",
    "QuotaExceededError",
    "SenderError",
    "ServiceError",
    "StoreError",
    "TooManyRequestsError",
    "TransportError",
    "ValidationError",
]

_SHOWN_ITEMS: Final = 5  # failed items named one by one; the rest is counted
_SHOWN_WORDS: Final = 200  # characters of the service's; the longest seen has 100


def is_retryable(status: int) -> bool:
    """Return whether a status code, of a call or of an item, asks to try again."""
    return status == _TOO_MANY_REQUESTS or status // 100 == _SERVER_ERRORS


_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERRORS: Final = 5  # hundred


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def defect_text(error: Exception) -> str:
    """Return where an unexpected error came from; its own words may hold data."""
    from traceback import extract_tb  # noqa: PLC0415 - needed for defects only

    place = extract_tb(error.__traceback__)[-1]
    kind = type(error).__qualname__
    return f"unexpected {kind} in line {place.lineno} of {place.filename}"


def hidden(words: str, secrets: Iterable[str]) -> str:
    """
    Return the service's words with none of these in them.

    The service may quote the request that it refuses, session token included.
    """
    for secret in secrets:
        if len(secret) < _HIDDEN_CHARACTERS:
            continue
        words = words.replace(secret, _HIDDEN)
        # Long words were cut, perhaps within the secret.
        for length in range(len(secret) - 1, _TELLING_CHARACTERS - 1, -1):
            if words.endswith(secret[:length]):
                words = words[:-length] + _HIDDEN
                break
    return words


_HIDDEN: Final = "[hidden]"
_HIDDEN_CHARACTERS: Final = 4  # what is shorter stands within ordinary words, too
_TELLING_CHARACTERS: Final = 8  # fewer of the start of a secret tell nothing


def _one_line(words: str) -> str:
    """Return somebody else's words so that they cannot steer a terminal, or a log."""
    line = " ".join(words.split())
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in line)


class PinpointEventsError(Exception):
    """Anything that this package raises on purpose."""


class ValidationError(PinpointEventsError, ValueError):
    """
    The input is not what it must be; nothing was sent.

    Attributes:
        problems: All that is wrong with it, not only the first.
    """

    problems: tuple[Problem, ...]

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems."""
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        """Return one line for a single problem, else a count and a line for each."""
        lines = [str(problem) for problem in self.problems]
        if len(lines) == 1:
            return lines[0]
        return "\n  ".join([f"{len(lines)} problems:", *lines])


class QuotaExceededError(ValidationError):
    """The input is sound, but more or larger than the service takes."""


class ConfigurationError(PinpointEventsError):
    """Region, URL, credentials or installation do not allow to send at all."""


class ItemsFailedError(PinpointEventsError):
    """
    The request was answered, but not everything in it was accepted.

    Attributes:
        outcomes: The items that were not accepted, in request order, each without
            its `item`: errors carry no payload.
            `EventsResponse.outcomes` has the items too.
    """

    outcomes: "tuple[ItemOutcome, ...]"

    def __init__(self, outcomes: "Iterable[ItemOutcome]") -> None:
        """Keep the outcomes, without the items themselves."""
        self.outcomes = tuple(outcome._replace(item=None) for outcome in outcomes)
        super().__init__(self.outcomes)

    def __str__(self) -> str:
        """Return how many failed, and why the first few did."""
        counts = Counter(item.outcome for item in self.outcomes)
        told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        lines = [f"not everything was accepted ({told}):"]
        lines += [f"  {outcome_text(item)}" for item in self.outcomes[:_SHOWN_ITEMS]]
        if len(self.outcomes) > _SHOWN_ITEMS:
            lines.append(f"  and {len(self.outcomes) - _SHOWN_ITEMS} more")
        if "retryable" in counts:
            remedy = "EventsRequest.retry(response) holds what is worth sending again"
            lines.append(remedy)
        return "\n".join(lines)


def outcome_text(outcome: "ItemOutcome") -> str:
    """Return what became of an item in one line, its place first."""
    path: tuple[str | int, ...] = ("BatchItem", outcome.endpoint_id)
    path += ("Endpoint",) if outcome.event_id is None else ("Events", outcome.event_id)
    told = f"{path_text(path)}: {outcome.outcome}"
    response = outcome.response
    if response is not None and response.status_code is not None:
        told += f" ({response.status_code})"
    if response is not None and response.message:
        told += f": {_cut(_one_line(response.message), _SHOWN_WORDS)}"
    return told


class SenderError(PinpointEventsError):
    """
    A request could not be sent, or nothing is known of what became of it.

    Attributes:
        message: What happened, and what to do next.
        is_retry_safe: Whether the same request is worth sending again. A copy may
            then arrive twice: the service has no key to recognise it by.
        retry_after_seconds: How long the service asks to wait; None if it does not.
        request_id: The service's id of the call, for a support case; None if unknown.
    """

    message: str
    is_retry_safe: bool
    retry_after_seconds: float | None
    request_id: str | None

    def __init__(
        self,
        message: str,
        is_retry_safe: bool = False,  # noqa: FBT001, FBT002 - args rebuild it
        retry_after_seconds: float | None = None,
        request_id: str | None = None,
    ) -> None:
        """Keep what happened."""
        super().__init__(message, is_retry_safe, retry_after_seconds, request_id)
        self.message = message
        self.is_retry_safe = is_retry_safe
        self.retry_after_seconds = retry_after_seconds
        self.request_id = request_id

    def __str__(self) -> str:
        """Return the message, and the request id where there is one."""
        if self.request_id is None:
            return self.message
        return f"{self.message} (request id {self.request_id})"


class TransportError(SenderError):
    """No complete answer arrived: no connection, a cut one, or a timeout."""


class InvalidResponseError(SenderError):
    """The service said yes, but in no form that says to what."""


class StoreError(SenderError):
    """The local store is missing, locked, read-only, full or broken."""


class ServiceError(SenderError):
    """
    The service refused the whole request.

    The class is chosen by HTTP status, never by the service's type name: a denied
    permission arrives as `AccessDeniedException`, which the service does not document.

    Attributes:
        status: HTTP status code.
        code: The service's name for it, as in `BadRequestException`; the status as
            text where it gave none.
        message: The service's words, unchanged; empty where it gave none.
    """

    remedy: ClassVar[str] = "look the code up in the service's documentation"
    status: int
    code: str

    def __init__(
        self,
        status: int,
        code: str,
        message: str = "",
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        """Keep the service's answer."""
        is_retry_safe = is_retryable(status)
        super().__init__(message, is_retry_safe, retry_after_seconds, request_id)
        self.args: tuple[Any, ...] = (
            status,
            code,
            message,
            request_id,
            retry_after_seconds,
        )
        self.status = status
        self.code = code

    def __str__(self) -> str:
        """Return status, code, the service's words, and what to do next."""
        told = f"{_one_line(self.code)} (HTTP {self.status})"
        if self.message:
            told += f": {_one_line(self.message)}"
        told += f"; {self.remedy}"
        return told if self.request_id is None else f"{told}; request {self.request_id}"


class BadRequestError(ServiceError):
    """400: the service cannot read the request, or finds it against its rules."""

    remedy: ClassVar[str] = (
        "correct the request; check_quotas() names what is over a quota"
    )


class ForbiddenError(ServiceError):
    """403: the credentials are unknown, expired, or may not do this."""

    remedy: ClassVar[str] = (
        "check credentials, region and clock, and that the caller is allowed "
        "mobiletargeting:PutEvents on this application"
    )


class NotFoundError(ServiceError):
    """404: no such application, region or service."""

    remedy: ClassVar[str] = (
        "check application id, region and endpoint URL; AWS ended Pinpoint's event "
        "collection on 2026-10-30, open_sender() names the places to send to now"
    )


class MethodNotAllowedError(ServiceError):
    """405: there is something at this URL, but it takes no events."""

    remedy: ClassVar[str] = "check the endpoint URL"


class PayloadTooLargeError(ServiceError):
    """413: the request has more bytes than the service takes."""

    remedy: ClassVar[str] = "let BatchBuilder.build_all() split the events"


class TooManyRequestsError(ServiceError):
    """429: more requests than the account may send."""

    remedy: ClassVar[str] = (
        "send later, slower, and more events in each request (the service's quota is "
        "15 requests a second)"
    )


class InternalServerError(ServiceError):
    """5xx: the service failed."""

    remedy: ClassVar[str] = "send the same request again later"
