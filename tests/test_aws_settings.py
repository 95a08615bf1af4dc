"""Tests of settings: they are those of a botocore client."""

import gzip
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import boto3
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
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from pinpoint_events import __version__
from pinpoint_events.aws.credentials import CredentialsProvider, FrozenCredentials
from pinpoint_events.aws.link import Link, Proxy
from pinpoint_events.aws.own_session import own_session
from pinpoint_events.aws.settings import (
    Arguments,
    Settings,
    find_settings,
    settings_from_environment,
    settings_from_session,
)
from pinpoint_events.aws.signer import Signer
from pinpoint_events.errors import ConfigurationError, SenderError
from pinpoint_events.senders.pinpoint import PINPOINT
from tests.aws import KEYS, aws
from tests.clients import LOADER
from tests.commands import takes_long
from tests.http_server import Answer, HttpServer
from tests.sender_contract import in_child, needs_fork

__all__ = ["aws"]

NO_REGION = (
    "the region has a name that no region has; pass one such as eu-west-1; with an "
    "endpoint URL, any name of letters, digits and hyphens will do"
)

Config = botocore.config.Config
REGION = {"AWS_DEFAULT_REGION": "eu-west-1"}
LOCAL = "http://127.0.0.1:8123"
LIB = f"lib/pinpoint_events#{__version__}"
PEM = str(Path(__file__).parent / "data" / "tls" / "localhost.pem")


class Row(NamedTuple):
    """
    Something that can be configured.

    Attributes:
        environ: Variables, beside the keys.
        config: Text of the AWS config file; None for no file.
        credentials: The same of the credentials file.
        arguments: Arguments of the sender, which a client has too.
        options: Those of its `config`.
        profile: That of a session to pass.
        is_direct: Whether it is read from the environment, without a session.
    """

    environ: Mapping[str, str] = {}
    config: str | None = None
    credentials: str | None = None
    arguments: Mapping[str, str] = {}
    options: Mapping[str, Any] | None = None
    profile: str | None = None
    is_direct: bool = False


PROFILES = """
[default]
region = us-west-2
[profile other]
region = ca-central-1
endpoint_url = http://127.0.0.1:1111
ca_bundle = /other.pem
max_attempts = 7
sdk_ua_app_id = other-app
services = those
use_fips_endpoint = true
use_dualstack_endpoint = true
tcp_keepalive = true
[services those]
pinpoint =
    endpoint_url = http://127.0.0.1:2222/base
"""
GLOBAL_URL = "[default]\nendpoint_url = http://127.0.0.1:1111\n"
VARIANTS = "[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n"
SECRETS = """
[default]
aws_access_key_id = AKIDDEFAULT
aws_secret_access_key = default-secret
[other]
aws_access_key_id = AKIDOTHER
aws_secret_access_key = other-secret
aws_session_token = other-token
"""
FLAT_SERVICES = "services = s\n[services s]\npinpoint = http://planted.test\n"
NO_KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}

