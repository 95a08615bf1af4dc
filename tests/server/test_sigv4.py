import pickle
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from functools import partial
from types import FrameType
from urllib.parse import quote, urlsplit

import attrs
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.server.signing import (
    BODY,
    HOST,
    KEY,
    KEY_ID,
    KEYS,
    LENT,
    LENT_ID,
    LENT_SECRET,
    NOON,
    PATH,
    SECRET,
    TOKEN,
    Sent,
    botocore_signed,
    presigned,
    sent,
    sha256,
    with_unsigned_hash,
)

from pinpoint_events.server.keys import Credentials, Keys
from pinpoint_events.server.sigv4 import AuthenticationError, SignedRequest, Verifier

INCOMPLETE = "IncompleteSignatureException"
INVALID = "InvalidSignatureException"
MISSING = "MissingAuthenticationTokenException"
UNRECOGNIZED = "UnrecognizedClientException"


def verified(
    request: Sent, *, now: datetime = NOON, keys: Keys = KEYS, region: str | None = None
) -> str:
    """Return the id of the key that signed a request."""
    pending = Verifier(keys, region=region).begin(request.head, now)
    return pending.finish(request.body_hash)


def refusal(
    request: Sent, *, now: datetime = NOON, keys: Keys = KEYS, region: str | None = None
) -> AuthenticationError:
    """Return how a request is refused."""
    with pytest.raises(AuthenticationError) as raised:
        verified(request, now=now, keys=keys, region=region)
    return raised.value


def error_parts(refused: AuthenticationError) -> tuple[int, str, str]:
    """Return the three parts of a refusal; of a message, its first line."""
    return refused.status, refused.code, refused.message.partition("\n")[0]


NO_MATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service "
    "documentation for details."
)


class TestSigner:
    """The signer of these tests is botocore as we know it."""

    def test_canonical_request(self) -> None:
        """The text that botocore makes of a request is this one, to the letter."""
        url = "http://h:81/a//b/./c/../%C3%A9%20!~/?b=%20&a=2&a=1&c&a="
        request = AWSRequest("post", url, data=b"{}")
        for value in ("  two   words ", "x"):
            request.headers.add_header("X-Amz-Meta", value)
        request.headers["User-Agent"] = "not signed"
        auth = SigV4Auth(BotocoreCredentials(KEY_ID, SECRET, TOKEN), "svc", "eu")
        assert botocore_signed(auth, request, NOON) == (
            "POST\n"
            "/a/b/%25C3%25A9%2520%21~/\n"
            "a=&a=1&a=2&b=%20&c=\n"
            "host:h:81\n"
            "x-amz-date:20260921T120000Z\n"
            "x-amz-meta:two words,x\n"
            f"x-amz-security-token:{TOKEN}\n"
            "\n"
            "host;x-amz-date;x-amz-meta;x-amz-security-token\n"
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        )
        assert request.headers["Authorization"] == (
            "AWS4-HMAC-SHA256 "
            "Credential=AKIAIOSFODNN7EXAMPLE/20260921/eu/svc/aws4_request, "
            "SignedHeaders=host;x-amz-date;x-amz-meta;x-amz-security-token, "
            "Signature="
            "25339e673921e00947f56078bb18c83548824975c74e63e2da84ce5153c1abe5"
        )

    def test_query(self) -> None:
        """The URL that botocore signs is this one, to the letter."""
        assert sent(query="b=1&a", expires=60, key=LENT).query.decode() == (
            "b=1&a=&X-Amz-Algorithm=AWS4-HMAC-SHA256"
            "&X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20260921%2Fus-east-1"
            "%2Fmobiletargeting%2Faws4_request"
            "&X-Amz-Date=20260921T120000Z&X-Amz-Expires=60"
            "&X-Amz-SignedHeaders=content-type%3Bhost"
            "&X-Amz-Security-Token=AQoDYXdzEJr%2F%2F%2F%2F%2F%2F%2F%2F%2F%2FwEaDG1pbmUg"
            "YWxvbmU%3D%3D"
            "&X-Amz-Signature="
            "f6a50259e711e0388a0be95887fc50e5ee97298114dcfcccee7673cc234eab53"
        )

    @pytest.mark.parametrize("expires", [None, 600])
    def test_add_auth(self, expires: int | None) -> None:
        """The steps here are those of botocore's own `add_auth`, at its own time."""
        credentials = BotocoreCredentials(KEY_ID, SECRET)
        headers = {"Host": HOST, "X-Amz-Content-SHA256": sha256(BODY)}
        request = AWSRequest("POST", f"http://{HOST}{PATH}", headers=headers)
        auth = (
            SigV4Auth(credentials, "mobiletargeting", "eu-west-1")
            if expires is None
            else SigV4QueryAuth(credentials, "mobiletargeting", "eu-west-1", expires)
        )
        auth.add_auth(request)
        target = urlsplit(request.url)
        pairs = [(k.lower().encode(), v.encode()) for k, v in request.headers.items()]
        wire = Sent("POST", PATH.encode(), target.query.encode(), tuple(pairs), BODY)
        assert verified(wire, now=datetime.now(UTC)) == KEY_ID


class TestPublishedVectors:
    """The examples of AWS's Signature Version 4 test suite (aws-sig-v4-test-suite)."""

    @pytest.mark.parametrize(
        "method, path, query, headers, body, signature",
        [
            pytest.param(
                "GET",
                "/",
                "",
                [],
                b"",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
                id="get-vanilla",
            ),
            pytest.param(
                "GET",
                "/example/..",
                "",
                [],
                b"",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
                id="get-relative",
            ),
            pytest.param(
                "GET",
                "//./",
                "",
                [],
                b"",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
                id="get-slash-dot-slash",
            ),
            pytest.param(
                "GET",
                "/\u1234",
                "",
                [],
                b"",
                "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
                id="get-utf8",
            ),
            pytest.param(
                "GET",
                "/example space/",
                "",
                [],
                b"",
                "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
                id="get-space",
            ),
            pytest.param(
                "GET",
                "/",
                "Param2=value2&Param1=value1",
                [],
                b"",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
                id="get-vanilla-query-order-key-case",
            ),
            pytest.param(
                "GET",
                "/",
                "",
                [("my-header1", " value1"), ("my-header2", ' "a   b   c"')],
                b"",
                "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
                id="get-header-value-trim",
            ),
            pytest.param(
                "GET",
                "/",
                "",
                [
                    ("my-header1", "value2"),
                    ("my-header1", "value2"),
                    ("my-header1", "value1"),
                ],
                b"",
                "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
                id="get-header-key-duplicate",
            ),
            pytest.param(
                "POST",
                "/",
                "",
                [("content-type", "application/x-www-form-urlencoded")],
                b"Param1=value1",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
                id="post-x-www-form-urlencoded",
            ),
        ],
    )
    def test_is_accepted(
        self,
        method: str,
        path: str,
        query: str,
        headers: list[tuple[str, str]],
        body: bytes,
        signature: str,
    ) -> None:
        """The published signature is that of the published request."""
        date = "20150830T123600Z"
        every = [*headers, ("host", "example.amazonaws.com"), ("x-amz-date", date)]
        names = ";".join(sorted({name for name, _ in every}))
        scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
        authorization = (
            f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, "
            f"Signature={signature}"
        )
        every.append(("authorization", authorization))
        head = SignedRequest(
            method,
            path.encode(),
            query.encode(),
            [(name.encode(), value.encode()) for name, value in every],
        )
        secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
        keys = Keys([Credentials("AKIDEXAMPLE", secret)])
        verifier = Verifier(keys, region="us-east-1", service="service")
        now = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
        assert verifier.begin(head, now).finish(sha256(body)) == "AKIDEXAMPLE"

    @pytest.mark.parametrize(
        "names, signature",
        [
            pytest.param(
                "host;x-amz-date",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
                id="post-sts-header-after",
            ),
            pytest.param(
                "host;x-amz-date;x-amz-security-token",
                "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
                id="post-sts-header-before",
            ),
        ],
    )
    def test_session_token(self, names: str, signature: str) -> None:
        """A session token is accepted, whether or not it is signed."""
        token = (
            "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHG"
            "BuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1N"
            "tBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHN"
            "VXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9"
            "FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
        )
        authorization = (
            "AWS4-HMAC-SHA256 "
            "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        every = {
            "host": "example.amazonaws.com",
            "x-amz-date": "20150830T123600Z",
            "x-amz-security-token": token,
            "authorization": authorization,
        }
        pairs = [(name.encode(), value.encode()) for name, value in every.items()]
        secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
        keys = Keys([Credentials("AKIDEXAMPLE", secret, token)])
        verifier = Verifier(keys, service="service")
        now = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
        pending = verifier.begin(SignedRequest("POST", b"/", b"", pairs), now)
        assert pending.finish(sha256(b"")) == "AKIDEXAMPLE"


