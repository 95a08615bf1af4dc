"""
The canonical request: the text that signer and endpoint derive from a request.

It is the text of botocore (`SigV4Auth.canonical_request`) for services other than S3:

- the path without empty, `.` and `..` segments, percent-encoded once more;
- the query as it was sent, its pairs sorted by name and then by value;
- the signed headers by name; each value trimmed, runs of white space replaced by one
  space, and values of a repeated header joined by commas.

Some different requests have the same canonical request: paths that differ in empty or
dotted segments, and header values that differ in white space. So routing uses the path
as it arrived, never a normalized one.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final
from urllib.parse import quote_from_bytes

from pinpoint_events.server._authorization import ALGORITHM, Headers

__all__ = ["canonical_head", "canonical_values", "redacted_head", "string_to_sign"]

# Their values reveal neither the sender nor the data.
_PUBLIC_HEADERS: Final = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"amz-sdk-invocation-id",
        b"amz-sdk-request",
        b"content-length",
        b"content-type",
        b"date",
        b"host",
        b"x-amz-content-sha256",
        b"x-amz-date",
    }
)
_PUBLIC_PARAMETERS: Final = frozenset(
    {
        b"X-Amz-Algorithm",
        b"X-Amz-Content-Sha256",
        b"X-Amz-Date",
        b"X-Amz-Expires",
        b"X-Amz-SignedHeaders",
    }
)
# No segment is empty or begins with a dot, and nothing needs to be encoded.
_PLAIN_PATH: Final = re.compile(rb"(?:/[\w~-][\w.~-]*)+")

_MAX_LINE_CHARACTERS: Final = 500
_MAX_CHARACTERS: Final = 3_000


def canonical_head(
    method: str,
    raw_path: bytes,
    query_string: bytes,
    values: Sequence[tuple[bytes, bytes]],
) -> bytes:
    """
    Return the canonical request without its last part, the hash of the payload.

    Args:
        method: HTTP method.
        raw_path: Path as it arrived, percent-encoded.
        query_string: Query as it arrived, without the signature.
        values: Name and canonical value of each signed header, sorted.
    """
    return b"\n".join(
        (
            method.encode("utf-8", "backslashreplace"),
            _canonical_path(raw_path),
            _joined(_sorted_pairs(query_string)),
            *(b"%b:%b" % pair for pair in values),
            b"",
            b";".join([name for name, _ in values]),
            b"",
        )
    )


def canonical_values(
    names: Sequence[bytes], headers: Headers
) -> list[tuple[bytes, bytes]]:
    """
    Return name and canonical value of each signed header.

    Raises:
        KeyError: If the request has no such header.
    """
    return [
        (name, b",".join([b" ".join(value.split()) for value in headers[name]]))
        for name in names
    ]


def string_to_sign(timestamp: str, scope: str, canonical_request: bytes) -> str:
    """Return the string to sign: the signature is its HMAC."""
    hashed = sha256(canonical_request).hexdigest()
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n{hashed}"


def redacted_head(
    method: str,
    raw_path: bytes,
    query_string: bytes,
    values: Sequence[tuple[bytes, bytes]],
) -> str:
    """Return `canonical_head` for messages: private values replaced by their length."""
    pairs = [
        (name, value if name in _PUBLIC_PARAMETERS else _redacted(value))
        for name, value in _sorted_pairs(query_string)
    ]
    lines = (
        method.encode("utf-8", "backslashreplace"),
        _canonical_path(raw_path),
        _joined(pairs),
        *(
            b"%b:%b" % (name, value if name in _PUBLIC_HEADERS else _redacted(value))
            for name, value in values
        ),
        b"",
        b";".join([name for name, _ in values]),
    )
    shown = "\n".join(
        _truncated(line.decode("ascii", "backslashreplace"), _MAX_LINE_CHARACTERS)
        for line in lines
    )
    return _truncated(shown, _MAX_CHARACTERS)


def _redacted(value: bytes) -> bytes:
    return b"<%d bytes>" % len(value)


def _truncated(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


def _canonical_path(raw_path: bytes) -> bytes:
    # RFC 3986, 5.2.4; in addition, empty segments are removed, as in botocore's
    # `normalize_url_path`.
    if _PLAIN_PATH.fullmatch(raw_path):
        return raw_path  # a shortcut for nearly every path, three times as fast
    if not raw_path:
        return b"/"
    kept: list[bytes] = []
    for segment in raw_path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in {b"", b"."}:
            kept.append(segment)
    first = b"/" if raw_path.startswith(b"/") else b""
    last = b"/" if raw_path.endswith(b"/") and kept else b""
    # Percent signs are encoded once more: %20 becomes %2520.
    return quote_from_bytes(first + b"/".join(kept) + last, safe="/~").encode()


def _sorted_pairs(query_string: bytes) -> list[tuple[bytes, bytes]]:
    if not query_string:
        return []
    return sorted(
        (name, value)
        for name, _, value in (
            pair.partition(b"=") for pair in query_string.split(b"&")
        )
    )


def _joined(pairs: Sequence[tuple[bytes, bytes]]) -> bytes:
    return b"&".join([b"%b=%b" % pair for pair in pairs])