ROWS = {
    # Only the environment.
    "region": Row(REGION, is_direct=True),
    "token": Row({**REGION, "AWS_SESSION_TOKEN": "tok"}, is_direct=True),
    "old-token": Row({**REGION, "AWS_SECURITY_TOKEN": "old"}, is_direct=True),
    "both-tokens": Row(
        {**REGION, "AWS_SESSION_TOKEN": "tok", "AWS_SECURITY_TOKEN": "old"},
        is_direct=True,
    ),
    "endpoint": Row({**REGION, "AWS_ENDPOINT_URL": LOCAL}, is_direct=True),
    "endpoint-of-service": Row(
        {**REGION, "AWS_ENDPOINT_URL": "http://x", "AWS_ENDPOINT_URL_PINPOINT": LOCAL},
        is_direct=True,
    ),
    "ca-bundle": Row({**REGION, "AWS_CA_BUNDLE": "/a.pem"}, is_direct=True),
    "requests-ca-bundle": Row(
        {**REGION, "REQUESTS_CA_BUNDLE": "/r.pem"}, is_direct=True
    ),
    "both-ca-bundles": Row(
        {**REGION, "AWS_CA_BUNDLE": "/a.pem", "REQUESTS_CA_BUNDLE": "/r.pem"},
        is_direct=True,
    ),
    "attempts": Row({**REGION, "AWS_MAX_ATTEMPTS": "5"}, is_direct=True),
    "retry-mode": Row({**REGION, "AWS_RETRY_MODE": "legacy"}, is_direct=True),
    "lambda": Row(
        {
            **REGION,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        },
        is_direct=True,
    ),
    "no-files": Row(
        {
            **REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": "/no/such/file",
        },
        is_direct=True,
    ),
    "region-argument": Row(REGION, arguments={"region": "us-east-2"}, is_direct=True),
    "endpoint-argument": Row(
        {**REGION, "AWS_ENDPOINT_URL": "http://x", "AWS_ENDPOINT_URL_PINPOINT": LOCAL},
        arguments={"endpoint_url": "https://gateway.example.com:8443/stage/"},
        is_direct=True,
    ),
    "own-port": Row(
        REGION,
        arguments={"endpoint_url": "https://gateway.example.com:443"},
        is_direct=True,
    ),
    "own-port-of-http": Row(
        REGION, arguments={"endpoint_url": "http://gateway:80/a"}, is_direct=True
    ),
    "local-region": Row(
        {"AWS_DEFAULT_REGION": "any-where-9", "AWS_ENDPOINT_URL": LOCAL}, is_direct=True
    ),
    "empty-token": Row({**REGION, "AWS_SESSION_TOKEN": ""}),
    "ignored-endpoint": Row(
        {
            **REGION,
            "AWS_ENDPOINT_URL": LOCAL,
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        }
    ),
    "fips": Row({**REGION, "AWS_USE_FIPS_ENDPOINT": "true"}),
    "dual-stack": Row({**REGION, "AWS_USE_DUALSTACK_ENDPOINT": "true"}),
    "fips-and-endpoint": Row(
        {**REGION, "AWS_USE_FIPS_ENDPOINT": "true", "AWS_ENDPOINT_URL": LOCAL}
    ),
    "app-id": Row({**REGION, "AWS_SDK_UA_APP_ID": "my app"}),
    "defaults-mode": Row({**REGION, "AWS_DEFAULTS_MODE": "in-region"}),
    "proxy": Row({**REGION, "HTTPS_PROXY": "http://user:pass@proxy.example.com:3128"}),
    "http-proxy": Row({**REGION, "http_proxy": "proxy:1", "AWS_ENDPOINT_URL": LOCAL}),
    "no-proxy": Row(
        {**REGION, "HTTPS_PROXY": "http://p:1", "NO_PROXY": "amazonaws.com"}
    ),
    "keepalive": Row({**REGION, "BOTOCORE_TCP_KEEPALIVE": "true"}),
    "china": Row({"AWS_DEFAULT_REGION": "cn-north-1"}),
    "new-region": Row({"AWS_DEFAULT_REGION": "eu-west-77"}),
    "pseudo-region": Row({"AWS_DEFAULT_REGION": "fips-us-east-1"}),
    "pseudo-region-argument": Row(arguments={"region": "us-east-1-fips"}),
    "gov-fips": Row(
        {"AWS_DEFAULT_REGION": "us-gov-west-1", "AWS_USE_FIPS_ENDPOINT": "true"}
    ),
    # Files.
    "config-file": Row(config=PROFILES),
    "variable-over-config-file": Row(REGION, config=PROFILES),
    "profile": Row({"AWS_PROFILE": "other"}, config=PROFILES),
    "default-profile": Row({"AWS_DEFAULT_PROFILE": "other"}, config=PROFILES),
    "both-profiles": Row(
        {"AWS_DEFAULT_PROFILE": "other", "AWS_PROFILE": "default"}, config=PROFILES
    ),
    "variables-over-profile": Row(
        {
            **REGION,
            "AWS_PROFILE": "other",
            "AWS_ENDPOINT_URL": LOCAL,
            "AWS_CA_BUNDLE": "/a.pem",
            "AWS_MAX_ATTEMPTS": "2",
            "AWS_SDK_UA_APP_ID": "mine",
        },
        config=PROFILES,
    ),
    "profile-without-endpoints": Row(
        {"AWS_PROFILE": "other", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
        config=PROFILES,
    ),
    "global-endpoint": Row(REGION, config=GLOBAL_URL),
    "variants": Row(REGION, config=VARIANTS),
    "variable-over-variants": Row(
        {**REGION, "AWS_USE_FIPS_ENDPOINT": "false"}, config=VARIANTS
    ),
    "keys-over-files": Row(REGION, credentials=SECRETS),
    "keys-of-files": Row({**REGION, **NO_KEYS}, credentials=SECRETS),
    "keys-of-a-profile": Row(
        {**REGION, **NO_KEYS, "AWS_PROFILE": "other"}, credentials=SECRETS
    ),
    "keys-over-a-profile": Row({**REGION, "AWS_PROFILE": "other"}, credentials=SECRETS),
    "session": Row(REGION, config=PROFILES, credentials=SECRETS, profile="other"),
    # The config argument.
    "region-option": Row(REGION, options={"region_name": "us-east-2"}),
    "region-argument-over-option": Row(
        REGION, options={"region_name": "x"}, arguments={"region": "us-west-2"}
    ),
    "timeouts": Row(REGION, options={"connect_timeout": 1.5, "read_timeout": None}),
    "timeouts-of-a-mode": Row(REGION, options={"defaults_mode": "standard"}),
    "timeouts-over-a-mode": Row(
        {**REGION, "AWS_DEFAULTS_MODE": "mobile"}, options={"connect_timeout": 4}
    ),
    "pool": Row(REGION, options={"max_pool_connections": 3}),
    "client-cert": Row(REGION, options={"client_cert": ("/c.pem", "/c.key")}),
    "proxies": Row(
        {**REGION, "HTTPS_PROXY": "http://other:1"},
        options={
            "proxies": {"https": "https://proxy:3129"},
            "proxies_config": {
                "proxy_ca_bundle": "/p.pem",
                "proxy_client_cert": "/c.pem",
                "proxy_use_forwarding_for_https": True,
            },
        },
    ),
    "proxies-off": Row(
        {**REGION, "HTTPS_PROXY": "http://other:1"}, options={"proxies": {}}
    ),
    "fips-option": Row(
        {**REGION, "AWS_USE_FIPS_ENDPOINT": "false"},
        options={"use_fips_endpoint": True},
    ),
    "fips-option-off": Row(
        {**REGION, "AWS_USE_FIPS_ENDPOINT": "true"},
        options={"use_fips_endpoint": False},
    ),
    "dual-stack-option": Row(REGION, options={"use_dualstack_endpoint": True}),
    "ignored-endpoint-option": Row(
        {**REGION, "AWS_ENDPOINT_URL": LOCAL},
        options={"ignore_configured_endpoint_urls": True},
    ),
    "app-id-option": Row(
        {**REGION, "AWS_SDK_UA_APP_ID": "theirs"}, options={"user_agent_appid": "mine"}
    ),
    "extra-option": Row(REGION, options={"user_agent_extra": "md/x#1"}),
    "user-agent-option": Row(
        REGION, options={"user_agent": "mine/1", "user_agent_extra": "md/x#1"}
    ),
    "keepalive-option": Row(REGION, options={"tcp_keepalive": True}),
    "unsigned": Row(REGION, options={"signature_version": botocore.UNSIGNED}),
    "v4": Row(REGION, options={"signature_version": "v4"}),
    "foreign-options": Row(
        REGION,
        options={"s3": {"addressing_style": "path"}, "parameter_validation": False},
    ),
}


@pytest.fixture
def place(aws: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Row], None]:
    """Return what sets up the environment and the files of a row."""
    # Each session would read the same megabytes of botocore's data again.
    aws.setattr("botocore.session.create_loader", lambda _: LOADER)

    def set_up(row: Row) -> None:
        for name, value in {**KEYS, **row.environ}.items():
            aws.setenv(name, value)
        (tmp_path / ".aws").mkdir()
        for name, text in (("config", row.config), ("credentials", row.credentials)):
            if text is not None:
                (tmp_path / ".aws" / name).write_text(text)

    return set_up