# What may stand in a URL as it is, and more than that: botocore signs what it is given.
SEGMENTS = st.one_of(
    st.sampled_from(
        ["", ".", "..", "...", "a", "%2F", "%2f", "%20", "+", "~", "*'()!"]
    ),
    st.text(max_size=5).map(lambda text: quote(text, safe="")),
    st.text(alphabet="abcXYZ019-_.~:@!$&'()*+,;=%", max_size=5),
)
PATHS = st.lists(SEGMENTS, max_size=6).map(lambda parts: "/" + "/".join(parts))
PARAMETERS = st.one_of(
    st.sampled_from(
        ["", "=", "a", "a=", "a=1", "a=b=c", "A=1", "a=%20", "a=+", "%C3%A9"]
    ),
    st.tuples(st.text(max_size=4), st.text(max_size=4)).map(
        lambda pair: "=".join(quote(part, safe="") for part in pair)
    ),
)
QUERIES = st.lists(PARAMETERS, max_size=5).map("&".join)
VALUES = st.text(
    st.characters(codec="ascii", categories=(), include_characters="aB1 \t,;:=\"'~"),
    max_size=8,
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["content-type", "x-amz-meta-a", "X-Amz-Meta-B", "accept", "b"]
        ),
        VALUES,
    ),
    max_size=6,
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 250_000_000_000).map(
    lambda seconds: EPOCH + timedelta(seconds=seconds)
)


