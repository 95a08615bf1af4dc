"""
The pytest plugin: five fixtures, available wherever this package is installed.

Every pytest run in such an environment imports this module, so it imports only what
pytest has already imported. A fixture imports the rest when a test requests it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from pinpoint_events.testing._recorder import RecordingRecorder
    from pinpoint_events.testing._recording import RecordingSender
    from pinpoint_events.testing._serving import PinpointServer
    from pinpoint_events.testing._streams import FirehoseStream, KinesisStream

__all__ = [
    "firehose_stream",
    "kinesis_stream",
    "pinpoint_recorder",
    "pinpoint_sender",
    "pinpoint_server",
]

# The ports of the previous tests, by fixture.
_PORTS: Final = pytest.StashKey[dict[str, int]]()

# Fixture to the modules that it needs.
_MODULES: Final = {
    "firehose_stream": "pinpoint_events.testing._streams",
    "kinesis_stream": "pinpoint_events.testing._streams",
    "pinpoint_server": "pinpoint_events.testing._serving",
}

# Variables that make a client use other credentials or another endpoint.
_REMOVED: Final = (
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
    Import the server before the tests run, if one of them requests it.

    The import takes longer than starting a server, and would otherwise count towards
    the duration of the first test.
    """
    fixtures = {name for each in session.items for name in _fixture_names(each)}
    modules = {module for name, module in _MODULES.items() if name in fixtures}
    if not modules:
        return
    from pinpoint_events.errors import ConfigurationError  # noqa: PLC0415 - see above

    # Without the extra, the fixture reports the error.
    with suppress(ConfigurationError):
        for module in sorted(modules):
            import_module(module)
        import_module("pinpoint_events.server.running")


def _fixture_names(item: pytest.Item) -> list[str]:
    # Functions and doctests have fixture names; items of other plugins may not.
    names: list[str] = getattr(item, "fixturenames", [])
    return names


@pytest.fixture
def pinpoint_sender() -> "Iterator[RecordingSender]":
    """A sender that keeps events in memory, with assertions about them."""
    from pinpoint_events.testing import RecordingSender  # noqa: PLC0415 - see above

    with RecordingSender() as sender:
        yield sender


@pytest.fixture
def pinpoint_recorder() -> "Iterator[RecordingRecorder]":
    """A recorder in memory without a thread, with assertions about its events."""
    from pinpoint_events.testing import RecordingRecorder  # noqa: PLC0415 - see above

    with RecordingRecorder() as recorder:
        yield recorder


@pytest.fixture
def pinpoint_server(pytestconfig: pytest.Config) -> "Iterator[PinpointServer]":
    """
    A PutEvents endpoint on this machine, which AWS clients use without configuration.

    During the test, environment variables configure clients, and AWS's config and
    credentials files are not read. Needs the extra `server`.
    """
    from pinpoint_events.testing._serving import serving  # noqa: PLC0415 - see above

    # The previous test's port, so that clients that an application keeps still work.
    ports = pytestconfig.stash.setdefault(_PORTS, {})
    with (
        serving(ports.get("pinpoint_server", 0)) as server,
        _client_environment("PINPOINT", server),
    ):
        ports["pinpoint_server"] = _port(server.url)
        yield server


@pytest.fixture
def kinesis_stream(pytestconfig: pytest.Config) -> "Iterator[KinesisStream]":
    """
    A Kinesis stream on this machine, which AWS clients use without configuration.

    During the test, environment variables configure clients, and AWS's config and
    credentials files are not read. Needs the extra `server`.
    """
    from pinpoint_events.testing._streams import serving_kinesis  # noqa: PLC0415

    ports = pytestconfig.stash.setdefault(_PORTS, {})
    with (
        serving_kinesis(ports.get("kinesis_stream", 0)) as stream,
        _client_environment("KINESIS", stream),
    ):
        ports["kinesis_stream"] = _port(stream.url)
        yield stream


@pytest.fixture
def firehose_stream(pytestconfig: pytest.Config) -> "Iterator[FirehoseStream]":
    """
    A Firehose stream on this machine, which AWS clients use without configuration.

    During the test, environment variables configure clients, and AWS's config and
    credentials files are not read. Needs the extra `server`.
    """
    from pinpoint_events.testing._streams import serving_firehose  # noqa: PLC0415

    ports = pytestconfig.stash.setdefault(_PORTS, {})
    with (
        serving_firehose(ports.get("firehose_stream", 0)) as stream,
        _client_environment("FIREHOSE", stream),
    ):
        ports["firehose_stream"] = _port(stream.url)
        yield stream


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


@contextmanager
def _client_environment(
    service: str, server: "PinpointServer | KinesisStream | FirehoseStream"
) -> Iterator[None]:
    """Set environment variables so that AWS clients of a service use this endpoint."""
    settings = {
        "AWS_ACCESS_KEY_ID": server.credentials.access_key_id,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": server.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        f"AWS_ENDPOINT_URL_{service}": server.url,
        "AWS_REGION": server.region,
        "AWS_SECRET_ACCESS_KEY": server.credentials.secret_access_key,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    # Only with a proxy: NO_PROXY makes clients slower to create.
    if any(name.lower().endswith("_proxy") for name in os.environ):
        others = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
        hosts = f"{others},127.0.0.1" if others else "127.0.0.1"
        settings |= {"NO_PROXY": hosts, "no_proxy": hosts}
    # Not the fixture `monkeypatch`, which the test may undo.
    with pytest.MonkeyPatch.context() as patch, _fresh_default_session():
        for name in _REMOVED:
            patch.delenv(name, raising=False)
        for name, value in settings.items():
            patch.setenv(name, value)
        yield


@contextmanager
def _fresh_default_session() -> Iterator[None]:
    """
    Unset boto3's default session, and restore it at the end.

    `boto3.client` uses a module-level session, which caches the first credentials.
    """
    before = getattr(sys.modules.get("boto3"), "DEFAULT_SESSION", None)
    _set_default_session(None)
    try:
        yield
    finally:
        _set_default_session(before)


def _set_default_session(session: object) -> None:
    boto3 = sys.modules.get("boto3")  # which may have been imported since
    if boto3 is not None:
        boto3.DEFAULT_SESSION = session  # type: ignore[attr-defined] # any module
