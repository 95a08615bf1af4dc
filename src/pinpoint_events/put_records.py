"""
The calls of Kinesis and Firehose, without the sending.

PutRecords and PutRecordBatch take records and answer by position: what goes out, and
what an answer means. Their limits are here, as the services count them.

Sources: Amazon Kinesis API reference, "PutRecords", and "Large records" in its
developer guide; Amazon Data Firehose API reference, "PutRecordBatch" and "PutRecord";
read 2026-11-23. Records of both are written in base64; data is counted before that.
"""

from binascii import b2a_base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pinpoint_events.errors import (
    REMEDIES,
    BadRequestError,
    ForbiddenError,
    InternalServerError,
    InvalidResponseError,
    InvalidResponseErrorCode,
    NotFoundError,
    ServiceError,
    TooManyRequestsError,
)
from pinpoint_events.http_messages import HttpRequest, HttpResponse
from pinpoint_events.model.response import EventItemResponse
from pinpoint_events.service_errors import request_id_of, service_error
from pinpoint_events.wire.json_text import decode_object, encode
from pinpoint_events.wire.reading_answers import read_text

__all__ = [
    "ACCEPTED",
    "FIREHOSE",
    "KINESIS",
    "MAX_KEY_CHARACTERS",
    "Record",
    "RecordsAnswer",
    "RecordsCall",
    "operation_request",
    "records_answer",
    "records_request",
    "runs",
    "stream_error",
]

MAX_KEY_CHARACTERS: Final = 256  # of a partition key

_KIB: Final = 1_024
_MIB: Final = 1_048_576


class Record(NamedTuple):
    """
    A record to put.

    Attributes:
        data: Its content.
        partition_key: Decides on the shard, in Kinesis; empty in Firehose.
    """

    data: bytes
    partition_key: str = ""

    @property
    def size(self) -> int:
        """Its bytes as the services count them: data and partition key."""
        key = self.partition_key
        return len(self.data) + len(key if key.isascii() else key.encode())


class RecordsCall(NamedTuple):
    """
    One of the two calls.

    Attributes:
        target: What `X-Amz-Target` names it.
        action: The permission that it needs.
        stream_member: The member that names the stream.
        answers_member: The member of the answer that has a result for each record.
        has_keys: Whether records have partition keys.
        max_records: Records of one call.
        max_bytes: Bytes of one call: data and partition keys.
        max_record_bytes: Bytes of one record: data and partition key. A stream of
            Kinesis may allow more: `UpdateMaxRecordSize`.
    """

    target: str
    action: str
    stream_member: str
    answers_member: str
    has_keys: bool
    max_records: int
    max_bytes: int
    max_record_bytes: int


KINESIS: Final = RecordsCall(
    target="Kinesis_20131202.PutRecords",
    action="kinesis:PutRecords",
    stream_member="StreamName",
    answers_member="Records",
    has_keys=True,
    max_records=500,
    max_bytes=10 * _MIB,
    max_record_bytes=_MIB,
)
FIREHOSE: Final = RecordsCall(
    target="Firehose_20150804.PutRecordBatch",
    action="firehose:PutRecordBatch",
    stream_member="DeliveryStreamName",
    answers_member="RequestResponses",
    has_keys=False,
    max_records=500,
    max_bytes=4 * _MIB,
    max_record_bytes=1_000 * _KIB,
)

_CONTENT_TYPE: Final = "application/x-amz-json-1.1"


def runs(records: Sequence[Record], call: RecordsCall) -> Iterator[range]:
    """Yield the positions of each call: consecutive, as many as its limits allow."""
    start = size = 0
    for position, record in enumerate(records):
        size += record.size
        if size > call.max_bytes or position - start == call.max_records:
            yield range(start, position)
            start, size = position, record.size
    if len(records) > start:
        yield range(start, len(records))


def records_request(
    call: RecordsCall, stream: Mapping[str, str], records: Sequence[Record]
) -> HttpRequest:
    """
    Return the request that puts these records.

    Args:
        call: Which call.
        stream: The members that name the stream.
        records: Within the limits of the call; at least one.
    """
    last_key: object = None
    after = b""
    parts = [b'{"Records":[']
    for data, key in records:
        if key != last_key:  # that of the next record is often the same
            last_key = key
            of_key = b',"PartitionKey":' + encode(key) if call.has_keys else b""
            after = b'"%b},' % of_key
        parts += (b'{"Data":"', b2a_base64(data, newline=False), after)
    parts[-1] = parts[-1][:-1]  # no comma after the last
    parts.append(b"]")
    parts += [b",%b:%b" % (encode(k), encode(v)) for k, v in stream.items()]
    parts.append(b"}")
    return operation_request(call.target, b"".join(parts))


def operation_request(target: str, body: bytes) -> HttpRequest:
    """Return the request of an operation, by its `X-Amz-Target`."""
    headers = {"Content-Type": _CONTENT_TYPE, "X-Amz-Target": target}
    return HttpRequest(method="POST", path="/", headers=headers, body=body)


# --- Answers --------------------------------------------------------------------------

ACCEPTED: Final = EventItemResponse(status_code=202, message="Accepted")

