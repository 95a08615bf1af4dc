"""
Verifies AWS Signature Version 4 of requests.

No I/O and no clock: the caller passes the head of a request and the time, then the hash
of the body.

```text
Verifier.begin(head, now)           checks that do not need the body
    Pending.finish(sha256 of body)  the access key id, or AuthenticationError
```

The rules, each with its test in `tests/server/test_sigv4.py`:

- The signature is in the `Authorization` header or in the query (a presigned URL),
  never in both. `AWS4-HMAC-SHA256` is the only algorithm: `AWS4-ECDSA-P256-SHA256`
  (Signature Version 4a) cannot be verified with the secret alone, and is rejected.
- These must be signed: `host`, the header with the date, and every `x-amz-*` header
  except those of `_MAY_BE_UNSIGNED`. No other header must be signed, because SDKs sign
  no other: that for PHP omits `content-type` (`SignatureV4::createContext`), and so do
  clients that post to a presigned URL.
- The body is always signed, by its hash. A presigned URL is made for one body: that of
  the hash in `X-Amz-Content-Sha256`, or else the one whose hash the signer computed.
- Some signers send `x-amz-content-sha256` without signing it (aws-requests-auth).
  Anyone can change such a header, so it does not take part in the verification: the
  signature is verified with the hash of the body that arrived. It must state that hash.
- A signature is valid for `window_seconds` before and after its date; a presigned URL
  for its `X-Amz-Expires` (a week at most) instead of the time after.
- A key with a session token requires that token; a key without one allows none. The
  token need not be signed: it is compared with the one that belongs to the key.

Replay: while a signature is valid, it is accepted any number of times, as at AWS.
PutEvents has no idempotency key, so anyone who can read a request can repeat it, but
not change it: use TLS, and a store that keeps an equal event once (`SqliteSender`
does).

Timing: signatures, tokens and hashes are compared by `hmac.compare_digest`, so that the
time of a comparison reveals nothing. The answers reveal which key ids are known, at AWS
too: they are names, not secrets.
"""

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs

from pinpoint_events.aws.signing_key import signing_mac
from pinpoint_events.problems import shortened
from pinpoint_events.server._authentication_errors import (
    AuthenticationError,
    incomplete_signature,
    invalid_signature,
    unrecognized_client,
)
from pinpoint_events.server._authorization import (
    TERMINATOR,
    Authorization,
    Headers,
    headers_by_name,
    read_authorization,
    utc_text,
)
from pinpoint_events.server._canonical import (
    canonical_head,
    canonical_values,
    redacted_head,
    string_to_sign,
)
from pinpoint_events.server.keys import Credentials, Keys, redacted_key_id

__all__ = ["AuthenticationError", "Pending", "SignedRequest", "Verifier"]

_MAX_SIGNING_KEYS: Final = 64  # one for each day, region and secret
_MAX_REGION_CHARACTERS: Final = 32  # more than the longest region name has
_MAY_BE_UNSIGNED: Final = frozenset(
    {
        # The hash of the body is signed, whether or not this header is.
        b"x-amz-content-sha256",
        # Of some services, signers add it after they have signed (AWS's test suite,
        # `post-sts-header-after`). It is compared with the token of the key.
        b"x-amz-security-token",
        # Amplify adds it to a presigned URL. The endpoint does not read it.
        b"x-amz-user-agent",
    }
)


@attrs.frozen
class SignedRequest:
    """
    The head of a request, as it arrived.

    Attributes:
        method: HTTP method.
        raw_path: Path, percent-encoded as on the wire, without the query.
        query_string: Query, percent-encoded as on the wire.
        headers: Name and value of each header, in order, with repeated ones; names in
            lower case, as in ASGI.
    """

    method: str
    raw_path: bytes
    query_string: bytes = attrs.field(repr=False)
    headers: Sequence[tuple[bytes, bytes]] = attrs.field(repr=False)