def arguments_of(row: Row) -> Arguments:
    """Return the arguments of a sender."""
    config = None if row.options is None else Config(**row.options)
    session = None
    if row.profile is not None:
        session = botocore.session.Session(profile=row.profile)
    return Arguments(**row.arguments, session=session, config=config)


class Sent(NamedTuple):
    """What can be seen of a botocore client, and the same of our settings."""

    url: str
    region: str
    credentials: tuple[str | None, ...] | None
    agent: list[str]
    timeouts: tuple[Any, Any]
    pool: int
    verify: Any
    client_cert: Any
    socket_options: list[tuple[int, int, int]]
    proxy: tuple[Any, ...] | None
    attempts: int | None


class _Raw:
    def stream(self) -> Iterator[bytes]:
        yield b"{}"


def seen_of_botocore(arguments: Arguments) -> Sent:
    """Return what a client of botocore does with these arguments."""
    session = arguments.session or botocore.session.Session()
    client = session.create_client(
        "pinpoint",
        region_name=arguments.region,
        endpoint_url=arguments.endpoint_url,
        config=arguments.config,
    )
    requests: list[AWSPreparedRequest] = []

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        requests.append(request)
        return AWSResponse(request.url, 202, {}, _Raw())

    client.meta.events.register("before-send.pinpoint.PutEvents", answer)
    client.put_events(ApplicationId="a", EventsRequest={"BatchItem": {}})
    (request,) = requests
    headers = {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in request.headers.items()
    }
    credentials = None
    if "Authorization" in headers:
        frozen = client._get_credentials().get_frozen_credentials()
        credentials = (frozen.access_key, frozen.secret_key, frozen.token)
        _, key_id, _, region, name, _ = (
            headers["Authorization"].replace("=", "/").split(",")[0].split("/")
        )
        assert (key_id, name) == (frozen.access_key, "mobiletargeting")
    else:
        region = client.meta.region_name
    http = client._endpoint.http_session
    proxies = http._proxy_config
    proxy_url = proxies.proxy_url_for(request.url)
    config = client.meta.config
    return Sent(
        url=request.url.removesuffix("/v1/apps/a/events"),
        region=region,
        credentials=credentials,
        agent=[
            word
            for word in headers["User-Agent"].split()
            if not word.startswith(("m/", "cfg/"))
        ],
        timeouts=expected_timeouts(arguments.config, config),
        pool=config.max_pool_connections,
        verify=http._verify,
        client_cert=config.client_cert,
        socket_options=http._socket_options,
        proxy=(
            (proxy_url, proxies.proxy_headers_for(proxy_url), proxies.settings)
            if proxy_url
            else None
        ),
        attempts=config.retries.get("total_max_attempts"),
    )


def expected_timeouts(given: Any, of_client: Any) -> tuple[float | None, float | None]:
    """Return a client's timeouts, with ours in place of botocore's own defaults."""
    options = {} if given is None else given._user_provided_options
    ours = {"connect_timeout": 5.0, "read_timeout": 10.0}
    connect, read = (
        getattr(of_client, name)
        if name in options or getattr(of_client, name) != 60
        else seconds
        for name, seconds in ours.items()
    )
    return connect, read


def seen_of_ours(chosen: Settings) -> Sent:
    """Return the same of what was looked up here."""
    link = chosen.link
    proxy = link.proxy
    options = {}
    if proxy is not None:
        options = {
            "proxy_ca_bundle": proxy.ca_bundle,
            "proxy_client_cert": proxy.client_cert,
            "proxy_use_forwarding_for_https": proxy.forwards_https or None,
        }
    return Sent(
        url=chosen.url.removesuffix("/"),
        region=chosen.region,
        credentials=None if chosen.credentials is None else tuple(chosen.credentials()),
        agent=[word for word in chosen.user_agent.split() if word != LIB],
        timeouts=(link.connect_timeout, link.read_timeout),
        pool=link.max_connections,
        verify=link.verify,
        client_cert=link.client_cert,
        socket_options=list(link.socket_options),
        proxy=(
            None
            if proxy is None
            else (
                proxy.url,
                proxy.headers,
                {name: value for name, value in options.items() if value is not None},
            )
        ),
        attempts=chosen.max_attempts,
    )