class TestAccepts:
    """Whatever botocore signs is accepted."""

    @given(
        path=PATHS,
        query=QUERIES,
        headers=HEADERS,
        body=st.binary(max_size=40),
        key=st.sampled_from([KEY, LENT]),
        moment=MOMENTS,
        age=st.integers(-300, 300),
        method=st.sampled_from(["POST", "GET", "OPTIONS"]),
        tells=st.sets(st.sampled_from(["hash", "date"])),
    )
    def test_signed_headers(
        self,
        path: str,
        query: str,
        headers: list[tuple[str, str]],
        body: bytes,
        key: Credentials,
        moment: datetime,
        age: int,
        method: str,
        tells: set[str],
    ) -> None:
        """Odd paths, queries, repeated headers, tokens and dates make no difference."""
        assume("X-Amz-Algorithm" not in query)
        wire = sent(
            path,
            method=method,
            query=query,
            headers=headers,
            body=body,
            key=key,
            moment=moment,
            tells_hash="hash" in tells,
            tells_date="date" in tells,
        )
        now = moment + timedelta(seconds=age)
        assert verified(wire, now=now, region="us-east-1") == key.access_key_id

    @given(
        path=PATHS,
        query=QUERIES,
        headers=HEADERS,
        body=st.binary(max_size=40),
        key=st.sampled_from([KEY, LENT]),
        moment=MOMENTS,
        expires=st.integers(0, 604_800),
        data=st.data(),
    )
    def test_signed_query(
        self,
        path: str,
        query: str,
        headers: list[tuple[str, str]],
        body: bytes,
        key: Credentials,
        moment: datetime,
        expires: int,
        data: st.DataObject,
    ) -> None:
        """The same goes for presigned URLs, for as long as they say."""
        wire = sent(
            path,
            query=query,
            headers=headers,
            body=body,
            key=key,
            moment=moment,
            expires=expires,
            tells_hash=True,
        )
        age = data.draw(st.integers(-300, expires))
        now = moment + timedelta(seconds=age)
        assert verified(wire, now=now, region="us-east-1") == key.access_key_id

    def test_hash_in_the_query(self) -> None:
        """The hash of the body may stand in the query."""
        query = f"X-Amz-Content-Sha256={sha256(BODY)}"
        wire = sent(query=query, headers=(), body=b"", expires=60)
        # botocore takes it for any parameter, and signs that there is no body.
        assert error_parts(refusal(attrs.evolve(wire, body=BODY))) == (
            403,
            INVALID,
            NO_MATCH,
        )
        empty = f"X-Amz-Content-Sha256={sha256(b'')}"
        wire = sent(query=empty, headers=(), body=b"", expires=60)
        assert verified(wire) == KEY_ID
        assert refusal(attrs.evolve(wire, body=BODY)).message == (
            "The provided 'x-amz-content-sha256' header does not match what was "
            "computed."
        )

    def test_presigned_without_a_stated_hash(self) -> None:
        """A URL that tells no hash holds for the body that the signer had: none."""
        wire = sent(headers=(), body=b"", expires=60)
        assert verified(wire) == KEY_ID
        posted = attrs.evolve(wire, body=BODY)
        assert error_parts(refusal(posted)) == (403, INVALID, NO_MATCH)

    def test_presigned_without_expires(self) -> None:
        """A URL that does not say how long it holds does so for the window."""
        wire = unexpiring()
        assert verified(wire, now=NOON + timedelta(seconds=300)) == KEY_ID
        late = refusal(wire, now=NOON + timedelta(seconds=301))
        assert late.message == (
            "Signature expired: 20260921T120000Z is now earlier than 20260921T120001Z "
            "(20260921T120501Z - 5 min.)"
        )

    def test_presigned_with_token_in_a_header(self) -> None:
        """The session token of a presigned URL may come as a header, if signed."""
        keyless = attrs.evolve(LENT, session_token=None)
        headers = [("x-amz-security-token", TOKEN)]
        wire = sent(headers=headers, body=b"", key=keyless, expires=60)
        assert verified(wire) == LENT_ID

    def test_headers_beside_the_signed_ones(self) -> None:
        """What a proxy or a browser adds needs no signature, nor does its type."""
        wire = sent(headers=())
        for name in ("user-agent", "x-forwarded-for", "content-type", "date"):
            wire = wire.having(name, "anything")
        assert verified(wire.having("x-amz-user-agent", "aws-amplify/5")) == KEY_ID

    @pytest.mark.parametrize(
        "wire",
        [
            sent(),
            sent(key=LENT),
            sent(body=b""),
            sent(headers=(), body=b"", expires=60),
            sent(query=f"X-Amz-Content-Sha256={sha256(b'')}", body=b"", expires=60),
        ],
    )
    def test_unsigned_hash(self, wire: Sent) -> None:
        """The hash of the body may be sent without a signature of its header."""
        assert verified(with_unsigned_hash(wire)) == verified(wire)

    def test_unsigned_token(self) -> None:
        """A session token may be sent without a signature of its header."""
        keyless = attrs.evolve(LENT, session_token=None)
        for wire in (sent(key=keyless), sent(key=keyless, body=b"", expires=60)):
            assert verified(wire.having("x-amz-security-token", TOKEN)) == LENT_ID

    def test_no_path(self) -> None:
        """A request without a path asks for the root."""
        assert verified(attrs.evolve(sent("/"), path=b"")) == KEY_ID

    def test_one_header_line_for_two(self) -> None:
        """A proxy may join the lines of a repeated header."""
        wire = sent(headers=[("x-amz-meta", "a"), ("x-amz-meta", "b")])
        assert verified(wire.having("x-amz-meta", "a,b")) == KEY_ID

    @pytest.mark.parametrize("separator", [",", ", ", " ,\t", ",  "])
    def test_spaces_between_parameters(self, separator: str) -> None:
        """Parameters are parted by a comma, with or without white space around it."""
        assert verified(sent().authorized(", ", separator)) == KEY_ID

    def test_order_of_parameters(self) -> None:
        """Parameters may stand in any order."""
        algorithm, _, rest = sent().authorization.partition(" ")
        turned = ", ".join(reversed(rest.split(", ")))
        wire = sent().having("authorization", f"{algorithm} {turned}")
        assert verified(wire) == KEY_ID

    def test_any_region(self) -> None:
        """A verifier without a region takes signatures for all of them."""
        assert verified(sent(region="eu-central-1")) == KEY_ID

    def test_longest_region(self) -> None:
        """A region of 32 characters is one; of 33 none."""
        assert verified(sent(region="r" * 32)) == KEY_ID
        assert "scoped to a valid region" in refusal(sent(region="r" * 33)).message

    def test_replay(self) -> None:
        """Within its time a request is accepted as often as it comes, as at AWS."""
        wire, verifier = sent(tells_hash=True), Verifier(KEYS)
        found = [
            verifier.begin(wire.head, NOON).finish(wire.body_hash) for _ in range(3)
        ]
        assert found == [KEY_ID] * 3

    def test_time_zone_of_the_clock(self) -> None:
        """The time may be given in any time zone, and to the microsecond."""
        zone = timezone(timedelta(hours=9))
        now = (NOON + timedelta(seconds=300, microseconds=999_999)).astimezone(zone)
        assert verified(sent(), now=now) == KEY_ID

    def test_many_scopes(self) -> None:
        """More regions, and days, than signing keys are kept are no trouble."""
        verifier = Verifier(KEYS)
        for number in range(200):
            moment = NOON + timedelta(days=number % 3)
            wire = sent(region=f"region-{number}", moment=moment)
            assert verifier.begin(wire.head, moment).finish(wire.body_hash) == KEY_ID


def unexpiring() -> Sent:
    """Return a request that is signed in its query, and tells no end."""
    auth = SigV4QueryAuth(BotocoreCredentials(KEY_ID, SECRET), "mobiletargeting", "r")
    names = "X-Amz-SignedHeaders=host"
    scope = quote(f"{KEY_ID}/20260921/r/mobiletargeting/aws4_request", safe="")
    query = (
        f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={scope}"
        f"&X-Amz-Date=20260921T120000Z&{names}"
    )
    request = AWSRequest("POST", f"http://{HOST}{PATH}?{query}")
    request.context["timestamp"] = "20260921T120000Z"
    text = auth.canonical_request(request)
    signature = auth.signature(auth.string_to_sign(request, text), request)
    query += f"&X-Amz-Signature={signature}"
    headers = ((b"host", HOST.encode()),)
    return Sent("POST", PATH.encode(), query.encode(), headers, b"")


class TestBegin:
    """The head alone is enough to refuse what is forged."""

    def test_told_hash(self) -> None:
        """A request that tells its hash is proved before its body is read."""
        wire = sent(tells_hash=True).authorized("Signature=", "Signature=0")
        with pytest.raises(AuthenticationError) as raised:
            Verifier(KEYS).begin(wire.head, NOON)
        assert error_parts(raised.value) == (403, INVALID, NO_MATCH)

    def test_other_body(self) -> None:
        """The body must be the one whose hash was told."""
        wire = attrs.evolve(sent(tells_hash=True), body=BODY + b" ")
        pending = Verifier(KEYS).begin(wire.head, NOON)
        with pytest.raises(AuthenticationError) as raised:
            pending.finish(wire.body_hash)
        assert error_parts(raised.value) == (
            403,
            INVALID,
            (
                "The provided 'x-amz-content-sha256' header does not match what was "
                "computed."
            ),
        )

    def test_no_hash(self) -> None:
        """A request that tells no hash is proved by its body."""
        wire = sent().authorized("Signature=", "Signature=0")
        pending = Verifier(KEYS).begin(wire.head, NOON)
        with pytest.raises(AuthenticationError) as raised:
            pending.finish(wire.body_hash)
        assert error_parts(raised.value) == (403, INVALID, NO_MATCH)

    def test_unsigned_hash(self) -> None:
        """An unsigned hash proves nothing: the body's own hash does."""
        forged = attrs.evolve(sent(), body=b"{}").having(
            "x-amz-content-sha256", sha256(BODY)
        )
        # The signature is valid for the hash that the header states.
        pending = Verifier(KEYS).begin(forged.head, NOON)
        with pytest.raises(AuthenticationError) as raised:
            pending.finish(forged.body_hash)
        assert error_parts(raised.value) == (403, INVALID, OTHER_HASH)


