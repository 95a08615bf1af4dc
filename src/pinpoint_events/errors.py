"""
Every error of this package, in one tree.

```text
PinpointEventsError
    ValidationError (also a ValueError; .problems)
        QuotaExceededError       every problem is a quota
    ConfigurationError           region, URL, credentials, a missing extra; .code
    ItemsFailedError             .outcomes
    LoadError                    .code .path .place .totals
    SpoolFullError               .used_bytes .max_bytes .event_bytes
    SenderError                  .is_retry_safe .retry_after_seconds .request_id
        TransportError           no complete answer arrived; .code
        InvalidResponseError     an answer arrived that cannot be read; .code
        StoreError               the local store refused; .code
        ServiceError             .status .code .message
            BadRequestError ForbiddenError NotFoundError MethodNotAllowedError
            PayloadTooLargeError TooManyRequestsError InternalServerError
```

The class says whose fault it is, the attributes what to do. All of them pickle.
None holds a credential, an address, an attribute value or any other payload: messages
show keys, ids, sizes, types and limits.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from pinpoint_events.problems import Problem, WordEnum, path_text

if TYPE_CHECKING:
    from pinpoint_events.loader.totals import Totals
    from pinpoint_events.model.response import EventsResponse, ItemOutcome

__all__ = [
    "BadRequestError",
    "ConfigurationError",
    "ConfigurationErrorCode",
    "ForbiddenError",
    "InternalServerError",
    "InvalidResponseError",
    "InvalidResponseErrorCode",
    "ItemsFailedError",
    "LoadError",
    "LoadErrorCode",
    "MethodNotAllowedError",
    "NotFoundError",
    "PayloadTooLargeError",
    "PinpointEventsError",
    "QuotaExceededError",
    "SenderError",
    "ServiceError",
    "SpoolFullError",
    "StoreError",
    "StoreErrorCode",
    "TooManyRequestsError",
    "TransportError",
    "TransportErrorCode",
    "ValidationError",
]

_SHOWN_ITEMS: Final = 5  # failed items that a message lists; the rest is counted
_SHOWN_CHARACTERS: Final = 200  # of the service's message; the longest seen has 100


def is_retryable(status: int) -> bool:
    """Return whether a status code, of a call or of an item, is worth a retry."""
    return status == _TOO_MANY_REQUESTS or status // 100 == _SERVER_ERRORS


_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERRORS: Final = 5  # hundred


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def defect_text(error: BaseException) -> str:
    """Return where an unexpected error was raised; its message may hold data."""
    from traceback import extract_tb  # noqa: PLC0415 - needed for defects only

    place = extract_tb(error.__traceback__)[-1]
    kind = type(error).__qualname__
    return f"unexpected {kind} in line {place.lineno} of {place.filename}"


class Redaction:
    """
    Hides secrets in the service's messages.

    The service may quote the request that it refuses, session token included. The time
    for a message does not grow with the number of secrets: a request may have 42,000
    addresses.

    Args:
        secrets: The texts to hide; those of less than 4 characters are not hidden.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        kept = {text for text in secrets if len(text) >= _MIN_SECRET_CHARACTERS}
        self._secrets = kept
        self._sorted = sorted(kept)
        self._starts = {text[:_MIN_SECRET_CHARACTERS] for text in kept}
        self._lengths = sorted(set(map(len, kept)), reverse=True)

    def __call__(self, text: str) -> str:
        """Return a message without any of the secrets."""
        if not self._secrets:
            return text
        parts = []
        done = place = 0
        while place < len(text):
            start = text[place : place + _MIN_SECRET_CHARACTERS]
            length = self._length_at(text, place) if start in self._starts else 0
            if length:
                parts += [text[done:place], _REDACTED]
                done = place = place + length
            else:
                place += 1
        return "".join((*parts, text[done:]))

    def _length_at(self, text: str, place: int) -> int:
        """Return the length of the longest secret that begins here; 0 for none."""
        for length in self._lengths:
            if text[place : place + length] in self._secrets:
                return length
        # A long message was cut, perhaps within the secret.
        rest = text[place:]
        if len(rest) >= _MIN_PREFIX_CHARACTERS:
            index = bisect_left(self._sorted, rest)
            if index < len(self._sorted) and self._sorted[index].startswith(rest):
                return len(rest)
        return 0


