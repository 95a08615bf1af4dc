"""Tests of `pinpoint_events.aws.signing_key`."""

from types import SimpleNamespace

from botocore.auth import SigV4Auth
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from pinpoint_events.aws.signing_key import signing_mac

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


class TestSigningMac:
    """It signs as botocore does, and the AWS documentation."""

    def test_of_the_documentation(self) -> None:
        """The key of the published example signs as it."""
        # AWS General Reference, "Deriving the signing key".
        mac = signing_mac(
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            ("20150830", "us-east-1", "iam", "aws4_request"),
        )
        mac.update(
            b"AWS4-HMAC-SHA256\n20150830T123600Z\n"
            b"20150830/us-east-1/iam/aws4_request\n"
            b"f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
        )
        signature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        assert mac.hexdigest() == signature

    @given(words, words, words, words)
    def test_of_botocore(
        self, secret: str, region: str, service: str, text: str
    ) -> None:
        """Any text has the signature that botocore gives it."""
        auth = SigV4Auth(Credentials("AKID", secret), service, region)
        request = SimpleNamespace(context={"timestamp": "20261129T120000Z"})
        mac = signing_mac(secret, ("20261129", region, service, "aws4_request"))
        mac.update(text.encode())
        assert mac.hexdigest() == auth.signature(text, request)