class TestPrecedence:
    """Settings are those of a botocore client, wherever they come from."""

    @takes_long
    @pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
    def test_is_botocores(self, row: Row, place: Callable[[Row], None]) -> None:
        """A client and a sender with the same arguments do the same."""
        place(row)
        arguments = arguments_of(row)
        assert seen_of_ours(find_settings(PINPOINT, arguments)) == seen_of_botocore(
            arguments
        )

    @pytest.mark.skipif(os.name == "nt", reason="always uses a session")
    @pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
    def test_is_the_same_without_a_session(
        self, row: Row, place: Callable[[Row], None]
    ) -> None:
        """Settings read from the environment are those of a session."""
        place(row)
        arguments = arguments_of(row)
        found = None
        if arguments.session is None and arguments.config is None:
            found = settings_from_environment(PINPOINT, os.environ, arguments)
        assert (found is not None) is row.is_direct
        if found is not None:
            by_session = settings_from_session(PINPOINT, arguments)
            assert seen_of_ours(found) == seen_of_ours(by_session)
            assert found.user_agent == by_session.user_agent

    def test_is_botocores_with_rules_of_the_users_own(
        self, place: Callable[[Row], None], tmp_path: Path
    ) -> None:
        """An `endpoints.json` in a data path of one's own is followed."""
        place(Row(REGION))
        (tmp_path / "data").mkdir()
        text = Path(LOADER.BUILTIN_DATA_PATH, "endpoints.json").read_text()
        text = text.replace("amazonaws.com", "aws.example.com")
        (tmp_path / "data" / "endpoints.json").write_text(text)
        session = botocore.session.Session()
        own = botocore.loaders.create_loader(str(tmp_path / "data"))
        session.register_component("data_loader", own)
        ours = seen_of_ours(find_settings(PINPOINT, Arguments(session=session)))
        assert ours == seen_of_botocore(Arguments(session=session))
        assert ours.url == "https://pinpoint.eu-west-1.aws.example.com"

    def test_follows_a_data_path(
        self,
        place: Callable[[Row], None],
        aws: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        """`AWS_DATA_PATH` applies to the session that this library creates."""
        place(Row(REGION))
        (tmp_path / "data").mkdir()
        text = Path(LOADER.BUILTIN_DATA_PATH, "endpoints.json").read_bytes()
        text = text.replace(b"amazonaws.com", b"aws.example.com")
        (tmp_path / "data" / "endpoints.json.gz").write_bytes(gzip.compress(text))
        aws.setenv("AWS_DATA_PATH", f"{tmp_path / 'none'}{os.pathsep}$OF_TEST")
        aws.setenv("OF_TEST", str(tmp_path / "data"))
        ours = seen_of_ours(find_settings(PINPOINT, Arguments()))
        assert ours.url == "https://pinpoint.eu-west-1.aws.example.com"

    @pytest.mark.parametrize(
        "names",
        [("endpoints",), ("sts", "2011-06-15", "service-2"), ("partitions",), ("no",)],
    )
    def test_reads_what_botocore_reads(self, names: tuple[str, ...]) -> None:
        """The session that this library creates reads the same data, only faster."""
        own = own_session().get_component("data_loader").file_loader
        path = str(Path(LOADER.BUILTIN_DATA_PATH, *names))
        assert own.load_file(path) == botocore.loaders.JSONFileLoader().load_file(path)
        assert own.exists(path) == (names != ("no",))

    def test_looks_for_rules_of_the_users_own(
        self, place: Callable[[Row], None], tmp_path: Path
    ) -> None:
        """If `~/.aws/models` exists, a session is used."""
        place(Row({**KEYS, **REGION}))
        (tmp_path / ".aws" / "models").mkdir()
        assert settings_from_environment(PINPOINT, os.environ, Arguments()) is None

    def test_needs_both_keys_to_go_without_a_session(
        self, place: Callable[[Row], None], aws: pytest.MonkeyPatch
    ) -> None:
        """Half a pair says nothing: the rest may be anywhere."""
        place(Row(REGION))
        aws.delenv("AWS_SECRET_ACCESS_KEY")
        assert settings_from_environment(PINPOINT, os.environ, Arguments()) is None

    @pytest.mark.parametrize("platform", ["darwin", "win32"])
    def test_asks_a_session_where_systems_have_settings(
        self, platform: str, place: Callable[[Row], None], aws: pytest.MonkeyPatch
    ) -> None:
        """On macOS and Windows proxies may be set outside the environment."""
        place(Row(REGION))
        aws.setattr("sys.platform", platform)
        assert settings_from_environment(PINPOINT, os.environ, Arguments()) is None

    @pytest.mark.parametrize("region", sorted(PINPOINT.plain_regions))
    def test_knows_the_hosts_of_the_regions(
        self, region: str, place: Callable[[Row], None]
    ) -> None:
        """The host names known by heart are those of the rules."""
        place(Row())
        arguments = Arguments(region, session=botocore.session.Session())
        url = f"https://pinpoint.{region}.amazonaws.com"
        assert find_settings(PINPOINT, arguments).url == url
        assert find_settings(PINPOINT, arguments._replace(session=None)).url == url

    def test_has_the_endpoint_of_every_region(
        self, place: Callable[[Row], None]
    ) -> None:
        """As a client's, also where botocore's two sources of it differ."""
        place(Row())
        session = botocore.session.Session()
        regions = [
            region
            for partition in session.get_available_partitions()
            for service in ("pinpoint", "ec2")  # and where Pinpoint never was
            for region in session.get_available_regions(service, partition)
        ]
        assert len(regions) > 40
        for region in dict.fromkeys(regions):
            client = session.create_client("pinpoint", region_name=region)
            found = find_settings(PINPOINT, Arguments(region, session=session))
            assert found.url == client.meta.endpoint_url


class TestSessions:
    """Sessions of botocore and of boto3 are taken as they are."""

    @pytest.fixture(autouse=True)
    def _place(self, place: Callable[[Row], None]) -> None:
        place(Row(REGION, config=PROFILES, credentials=SECRETS))

    def test_may_be_boto3s(self) -> None:
        """Region and keys of a session of boto3 count."""
        session = boto3.Session("AKIDX", "s", "t", "ap-south-1")
        chosen = find_settings(PINPOINT, Arguments(session=session))
        assert chosen.region == "ap-south-1"
        assert chosen.credentials is not None
        assert chosen.credentials() == ("AKIDX", "s", "t")

    def test_may_have_a_config(self) -> None:
        """A session's own config counts below the argument."""
        session = botocore.session.Session()
        session.set_default_client_config(
            Config(connect_timeout=3, read_timeout=4, user_agent_extra="md/x")
        )
        alone = find_settings(PINPOINT, Arguments(session=session))
        assert alone.link.connect_timeout == 3
        arguments = Arguments(session=session, config=Config(connect_timeout=5))
        assert seen_of_ours(find_settings(PINPOINT, arguments)) == seen_of_botocore(
            arguments
        )

    def test_name_themselves(self) -> None:
        """A session's name, version and extra begin and end the user agent."""
        session = botocore.session.Session()
        session.user_agent_name = "Mine"
        session.user_agent_version = "1.2"
        session.user_agent_extra = "md/theirs"
        agent = find_settings(PINPOINT, Arguments(session=session)).user_agent
        assert agent.startswith(f"Mine/1.2 md/Botocore#{botocore.__version__} ")
        assert agent.endswith(f" md/theirs {LIB}")


class TestRegion:
    """A region is found in two more places; without one there is an error."""

    @pytest.mark.parametrize("options", [None, {}])
    def test_may_be_that_of_other_sdks(
        self, place: Callable[[Row], None], options: dict[str, Any] | None
    ) -> None:
        """`AWS_REGION` serves where botocore finds none."""
        row = Row({"AWS_REGION": "us-east-2"}, options=options)
        place(row)
        assert find_settings(PINPOINT, arguments_of(row)).region == "us-east-2"

    @pytest.mark.parametrize("options", [None, {}])
    def test_is_botocores_first(
        self, place: Callable[[Row], None], options: dict[str, Any] | None
    ) -> None:
        """What botocore finds comes before `AWS_REGION`."""
        row = Row({**REGION, "AWS_REGION": "us-east-2"}, options=options)
        place(row)
        assert find_settings(PINPOINT, arguments_of(row)).region == "eu-west-1"

    def test_of_a_profile_is_botocores_too(self, place: Callable[[Row], None]) -> None:
        """So does that of a file."""
        place(Row({"AWS_REGION": "us-east-2"}, config=PROFILES))
        assert find_settings(PINPOINT, Arguments()).region == "us-west-2"

    @pytest.mark.parametrize(
        "url",
        [
            "https://pinpoint.ap-south-1.amazonaws.com",
            "https://pinpoint-fips.ap-south-1.amazonaws.com:443/x",
            "https://pinpoint.ap-south-1.api.aws",
            "https://vpce-0-1.pinpoint.ap-south-1.vpce.amazonaws.com",
            "https://PINPOINT.ap-south-1.amazonaws.com.cn",
        ],
    )
    def test_may_stand_in_the_url(self, place: Callable[[Row], None], url: str) -> None:
        """The region is taken from an AWS host name."""
        place(Row())
        assert (
            find_settings(PINPOINT, Arguments(endpoint_url=url)).region == "ap-south-1"
        )

    @pytest.mark.parametrize("url", [None, LOCAL, "https://pinpoint.example.com"])
    def test_must_be_known(self, place: Callable[[Row], None], url: str | None) -> None:
        """Without one nothing can be signed."""
        place(Row())
        with pytest.raises(ConfigurationError) as caught:
            find_settings(PINPOINT, Arguments(endpoint_url=url))
        assert str(caught.value) == (
            "no region is known; pass region=, or set AWS_REGION, or region in the "
            "profile of the AWS config file"
        )


class TestRefused:
    """What cannot be meant is refused before anything is sent."""

    @staticmethod
    def message(arguments: Arguments) -> str:
        """Return the error's message; the error is chained to nothing."""
        with pytest.raises(ConfigurationError) as caught:
            find_settings(PINPOINT, arguments)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
        return str(caught.value)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "pinpoint",
            "ftp://host",
            "https://",
            "https://user:planted@host",
            "https://planted@host",
            "https://host?planted",
            "https://host/a?b",
            "https://host#planted",
            "https://host:port",
            "https://host:99999",
            "https://[::1",
            "https://h\u00f6st",
            "https://host/a b",
            "https://host/\u00f6",
            "https://-host-",
            b"https://host",
        ],
    )
    @pytest.mark.parametrize("options", [None, {}])
    def test_urls(
        self,
        url: Any,
        options: dict[str, Any] | None,
        place: Callable[[Row], None],
    ) -> None:
        """Endpoint URLs are http or https, a host, and no more than port and path."""
        place(Row(REGION))
        config = None if options is None else Config()
        assert self.message(Arguments(endpoint_url=url, config=config)) == (
            "the endpoint URL is not usable; write it as https://host[:port][/path], "
            "in ASCII, without credentials, query or fragment"
        )

    @pytest.mark.parametrize(
        "arguments, message",
        [
            (
                Arguments(region=5),  # type: ignore[arg-type]
                "region is of type int; pass text, as in 'eu-west-1', or leave it out",
            ),
            (
                Arguments(session="default"),
                (
                    "session is of type str; pass a session of botocore or boto3, or "
                    "leave it out"
                ),
            ),
            (
                Arguments(config={"connect_timeout": 5}),
                (
                    "config is of type dict; pass a botocore.config.Config, or leave "
                    "it out"
                ),
            ),
            (
                Arguments(credentials=("a", "b")),
                (
                    "credentials is of type tuple; pass botocore's Credentials, or "
                    "leave it out"
                ),
            ),
            (
                Arguments(config=Config(retries={"mode": "standard"})),
                (
                    "the config has `retries`; pass retry=Retry(...) to the sender in "
                    "its place"
                ),
            ),
            (
                Arguments(config=Config(connect_timeout=0)),
                (
                    "connect_timeout in the config is no number of seconds above 0; "
                    "correct it, or pass None to wait without limit"
                ),
            ),
            (
                Arguments(config=Config(read_timeout=True)),
                (
                    "read_timeout in the config is no number of seconds above 0; "
                    "correct it, or pass None to wait without limit"
                ),
            ),
            (
                Arguments(config=Config(signature_version="s3v4")),
                (
                    "signature_version in the config or profile is not one that the "
                    "service accepts; leave it out, or pass botocore.UNSIGNED"
                ),
            ),
            (
                Arguments(endpoint_url=LOCAL, config=Config(use_fips_endpoint=True)),
                (
                    "an endpoint URL is given, and the config asks for the FIPS or "
                    "dual-stack endpoint of the region; leave one of them out"
                ),
            ),
            (
                Arguments(
                    endpoint_url=LOCAL, config=Config(use_dualstack_endpoint=True)
                ),
                (
                    "an endpoint URL is given, and the config asks for the FIPS or "
                    "dual-stack endpoint of the region; leave one of them out"
                ),
            ),
            (
                Arguments(config=Config(defaults_mode="hurry")),
                ("Client configured with invalid defaults mode: hurry. Valid ",),
            ),
            (
                Arguments(config=Config(proxies={"https": "socks5://u:planted@p"})),
                (
                    "the proxy URL is not usable; write it as "
                    "http://[name:password@]host:port, with anything but ASCII "
                    "percent-encoded"
                ),
            ),
            (
                Arguments(
                    config=Config(proxies={"https": "http://u:pl\u00e4nted@p:1"})
                ),
                (
                    "the proxy URL is not usable; write it as "
                    "http://[name:password@]host:port, with anything but ASCII "
                    "percent-encoded"
                ),
            ),
        ],
    )
    def test_arguments(
        self, arguments: Arguments, message: str, place: Callable[[Row], None]
    ) -> None:
        """Arguments of another type, or that contradict each other."""
        place(Row(REGION))
        assert self.message(arguments).startswith(message)

    @pytest.mark.parametrize(
        "row, message",
        [
            (
                Row({"AWS_PROFILE": "nope"}),
                (
                    "The config profile (nope) could not be found; correct the "
                    "arguments, environment or files"
                ),
            ),
            (
                Row({"AWS_DEFAULT_REGION": "bad region"}),
                NO_REGION,
            ),
            (Row(options={"region_name": "bad region"}), NO_REGION),
            *(
                (Row(arguments={"region": name}), NO_REGION)
                for name in ("eu-west1", "eu-west-1a", "EU-WEST-1", "xx-west-1", "eu")
            ),
            *(
                (row, NO_REGION)
                for name in ("eu-west-1\n", "\n", "eu\nwest-1")
                for row in (
                    Row(arguments={"region": name}),
                    Row(arguments={"region": name, "endpoint_url": LOCAL}),
                    Row(options={"region_name": name}),
                    Row({"AWS_DEFAULT_REGION": name}),
                )
            ),
            (
                Row({**REGION, "AWS_MAX_ATTEMPTS": "many"}),
                (
                    "max_attempts is no whole number above 0; correct AWS_MAX_ATTEMPTS "
                    "or the profile; it counts the first attempt too"
                ),
            ),
            (
                Row({**REGION, "AWS_MAX_ATTEMPTS": "many"}, options={}),
                (
                    "max_attempts is no whole number above 0; correct AWS_MAX_ATTEMPTS "
                    "or the profile; it counts the first attempt too"
                ),
            ),
            (
                Row({**REGION, "AWS_MAX_ATTEMPTS": "0"}),
                (
                    "max_attempts is no whole number above 0; correct AWS_MAX_ATTEMPTS "
                    "or the profile; it counts the first attempt too"
                ),
            ),
            (
                Row({**REGION, "AWS_CA_BUNDLE": " "}),
                (
                    "the path of the CA bundle is empty; correct ca_bundle, "
                    "AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE, or leave it out"
                ),
            ),
            (
                Row(REGION, config=f"[default]\n{FLAT_SERVICES}"),
                (
                    "the services section of the profile is not readable; write "
                    "`pinpoint =` there, and `endpoint_url = URL` indented on the next "
                    "line"
                ),
            ),
            (
                Row({**REGION, "REQUESTS_CA_BUNDLE": ""}),
                (
                    "the path of the CA bundle is empty; correct ca_bundle, "
                    "AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE, or leave it out"
                ),
            ),
        ],
    )
    def test_surroundings(
        self, row: Row, message: str, place: Callable[[Row], None]
    ) -> None:
        """Variables and files that are wrong, with and without a session."""
        place(row)
        assert self.message(arguments_of(row)) == message

    def test_broken_files(self, place: Callable[[Row], None], tmp_path: Path) -> None:
        """A file that cannot be read is named; no line of it is quoted."""
        place(Row(REGION, config="region = planted"))
        assert self.message(Arguments()) == (
            f"Unable to parse config file: {tmp_path / '.aws' / 'config'}; correct the "
            "arguments, environment or files"
        )

    def test_user_agents(self, place: Callable[[Row], None]) -> None:
        """A user agent goes into a header, and is printable ASCII."""
        place(Row(REGION))
        config = Config(user_agent_extra="a\nb")
        with pytest.raises(ConfigurationError) as caught:
            Signer(PINPOINT, find_settings(PINPOINT, Arguments(config=config)))
        assert str(caught.value) == (
            "the user agent is not printable ASCII; correct user_agent, "
            "user_agent_extra and user_agent_appid"
        )


