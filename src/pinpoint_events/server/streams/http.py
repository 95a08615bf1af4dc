"""
Kinesis and Firehose over HTTP: AWS's JSON protocol, version 1.1.

Each call is `POST /`, and `X-Amz-Target` names the service and the operation. Errors
have their name in `__type`, and status 400 unless it is the service that failed:
refused signatures, too, where PutEvents has API Gateway's 403.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from pinpoint_events.server._answers import Answer, RequestError, default_code
from pinpoint_events.server._authentication_errors import AuthenticationError
from pinpoint_events.server.keys import Keys
from pinpoint_events.server.sigv4 import Verifier
from pinpoint_events.server.streams.refusals import unknown_operation
from pinpoint_events.server.streams.service import Service
from pinpoint_events.wire.json_text import encode

__all__ = ["JSON_TYPES", "JSON_TYPE_REMEDY", "Services", "Target", "error_answer", "ok"]

_JSON: Final = (b"content-type", b"application/x-amz-json-1.1")

JSON_TYPES: Final = frozenset({_JSON[1]})

# botocore 1.44.5, the AWS CLI and AWS SDK for JavaScript 3.1132 send JSON. That for
# Java sends CBOR to Kinesis by default (developer guide, "System properties").
JSON_TYPE_REMEDY: Final = (
    "send application/x-amz-json-1.1, which AWS SDK for Java sends with the system "
    "property aws.cborEnabled=false"
)

# Names of errors that are not in the models: "Common errors" of both API references.
_CODES: Final[Mapping[int, str]] = {
    400: "ValidationException",
    403: "AccessDeniedException",
    408: "RequestTimeoutException",
    413: "RequestEntityTooLargeException",
    429: "ThrottlingException",
    500: "InternalFailure",
}


class Target(NamedTuple):
    """
    What a call is for.

    Attributes:
        service: The service.
        operation: The name of the operation.
        verifier: Verifies its signature; None where calls may be unsigned.
    """

    service: Service[Any]
    operation: str
    verifier: Verifier | None

    @property
    def name(self) -> str:
        """The operation, as IAM policies name it."""
        return f"{self.service.signing_name}:{self.operation}"

    @property
    def puts_records(self) -> bool:
        """Whether the operation puts records."""
        return self.operation in self.service.puts


class Services:
    """
    The services that an endpoint serves.

    Args:
        services: The services.
        keys: The keys that calls may be signed with; None accepts any call.
        region: The only region that signatures may be for; None accepts any.
    """

    def __init__(
        self, services: Iterable[Service[Any]], keys: Keys | None, region: str | None
    ) -> None:
        self._by_target = {
            each.target: (
                each,
                None
                if keys is None
                else Verifier(keys, region=region, service=each.signing_name),
            )
            for each in services
        }

    def __bool__(self) -> bool:
        return bool(self._by_target)

    def target(self, header: bytes) -> Target:
        """
        Return what `X-Amz-Target` names.

        Raises:
            RequestError: If it names no service that is served.
        """
        prefix, _, operation = header.decode("latin-1").partition(".")
        found = self._by_target.get(prefix)
        if found is None:
            served = ", ".join(sorted(self._by_target))
            message = f"X-Amz-Target names no service here; it must begin with {served}"
            raise unknown_operation(message)
        return Target(found[0], operation, found[1])

    def __iter__(self) -> Iterator[Service[Any]]:
        return iter([service for service, _ in self._by_target.values()])

    def close(self) -> None:
        """Close the stores of all services."""
        for service, _ in self._by_target.values():
            service.close()


def ok(body: bytes) -> Answer:
    """Return the answer for a call that was served."""
    return Answer(200, body, (_JSON,))


def error_answer(error: RequestError) -> Answer:
    """Return the answer for an error, in the form of these services."""
    status = 400 if isinstance(error, AuthenticationError) else error.status
    code = error.code
    if code == default_code(error.status):
        code = _CODES.get(error.status, code)
    headers = (_JSON, (b"x-amzn-errortype", code.encode()), *error.headers)
    if error.retry_after_seconds is not None:
        wait = math.ceil(error.retry_after_seconds)
        headers = (*headers, (b"retry-after", b"%d" % wait))
    body = encode({"__type": code, "message": error.message})
    return Answer(status, body, headers, closes=error.closes)
