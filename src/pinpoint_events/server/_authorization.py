"""
The signature of a request, parsed from its headers or its query.

Parsing is strict: ambiguous input is rejected. A parameter or header that may occur
once must not be repeated, each kind of date has one format, and the names of signed
headers are in lower case, sorted and unique, as every signer writes them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, NoReturn
from urllib.parse import unquote_to_bytes

from pinpoint_events.problems import shortened
from pinpoint_events.server._authentication_errors import (
    incomplete_signature,
    invalid_signature,
    missing_token,
)

__all__ = [
    "ALGORITHM",
    "TERMINATOR",
    "Authorization",
    "Headers",
    "Scope",
    "headers_by_name",
    "read_authorization",
    "utc_text",
]

Headers = Mapping[bytes, Sequence[bytes]]
"""Lower-case header name to the values of the header, in order."""

ALGORITHM: Final = "AWS4-HMAC-SHA256"
TERMINATOR: Final = "aws4_request"

_ALGORITHM_PREFIX: Final = "AWS4-"
_WEEK_SECONDS: Final = 604_800
_SHA256: Final = re.compile("[0-9a-f]{64}")
_ISO_BASIC: Final = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII)
# RFC 7231, 7.1.1.1, the preferred form; botocore writes its zone as -0000.
_HTTP_DATE: Final = re.compile(
    r"[A-Z][a-z]{2}, (\d\d) (?P<month>[A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d)"
    " (?:GMT|[+-]0000)",
    re.ASCII,
)
_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"

_MAX_PARAMETERS: Final = 100  # of a query; a presigned URL has 8
_MAX_SIGNED_HEADERS: Final = 100  # as many as a request may have
_PAYLOAD_HASH: Final = b"x-amz-content-sha256"
_HEADER_PARTS: Final = ("Credential", "Signature", "SignedHeaders")
_QUERY_PARTS: Final = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
    "X-Amz-Date",
)
_QUERY_ALGORITHM: Final = b"X-Amz-Algorithm"
_QUERY_NAMES: Final = frozenset(
    {
        *(part.encode() for part in _QUERY_PARTS),
        b"X-Amz-Content-Sha256",
        b"X-Amz-Expires",
        b"X-Amz-Security-Token",
    }
)


class Scope(NamedTuple):
    """The parts of a `Credential`: the access key id, and the credential scope."""

    access_key_id: str
    date: str
    region: str
    service: str
    terminator: str


class Authorization(NamedTuple):
    """
    The parameters of a signature, as the request states them; nothing is verified yet.

    Attributes:
        scope: The access key id, and the credential scope.
        signed_headers: Names of the signed headers: lower case, sorted, unique.
        signature: The signature, in hexadecimal.
        signed_at: When the request was signed.
        timestamp: The same, as in the string to sign: `20260921T120000Z`.
        date_header: The header with the date, which must be signed; None for a
            presigned URL, whose whole query is signed.
        expires_seconds: How long a presigned URL is valid, if it has `X-Amz-Expires`.
        session_token: The session token, if there is one.
        payload_hash: SHA-256 of the body, in lower-case hexadecimal, if it is stated.
        signed_payload_hash: The same, if what states it is signed.
        query_string: The query without `X-Amz-Signature`.
    """

    scope: Scope
    signed_headers: list[bytes]
    signature: str
    signed_at: datetime
    timestamp: str
    date_header: bytes | None
    expires_seconds: int | None
    session_token: str | None
    payload_hash: str | None
    signed_payload_hash: str | None
    query_string: bytes


def headers_by_name(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return header name to values, in the order in which they arrived."""
    values: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value)
    return values


def read_authorization(query_string: bytes, headers: Headers) -> Authorization:
    """
    Return the parameters of a request's signature.

    Raises:
        AuthenticationError: If they are missing, contradictory or malformed.
    """
    # Anyone can send a query, so it is bounded before it is decoded or sorted.
    count = query_string.count(b"&") + 1
    if count > _MAX_PARAMETERS:
        message = f"{count:,} parameters; at most {_MAX_PARAMETERS}; leave some out."
        raise incomplete_signature(f"The query has {message}")
    # A fast check first. It is not sufficient: a value may contain the name.
    query = _query_parts(query_string) if _QUERY_ALGORITHM in query_string else {}
    if _QUERY_ALGORITHM.decode() in query:
        if b"authorization" in headers:
            message = (
                "Found both 'X-Amz-Algorithm' as a query-string param and "
                "'Authorization' as HTTP header."
            )
            raise invalid_signature(message)
        return _authorization_of_query(query_string, query, headers)
    if b"authorization" in headers:
        return _authorization_of_headers(query_string, headers)
    raise missing_token()