# Error codes of single records, from the API references above, and the status that
# each has in our answers. The last is from the code of AWS' own SDKs: retryable.
_THROTTLED: Final = "ProvisionedThroughputExceededException"
_RECORD_STATUS: Final = {
    _THROTTLED: 429,
    "InternalFailure": 500,
    "ServiceUnavailableException": 503,
    "InvalidArgumentException": 400,
    "ValidationException": 400,
}
_UNKNOWN_STATUS: Final = 500


class RecordsAnswer(NamedTuple):
    """
    The answer to a call.

    Attributes:
        responses: For each record, in order, what became of it; None if the answer has
            results for another number of records, because no result belongs to a
            record for certain.
        shards: For each record the shard that has it; None where it was not accepted.
        request_id: The service's id of the call.
    """

    responses: Sequence[EventItemResponse] | None
    shards: Sequence[str | None]
    request_id: str | None


def records_answer(
    call: RecordsCall, count: int, response: HttpResponse
) -> RecordsAnswer:
    """
    Return what became of the records of a call, from an answer of 2xx.

    Args:
        call: Which call.
        count: How many records it had.
        response: The answer.

    Raises:
        InvalidResponseError: If it is no JSON object.
    """
    request_id = request_id_of(response, {})
    answer = decode_object(response.body)
    if answer is None:
        message = (
            f"the answer (HTTP {response.status}, {len(response.body):,} bytes) is no "
            "JSON object; the records may have been accepted; check the endpoint URL"
        )
        raise InvalidResponseError(
            message, request_id=request_id, code=InvalidResponseErrorCode.NOT_JSON
        )
    results = answer.get(call.answers_member)
    if not isinstance(results, list) or len(results) != count:
        return RecordsAnswer(None, (), request_id)
    shards = [_shard_of(result) for result in results]
    return RecordsAnswer([_response_of(each) for each in results], shards, request_id)


def _shard_of(result: Any) -> str | None:
    return read_text(result.get("ShardId")) if isinstance(result, Mapping) else None


_UNREPORTED: Final = EventItemResponse()


def _response_of(result: Any) -> EventItemResponse:
    if not isinstance(result, Mapping):
        return _UNREPORTED
    code = read_text(result.get("ErrorCode"))
    if not code:
        is_put = bool(result.get("SequenceNumber") or result.get("RecordId"))
        return ACCEPTED if is_put else _UNREPORTED
    message = read_text(result.get("ErrorMessage"))
    return EventItemResponse(
        status_code=_RECORD_STATUS.get(code, _UNKNOWN_STATUS),
        message=f"{code}: {message}" if message else code,
    )


# These services answer nearly every fault with 400, so here the class is chosen by
# code. AWS' common errors and both API references, read 2026-11-28.
_CLASSES: Final[Mapping[str, type[ServiceError]]] = {
    "AccessDeniedException": ForbiddenError,
    "ExpiredTokenException": ForbiddenError,
    "IncompleteSignature": ForbiddenError,
    "IncompleteSignatureException": ForbiddenError,
    "InternalFailure": InternalServerError,
    "InternalFailureException": InternalServerError,
    "InvalidClientTokenId": ForbiddenError,
    "InvalidSignatureException": ForbiddenError,
    "KMSAccessDeniedException": ForbiddenError,
    "KMSThrottlingException": TooManyRequestsError,
    "LimitExceededException": TooManyRequestsError,
    "MissingAuthenticationTokenException": ForbiddenError,
    "NotAuthorized": ForbiddenError,
    "OptInRequired": ForbiddenError,
    _THROTTLED: TooManyRequestsError,
    "RequestLimitExceeded": TooManyRequestsError,
    "ResourceNotFoundException": NotFoundError,
    "ServiceUnavailable": InternalServerError,
    "ServiceUnavailableException": InternalServerError,
    "SubscriptionRequiredException": ForbiddenError,
    "ThrottlingException": TooManyRequestsError,
    "UnrecognizedClientException": ForbiddenError,
}
_RETRY_SAFE: Final = (TooManyRequestsError, InternalServerError)


def stream_error(
    request: HttpRequest, response: HttpResponse, action: str
) -> ServiceError:
    """
    Return the error of an answer other than 2xx.

    Args:
        request: What was sent, by `operation_request`.
        response: The answer.
        action: The permission that it needs.
    """
    error = service_error(response)
    cls = _CLASSES.get(error.code, type(error))
    status, code, *rest = error.args
    found = cls(status, code, *rest)
    found.is_retry_safe = error.is_retry_safe or issubclass(cls, _RETRY_SAFE)
    found.operation = request.headers["X-Amz-Target"].rpartition(".")[2]
    remedy = _remedy(action, found)
    if remedy is not None and code not in REMEDIES:
        found.remedy = remedy
    return found


def _remedy(action: str, error: ServiceError) -> str | None:
    match error:
        case ForbiddenError():
            return (
                "check credentials, region and clock, and that the caller is allowed "
                f"{action} on this stream"
            )
        case NotFoundError():
            return (
                "check the stream's name or ARN, the region and the endpoint URL, and "
                "that the stream is active"
            )
        case TooManyRequestsError():
            return "send later and slower, or give the stream more capacity"
        case BadRequestError():
            return "check the stream, and look the code up in the API reference"
        case _:
            return None
