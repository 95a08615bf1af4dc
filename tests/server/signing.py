"""
Signed requests, as botocore makes them.

The signer is driven step by step, as `add_auth` does it, so that a test chooses the
time. `TestSigner` in `test_sigv4.py` fails if botocore changes those steps, or the text
that it signs.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import attrs
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from pinpoint_events.server.keys import Credentials, Keys
from pinpoint_events.server.sigv4 import SignedRequest

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
LENT_ID = "ASIAIOSFODNN7EXAMPLE"
LENT_SECRET = "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY"
TOKEN = "AQoDYXdzEJr//////////wEaDG1pbmUgYWxvbmU=="

KEY = Credentials(KEY_ID, SECRET)
LENT = Credentials(LENT_ID, LENT_SECRET, TOKEN)
KEYS = Keys([KEY, LENT])

NOON = datetime(2026, 9, 21, 12, 0, tzinfo=UTC)
HOST = "127.0.0.1:8080"
PATH = "/v1/apps/0123456789abcdef/events"
BODY = b'{"BatchItem":{}}'


@attrs.frozen
class Sent:
    """A signed request, as it goes over the wire."""

    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def head(self) -> SignedRequest:
        """What is verified before the body is read."""
        return SignedRequest(self.method, self.path, self.query, self.headers)

    @property
    def body_hash(self) -> str:
        """What is verified after it."""
        return sha256(self.body)

    @property
    def authorization(self) -> str:
        """The value of the Authorization header."""
        return dict(self.headers)[b"authorization"].decode()

    @property
    def raw(self) -> bytes:
        """The bytes of the request."""
        target = self.path + (b"?" + self.query if self.query else b"")
        length = (b"content-length", b"%d" % len(self.body))
        lines = [b"%b: %b" % header for header in (*self.headers, length)]
        first = b"%b %b HTTP/1.1" % (self.method.encode(), target)
        return b"\r\n".join([first, *lines, b"\r\n"]) + self.body

    def having(self, name: str, *values: str | bytes) -> "Sent":
        """Return the request with these values of a header instead of its own."""
        raw = name.encode()
        kept = [pair for pair in self.headers if pair[0] != raw]
        kept += [(raw, v if isinstance(v, bytes) else v.encode()) for v in values]
        return attrs.evolve(self, headers=tuple(kept))

    def authorized(self, old: str, new: str) -> "Sent":
        """Return the request with a part of its Authorization header replaced."""
        assert old in self.authorization
        return self.having("authorization", self.authorization.replace(old, new))

    def asked(self, old: str, new: str) -> "Sent":
        """Return the request with a part of its query replaced."""
        assert old.encode() in self.query
        query = self.query.replace(old.encode(), new.encode())
        return attrs.evolve(self, query=query)


def sha256(body: bytes) -> str:
    """Return a hash as signatures write it."""
    return hashlib.sha256(body).hexdigest()


def botocore_signed(auth: SigV4Auth, request: AWSRequest, moment: datetime) -> str:
    """
    Sign a request at a time, by the steps of `SigV4Auth.add_auth`.

    Returns:
        The canonical request.
    """
    request.context["timestamp"] = f"{moment:%Y%m%dT%H%M%SZ}"
    auth._modify_request_before_signing(request)
    text: str = auth.canonical_request(request)
    signature = auth.signature(auth.string_to_sign(request, text), request)
    auth._inject_signature_to_request(request, signature)
    return text


def sent(
    path: str = PATH,
    *,
    method: str = "POST",
    query: str = "",
    headers: Sequence[tuple[str, str]] = (("content-type", "application/json"),),
    body: bytes = BODY,
    key: Credentials = KEY,
    moment: datetime = NOON,
    region: str = "us-east-1",
    service: str = "mobiletargeting",
    tells_hash: bool = False,
    expires: int | None = None,
    tells_date: bool = False,
) -> Sent:
    """
    Return what a botocore that signs at this moment sends.

    With `expires` it signs in the query, for so many seconds; else in a header. Where
    it `tells_hash`, it sends `x-amz-content-sha256` as well; where it `tells_date`, it
    sends `date` instead of `x-amz-date`.
    """
    url = f"http://{HOST}{path}" + (f"?{query}" if query else "")
    presigned = expires is not None
    # botocore would move a body that it signs in the query into the query.
    request = AWSRequest(method, url, data=b"" if presigned else body)
    for name, value in [("host", HOST), *headers]:
        request.headers.add_header(name, value)
    if tells_hash:
        request.headers["X-Amz-Content-SHA256"] = sha256(body)
    if tells_date:
        request.headers["Date"] = "now"
    credentials = BotocoreCredentials(
        key.access_key_id, key.secret_access_key, key.session_token
    )
    auth = (
        SigV4QueryAuth(credentials, service, region, expires=expires)
        if presigned
        else SigV4Auth(credentials, service, region)
    )
    botocore_signed(auth, request, moment)
    target = urlsplit(request.url)
    return Sent(
        request.method,
        target.path.encode(),
        target.query.encode(),
        tuple((k.lower().encode(), v.encode()) for k, v in request.headers.items()),
        body,
    )


def with_unsigned_hash(wire: Sent) -> Sent:
    """Return the request as aws-requests-auth sends it: with an unsigned hash."""
    return wire.having("x-amz-content-sha256", wire.body_hash)


def presigned(expires: int = 600, *, key: Credentials = KEY) -> Sent:
    """Return a request that is signed in its query, with its body."""
    return sent(expires=expires, key=key, tells_hash=True)