_REDACTED: Final = "[hidden]"
_MIN_SECRET_CHARACTERS: Final = 4  # shorter ones occur within ordinary words
_MIN_PREFIX_CHARACTERS: Final = 8  # a shorter start of a secret reveals nothing


def _one_line(text: str) -> str:
    """Return foreign text without line breaks and control characters."""
    line = " ".join(text.split())
    return "".join(char if char.isprintable() else "\ufffd" for char in line)


class PinpointEventsError(Exception):
    """Anything that this package raises on purpose."""


class ValidationError(PinpointEventsError, ValueError):
    """
    The input is invalid; nothing was sent.

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
    """The input is valid, but more or larger than the service accepts."""


class ConfigurationErrorCode(WordEnum):
    """
    The settings that programs may want to handle on their own.

    Attributes:
        CA_BUNDLE_UNREADABLE: The file of certificates to trust cannot be read.
        INVALID_REGION: The region has a name that no region has.
        NO_CREDENTIALS: No source of AWS credentials has any.
        NO_REGION: No argument, variable or file names a region.
        PROFILE_NOT_FOUND: The AWS config files have no profile of this name.
    """

    CA_BUNDLE_UNREADABLE = "ca_bundle_unreadable"
    INVALID_REGION = "invalid_region"
    NO_CREDENTIALS = "no_credentials"
    NO_REGION = "no_region"
    PROFILE_NOT_FOUND = "profile_not_found"


class ConfigurationError(PinpointEventsError):
    """
    Region, URL, credentials or installation do not allow sending at all.

    Attributes:
        message: What is wrong, and what to do next.
        code: Which setting it is; None for those that have no code.
    """

    message: str
    code: ConfigurationErrorCode | None

    def __init__(
        self, message: str, code: ConfigurationErrorCode | None = None
    ) -> None:
        """Keep what is wrong."""
        super().__init__(message, code)
        self.message = message
        self.code = code

    def __str__(self) -> str:
        """Return the message."""
        return self.message


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
        summary = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        lines = [f"not everything was accepted ({summary}):"]
        lines += [f"  {outcome_text(item)}" for item in self.outcomes[:_SHOWN_ITEMS]]
        if len(self.outcomes) > _SHOWN_ITEMS:
            lines.append(f"  and {len(self.outcomes) - _SHOWN_ITEMS} more")
        if "retryable" in counts:
            remedy = "EventsRequest.retry(response) holds what is worth sending again"
            lines.append(remedy)
        return "\n".join(lines)


def outcome_text(outcome: "ItemOutcome") -> str:
    """Return the outcome of an item in one line, its path first."""
    path: tuple[str | int, ...] = ("BatchItem", outcome.endpoint_id)
    path += ("Endpoint",) if outcome.event_id is None else ("Events", outcome.event_id)
    line = f"{path_text(path)}: {outcome.outcome}"
    response = outcome.response
    if response is not None and response.status_code is not None:
        line += f" ({response.status_code})"
    if response is not None and response.message:
        line += f": {_cut(_one_line(response.message), _SHOWN_CHARACTERS)}"
    return line


class LoadErrorCode(WordEnum):
    """
    Why files were not loaded to their end.

    Attributes:
        CHECKPOINT_INVALID: The checkpoint file is not one, or of another version.
        CHECKPOINT_OF_ANOTHER_PLACE: It was written for another destination.
        CHECKPOINT_OF_MORE_FILES: It was written for more files.
        CHECKPOINT_UNREADABLE: It cannot be read.
        CHECKPOINT_UNWRITABLE: It cannot be written, so that nothing was begun.
        INPUT_CHANGED: A file is not the one that the checkpoint was written for.
        INPUT_COMPRESSED: A file is an archive, or compressed by another program than
            gzip.
        INPUT_CONCATENATED: A file holds records with something else than line breaks
            between them, or several documents.
        INPUT_DOCUMENT_INVALID: A file holds one JSON document that has a fault.
        INPUT_DOCUMENT_TOO_LARGE: A file holds one JSON document of more bytes than are
            read at once.
        INPUT_NOT_JSON: A file holds text that is not JSON, such as a table.
        INPUT_NOT_TEXT: A file is no text in UTF-8.
        INPUT_STREAM_RECORDS: A file holds records of Mobile Analytics, Pinpoint's
            predecessor.
        INPUT_UNREADABLE: A file is missing, cannot be read, or is damaged.
        INPUT_WRAPPED: A file holds its records in something else, such as messages of
            another service, or in base64.
        NOT_SETTLED: An event may be sent again, and no rejects file keeps it.
        OUTPUT_UNWRITABLE: The checkpoint or the rejects file cannot be written.
        REJECTED_UNUSABLE: The rejects file cannot be opened, or is not that of the
            earlier run.
        SENDER_FAILED: The sender cannot go on; its error is the `__cause__`.
    """

    CHECKPOINT_INVALID = "checkpoint_invalid"
    CHECKPOINT_OF_ANOTHER_PLACE = "checkpoint_of_another_place"
    CHECKPOINT_OF_MORE_FILES = "checkpoint_of_more_files"
    CHECKPOINT_UNREADABLE = "checkpoint_unreadable"
    CHECKPOINT_UNWRITABLE = "checkpoint_unwritable"
    INPUT_CHANGED = "input_changed"
    INPUT_COMPRESSED = "input_compressed"
    INPUT_CONCATENATED = "input_concatenated"
    INPUT_DOCUMENT_INVALID = "input_document_invalid"
    INPUT_DOCUMENT_TOO_LARGE = "input_document_too_large"
    INPUT_NOT_JSON = "input_not_json"
    INPUT_NOT_TEXT = "input_not_text"
    INPUT_STREAM_RECORDS = "input_stream_records"
    INPUT_UNREADABLE = "input_unreadable"
    INPUT_WRAPPED = "input_wrapped"
    NOT_SETTLED = "not_settled"
    OUTPUT_UNWRITABLE = "output_unwritable"
    REJECTED_UNUSABLE = "rejected_unusable"
    SENDER_FAILED = "sender_failed"


class LoadError(PinpointEventsError):
    """
    Files were not loaded to their end.

    Attributes:
        code: Why.
        path: The file it is about; None if it is about none.
        place: The destination in the checkpoint, where that is another one.
        totals: What was loaded until then; None if nothing was begun.
    """

    code: LoadErrorCode
    message: str
    path: str | None
    place: str | None
    totals: "Totals | None"

    def __init__(
        self,
        code: LoadErrorCode,
        message: str,
        path: str | None = None,
        place: str | None = None,
        totals: "Totals | None" = None,
    ) -> None:
        """Keep the facts."""
        super().__init__(code, message, path, place, totals)
        self.code = code
        self.message = message
        self.path = path
        self.place = place
        self.totals = totals

    def __str__(self) -> str:
        """Return the message."""
        return self.message


class SpoolFullError(PinpointEventsError):
    """
    A recorder has no room for an event, which was not recorded.

    Attributes:
        used_bytes: Bytes that waiting and rejected events take.
        max_bytes: Bytes that they may take.
        event_bytes: Bytes that the event needs, if an empty spool has not so many; None
            if there will be room once others are delivered.
    """

    used_bytes: int
    max_bytes: int
    event_bytes: int | None

    def __init__(
        self, used_bytes: int, max_bytes: int, event_bytes: int | None = None
    ) -> None:
        """Keep the measures."""
        super().__init__(used_bytes, max_bytes, event_bytes)
        self.used_bytes = used_bytes
        self.max_bytes = max_bytes
        self.event_bytes = event_bytes

    def __str__(self) -> str:
        """Return measure, limit and remedy."""
        if self.event_bytes is not None:
            return (
                f"the event needs {self.event_bytes:,} bytes, more than an empty spool "
                f"has with a max_bytes of {self.max_bytes:,}; raise max_bytes"
            )
        return (
            f"the spool has {self.used_bytes:,} bytes; at most {self.max_bytes:,}; "
            "find out why events are not delivered (`stats()`, `pinpoint-events spool "
            "status`), or raise max_bytes"
        )


class SenderError(PinpointEventsError):
    """
    A request could not be sent, or its outcome is unknown.

    Attributes:
        message: What happened, and what to do next.
        is_retry_safe: Whether the same request is worth sending again. It may then
            arrive twice: the service has no key to recognise duplicates by.
        retry_after_seconds: How long the service asks to wait; None if it does not.
        request_id: The service's id of the call, for a support case; None if unknown.
        responses: The answers to the requests that `put_all` sent before the one that
            failed.
    """

    message: str
    is_retry_safe: bool
    retry_after_seconds: float | None
    request_id: str | None
    responses: "tuple[EventsResponse, ...]" = ()

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


class TransportErrorCode(WordEnum):
    """
    Why no complete answer arrived.

    Attributes:
        CERTIFICATE_NOT_TRUSTED: The certificate of the host cannot be verified.
        CONNECT: The connection was refused, or the host cannot be reached.
        CONNECT_TIMEOUT: No connection was made within the connect timeout.
        CONNECTION_CLOSED: The connection ended before the answer did.
        DEADLINE: The deadline of the call passed before the answer was complete.
        NAME_RESOLUTION: DNS knows no address of the host.
        NOT_HTTP: What was received is not HTTP.
        OTHER: Nothing more is known.
        PROXY: The proxy made no connection to the host.
        READ_TIMEOUT: The host sent nothing for as long as the read timeout.
        TLS: The TLS handshake failed for another reason than the certificate.
    """

    CERTIFICATE_NOT_TRUSTED = "certificate_not_trusted"
    CONNECT = "connect"
    CONNECT_TIMEOUT = "connect_timeout"
    CONNECTION_CLOSED = "connection_closed"
    DEADLINE = "deadline"
    NAME_RESOLUTION = "name_resolution"
    NOT_HTTP = "not_http"
    OTHER = "other"
    PROXY = "proxy"
    READ_TIMEOUT = "read_timeout"
    TLS = "tls"


class TransportError(SenderError):
    """
    No complete answer arrived: no connection, a cut one, or a timeout.

    Attributes:
        code: Why.
    """

    code: TransportErrorCode

    def __init__(
        self,
        message: str,
        is_retry_safe: bool = False,  # noqa: FBT001, FBT002 - args rebuild it
        retry_after_seconds: float | None = None,
        request_id: str | None = None,
        *,
        code: TransportErrorCode = TransportErrorCode.OTHER,
    ) -> None:
        """Keep what happened."""
        super().__init__(message, is_retry_safe, retry_after_seconds, request_id)
        self.code = code  # not in `args`: pickle restores it with `__dict__`


class InvalidResponseErrorCode(WordEnum):
    """
    Why an answer cannot be read.

    Attributes:
        NOT_JSON: Its body is no JSON object.
        TOO_LARGE: It has more bytes than the answer to any valid request.
        UNREADABLE: It has another form than the service's, or no more is known.
    """

    NOT_JSON = "not_json"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"


class InvalidResponseError(SenderError):
    """
    The service accepted the request, but its answer cannot be read.

    Attributes:
        code: Why not.
    """

    code: InvalidResponseErrorCode

    def __init__(
        self,
        message: str,
        is_retry_safe: bool = False,  # noqa: FBT001, FBT002 - args rebuild it
        retry_after_seconds: float | None = None,
        request_id: str | None = None,
        *,
        code: InvalidResponseErrorCode = InvalidResponseErrorCode.UNREADABLE,
    ) -> None:
        """Keep what happened."""
        super().__init__(message, is_retry_safe, retry_after_seconds, request_id)
        self.code = code  # not in `args`: pickle restores it with `__dict__`


class StoreErrorCode(WordEnum):
    """
    Why a local store cannot be used.

    Attributes:
        CANNOT_OPEN: Its directory does not exist, the file may not be opened, or the
            process has too many files open.
        CLOSED: It was closed by this process.
        CORRUPT: The file is damaged.
        FOREIGN: The file is a database of another program.
        FULL: The disk, or a limit on the file's size, leaves no room to grow.
        IO: The operating system failed to read or write the file.
        LOCKED: Another writer held the lock for longer than the timeout.
        MOVED: The file was moved, deleted or replaced while in use.
        NOT_A_DATABASE: The file is not an SQLite database.
        OTHER: Anything else; the error's `__cause__`, if any, is SQLite's.
        OTHER_VERSION: Another release of this package wrote it in another format.
        READ_ONLY: This user may not write the file or its directory.
        UNREADABLE_ROW: A row has content that this release cannot read.
        UNSAFE_FORK: The file was open while the process forked.
    """

    CANNOT_OPEN = "cannot_open"
    CLOSED = "closed"
    CORRUPT = "corrupt"
    FOREIGN = "foreign"
    FULL = "full"
    IO = "io"
    LOCKED = "locked"
    MOVED = "moved"
    NOT_A_DATABASE = "not_a_database"
    OTHER = "other"
    OTHER_VERSION = "other_version"
    READ_ONLY = "read_only"
    UNREADABLE_ROW = "unreadable_row"
    UNSAFE_FORK = "unsafe_fork"


class StoreError(SenderError):
    """
    The local store cannot be used; the transaction that failed has stored nothing.

    Attributes:
        code: Why, for programs to branch on.
    """

    code: StoreErrorCode

    def __init__(
        self,
        message: str,
        is_retry_safe: bool = False,  # noqa: FBT001, FBT002 - args rebuild it
        retry_after_seconds: float | None = None,
        request_id: str | None = None,
        *,
        code: StoreErrorCode = StoreErrorCode.OTHER,
    ) -> None:
        """Keep what happened."""
        super().__init__(message, is_retry_safe, retry_after_seconds, request_id)
        self.code = code  # not in `args`: pickle restores it with `__dict__`


class ServiceError(SenderError):
    """
    The service rejected the whole request.

    The class is chosen by HTTP status, never by the service's type name: a denied
    permission arrives as `AccessDeniedException`, which the service does not document.

    Attributes:
        status: HTTP status code.
        code: The service's name for it, as in `BadRequestException`; the status as
            text where it gave none.
        message: The service's message, unchanged; empty where it gave none.
        operation: What was called.
        remedy: What to do next.
    """

    operation: str = "PutEvents"
    remedy: str = "look the code up in the service's documentation"
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
        if code in REMEDIES:
            self.remedy = REMEDIES[code]

    def __str__(self) -> str:
        """Return status, code, the service's message, and what to do next."""
        line = f"{_one_line(self.code)} (HTTP {self.status})"
        if self.message:
            line += f": {_one_line(self.message)}"
        line += f"; {self.remedy}"
        return line if self.request_id is None else f"{line}; request {self.request_id}"