def utc_text(time: datetime) -> str:
    """Return a UTC time in the format of SigV4: `20260921T120000Z`."""
    return f"{time:%Y%m%dT%H%M%SZ}"


def _authorization_of_headers(query_string: bytes, headers: Headers) -> Authorization:
    date_header = b"x-amz-date" if b"x-amz-date" in headers else b"date"
    date = _single(headers, date_header)
    parts = _authorization_parts(_single(headers, b"authorization") or "")
    missing = [
        f"Authorization header requires '{part}' parameter."
        for part in _HEADER_PARTS
        if not parts.get(part)
    ]
    if date is None:
        message = "existence of either a 'X-Amz-Date' or a 'Date' header"
        missing.append(f"Authorization header requires {message}.")
    if missing or date is None:
        raise incomplete_signature(" ".join(missing))
    signed_at, timestamp = _timestamp(date)
    signed_headers = _signed_headers(parts["SignedHeaders"])
    payload_hash = _payload_hash(_single(headers, _PAYLOAD_HASH))
    is_hash_signed = _PAYLOAD_HASH in signed_headers
    return Authorization(
        scope=_scope(parts["Credential"]),
        signed_headers=signed_headers,
        signature=parts["Signature"],
        signed_at=signed_at,
        timestamp=timestamp,
        date_header=date_header,
        expires_seconds=None,
        session_token=_single(headers, b"x-amz-security-token"),
        payload_hash=payload_hash,
        signed_payload_hash=payload_hash if is_hash_signed else None,
        query_string=query_string,
    )


def _authorization_parts(text: str) -> dict[str, str]:
    algorithm, _, rest = text.partition(" ")
    if not algorithm.startswith(_ALGORITHM_PREFIX):
        return {}  # another scheme, such as Basic, has none of the parameters
    _check_algorithm(algorithm)
    parts: dict[str, str] = {}
    # A part more than there can be is refused, whatever follows it.
    for position, part in enumerate(rest.split(",", len(_HEADER_PARTS) + 1), 1):
        name, equal_sign, value = part.strip(" \t").partition("=")
        if not equal_sign or " " in value or "\t" in value:
            message = "not a valid key=value pair (missing equal-sign, or white space)"
        elif name not in _HEADER_PARTS:
            message = "none of Credential, SignedHeaders and Signature"
        elif name in parts:
            message = f"a second {name}"
        else:
            parts[name] = value
            continue
        # The message does not quote the part, which may be a secret by mistake.
        raise incomplete_signature(
            f"Part {position} of Authorization header is {message}"
        )
    return parts


def _authorization_of_query(
    query_string: bytes, query: Mapping[str, str], headers: Headers
) -> Authorization:
    missing = [
        f"AWS query-string parameters must include '{part}'."
        for part in _QUERY_PARTS
        if not query.get(part)
    ]
    if missing:
        missing.append("Re-examine the query-string parameters.")
        raise incomplete_signature(" ".join(missing))
    _check_algorithm(query["X-Amz-Algorithm"])
    token = _single(headers, b"x-amz-security-token")
    if token is not None and "X-Amz-Security-Token" in query:
        _reject_duplicate("X-Amz-Security-Token")
    signed_headers = _signed_headers(query["X-Amz-SignedHeaders"])
    in_header = _single(headers, _PAYLOAD_HASH)
    in_query = query.get("X-Amz-Content-Sha256")
    if in_header is not None and in_query not in {None, in_header}:
        # An unsigned header must not replace what the query states, which is signed.
        message = "'X-Amz-Content-Sha256' differs between the query and the headers."
        raise invalid_signature(message)
    payload_hash = _payload_hash(in_query if in_header is None else in_header)
    is_hash_signed = in_query is not None or _PAYLOAD_HASH in signed_headers
    signed_at, timestamp = _timestamp(query["X-Amz-Date"])
    return Authorization(
        scope=_scope(query["X-Amz-Credential"]),
        signed_headers=signed_headers,
        signature=query["X-Amz-Signature"],
        signed_at=signed_at,
        timestamp=timestamp,
        date_header=None,
        expires_seconds=_expires_seconds(query.get("X-Amz-Expires")),
        session_token=query.get("X-Amz-Security-Token", token),
        payload_hash=payload_hash,
        signed_payload_hash=payload_hash if is_hash_signed else None,
        query_string=b"&".join(
            pair
            for pair in query_string.split(b"&")
            if not pair.startswith(b"X-Amz-Signature=")
        ),
    )


