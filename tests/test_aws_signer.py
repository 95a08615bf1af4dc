"""Tests of signed requests: they are those of botocore's signer."""

import calendar
import time
import warnings
from typing import Any, cast

import botocore
import botocore.args
import botocore.auth
import botocore.client
import botocore.config
import botocore.credentials
import botocore.endpoint_provider
import botocore.exceptions
import botocore.httpsession
import botocore.loaders
import botocore.session
import botocore.useragent
import botocore.utils
import pytest
from botocore.awsrequest import AWSRequest
from hypothesis import given
from hypothesis import strategies as st

from pinpoint_events.aws.credentials import FrozenCredentials
from pinpoint_events.aws.endpoint_url import place_of
from pinpoint_events.aws.link import Link
from pinpoint_events.aws.settings import (
    Settings,
)
from pinpoint_events.aws.signer import Signer
from pinpoint_events.errors import ConfigurationError
from pinpoint_events.http_messages import HttpRequest
from pinpoint_events.put_events import http_request
from pinpoint_events.senders.pinpoint import PINPOINT
from tests.aws import aws
from tests.samples import REQUEST

__all__ = ["aws"]


LOCAL = "http://127.0.0.1:8123"


def settings_for(keys: FrozenCredentials | None, url: str = LOCAL) -> Settings:
    """Return settings that sign for eu-west-1."""
    place = place_of(url)
    return Settings(
        url=url,
        region="eu-west-1",
        credentials=None if keys is None else lambda: keys,
        user_agent="agent/1",
        link=Link(**place),
        max_attempts=None,
    )


PAIR = FrozenCredentials("AKID", "secret", None)

printable = st.text(
    st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40
)
ids = st.text(st.characters(codec="utf-8"), min_size=1).filter(
    lambda text: text not in {".", ".."}
)
secrets = st.text(min_size=1).filter(str.isprintable)
urls = st.sampled_from(
    [
        "http://127.0.0.1:8123",
        "http://HOST:80/",
        "https://host:443/base",
        "https://host:8443/base/",
        "https://[::1]:8443",
        "https://pinpoint.eu-west-1.amazonaws.com",
    ]
)


class TestSigner:
    """Signatures are those of botocore's signer."""

    @given(
        application_id=ids,
        credentials=st.builds(
            FrozenCredentials, printable, secrets, st.none() | printable
        ),
        url=urls,
        body=st.binary(),
    )
    def test_are_botocores(
        self, application_id: str, credentials: FrozenCredentials, url: str, body: bytes
    ) -> None:
        """Headers and signature are what `add_auth` adds at the same time."""
        call = http_request(application_id, REQUEST)
        call = HttpRequest(
            method=call.method, path=call.path, headers=call.headers, body=body
        )
        theirs = AWSRequest(
            call.method,
            url.removesuffix("/") + call.path,
            headers={"Content-Type": "application/json", "User-Agent": "agent/1"},
            data=body,
        )
        signer = botocore.auth.SigV4Auth(credentials, "mobiletargeting", "eu-west-1")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # utcnow, in old ones
            signer.add_auth(theirs)
        at = calendar.timegm(
            time.strptime(theirs.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        )
        ours = (
            Signer(PINPOINT, settings_for(credentials, url))
            .sign(call, at, {"x": "y"})
            .request
        )
        host = ours.headers["Host"]
        assert dict(ours.headers) == {**theirs.headers, "Host": host, "x": "y"}
        assert host == botocore.auth._host_from_url(theirs.url)
        assert ours.body == body
        assert theirs.url.lower().endswith(ours.path.lower())

    def test_on_another_day(self) -> None:
        """A signer signs after midnight, and before it again, as a new one would."""
        call = http_request("app", REQUEST)
        signer = Signer(PINPOINT, settings_for(PAIR))
        midnight = calendar.timegm((2026, 11, 30, 0, 0, 0))
        for at in (midnight - 1, midnight, midnight - 1):
            new = Signer(PINPOINT, settings_for(PAIR))
            assert signer.sign(call, at, {}) == new.sign(call, at, {})

    def test_change_with_time_body_path_and_keys(self) -> None:
        """No signature is one of another request, though most of the text is kept."""
        fresh = [PAIR]
        signer = Signer(
            PINPOINT, settings_for(PAIR)._replace(credentials=lambda: fresh[0])
        )
        call = http_request("a", REQUEST)
        other = http_request("b", REQUEST)
        empty = HttpRequest(
            method="POST", path=call.path, headers=call.headers, body=b""
        )
        signatures = [
            signer.sign(call, 1e9, {}),
            signer.sign(call, 1e9 + 1, {}),
            signer.sign(call, 1e9 + 86_400, {}),
            signer.sign(other, 1e9, {}),
            signer.sign(empty, 1e9, {}),
        ]
        fresh[0] = FrozenCredentials("AKID", "secret", "token")
        signatures.append(signer.sign(call, 1e9, {}))
        fresh[0] = FrozenCredentials("AKID", "other", None)
        signatures.append(signer.sign(call, 1e9, {}))
        fresh[0] = PAIR
        assert signer.sign(call, 1e9, {}) == signatures[0]
        made = {signed.request.headers["Authorization"] for signed in signatures}
        assert len(made) == len(signatures)

    def test_name_what_must_stay_secret(self) -> None:
        """Credentials and signature are named, should the service quote them."""
        keys = FrozenCredentials("AKID", "secret", "token")
        signed = Signer(PINPOINT, settings_for(keys)).sign(
            http_request("a", REQUEST), 1e9, {}
        )
        signature = signed.request.headers["Authorization"].partition("Signature=")[2]
        assert signed.secrets == ("secret", "token", "AKID", signature)

    def test_may_be_left_out(self) -> None:
        """An unsigned request has no date, and nothing that is secret."""
        signed = Signer(PINPOINT, settings_for(None)).sign(
            http_request("a", REQUEST), 1e9, {}
        )
        assert signed.secrets == ()
        assert signed.request.headers == {
            "Host": "127.0.0.1:8123",
            "Content-Type": "application/json",
            "User-Agent": "agent/1",
        }

    @pytest.mark.parametrize(
        "keys",
        [
            FrozenCredentials("AKID\n", "s", None),
            FrozenCredentials("AKID", "s\n", None),
            FrozenCredentials("AKID", "\udcff", None),
            FrozenCredentials("AKID", "s", "token\r\n"),
            FrozenCredentials("AKID", "s", "t\u00f6ken"),
            FrozenCredentials(cast("Any", 7), "s", None),
            FrozenCredentials("AKID", cast("Any", 7), None),
            FrozenCredentials("AKID", "s", cast("Any", 7)),
        ],
    )
    def test_need_keys_that_fit_into_headers(self, keys: FrozenCredentials) -> None:
        """A line break around a token, or a number as a key, has its own error."""
        signer = Signer(PINPOINT, settings_for(keys))
        with pytest.raises(ConfigurationError) as caught:
            signer.sign(http_request("a", REQUEST), 1e9, {})
        assert str(caught.value) == (
            "the AWS access key id, secret key or session token is no text, or has a "
            "character that it cannot have; look for a line break around it"
        )