REMEDIES: Final = {
    "ExpiredToken": "renew the credentials: their session token has expired",
    "ExpiredTokenException": "renew the credentials: their session token has expired",
}
"""By code, where it says more than the status. AWS' common errors, read 2026-11-28."""


class BadRequestError(ServiceError):
    """400: the service cannot read the request, or it breaks a rule of the service."""

    remedy: str = "correct the request; check_quotas() names what is over a quota"


class ForbiddenError(ServiceError):
    """403: the credentials are unknown, expired, or lack the permission."""

    remedy: str = (
        "check credentials, region and clock, and that the caller is allowed "
        "mobiletargeting:PutEvents on this application"
    )


class NotFoundError(ServiceError):
    """404: no such application, region or service."""

    remedy: str = (
        "check application id, region and endpoint URL; AWS ended Pinpoint's event "
        "collection on 2026-10-30: send to a PutEvents endpoint of your own "
        "(`pinpoint-events serve`), or keep events in SQLite with SqliteSender"
    )


class MethodNotAllowedError(ServiceError):
    """405: the URL exists, but accepts no events."""

    remedy: str = "check the endpoint URL"


class PayloadTooLargeError(ServiceError):
    """413: the request has more bytes than the service accepts."""

    remedy: str = "split it: by split() of a request, or build_all() of a builder"


class TooManyRequestsError(ServiceError):
    """429: more requests than the account may send."""

    remedy: str = (
        "send later, slower, and more events in each request (the service's quota is "
        "15 requests a second)"
    )


class InternalServerError(ServiceError):
    """5xx: the service failed."""

    remedy: str = "send the same request again later"
