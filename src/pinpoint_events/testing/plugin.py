"""
Two fixtures, for pytest, which finds them wherever this package is installed.

So each run of pytest there imports this module, and it must load nothing that is not
there already. What the fixtures need is loaded if a test asks for them.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from pinpoint_events.testing._recording import RecordingSender
    from pinpoint_events.testing._serving import PinpointServer

__all__ = ["pinpoint_sender", "pinpoint_server"]

_PORT: Final = pytest.StashKey[int]()

# With one of these, a client would look for another key or another endpoint.
_MISLEADING: Final = (
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_DEFAULT_PROFILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_PROFILE",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
)


def pytest_collection_finish(session: pytest.Session) -> None:
    """
    Load the endpoint, if a test asks for it, before the tests' time is taken.

    It takes longer than to start one, and would all be counted as the first test's.
    """
    fixtures = {name for each in session.items for name in _fixture_names(each)}
    if "pinpoint_server" not in fixtures:
        return
    from pinpoint_events.errors import ConfigurationError  # noqa: PLC0415 - see above

    # Without the extra, the fixture says so.
    with suppress(ConfigurationError):
        import_module("pinpoint_events.testing._serving")
        import_module("pinpoint_events.server.running")


def _fixture_names(item: pytest.Item) -> list[str]:
    # Doctests and functions have fixtures; items of other plugins may have none.
    names: list[str] = getattr(item, "fixturenames", [])
    return names


@pytest.fixture
def pinpoint_sender() -> "Iterator[RecordingSender]":
    """A sender that keeps what it is sent in memory, with assertions about it."""
    from pinpoint_events.testing import RecordingSender  # noqa: PLC0415 - see above

    with RecordingSender() as sender:
        yield sender


@pytest.fixture
def pinpoint_server(pytestconfig: pytest.Config) -> "Iterator[PinpointServer]":
    """
    A PutEvents endpoint on this machine, which AWS clients find by themselves.

    For that, environment variables are set while the test lasts, and AWS's files are
    out of sight. Needs the extra `server`.
    """
    from pinpoint_events.testing._serving import serving  # noqa: PLC0415 - see above

    # The port of the test before, so that a client that an application keeps finds it.
    port = pytestconfig.stash.get(_PORT, 0)
    with serving(port) as server, _found_by_clients(server):
        pytestconfig.stash[_PORT] = int(server.url.rpartition(":")[2])
        yield server


@contextmanager
def _found_by_clients(server: "PinpointServer") -> Iterator[None]:
    """Let whoever makes a client find the endpoint, and nothing else of AWS."""
    settings = {
        "AWS_ACCESS_KEY_ID": server.credentials.access_key_id,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": server.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_PINPOINT": server.url,
        "AWS_REGION": server.region,
        "AWS_SECRET_ACCESS_KEY": server.credentials.secret_access_key,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    # Only where there is one: with such variables, clients take longer to begin.
    if any(name.lower().endswith("_proxy") for name in os.environ):
        others = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
        hosts = f"{others},127.0.0.1" if others else "127.0.0.1"
        settings |= {"NO_PROXY": hosts, "no_proxy": hosts}
    # Not the test's own `monkeypatch`, which it may undo.
    with pytest.MonkeyPatch.context() as patch, _fresh_default_session():
        for name in _MISLEADING:
            patch.delenv(name, raising=False)
        for name, value in settings.items():
            patch.setenv(name, value)
        yield


@contextmanager
def _fresh_default_session() -> Iterator[None]:
    """
    Let `boto3.client` begin anew, and end with what it had before.

    boto3 keeps one session behind it, with the keys that it found first.
    """
    before = getattr(sys.modules.get("boto3"), "DEFAULT_SESSION", None)
    _set_default_session(None)
    try:
        yield
    finally:
        _set_default_session(before)


def _set_default_session(session: object) -> None:
    boto3 = sys.modules.get("boto3")  # which may have been loaded meanwhile
    if boto3 is not None:
        boto3.DEFAULT_SESSION = session  # type: ignore[attr-defined] # any module