SCOPE = "20260921/us-east-1/mobiletargeting/aws4_request"
NOT_HEX = (
    "'x-amz-content-sha256' must be the SHA-256 of the payload in lower-case "
    "hexadecimal: neither UNSIGNED-PAYLOAD nor STREAMING-* is accepted here."
)
OTHER_HASH = (
    "The provided 'x-amz-content-sha256' header does not match what was computed."
)
UNREADABLE = "not a valid key=value pair (missing equal-sign, or white space)"
NO_DATE = "Date must be in ISO-8601 'basic format', e.g. 20260921T120000Z"
NO_CLIENT = "The security token included in the request is invalid."
NO_PARTS = (
    "Authorization header requires 'Credential' parameter. "
    "Authorization header requires 'Signature' parameter. "
    "Authorization header requires 'SignedHeaders' parameter."
)
NOT_SORTED = "'SignedHeaders' must be in lower case, sorted, and each of them once."
EDITED_NAMES = "SignedHeaders=content-type;host;x-amz-date"

# Signed without what was then added to it.
UNSIGNED_TOKEN = sent(key=attrs.evolve(LENT, session_token=None)).having(
    "x-amz-security-token", TOKEN
)
PRESIGNED_EMPTY = sent(headers=(), body=b"", expires=60)

# What is sent, and under which name, and with which words, it is refused.
HEADER_TAMPERING: dict[str, tuple[Sent, str, str]] = {
    "no signature": (
        sent().having("authorization"),
        MISSING,
        "Missing Authentication Token",
    ),
    "method": (attrs.evolve(sent(), method="PUT"), INVALID, NO_MATCH),
    "method in lower case": (attrs.evolve(sent(), method="post"), INVALID, NO_MATCH),
    "other application": (
        attrs.evolve(sent(), path=b"/v1/apps/another/events"),
        INVALID,
        NO_MATCH,
    ),
    "path without its end": (
        attrs.evolve(sent(), path=b"/v1/apps/0123456789abcdef"),
        INVALID,
        NO_MATCH,
    ),
    "escape in the path undone": (
        attrs.evolve(sent("/v1/apps/a%2Fb/events"), path=b"/v1/apps/a/b/events"),
        INVALID,
        NO_MATCH,
    ),
    "query added": (attrs.evolve(sent(), query=b"a=1"), INVALID, NO_MATCH),
    "query dropped": (attrs.evolve(sent(query="a=1"), query=b""), INVALID, NO_MATCH),
    "query value": (attrs.evolve(sent(query="a=1"), query=b"a=2"), INVALID, NO_MATCH),
    "query repeated": (
        attrs.evolve(sent(query="a=1"), query=b"a=1&a=1"),
        INVALID,
        NO_MATCH,
    ),
    "host": (sent().having("host", "elsewhere:8080"), INVALID, NO_MATCH),
    "content type": (sent().having("content-type", "text/plain"), INVALID, NO_MATCH),
    "body": (attrs.evolve(sent(), body=b"{}"), INVALID, NO_MATCH),
    "no body": (attrs.evolve(sent(), body=b""), INVALID, NO_MATCH),
    "signature cut": (
        sent().having("authorization", sent().authorization[:-1]),
        INVALID,
        NO_MATCH,
    ),
    "signature in upper case": (
        sent().having(
            "authorization",
            re.sub("[0-9a-f]{64}", lambda hit: hit[0].upper(), sent().authorization),
        ),
        INVALID,
        NO_MATCH,
    ),
    "wrong secret": (
        sent(key=Credentials(KEY_ID, "another-secret")),
        INVALID,
        NO_MATCH,
    ),
    "key id of another": (
        sent().authorized(KEY_ID, LENT_ID),
        UNRECOGNIZED,
        f"{NO_CLIENT} Access key '…MPLE' needs its session token, and none was sent.",
    ),
    "unknown key": (
        sent(key=Credentials("AKIAUNKNOWN000000000", SECRET)),
        UNRECOGNIZED,
        f"{NO_CLIENT} Access key '…0000' is not known here.",
    ),
    "empty key id": (
        sent().authorized(KEY_ID, ""),
        UNRECOGNIZED,
        f"{NO_CLIENT} Access key '…' is not known here.",
    ),
    "no session token": (
        sent(key=attrs.evolve(LENT, session_token=None)),
        UNRECOGNIZED,
        f"{NO_CLIENT} Access key '…MPLE' needs its session token, and none was sent.",
    ),
    "wrong session token": (
        sent(key=attrs.evolve(LENT, session_token=TOKEN[:-1])),
        UNRECOGNIZED,
        f"{NO_CLIENT} Access key '…MPLE' has another session token than was sent.",
    ),
    "session token too many": (
        sent(key=attrs.evolve(KEY, session_token=TOKEN)),
        UNRECOGNIZED,
        f"{NO_CLIENT} Access key '…MPLE' has no session token, but one was sent.",
    ),
    "session token twice": (
        sent(key=LENT).having("x-amz-security-token", TOKEN, TOKEN),
        INCOMPLETE,
        "'x-amz-security-token' must not be given more than once.",
    ),
    "session token added": (
        sent().having("x-amz-security-token", TOKEN),
        UNRECOGNIZED,
        f"{NO_CLIENT} Access key '…MPLE' has no session token, but one was sent.",
    ),
    "wrong session token, not signed": (
        UNSIGNED_TOKEN.having("x-amz-security-token", TOKEN[:-1]),
        UNRECOGNIZED,
        f"{NO_CLIENT} Access key '…MPLE' has another session token than was sent.",
    ),
    "session token dropped, not signed": (
        UNSIGNED_TOKEN.having("x-amz-security-token"),
        UNRECOGNIZED,
        f"{NO_CLIENT} Access key '…MPLE' needs its session token, and none was sent.",
    ),
    "session token no longer signed": (
        sent(key=LENT).authorized(";x-amz-security-token", ""),
        INVALID,
        NO_MATCH,
    ),
    "other service": (
        sent(service="kinesis"),
        INVALID,
        (
            "Credential should be scoped to correct service: 'mobiletargeting', not "
            "'kinesis'."
        ),
    ),
    "other day in the scope": (
        sent().authorized("/20260921/", "/20260920/"),
        INVALID,
        (
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
            "date from HTTP: '20260920' != '20260921', from '20260921T120000Z'."
        ),
    ),
    "other region in the scope": (
        sent().authorized("/us-east-1/", "/us-east-2/"),
        INVALID,
        NO_MATCH,
    ),
    "no region in the scope": (
        sent().authorized("/us-east-1/", "//"),
        INVALID,
        "Credential should be scoped to a valid region, not ''.",
    ),
    "endless region in the scope": (
        sent().authorized("/us-east-1/", f"/{'a' * 33}/"),
        INVALID,
        f"Credential should be scoped to a valid region, not '{'a' * 33}'.",
    ),
    "everything in the scope": (
        sent().authorized(SCOPE, "today//s3/aws5_request"),
        INVALID,
        (
            "Credential should be scoped to a valid region, not ''. "
            "Credential should be scoped to correct service: 'mobiletargeting', not "
            "'s3'. "
            "Credential should be scoped with a valid terminator: 'aws4_request', not "
            "'aws5_request'. "
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
            "date from HTTP: 'today' != '20260921', from '20260921T120000Z'."
        ),
    ),
    "scope too short": (
        sent().authorized("/aws4_request", ""),
        INCOMPLETE,
        (
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            "keyid/date/region/service/term, got 4"
        ),
    ),
    "secret for key id": (
        sent().authorized(KEY_ID, SECRET),
        INCOMPLETE,
        (
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            "keyid/date/region/service/term, got 7"
        ),
    ),
    "date moved": (
        sent().having("x-amz-date", "20260921T120001Z"),
        INVALID,
        NO_MATCH,
    ),
    "no date": (
        sent().having("x-amz-date"),
        INCOMPLETE,
        (
            "Authorization header requires existence of either a 'X-Amz-Date' or a "
            "'Date' header."
        ),
    ),
    "date twice": (
        sent().having("x-amz-date", "20260921T120000Z", "20260921T120000Z"),
        INCOMPLETE,
        "'x-amz-date' must not be given more than once.",
    ),
    "date of another form": (
        sent().having("x-amz-date", "2026-09-21T12:00:00Z"),
        INCOMPLETE,
        NO_DATE,
    ),
    "date that no calendar has": (
        sent().having("x-amz-date", "20260931T120000Z"),
        INCOMPLETE,
        NO_DATE,
    ),
    "date in other digits": (
        sent().having("x-amz-date", "\uff120260921T120000Z"),
        INCOMPLETE,
        "'x-amz-date' must hold nothing but ASCII characters.",
    ),
    "HTTP date of another zone": (
        sent(tells_date=True).having("date", "Mon, 21 Sep 2026 12:00:00 +0100"),
        INCOMPLETE,
        NO_DATE,
    ),
    "HTTP date of no month": (
        sent(tells_date=True).having("date", "Mon, 21 Spe 2026 12:00:00 GMT"),
        INCOMPLETE,
        NO_DATE,
    ),
    "date not signed": (
        sent().authorized(EDITED_NAMES, "SignedHeaders=content-type;host"),
        INVALID,
        "'x-amz-date' must be a 'SignedHeader' in the AWS Authorization.",
    ),
    "HTTP date not signed": (
        sent()
        .authorized(";x-amz-date", "")
        .having("x-amz-date")
        .having("date", "Mon, 21 Sep 2026 12:00:00 GMT"),
        INVALID,
        "'date' must be a 'SignedHeader' in the AWS Authorization.",
    ),
    "host not signed": (
        sent().authorized(EDITED_NAMES, "SignedHeaders=content-type;x-amz-date"),
        INVALID,
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    ),
    "x-amz header added": (
        sent().having("x-amz-target", "x"),
        INVALID,
        "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization.",
    ),
    "signed header dropped": (
        sent().having("content-type"),
        INCOMPLETE,
        (
            "'content-type' is named as a SignedHeader, but it does not exist in the "
            "HTTP request."
        ),
    ),
    "signed header twice": (
        sent().having("content-type", "application/json", "application/json"),
        INVALID,
        NO_MATCH,
    ),
    "signed headers not sorted": (
        sent().authorized("content-type;host", "host;content-type"),
        INVALID,
        NOT_SORTED,
    ),
    "signed headers with a repeat": (
        sent().authorized("content-type;host", "content-type;host;host"),
        INVALID,
        NOT_SORTED,
    ),
    "signed headers in upper case": (
        sent().authorized("content-type;host", "Content-Type;Host"),
        INVALID,
        NOT_SORTED,
    ),
    "unsigned payload": (
        sent().having("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        INVALID,
        NOT_HEX,
    ),
    "chunk-signed payload": (
        sent().having("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        INVALID,
        NOT_HEX,
    ),
    "unsigned payload with trailer": (
        sent().having("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        INVALID,
        NOT_HEX,
    ),
    "hash in upper case": (
        sent().having("x-amz-content-sha256", sha256(BODY).upper()),
        INVALID,
        NOT_HEX,
    ),
    "hash of another body": (
        sent(tells_hash=True).having("x-amz-content-sha256", sha256(b"{}")),
        INVALID,
        NO_MATCH,
    ),
    "signed hash dropped": (
        sent(tells_hash=True).having("x-amz-content-sha256"),
        INCOMPLETE,
        (
            "'x-amz-content-sha256' is named as a SignedHeader, but it does not exist "
            "in the HTTP request."
        ),
    ),
    "hash no longer signed": (
        sent(tells_hash=True).authorized(";x-amz-content-sha256", ""),
        INVALID,
        NO_MATCH,
    ),
    "unsigned hash of another body": (
        sent().having("x-amz-content-sha256", sha256(b"{}")),
        INVALID,
        OTHER_HASH,
    ),
    "body under an unsigned hash": (
        attrs.evolve(with_unsigned_hash(sent()), body=b"{}"),
        INVALID,
        OTHER_HASH,
    ),
    "body and its unsigned hash": (
        with_unsigned_hash(attrs.evolve(sent(), body=b"{}")),
        INVALID,
        NO_MATCH,
    ),
    "wrong secret, unsigned hash": (
        with_unsigned_hash(sent(key=Credentials(KEY_ID, "another-secret"))),
        INVALID,
        NO_MATCH,
    ),
    "empty unsigned hash": (
        sent().having("x-amz-content-sha256", ""),
        INVALID,
        NOT_HEX,
    ),
    "hash twice": (
        sent().having("x-amz-content-sha256", sha256(BODY), sha256(b"{}")),
        INCOMPLETE,
        "'x-amz-content-sha256' must not be given more than once.",
    ),
    "Authorization twice": (
        sent().having("authorization", sent().authorization, sent().authorization),
        INCOMPLETE,
        "'authorization' must not be given more than once.",
    ),
    "empty Authorization": (sent().having("authorization", ""), INCOMPLETE, NO_PARTS),
    "algorithm alone": (
        sent().having("authorization", "AWS4-HMAC-SHA256"),
        INCOMPLETE,
        f"Part 1 of Authorization header is {UNREADABLE}",
    ),
    "bearer token": (
        sent().having("authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"),
        INCOMPLETE,
        NO_PARTS,
    ),
    "Signature Version 2": (
        sent().having("authorization", f"AWS {KEY_ID}:c2lnbmF0dXJl"),
        INCOMPLETE,
        NO_PARTS,
    ),
    "Signature Version 4a": (
        sent().authorized("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        INCOMPLETE,
        "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only AWS4-HMAC-SHA256)",
    ),
    "other hash": (
        sent().authorized("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
        INCOMPLETE,
        "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1' (only AWS4-HMAC-SHA256)",
    ),
    "no Credential": (
        sent().authorized(f"Credential={KEY_ID}/{SCOPE}, ", ""),
        INCOMPLETE,
        "Authorization header requires 'Credential' parameter.",
    ),
    "empty SignedHeaders": (
        sent().authorized(EDITED_NAMES, "SignedHeaders="),
        INCOMPLETE,
        "Authorization header requires 'SignedHeaders' parameter.",
    ),
    "no Signature": (
        sent().having("authorization", sent().authorization.partition(", Sign")[0]),
        INCOMPLETE,
        (
            "Authorization header requires 'Signature' parameter. "
            "Authorization header requires 'SignedHeaders' parameter."
        ),
    ),
    "second Signature": (
        sent().authorized("Signature=", "Signature=0, Signature="),
        INCOMPLETE,
        "Part 4 of Authorization header is a second Signature",
    ),
    "parameter that no one knows": (
        sent().authorized("Signature=", "Note=1, Signature="),
        INCOMPLETE,
        (
            "Part 3 of Authorization header is none of Credential, SignedHeaders and "
            "Signature"
        ),
    ),
    "space in the key id": (
        sent().authorized("Credential=", "Credential= "),
        INCOMPLETE,
        f"Part 1 of Authorization header is {UNREADABLE}",
    ),
    "no equal sign": (
        sent().authorized("Signature=", "Signature"),
        INCOMPLETE,
        f"Part 3 of Authorization header is {UNREADABLE}",
    ),
    "comma at the end": (
        sent().having("authorization", sent().authorization + ","),
        INCOMPLETE,
        f"Part 4 of Authorization header is {UNREADABLE}",
    ),
    "bytes that are no text": (
        sent().having("authorization", b"AWS4-HMAC-SHA256 \xff"),
        INCOMPLETE,
        "'authorization' must hold nothing but ASCII characters.",
    ),
    "both kinds of signature": (
        attrs.evolve(sent(), query=presigned().query),
        INVALID,
        (
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' "
            "as HTTP header."
        ),
    ),
}
QUERY_TAMPERING: dict[str, tuple[Sent, str, str]] = {
    "method": (attrs.evolve(presigned(), method="GET"), INVALID, NO_MATCH),
    "path": (attrs.evolve(presigned(), path=b"/v1/apps/b/events"), INVALID, NO_MATCH),
    "parameter added": (
        attrs.evolve(presigned(), query=presigned().query + b"&a=1"),
        INVALID,
        NO_MATCH,
    ),
    "signature": (
        presigned().asked("X-Amz-Signature=", "X-Amz-Signature=0"),
        INVALID,
        NO_MATCH,
    ),
    "signature under another name": (
        presigned().asked("X-Amz-Signature=", "X-Amz-Signatur="),
        INCOMPLETE,
        (
            "AWS query-string parameters must include 'X-Amz-Signature'. Re-examine "
            "the query-string parameters."
        ),
    ),
    "nothing but the algorithm": (
        attrs.evolve(presigned(), query=b"X-Amz-Algorithm"),
        INCOMPLETE,
        (
            "AWS query-string parameters must include 'X-Amz-Algorithm'. "
            "AWS query-string parameters must include 'X-Amz-Credential'. "
            "AWS query-string parameters must include 'X-Amz-Signature'. "
            "AWS query-string parameters must include 'X-Amz-SignedHeaders'. "
            "AWS query-string parameters must include 'X-Amz-Date'. "
            "Re-examine the query-string parameters."
        ),
    ),
    "algorithm under another name": (
        presigned().asked("X-Amz-Algorithm=", "X-Amz-Algorithms="),
        MISSING,
        "Missing Authentication Token",
    ),
    "algorithm as a value": (
        attrs.evolve(presigned(), query=b"a=X-Amz-Algorithm"),
        MISSING,
        "Missing Authentication Token",
    ),
    "parameter twice": (
        presigned().asked("X-Amz-Expires=600", "X-Amz-Expires=600&X-Amz-Expires=600"),
        INCOMPLETE,
        "'X-Amz-Expires' must not be given more than once.",
    ),
    "expires later": (
        presigned().asked("X-Amz-Expires=600", "X-Amz-Expires=6000"),
        INVALID,
        NO_MATCH,
    ),
    "expires after a week": (
        presigned(604_801),
        INCOMPLETE,
        "X-Amz-Expires must be at most a week (604800 seconds)",
    ),
    "expires at no time at all": (
        presigned().asked("X-Amz-Expires=600", f"X-Amz-Expires={'9' * 9000}"),
        INCOMPLETE,
        "X-Amz-Expires must be at most a week (604800 seconds)",
    ),
    "expires before it begins": (
        presigned(-1),
        INCOMPLETE,
        "X-Amz-Expires should be a number, not negative",
    ),
    "expires in words": (
        presigned().asked("X-Amz-Expires=600", "X-Amz-Expires=ten"),
        INCOMPLETE,
        "X-Amz-Expires should be a number, not negative",
    ),
    "date moved": (
        presigned().asked("Date=20260921T120000Z", "Date=20260921T120100Z"),
        INVALID,
        NO_MATCH,
    ),
    "date of another form": (
        presigned().asked("Date=20260921T120000Z", "Date=2026-09-21"),
        INCOMPLETE,
        NO_DATE,
    ),
    "Signature Version 4a": (
        presigned().asked("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        INCOMPLETE,
        "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only AWS4-HMAC-SHA256)",
    ),
    "scope": (
        presigned().asked("%2Faws4_request", ""),
        INCOMPLETE,
        (
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            "keyid/date/region/service/term, got 4"
        ),
    ),
    "unknown key": (
        presigned(key=Credentials("short", SECRET)),
        UNRECOGNIZED,
        f"{NO_CLIENT} Access key '…t' is not known here.",
    ),
    "session token dropped": (
        attrs.evolve(
            presigned(key=LENT),
            query=re.sub(
                b"&X-Amz-Security-Token=[^&]+", b"", presigned(key=LENT).query
            ),
        ),
        UNRECOGNIZED,
        f"{NO_CLIENT} Access key '…MPLE' needs its session token, and none was sent.",
    ),
    "session token twice": (
        presigned(key=LENT).having("x-amz-security-token", TOKEN),
        INCOMPLETE,
        "'X-Amz-Security-Token' must not be given more than once.",
    ),
    "session token not ASCII": (
        presigned(key=LENT).asked("Security-Token=", "Security-Token=%C3%A9"),
        INCOMPLETE,
        "'X-Amz-Security-Token' must hold nothing but ASCII characters.",
    ),
    "x-amz header added": (
        presigned().having("x-amz-target", "x"),
        INVALID,
        "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization.",
    ),
    "unsigned payload": (
        sent(query="X-Amz-Content-Sha256=UNSIGNED-PAYLOAD", body=b"", expires=60),
        INVALID,
        NOT_HEX,
    ),
    "body": (attrs.evolve(presigned(), body=b"{}"), INVALID, OTHER_HASH),
    "body and its unsigned hash": (
        with_unsigned_hash(attrs.evolve(PRESIGNED_EMPTY, body=BODY)),
        INVALID,
        NO_MATCH,
    ),
    "unsigned hash of another body": (
        PRESIGNED_EMPTY.having("x-amz-content-sha256", sha256(BODY)),
        INVALID,
        OTHER_HASH,
    ),
    # Signed for no body, with the hash of another one in the query.
    "unsigned hash instead of that in the query": (
        with_unsigned_hash(
            sent(query=f"X-Amz-Content-Sha256={sha256(BODY)}", body=b"", expires=60)
        ),
        INVALID,
        "'X-Amz-Content-Sha256' differs between the query and the headers.",
    ),
}


def calls_made(function: Callable[[], object]) -> int:
    """Return how many calls of functions, also of built-in ones, a function makes."""
    made = 0

    def count(_: FrameType, kind: str, __: object) -> None:
        nonlocal made
        made += kind in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(before)
    return made


class TestCost:
    """What anyone can send who knows a key id is bounded before it is looked at."""

    def refused(self, request: Sent) -> tuple[int, str, str]:
        """Return the parts of a refusal, which costs a few calls of functions."""
        assert calls_made(lambda: refusal(request)) < 150
        return error_parts(refusal(request))

    @pytest.mark.parametrize("expires", [None, 600])
    def test_parameters(self, expires: int | None) -> None:
        """100 parameters of the query are accepted, one more is refused unread."""
        own = 0 if expires is None else presigned().query.count(b"&") + 1
        query = "&".join(f"p{number}=1" for number in range(100 - own))
        signed = partial(sent, expires=expires, tells_hash=True)
        assert verified(signed(query=query)) == KEY_ID
        assert self.refused(signed(query=f"{query}&x=1")) == (
            403,
            INCOMPLETE,
            "The query has 101 parameters; at most 100; leave some out.",
        )

    @pytest.mark.parametrize("pair", [b"", b"a", b"X-Amz-Date=%41", b"X-Amz-Date"])
    def test_many_parameters(self, pair: bytes) -> None:
        """Whatever they are, they are neither decoded nor sorted."""
        request = presigned()
        query = b"&".join([request.query, *[pair] * 60_000])
        many = attrs.evolve(request, query=query)
        assert "60,00" in self.refused(many)[2]

    def test_signed_headers(self) -> None:
        """A request of 100 headers has not more that are signed."""
        names = ";".join(f"h{number}" for number in range(20_000))
        found = self.refused(sent().authorized("host", f"host;{names}"))
        assert found[1:] == (
            INVALID,
            "'SignedHeaders' has 20,003 names; at most 100; sign fewer.",
        )

    @pytest.mark.parametrize("text", [",", "Credential=a,", "/"])
    def test_many_parts(self, text: str) -> None:
        """Parts of the header, and of the credential, are not all looked at."""
        value = f"AWS4-HMAC-SHA256 Credential={text * 30_000}"
        self.refused(sent().having("authorization", value))


class TestTampering:
    """Whatever is changed on the way is refused, under the name that AWS uses."""

    @pytest.mark.parametrize("kind", HEADER_TAMPERING)
    def test_headers(self, kind: str) -> None:
        """A request that is signed in its headers."""
        wire, code, message = HEADER_TAMPERING[kind]
        assert error_parts(refusal(wire)) == (403, code, message)

    @pytest.mark.parametrize("kind", QUERY_TAMPERING)
    def test_query(self, kind: str) -> None:
        """A presigned URL."""
        wire, code, message = QUERY_TAMPERING[kind]
        assert error_parts(refusal(wire)) == (403, code, message)

    def test_other_region(self) -> None:
        """A verifier of one region tells which it is."""
        refused = refusal(sent(region="us-east-2"), region="us-east-1")
        message = "Credential should be scoped to a valid region: 'us-east-1', not"
        assert error_parts(refused) == (403, INVALID, f"{message} 'us-east-2'.")

    @given(
        wire=st.sampled_from(
            [
                sent(query="a=1&b=%20", key=LENT),
                sent(query="a=1&b=%20", tells_hash=True),
                sent(
                    headers=[("x-amz-meta", "a"), ("x-amz-meta", "b")], tells_date=True
                ),
                presigned(),
                presigned(key=LENT),
                with_unsigned_hash(sent(query="a=1")),
                UNSIGNED_TOKEN,
            ]
        ),
        part=st.sampled_from(
            ["method", "path", "query", "header", "body", "signature"]
        ),
        data=st.data(),
    )
    def test_any_byte(self, wire: Sent, part: str, data: st.DataObject) -> None:
        """A single changed byte anywhere in what is signed is enough."""

        def changed(raw: bytes) -> bytes:
            assume(raw)
            at = data.draw(st.integers(0, len(raw) - 1))
            byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[at]))
            return raw[:at] + bytes([byte]) + raw[at + 1 :]

        match part:
            case "method":
                text = changed(wire.method.encode()).decode("latin-1")
                other = attrs.evolve(wire, method=text)
            case "path":
                other = attrs.evolve(wire, path=changed(wire.path))
            case "query":
                other = attrs.evolve(wire, query=changed(wire.query))
            case "header":
                at = data.draw(st.integers(0, len(wire.headers) - 1))
                headers = list(wire.headers)
                name, value = headers[at]
                # White space is folded, by rule: these values hold none to begin with.
                assume(name != b"authorization" and b" " not in value)
                headers[at] = name, changed(value)
                other = attrs.evolve(wire, headers=tuple(headers))
            case "body":
                other = attrs.evolve(wire, body=changed(wire.body))
            case _:
                found = re.search(rb"Signature=([0-9a-f]{64})", wire.query)
                if found:
                    query = wire.query.replace(found[1], changed(found[1]))
                    other = attrs.evolve(wire, query=query)
                else:
                    raw = wire.authorization.encode()
                    other = wire.having("authorization", raw[:-64] + changed(raw[-64:]))
        refused = refusal(other)
        assert refused.status == 403
        assert refused.code in {INCOMPLETE, INVALID, MISSING, UNRECOGNIZED}
        for secret in (SECRET, LENT_SECRET, TOKEN, KEY_ID, LENT_ID):
            assert secret not in str(refused)

    @given(
        body=st.sampled_from([BODY, b"", b"{}"]) | st.binary(max_size=8),
        stated=st.sampled_from([BODY, b"", b"{}", b"x"]).map(sha256)
        | st.text("0123456789abcdef", min_size=64, max_size=64)
        | st.sampled_from(["", "UNSIGNED-PAYLOAD", sha256(BODY).upper()]),
        signed=st.sampled_from([sent(), sent(key=LENT, tells_date=True)]),
    )
    def test_any_unsigned_hash(self, body: bytes, stated: str, signed: Sent) -> None:
        """Whatever an unsigned hash states, only the body that was signed is valid."""
        wire = attrs.evolve(signed, body=body).having("x-amz-content-sha256", stated)
        if body == BODY and stated == sha256(BODY):
            assert verified(wire) == verified(signed)
        else:
            assert refusal(wire).code == INVALID

    @given(
        raw=st.binary(max_size=60),
        where=st.sampled_from(["authorization", "x-amz-date", "query", "host"]),
    )
    def test_any_text(self, raw: bytes, where: str) -> None:
        """Whatever stands where a signature is read, the end is a refusal."""
        if where == "query":
            other = attrs.evolve(presigned(), query=b"X-Amz-Algorithm=" + raw)
        elif where == "authorization":
            other = sent().having(where, b"AWS4-HMAC-SHA256 " + raw)
        else:
            other = sent().having(where, raw)
        assume(raw.split() != [HOST.encode()])
        assert refusal(other).status == 403


class TestTime:
    """A signature holds for a time. (Pinpoint's own answer: "+ 5 min.")."""

    def test_window(self) -> None:
        """Five minutes either way are accepted, bounds included."""
        for seconds in (-300, 300):
            now = NOON + timedelta(seconds=seconds)
            assert verified(sent(), now=now) == KEY_ID

    def test_expired(self) -> None:
        """One second more is too late, and both times are told."""
        refused = refusal(sent(), now=NOON + timedelta(seconds=301))
        assert error_parts(refused) == (
            403,
            INVALID,
            (
                "Signature expired: 20260921T120000Z is now earlier than "
                "20260921T120001Z (20260921T120501Z - 5 min.)"
            ),
        )

    def test_not_yet_current(self) -> None:
        """One second less is too early."""
        refused = refusal(sent(), now=NOON - timedelta(seconds=301))
        assert error_parts(refused) == (
            403,
            INVALID,
            (
                "Signature not yet current: 20260921T120000Z is still later than "
                "20260921T115959Z (20260921T115459Z + 5 min.)"
            ),
        )

    def test_other_window(self) -> None:
        """The window can be another, and is told in seconds if need be."""
        verifier = Verifier(KEYS, window_seconds=90)
        with pytest.raises(AuthenticationError) as raised:
            verifier.begin(sent().head, NOON + timedelta(seconds=91))
        assert raised.value.message == (
            "Signature expired: 20260921T120000Z is now earlier than 20260921T120001Z "
            "(20260921T120131Z - 90 sec.)"
        )

    def test_presigned(self) -> None:
        """A presigned URL holds as long as it says."""
        wire = presigned(604_800)
        assert verified(wire, now=NOON + timedelta(days=7)) == KEY_ID
        refused = refusal(wire, now=NOON + timedelta(days=7, seconds=1))
        assert error_parts(refused) == (
            403,
            INVALID,
            (
                "Signature expired: 20260921T120000Z is now earlier than "
                "20260921T120001Z (20260928T120001Z - 10080 min.)"
            ),
        )

    def test_presigned_too_early(self) -> None:
        """It may be used no sooner than another signature."""
        assert verified(presigned(), now=NOON - timedelta(seconds=300)) == KEY_ID
        refused = refusal(presigned(), now=NOON - timedelta(seconds=301))
        assert refused.message.startswith("Signature not yet current: ")

    def test_http_date(self) -> None:
        """A Date header tells the time of a signature as well, in HTTP's form."""
        wire = sent(tells_date=True)
        assert dict(wire.headers)[b"date"] == b"Mon, 21 Sep 2026 12:00:00 -0000"
        assert verified(wire) == KEY_ID
        refused = refusal(wire, now=NOON + timedelta(seconds=301))
        assert refused.message.startswith("Signature expired: 20260921T120000Z is now")

    @pytest.mark.parametrize("month", range(1, 13))
    def test_http_date_of_each_month(self, month: int) -> None:
        """Each month has its name, and GMT is its zone."""
        moment = NOON.replace(month=month)
        wire = sent(headers=[("Date", "now")], moment=moment)
        date = format_datetime(moment, usegmt=True)
        # The date is signed as it was written: only its time counts here.
        refused = refusal(wire.having("date", date), now=moment)
        assert f"\ndate:{date}\n" in refused.message
        assert f"\n{moment:%Y%m%dT%H%M%SZ}\n" in refused.message

    def test_both_dates(self) -> None:
        """X-Amz-Date goes before Date, which may then say anything."""
        wire = sent().having("date", "yesterday")
        assert verified(wire) == KEY_ID


class TestMessages:
    """A refusal helps the one who signed, and no one else."""

    def test_canonical_request(self) -> None:
        """It shows what should have been signed, but no value that may be private."""
        headers = [
            ("content-type", "application/json"),
            ("cookie", "session=1234"),
            ("x-amz-meta", "Ada  Lovelace"),
        ]
        wire = sent(
            "/v1/apps/a%20b/events",
            query="note=private&a",
            headers=headers,
            key=LENT,
        )
        hashed = sha256(
            b"POST\n/v1/apps/a%2520b/events\na=&note=private\n"
            b"content-type:application/json\ncookie:session=1234\n"
            b"host:127.0.0.1:8080\nx-amz-date:20260921T120000Z\n"
            b"x-amz-meta:Ada Lovelace\nx-amz-security-token:"
            + TOKEN.encode()
            + b"\n\ncontent-type;cookie;host;x-amz-date;x-amz-meta;"
            b"x-amz-security-token\n" + sha256(b"{}").encode()
        )
        assert refusal(attrs.evolve(wire, body=b"{}")).message == (
            f"{NO_MATCH}\n\n"
            "The Canonical String for this request should have been (values that may "
            "be private are replaced by their length)\n"
            "'POST\n"
            "/v1/apps/a%2520b/events\n"
            "a=<0 bytes>&note=<7 bytes>\n"
            "content-type:application/json\n"
            "cookie:<12 bytes>\n"
            "host:127.0.0.1:8080\n"
            "x-amz-date:20260921T120000Z\n"
            "x-amz-meta:<12 bytes>\n"
            "x-amz-security-token:<41 bytes>\n"
            "\n"
            "content-type;cookie;host;x-amz-date;x-amz-meta;x-amz-security-token\n"
            f"{sha256(b'{}')}'\n\n"
            "The String-to-Sign should have been\n"
            "'AWS4-HMAC-SHA256\n"
            "20260921T120000Z\n"
            f"{SCOPE}\n"
            f"{hashed}'\n"
        )

    def test_canonical_query(self) -> None:
        """What it shows of a URL is enough to find the difference, and no key id."""
        wire = presigned(key=LENT)
        shown = refusal(attrs.evolve(wire, method="GET")).message.split("\n")[5]
        assert shown == (
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=<76 bytes>"
            "&X-Amz-Date=20260921T120000Z&X-Amz-Expires=600"
            "&X-Amz-Security-Token=<65 bytes>"
            "&X-Amz-SignedHeaders=content-type%3Bhost%3Bx-amz-content-sha256"
        )

    def test_length(self) -> None:
        """A long request makes no long message."""
        headers = [(f"x-amz-meta-{number}", "v" * 1000) for number in range(80)]
        wire = sent("/" + "p" * 60_000, query="q" * 60_000, headers=headers)
        assert len(refusal(attrs.evolve(wire, body=b"")).message) < 4_000

    def test_text(self) -> None:
        """As an exception it tells status, name and message."""
        refused = AuthenticationError(403, "because", code="X")
        assert str(refused) == "HTTP 403, X: because"

    def test_pickle(self) -> None:
        """It goes through pickle unchanged."""
        refused = pickle.loads(
            pickle.dumps(AuthenticationError(403, "because", code="X"))
        )
        assert (refused.status, refused.code, refused.message) == (403, "X", "because")

    def test_repr_of_a_request(self) -> None:
        """A request shows neither its headers nor its query."""
        assert (
            repr(sent().head)
            == f"SignedRequest(method='POST', raw_path={PATH.encode()!r})"
        )