NEVER = datetime(2999, 1, 1, tzinfo=UTC)


class Plain:
    """Credentials that are not botocore's."""

    def get_frozen_credentials(self) -> FrozenCredentials:
        """Return themselves."""
        return FrozenCredentials("a", "s", None)


def refused(status: int, code: str = "planted") -> Exception:
    """Return the error of a service that gives no credentials."""
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error: Exception = botocore.exceptions.ClientError(answer, "planted")
    return error


class TestCredentials:
    """Credentials are looked up when a request is signed, each time anew."""

    @pytest.fixture(autouse=True)
    def _place(self, place: Callable[[Row], None]) -> None:
        place(Row({**REGION, **NO_KEYS}))

    @staticmethod
    def message(chosen: Settings) -> str:
        """Return the error's message; the error is chained to nothing."""
        assert chosen.credentials is not None
        with pytest.raises(ConfigurationError) as caught:
            chosen.credentials()
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
        return str(caught.value)

    def test_may_be_missing_until_then(self) -> None:
        """Without any, the first request says so."""
        assert self.message(find_settings(PINPOINT, Arguments())) == (
            "there are no AWS credentials; set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role"
        )

    def test_are_looked_for_again(self, aws: pytest.MonkeyPatch) -> None:
        """What was missing may be there later."""
        chosen = find_settings(PINPOINT, Arguments())
        self.message(chosen)
        for name, value in KEYS.items():
            aws.setenv(name, value)
        assert chosen.credentials is not None
        assert chosen.credentials() == (*KEYS.values(), None)

    def test_must_be_whole(self, aws: pytest.MonkeyPatch) -> None:
        """Half a pair is named."""
        aws.setenv("AWS_ACCESS_KEY_ID", "AKID")
        assert self.message(find_settings(PINPOINT, Arguments())) == (
            "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY; set "
            "both, or neither"
        )

    @pytest.mark.parametrize(
        "prints, failure",
        [
            ("planted", "JSONDecodeError"),
            ('{"Version": 9, "planted": 1}', "CredentialRetrievalError"),
            ('{"Version": 1, "AccessKeyId": "planted"}', "CredentialRetrievalError"),
        ],
    )
    def test_may_be_refused(self, prints: str, failure: str, tmp_path: Path) -> None:
        """What a credential process prints is not repeated."""
        program = tmp_path / "program.py"
        program.write_text(f"print({prints!r})")
        command = " ".join(f'"{part}"' for part in (sys.executable, program))
        (tmp_path / ".aws" / "config").write_text(
            f"[default]\ncredential_process = {command}\n"
        )
        assert self.message(find_settings(PINPOINT, Arguments())) == (
            f"the AWS credentials cannot be loaded ({failure}); check the profile and "
            "what it refers to, and that its login is still valid"
        )

    @pytest.mark.parametrize(
        "line, environ, failure",
        [
            ("credential_process = no-such-program", {}, "FileNotFoundError"),
            ("credential_process =", {}, "IndexError"),
            (
                "",
                {"AWS_WEB_IDENTITY_TOKEN_FILE": "no-such-file", "AWS_ROLE_ARN": "arn"},
                "FileNotFoundError",
            ),
            (
                "",
                {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://planted.test"},
                "ValueError",
            ),
            ("", {"AWS_METADATA_SERVICE_TIMEOUT": "planted"}, "ValueError"),
            ("role_arn = arn\nsource_profile = none", {}, "InvalidConfigError"),
        ],
    )
    def test_may_stumble(
        self,
        line: str,
        environ: Mapping[str, str],
        failure: str,
        aws: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        """Each error of botocore's credential chain becomes one kind of error."""
        (tmp_path / ".aws" / "config").write_text(f"[default]\n{line}\n")
        for name, value in environ.items():
            aws.setenv(name, value)
        assert self.message(find_settings(PINPOINT, Arguments())) == (
            f"the AWS credentials cannot be loaded ({failure}); check the profile and "
            "what it refers to, and that its login is still valid"
        )

    def test_may_be_given(self) -> None:
        """Credentials of one's own come before the session's."""
        credentials = botocore.credentials.Credentials("a", "s", "t")
        chosen = find_settings(PINPOINT, Arguments(credentials=credentials))
        assert chosen.credentials is not None
        assert chosen.credentials() == ("a", "s", "t")

    def test_may_be_frozen(self) -> None:
        """Frozen ones will do; a token need not be among them."""

        class Pair(NamedTuple):
            access_key: str
            secret_key: str

        chosen = find_settings(PINPOINT, Arguments(credentials=Pair("a", "s")))
        assert chosen.credentials is not None
        assert chosen.credentials() == ("a", "s", None)

    def test_may_be_refreshed(self) -> None:
        """Each request is signed with what is valid then."""
        fresh = iter("abc")

        def refresh() -> dict[str, str]:
            return {
                "access_key": next(fresh),
                "secret_key": "s",
                "token": "t",
                "expiry_time": "2001-01-01T00:00:00Z",
            }

        credentials = botocore.credentials.RefreshableCredentials.create_from_metadata(
            refresh(), refresh, "test"
        )
        # Expired at once, so that it has to be refreshed for each request.
        credentials._is_expired = lambda: False
        chosen = find_settings(PINPOINT, Arguments(credentials=credentials))
        assert chosen.credentials is not None
        assert [chosen.credentials().access_key for _ in range(2)] == ["b", "c"]

    @needs_fork
    @pytest.mark.parametrize("are_given", [True, False])
    def test_fork_in_the_middle_of_a_refresh(self, *, are_given: bool) -> None:
        """The child refreshes for itself, and waits for no thread of its parent."""
        parent = os.getpid()
        is_refreshing, may_end = threading.Event(), threading.Event()

        def refresh() -> dict[str, str]:
            if os.getpid() == parent:
                is_refreshing.set()
                may_end.wait(30)
            metadata["access_key"] = f"of {os.getpid()}"
            return metadata

        def load() -> Any:
            found = botocore.credentials.RefreshableCredentials.create_from_metadata(
                metadata, refresh, "test"
            )
            found._is_expired = lambda: False  # although it has to be refreshed
            return found

        metadata = {
            "access_key": "old",
            "secret_key": "s",
            "token": "t",
            "expiry_time": "2001-01-01T00:00:00Z",
        }
        session = botocore.session.Session()
        session.get_component("credential_provider").load_credentials = load
        arguments = Arguments(region="eu-west-1", session=session)
        if are_given:
            arguments = arguments._replace(credentials=load())
        provider = find_settings(PINPOINT, arguments).credentials
        assert provider is not None

        def refresh_in_child() -> None:
            found = provider()
            assert found.access_key == f"of {os.getpid()}"

        thread = threading.Thread(target=provider)
        thread.start()
        assert is_refreshing.wait(30)
        assert in_child(refresh_in_child)
        may_end.set()
        thread.join()
        assert provider().access_key == f"of {parent}"

    def test_of_another_process(self) -> None:
        """As if a `fork` had copied them: locks are new, and a chain runs again."""
        loads: list[int] = []

        def load() -> Any:
            loads.append(1)
            return botocore.credentials.RefreshableCredentials(
                "a", "s", "t", NEVER, dict, "test"
            )

        session = botocore.session.Session()
        session.get_component("credential_provider").load_credentials = load
        arguments = Arguments(region="eu-west-1", session=session)
        chain: Any = find_settings(PINPOINT, arguments).credentials
        chain._process = -1
        assert chain().access_key == "a"
        session.set_credentials("set", "s")
        chain = find_settings(PINPOINT, arguments).credentials
        chain._process = -1
        assert chain().access_key == "set"
        refreshable = load()
        lock = refreshable._refresh_lock
        for given in (refreshable, Plain()):
            arguments = arguments._replace(credentials=given)
            provider: Any = find_settings(PINPOINT, arguments).credentials
            provider._process = -1
            assert provider().access_key == "a"
        assert refreshable._refresh_lock is not lock
        assert len(loads) == 2

    @needs_fork
    @pytest.mark.parametrize("has_signed", [True, False])
    @pytest.mark.parametrize("has_others", [True, False])
    @pytest.mark.parametrize("kind", ["boto3", "botocore", "refreshable"])
    def test_set_on_a_session(
        self,
        kind: str,
        *,
        has_signed: bool,
        has_others: bool,
        aws: pytest.MonkeyPatch,
    ) -> None:
        """They are in force in a child as in its parent, whatever the chain finds."""
        session: Any = botocore.session.Session()
        if kind == "boto3":
            session = boto3.Session("AKSESSION", "s", "t")
        elif kind == "botocore":
            session.set_credentials("AKSESSION", "s", "t")
        else:
            # As programs do whose keys are renewed by a function.
            session._credentials = botocore.credentials.RefreshableCredentials(
                "AKSESSION", "s", "t", NEVER, dict, "mine"
            )
        if has_others:
            for name, value in KEYS.items():
                aws.setenv(name, value)
        arguments = Arguments(region="eu-west-1", session=session)
        provider = find_settings(PINPOINT, arguments).credentials
        assert provider is not None
        if has_signed:
            assert provider() == ("AKSESSION", "s", "t")

        def sign_in_child() -> None:
            assert provider() == ("AKSESSION", "s", "t")

        assert in_child(sign_in_child)
        assert provider() == ("AKSESSION", "s", "t")

    @needs_fork
    def test_set_during_a_refresh(self) -> None:
        """The lock of those that are renewed is new in the child."""
        credentials = botocore.credentials.RefreshableCredentials(
            "AKSESSION", "s", "t", NEVER, dict, "mine"
        )
        # They need a refresh, and have not expired.
        credentials.refresh_needed = lambda *_, **__: True
        session = botocore.session.Session()
        session._credentials = credentials
        arguments = Arguments(region="eu-west-1", session=session)
        provider = find_settings(PINPOINT, arguments).credentials
        assert provider is not None
        with credentials._refresh_lock:
            locked = credentials._refresh_lock

            def renew_in_child() -> None:
                credentials.refresh_needed = lambda *_, **__: False
                assert provider().access_key == "AKSESSION"
                assert credentials._refresh_lock is not locked

            assert in_child(renew_in_child)

    def test_look_up_of_another_thread(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is waited for, but not for ever."""
        monkeypatch.setattr("pinpoint_events.aws.credentials._LOOKUP_SECONDS", 0.01)
        arguments = Arguments(region="eu-west-1", session=botocore.session.Session())
        chain: Any = find_settings(PINPOINT, arguments).credentials
        lock = chain._locks.setdefault(os.getpid(), threading.Lock())
        with lock, pytest.raises(SenderError, match=r"looked up for 0\.01 s") as caught:
            chain()
        assert caught.value.is_retry_safe

    @staticmethod
    def provider_that_raises(error: Exception) -> CredentialsProvider:
        """Return the credentials of a session whose chain raises an error."""

        def load() -> Any:
            raise error

        session = botocore.session.Session()
        session.get_component("credential_provider").load_credentials = load
        arguments = Arguments(region="eu-west-1", session=session)
        provider = find_settings(PINPOINT, arguments).credentials
        assert provider is not None
        return provider

    @pytest.mark.parametrize(
        "error",
        [
            refused(403),
            refused(400, "ExpiredToken"),
            botocore.exceptions.ClientError({}, "planted"),
            botocore.exceptions.CredentialRetrievalError(
                provider="planted", error_msg="planted"
            ),
            PermissionError("planted"),
        ],
        ids=range(5),
    )
    def test_that_never_come(self, error: Exception) -> None:
        """What a service refuses, it refuses again."""
        with pytest.raises(ConfigurationError) as caught:
            self.provider_that_raises(error)()
        assert str(caught.value) == (
            f"the AWS credentials cannot be loaded ({type(error).__name__}); check the "
            "profile and what it refers to, and that its login is still valid"
        )

    @pytest.mark.parametrize(
        "error",
        [
            botocore.exceptions.ConnectTimeoutError(endpoint_url="planted"),
            botocore.exceptions.MetadataRetrievalError(error_msg="planted"),
            refused(503),
            refused(429),
            refused(400, "Throttling"),
            refused(400, "RequestLimitExceeded"),
            refused(400, "IDPCommunicationError"),
            TimeoutError("planted"),
            socket.gaierror("planted"),
            ConnectionResetError("planted"),
        ],
        ids=range(10),
    )
    def test_that_may_come_later(self, error: Exception) -> None:
        """Where the network or a service fails, a later attempt may succeed."""
        with pytest.raises(SenderError) as caught:
            self.provider_that_raises(error)()
        assert caught.value.is_retry_safe
        assert str(caught.value) == (
            f"the AWS credentials cannot be loaded now ({type(error).__name__}); check "
            "the network, then try again"
        )

    @pytest.mark.parametrize("is_there", [True, False])
    def test_of_a_container_that_may_come_later(self, *, is_there: bool) -> None:
        """A container's own service may be busy, or not there yet."""
        session = botocore.session.Session()
        with HttpServer(default=lambda _: Answer(503)) as server:
            uri = f"{server.url}/keys" if is_there else "http://127.0.0.1:1/"
            # botocore's own, but for the second that it waits before it asks again.
            container = botocore.credentials.ContainerProvider(
                {"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri},
                botocore.utils.ContainerMetadataFetcher(sleep=lambda _: None),
            )
            chain = session.get_component("credential_provider")
            chain.load_credentials = container.load
            arguments = Arguments(region="eu-west-1", session=session)
            provider = find_settings(PINPOINT, arguments).credentials
            assert provider is not None
            with pytest.raises(SenderError) as caught:
                provider()
        assert len(server.received) == (3 if is_there else 0)
        assert caught.value.is_retry_safe
        assert str(caught.value) == (
            "the AWS credentials cannot be loaded now (CredentialRetrievalError); "
            "check the network, then try again"
        )

    def test_are_loaded_once(self, tmp_path: Path) -> None:
        """Threads that come at the same time wait for the first of them."""
        (tmp_path / ".aws" / "credentials").write_text(SECRETS)
        session = botocore.session.Session()
        loads: list[int] = []
        resolver = session.get_component("credential_provider")
        whole = resolver.load_credentials

        def load() -> Any:
            loads.append(1)
            started.wait(5)
            return whole()

        resolver.load_credentials = load
        started = threading.Event()
        chosen = find_settings(PINPOINT, Arguments(session=session))
        assert chosen.credentials is not None
        found: list[FrozenCredentials] = []
        threads = [
            threading.Thread(target=lambda: found.append(chosen.credentials()))  # type: ignore[misc]
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        started.set()
        for thread in threads:
            thread.join()
        assert found == [("AKIDDEFAULT", "default-secret", None)] * 4
        assert loads == [1]


class TestProxy:
    """What is known of a proxy is not shown."""

    def test_is_not_shown(self) -> None:
        """Neither settings nor errors with them in it have its password."""
        proxy = Proxy("http://user:planted@proxy", {"Proxy-Authorization": "planted"})
        assert repr(proxy) == "Proxy(...)"
        assert "planted" not in repr(Link("http", "host", None, proxy=proxy))
