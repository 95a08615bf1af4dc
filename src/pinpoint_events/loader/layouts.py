"""JSON records that are laid out otherwise than one in a line, or are no events."""

from typing import Any, Final

from pinpoint_events.errors import LoadErrorCode
from pinpoint_events.loader.envelopes import envelope, envelope_of_start
from pinpoint_events.loader.findings import Finding
from pinpoint_events.loader.records import (
    MAX_BYTES,
    first_element,
    first_record,
    is_mobile_analytics_record,
    is_stream_record,
    is_unfinished,
)
from pinpoint_events.loader.requests import CALL_MEMBER, REQUEST_MEMBER
from pinpoint_events.problems import Problem

__all__ = ["of_array", "of_object", "of_records"]

_CONCATENATED: Final = LoadErrorCode.INPUT_CONCATENATED
_EVENT_FORM: Final = 'as {"EndpointId": ..., "Event": {"EventType": ...}}'
_OF_OBJECTS: Final = "write one record per line, as `jq -c .` does"
_OF_ARRAYS: Final = "write one record per line, as `jq -c '.[]'` does"

_MOBILE_ANALYTICS: Final = Finding(
    LoadErrorCode.INPUT_STREAM_RECORDS,
    "holds records of Mobile Analytics, Pinpoint's predecessor",
    f"write each event on a line, {_EVENT_FORM}",
)
_COMMAS_AT_ENDS: Final = Finding(
    _CONCATENATED,
    "has commas at the ends of its lines, behind the records",
    "remove them, as `sed 's/,[[:space:]]*$//'` does",
)
_COMMAS_BETWEEN: Final = Finding(
    _CONCATENATED,
    "has commas between its records, and no array around them",
    "write one record per line, as "
    "`(echo '['; sed '$s/,[[:space:]]*$//'; echo ']') | jq -c '.[]'` does",
)
_ARRAYS: Final = Finding(_CONCATENATED, "holds an array on each line", _OF_ARRAYS)
_ARRAYS_OF_VALUES: Final = Finding(
    LoadErrorCode.INPUT_NOT_JSON,
    "holds arrays without the names of members",
    f"write each event on a line, {_EVENT_FORM}",
)
_NO_COMMAS: Final = Finding(
    _CONCATENATED,
    "has no commas between the elements of its array",
    "write one record per line, as "
    r"`sed '1s/^[[:space:]]*\[//; $s/\][[:space:]]*$//' | jq -c .` does",
)
_LARGE: Final = f"is JSON in one piece, and has more than {MAX_BYTES:,} bytes"
_EVENT_BY_EVENT: Final = (
    "jq -c '(.EventsRequest // .).BatchItem | to_entries[] | "
    "if .value.Events == {} then {BatchItem: {(.key): .value}} else "
    "{EndpointId: .key, Endpoint: .value.Endpoint} + "
    "(.value.Events | to_entries[] | {EventId: .key, Event: .value}) end'"
)
_MEMBERS_OF_A_REQUEST: Final = tuple(
    f'"{name}"'.encode() for name in ("ApplicationId", CALL_MEMBER, REQUEST_MEMBER)
)


def of_records(
    text: bytes, *, in_array: bool = False, is_line: bool = True
) -> Finding | None:
    """
    Return what a text begins with that is no record of a line; None if it is one.

    Args:
        text: A line, an element of an array, or a whole file.
        in_array: Whether it is an element of an array.
        is_line: Whether it is a line or an element of an array.
    """
    found = first_record(text)
    if found is None:
        return None
    record, behind = found
    if behind.startswith(","):
        return _COMMAS_AT_ENDS if is_line and behind == "," else _COMMAS_BETWEEN
    if behind.startswith(("{", "[")) and not (is_line and isinstance(record, dict)):
        return Finding(
            _CONCATENATED,
            "holds several JSON documents, one after the other",
            _OF_ARRAYS if isinstance(record, list) else _OF_OBJECTS,
        )
    if is_stream_record(record):
        return _MOBILE_ANALYTICS if is_mobile_analytics_record(record) else None
    return envelope(record, in_array=in_array)


def of_array(
    text: bytes, first: bytes, second: bytes, problem: Problem | None
) -> Finding | None:
    """
    Return why a file that begins with an array is refused; None if it is lines.

    Args:
        text: All of the file, or as much as a document may have.
        first: Its first line.
        second: Its second line; empty if there is none.
        problem: Why it is no document; None if it is too large to be one.
    """
    found = first_record(first)
    if found is not None and not found[1] and second:
        return _of_arrays(found[0], first_record(second))
    several = of_records(text, is_line=False)
    if several is not None:
        return several
    element = first_element(text)
    if element is not None and element[1].startswith(("{", "[")):
        return _NO_COMMAS
    is_of_objects = element is not None and isinstance(element[0], dict)
    if not is_of_objects and not (second and is_unfinished(first)):
        return None
    if problem is not None:
        return _invalid(problem)
    wrapped = None if element is None else envelope(element[0], in_array=True)
    return wrapped or Finding(
        LoadErrorCode.INPUT_DOCUMENT_TOO_LARGE, _LARGE, _OF_ARRAYS
    )


def _of_arrays(array: list[Any], found: tuple[Any, str] | None) -> Finding | None:
    """Return the finding of an array in a line, if there is one in the next as well."""
    if found is None or not isinstance(found[0], list):
        return None
    elements = [*array[:1], *found[0][:1]]
    has_objects = any(isinstance(each, dict) for each in elements)
    return _ARRAYS if has_objects or not elements else _ARRAYS_OF_VALUES


def of_object(text: bytes, problem: Problem | None) -> Finding:
    """
    Return why a file that begins with an object over several lines is refused.

    Args:
        text: All of the file, or as much as a document may have.
        problem: Why it is no document; None if it is too large to be one.
    """
    if problem is not None:
        return _invalid(problem)
    wrapped = envelope_of_start(text)
    if wrapped is not None:
        return wrapped
    is_request = text[1:].lstrip().startswith(_MEMBERS_OF_A_REQUEST)
    remedy = _OF_OBJECTS
    if is_request:
        remedy = f"write each event on a line, as `{_EVENT_BY_EVENT}` does"
    return Finding(LoadErrorCode.INPUT_DOCUMENT_TOO_LARGE, _LARGE, remedy)


def _invalid(problem: Problem) -> Finding:
    return Finding(
        LoadErrorCode.INPUT_DOCUMENT_INVALID,
        "holds one JSON document that has a fault",
        f"it {problem}",
    )
