"""
Signed calls as bytes, made at little cost.

botocore takes about as long to sign a small call as the endpoint takes to serve it. A
load that shares the machine with the endpoint would then measure its own signer.
"""

import hmac
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256

KEY_ID = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
PATH = "/v1/apps/shop/events"

_REGION = "eu-west-1"
_SERVICE = "mobiletargeting"
_SIGNED = "content-type;host;x-amz-date"


def signed_call(host: str, body: bytes) -> bytes:
    """Return a whole call of PutEvents, signed now, as boto3 signs it."""
    timestamp = _timestamp()
    canonical = (
        f"POST\n{PATH}\n\ncontent-type:application/json\nhost:{host}\n"
        f"x-amz-date:{timestamp}\n\n{_SIGNED}\n{sha256(body).hexdigest()}"
    )
    hashed = sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{timestamp}\n{_scope(timestamp)}\n{hashed}"
    signature = hmac.new(_signing_key(timestamp[:8]), text.encode(), "sha256")
    return _head(host, len(body), timestamp, signature.hexdigest()) + body


def forged_head(host: str, length: int) -> bytes:
    """
    Return the head of a call by a known key id, with a wrong signature.

    It states no signed hash of its body, so that only the whole body shows the forgery.
    It expects 100, so that a rejection ends the connection before the body is due.
    """
    head = _head(host, length, _timestamp(), "0" * 64)
    return head.removesuffix(b"\r\n") + b"expect: 100-continue\r\n\r\n"


def presigned_head(host: str, extra_query: str) -> bytes:
    """Return the head of a call that is presigned, with a wrong signature."""
    timestamp = _timestamp()
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        f"&X-Amz-Credential={KEY_ID}/{_scope(timestamp)}&X-Amz-Date={timestamp}"
        f"&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature={'0' * 64}"
    )
    return (
        f"POST {PATH}?{query}{extra_query} HTTP/1.1\r\nhost: {host}\r\n"
        "content-type: application/json\r\ncontent-length: 2\r\n\r\n"
    ).encode()


def _timestamp() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"


def _scope(timestamp: str) -> str:
    return f"{timestamp[:8]}/{_REGION}/{_SERVICE}/aws4_request"


def _head(host: str, length: int, timestamp: str, signature: str) -> bytes:
    return (
        f"POST {PATH} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
        f"x-amz-date: {timestamp}\r\nauthorization: AWS4-HMAC-SHA256 "
        f"Credential={KEY_ID}/{_scope(timestamp)}, SignedHeaders={_SIGNED}, "
        f"Signature={signature}\r\ncontent-length: {length}\r\n\r\n"
    ).encode()


@cache
def _signing_key(date: str) -> bytes:
    key = f"AWS4{SECRET}".encode()
    for part in (date, _REGION, _SERVICE, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