class Pending:
    """A request whose head passed the checks; the check of its body is pending."""

    __slots__ = ("_authorization", "_head", "_mac", "_request", "_values")

    def __init__(
        self,
        request: SignedRequest,
        authorization: Authorization,
        values: Sequence[tuple[bytes, bytes]],
        mac: hmac.HMAC,
    ) -> None:
        self._request = request
        self._authorization = authorization
        self._values = values
        self._mac = mac
        self._head = canonical_head(
            request.method,
            request.raw_path,
            authorization.query_string,
            values,
        )
        if authorization.signed_payload_hash is not None:
            self._verify_signature(authorization.signed_payload_hash)

    @property
    def access_key_id(self) -> str:
        """The access key id; one that is known."""
        return self._authorization.scope.access_key_id

    @property
    def is_proven(self) -> bool:
        """Whether the head alone shows that the key's owner signed the request."""
        return self._authorization.signed_payload_hash is not None

    def finish(self, body_sha256_hex: str) -> str:
        """
        Return the access key id that signed the request with this body.

        Args:
            body_sha256_hex: SHA-256 of the body as it arrived, before any decoding, in
                lower-case hexadecimal.

        Raises:
            AuthenticationError: If the signature is not valid for this body.
        """
        stated = self._authorization.payload_hash
        if stated is not None and not hmac.compare_digest(stated, body_sha256_hex):
            message = (
                "The provided 'x-amz-content-sha256' header does not match what was "
                "computed."
            )
            raise invalid_signature(message)
        if self._authorization.signed_payload_hash is None:
            self._verify_signature(body_sha256_hex)
        return self.access_key_id

    def _verify_signature(self, payload_hash: str) -> None:
        authorization = self._authorization
        signed = string_to_sign(
            authorization.timestamp,
            "/".join(authorization.scope[1:]),
            self._head + payload_hash.encode(),
        )
        mac = self._mac.copy()
        mac.update(signed.encode())
        if not hmac.compare_digest(mac.hexdigest(), authorization.signature):
            raise invalid_signature(self._mismatch(payload_hash, signed))

    def _mismatch(self, payload_hash: str, signed: str) -> str:
        shown = redacted_head(
            self._request.method,
            self._request.raw_path,
            self._authorization.query_string,
            self._values,
        )
        return (
            "The request signature we calculated does not match the signature you "
            "provided. Check your AWS Secret Access Key and signing method. Consult "
            "the service documentation for details.\n\n"
            "The Canonical String for this request should have been (values that may "
            f"be private are replaced by their length)\n'{shown}\n{payload_hash}'\n\n"
            f"The String-to-Sign should have been\n'{signed}'\n"
        )


