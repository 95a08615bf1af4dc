"""Tests of which credentials a new process uses; a child's own test is not measured."""

from botocore.credentials import Credentials
from botocore.session import Session

from pinpoint_events.aws.credentials import _CredentialChain


class TestAnew:
    """What the chain does first in a child."""

    def test_keys_of_the_session(self) -> None:
        """Those that were set on it stay in force."""
        session = Session()
        session.set_credentials("AKIDEXAMPLE", "secret")
        chain = _CredentialChain(session)
        found = chain._find()
        assert isinstance(found, Credentials)
        assert chain._anew() is found
