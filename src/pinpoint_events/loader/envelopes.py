"""
JSON that holds the records of a file inside: the messages of services.

The first record of a file decides. The remedy is a filter of jq for all of them.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pinpoint_events.errors import LoadErrorCode
from pinpoint_events.loader.findings import Finding
from pinpoint_events.loader.items import EVENT_MEMBERS
from pinpoint_events.loader.records import (
    first_element,
    first_record,
    is_stream_record,
)
from pinpoint_events.loader.requests import CALL_MEMBER, REQUEST_MEMBER

__all__ = ["envelope", "envelope_of_start"]

_RECORD_MEMBERS: Final = frozenset({*EVENT_MEMBERS, REQUEST_MEMBER, CALL_MEMBER})
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FIRST_ARRAY: Final = re.compile(rb'"([A-Za-z_]+)"\s*:\s*\[')
_MOST_BYTES_BEFORE: Final = 4_096  # in front of the array in a message
_BASE64: Final = "jq -r '{} | @base64d'"
_TEXT: Final = "jq -r '{}'"
_JSON: Final = "jq -c '{}'"


class _Form(NamedTuple):
    """
    A form of messages.

    Attributes:
        path: Where in a message the record is; `[]` is each element of an array.
        command: What reads it there.
        what: What such a file holds.
        beside: A member that the message has as well; None if that does not matter.
    """

    path: str
    command: str
    what: str
    beside: str | None = None


# AWS Lambda developer guide, events of each service, and the API references of
# Kinesis, Firehose, SQS, SNS and CloudWatch Logs, read 2026-11-29.
_FORMS: Final = (
    _Form(".Records[].kinesis.data", _BASE64, "events of Kinesis for AWS Lambda"),
    _Form(".records[].data", _BASE64, "events of Firehose for AWS Lambda"),
    _Form(".Records[].Data", _BASE64, "records of Kinesis or Firehose in base64"),
    _Form(".Records[].body", _TEXT, "events of SQS for AWS Lambda"),
    _Form(".Records[].Sns.Message", _TEXT, "events of SNS for AWS Lambda"),
    _Form(".Messages[].Body", _TEXT, "messages of SQS"),
    _Form(".logEvents[].message", _TEXT, "messages of CloudWatch Logs"),
    _Form(".kinesis.data", _BASE64, "events of Kinesis for AWS Lambda"),
    _Form(".Data", _BASE64, "records of Kinesis or Firehose in base64"),
    _Form(".data", _BASE64, "events of Firehose for AWS Lambda", "recordId"),
    _Form(".rawData", _BASE64, "records that Firehose did not deliver", "errorCode"),
    _Form(".Message", _TEXT, "notifications of SNS", "TopicArn"),
    _Form(".Body", _TEXT, "messages of SQS", "MessageId"),
    _Form(".body", _TEXT, "messages of SQS", "messageId"),
    _Form(".detail", _JSON, "events of EventBridge", "detail-type"),
    _Form(".body", _TEXT, "events of API Gateway for AWS Lambda", "requestContext"),
    _Form(".body", _TEXT, "events of API Gateway for AWS Lambda", "httpMethod"),
)
_S3: Final = Finding(
    LoadErrorCode.INPUT_WRAPPED,
    "holds notifications of S3, which name files and hold no records",
    "fetch and load the files that they name, with "
    """`jq -r '.Records[].s3 | .bucket.name + "/" + .object.key'`""",
)
_ANSWER: Final = Finding(
    LoadErrorCode.INPUT_WRAPPED,
    "holds an answer of PutEvents",
    "name the file of what was sent",
)


def envelope(record: Any, *, in_array: bool = False) -> Finding | None:
    """
    Return what a file holds whose first record holds others; None if it does not.

    Args:
        record: The first record.
        in_array: Whether it is the first element of an array.
    """
    if not isinstance(record, dict) or record.keys() & _RECORD_MEMBERS:
        return None
    each = ".[] | " if in_array else ""
    return next(_forms_of(record, each), None)


def _forms_of(record: dict[str, Any], each: str) -> Iterator[Finding]:
    """Yield the forms that a record has, the likeliest first."""
    if _inside(record, ".Records[].s3") is not None:
        yield _S3
    if isinstance(record.get("Results"), dict):
        yield _ANSWER
    for path, command, what, beside in _FORMS:
        found = _inside(record, path)
        is_whole = type(found) is (dict if command is _JSON else str)
        if is_whole and (beside is None or beside in record):
            yield _finding(f"{what}, with the records in them", command, each + path)
    for name, value in record.items():
        if not _PLAIN_NAME.fullmatch(name):
            continue
        if _is_record(_inside(record, f".{name}[]")):
            yield _finding("its records in an array", _JSON, f"{each}.{name}[]")
        if _is_record(value):
            yield _finding("its records in other objects", _JSON, f"{each}.{name}")
        if _is_record(_in_text(value)):
            yield _finding("its records as text in objects", _TEXT, f"{each}.{name}")


def envelope_of_start(text: bytes) -> Finding | None:
    """Return the same of a file of which only the beginning is at hand."""
    found = _FIRST_ARRAY.search(text, 0, _MOST_BYTES_BEFORE)
    element = None if found is None else first_element(text[found.end() - 1 :])
    if found is None or element is None:
        return None
    return envelope({found[1].decode(): [element[0]]})


def _finding(what: str, command: str, path: str) -> Finding:
    remedy = f"take them out, as `{command.format(path)}` does"
    return Finding(LoadErrorCode.INPUT_WRAPPED, f"holds {what}", remedy)


def _inside(value: Any, path: str) -> Any:
    """Return what is at a path, in the first elements of arrays; None if nothing is."""
    for step in path.removeprefix(".").split("."):
        name = step.removesuffix("[]")
        value = value.get(name) if isinstance(value, dict) else None
        if name != step:
            value = value[0] if isinstance(value, list) and value else None
    return value


def _in_text(value: Any) -> Any:
    """Return the record that a string begins with; None if it has none."""
    found = first_record(value.encode(errors="replace")) if type(value) is str else None
    return None if found is None else found[0]


def _is_record(value: Any) -> bool:
    """Return whether it is a record, or what Pinpoint streamed."""
    if not isinstance(value, dict):
        return False
    return bool(value.keys() & _RECORD_MEMBERS) or is_stream_record(value)