def _query_parts(query_string: bytes) -> dict[str, str]:
    parts: dict[str, str] = {}
    for pair in query_string.split(b"&"):
        raw_name, _, value = pair.partition(b"=")
        if raw_name not in _QUERY_NAMES:
            continue
        name = raw_name.decode()
        if name in parts:
            _reject_duplicate(name)
        parts[name] = _ascii(unquote_to_bytes(value), name)
    return parts


def _scope(credential: str) -> Scope:
    count = credential.count("/") + 1
    if count != len(Scope._fields):
        message = (
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            f"keyid/date/region/service/term, got {count}"
        )
        raise incomplete_signature(message)
    return Scope(*credential.split("/"))


def _signed_headers(text: str) -> list[bytes]:
    count = text.count(";") + 1
    if count > _MAX_SIGNED_HEADERS:
        message = f"{count:,} names; at most {_MAX_SIGNED_HEADERS}; sign fewer."
        raise invalid_signature(f"'SignedHeaders' has {message}")
    names = text.encode().split(b";")
    if text != text.lower() or names != sorted(set(names)):
        message = (
            "'SignedHeaders' must be in lower case, sorted, and each of them once."
        )
        raise invalid_signature(message)
    return names


def _payload_hash(payload_hash: str | None) -> str | None:
    if payload_hash is None or _SHA256.fullmatch(payload_hash):
        return payload_hash
    # Only some services accept an unsigned or chunk-signed payload; the others compute
    # the hash themselves, and the signature does not match (apache/opendal-reqsign
    # issue 346). botocore leaves the payload unsigned only for operations whose model
    # has `unsignedPayload`, which PutEvents has not.
    message = (
        "'x-amz-content-sha256' must be the SHA-256 of the payload in lower-case "
        "hexadecimal: neither UNSIGNED-PAYLOAD nor STREAMING-* is accepted here."
    )
    raise invalid_signature(message)


def _check_algorithm(algorithm: str) -> None:
    if algorithm != ALGORITHM:
        message = (
            f"Unsupported AWS 'algorithm': {shortened(algorithm)} (only {ALGORITHM})"
        )
        raise incomplete_signature(message)


def _timestamp(text: str) -> tuple[datetime, str]:
    try:
        if found := _ISO_BASIC.fullmatch(text):
            year, month, day, hour, minute, second = map(int, found.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC), text
        if found := _HTTP_DATE.fullmatch(text):
            month = _MONTHS.index(found["month"]) // 3 + 1
            day, year, hour, minute, second = map(int, found.group(1, 3, 4, 5, 6))
            signed_at = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
            return signed_at, utc_text(signed_at)
    except ValueError:
        pass  # no such month or day; the message below applies
    message = "Date must be in ISO-8601 'basic format', e.g. 20260921T120000Z"
    raise incomplete_signature(message)


def _expires_seconds(text: str | None) -> int | None:
    # The messages are those of S3, the only service that documents them.
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise incomplete_signature("X-Amz-Expires should be a number, not negative")
    # Length first: `int` is slow for very many digits.
    if len(text) > len(str(_WEEK_SECONDS)) or int(text) > _WEEK_SECONDS:
        message = f"X-Amz-Expires must be at most a week ({_WEEK_SECONDS} seconds)"
        raise incomplete_signature(message)
    return int(text)


def _single(headers: Headers, name: bytes) -> str | None:
    """Return the value of a header that must not be repeated; None if it is absent."""
    values = headers.get(name, ())
    if len(values) > 1:
        _reject_duplicate(name.decode())
    return _ascii(values[0].strip(), name.decode()) if values else None


def _ascii(value: bytes, name: str) -> str:
    if value.isascii():
        return value.decode("ascii")
    raise incomplete_signature(f"'{name}' must hold nothing but ASCII characters.")


def _reject_duplicate(name: str) -> NoReturn:
    raise incomplete_signature(f"'{name}' must not be given more than once.")