class Verifier:
    """
    Verifies that requests are signed with a known key.

    Safe to use from several threads.

    Args:
        keys: The keys that are accepted.
        region: The only region that requests may be signed for; None accepts any.
        service: The service name that requests must be signed for.
        window_seconds: How far the clocks of signer and endpoint may differ.
    """

    def __init__(
        self,
        keys: Keys,
        *,
        region: str | None = None,
        service: str = "mobiletargeting",
        window_seconds: int = 300,
    ) -> None:
        self.keys = keys
        self._region = region
        self._service = service
        self._window_seconds = window_seconds
        self._signing_macs: dict[tuple[str, tuple[str, ...]], hmac.HMAC] = {}

    def begin(self, request: SignedRequest, now: datetime) -> Pending:
        """
        Make all checks that do not need the body.

        If the request states the hash of its body, in what is signed, its signature is
        verified here, so that the body of a forged request need not be read.

        Args:
            request: The head of the request.
            now: The current time, with a time zone.

        Raises:
            AuthenticationError: If the request is rejected, whatever its body is.
        """
        headers = headers_by_name(request.headers)
        authorization = read_authorization(request.query_string, headers)
        self._check_time(authorization, now)
        values = _signed_values(authorization, headers)
        self._check_scope(authorization)
        credentials = self._credentials(authorization)
        mac = self._signing_mac(authorization, credentials.secret_access_key)
        try:
            return Pending(request, authorization, values, mac)
        except AuthenticationError as error:
            error.access_key_id = credentials.access_key_id
            raise

    def _check_time(self, authorization: Authorization, now: datetime) -> None:
        before = self._window_seconds
        after = (
            before
            if authorization.expires_seconds is None
            else authorization.expires_seconds
        )
        # In whole seconds, the resolution of the dates.
        age_seconds = (now - authorization.signed_at).total_seconds() // 1
        if age_seconds > after:
            limit, sign, seconds = now - timedelta(seconds=after), "-", after
            message = (
                f"Signature expired: {authorization.timestamp} is now earlier than"
            )
        elif age_seconds < -before:
            limit, sign, seconds = now + timedelta(seconds=before), "+", before
            message = (
                "Signature not yet current: "
                f"{authorization.timestamp} is still later than"
            )
        else:
            return
        calculation = f"{utc_text(now.astimezone(UTC))} {sign} {_duration(seconds)}"
        raise invalid_signature(
            f"{message} {utc_text(limit.astimezone(UTC))} ({calculation})"
        )

    def _check_scope(self, authorization: Authorization) -> None:
        message = []
        _, date, region, service, terminator = authorization.scope
        if self._region is None:
            if not 0 < len(region) <= _MAX_REGION_CHARACTERS:
                expected = f"not {shortened(region)}"
                message.append(
                    f"Credential should be scoped to a valid region, {expected}."
                )
        elif region != self._region:
            expected = f"{shortened(self._region)}, not {shortened(region)}"
            message.append(
                f"Credential should be scoped to a valid region: {expected}."
            )
        if service != self._service:
            expected = f"{shortened(self._service)}, not {shortened(service)}"
            message.append(
                f"Credential should be scoped to correct service: {expected}."
            )
        if terminator != TERMINATOR:
            expected = f"'{TERMINATOR}', not {shortened(terminator)}"
            message.append(
                f"Credential should be scoped with a valid terminator: {expected}."
            )
        moment = authorization.timestamp
        if date != moment[:8]:
            message.append(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 "
                f"version of date from HTTP: {shortened(date)} != "
                f"'{moment[:8]}', from '{moment}'."
            )
        if message:
            raise invalid_signature(" ".join(message))

    def _credentials(self, authorization: Authorization) -> Credentials:
        found = self.keys.find(authorization.scope.access_key_id)
        shown = redacted_key_id(authorization.scope.access_key_id)
        if found is None:
            message = f"Access key {shown} is not known here."
            raise unrecognized_client(message)
        token = authorization.session_token
        if found.session_token is None:
            if token is not None:
                message = f"Access key {shown} has no session token, but one was sent."
                raise unrecognized_client(message)
        elif token is None:
            message = f"Access key {shown} needs its session token, and none was sent."
            raise unrecognized_client(message)
        elif not hmac.compare_digest(token.encode(), found.session_token.encode()):
            message = f"Access key {shown} has another session token than was sent."
            raise unrecognized_client(message)
        return found

    def _signing_mac(self, authorization: Authorization, secret: str) -> hmac.HMAC:
        """Return an HMAC with the signing key, for callers to copy."""
        scope = authorization.scope[1:]
        known = self._signing_macs.get((secret, scope))
        if known is not None:
            return known
        # Clearing the cache is simple, and costs the next few requests 20 us each.
        if len(self._signing_macs) >= _MAX_SIGNING_KEYS:
            self._signing_macs.clear()
        # Copying an HMAC takes a fifth of the time of making a new one.
        mac = self._signing_macs[secret, scope] = signing_mac(secret, scope)
        return mac


def _signed_values(
    authorization: Authorization, headers: Headers
) -> list[tuple[bytes, bytes]]:
    names = authorization.signed_headers
    if b"host" not in names:
        message = "'Host' or ':authority' must be a 'SignedHeader' in the AWS"
        raise invalid_signature(f"{message} Authorization.")
    for name in headers:
        must = name == authorization.date_header or name.startswith(b"x-amz-")
        if must and name not in names and name not in _MAY_BE_UNSIGNED:
            message = (
                f"{_quoted(name)} must be a 'SignedHeader' in the AWS Authorization."
            )
            raise invalid_signature(message)
    try:
        return canonical_values(names, headers)
    except KeyError as error:
        message = (
            f"{_quoted(error.args[0])} is named as a SignedHeader, but it does not "
            "exist in the HTTP request."
        )
    raise incomplete_signature(message)


def _quoted(name: bytes) -> str:
    return shortened(name.decode("ascii", "replace"))


def _duration(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{seconds} sec." if rest else f"{minutes} min."
