"""
Tests of the parts of botocore that are used and not documented.

They fail when a release of botocore changes one of them.
"""

import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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

from pinpoint_events.aws._botocore import credentials_of, given_options
from pinpoint_events.aws.credentials import FrozenCredentials
from pinpoint_events.aws.service import Service
from pinpoint_events.aws.settings import (
    Arguments,
    find_settings,
)
from pinpoint_events.errors import ConfigurationError
from pinpoint_events.senders.pinpoint import PINPOINT
from tests.aws import KEYS, aws
from tests.clients import LOADER

__all__ = ["aws"]


def parameters(function: Any) -> list[str]:
    """Return the names of a function's parameters."""
    return list(inspect.signature(function).parameters)


class TestCanary:
    """Each undocumented part has the form that `aws._botocore` expects."""

    def test_signer(self) -> None:
        """The signer has these methods."""
        signer = botocore.auth.SigV4Auth
        assert parameters(signer) == ["credentials", "service_name", "region_name"]
        for name, expected in {
            "_inject_signature_to_request": ["self", "request", "signature"],
            "_modify_request_before_signing": ["self", "request"],
            "canonical_request": ["self", "request"],
            "string_to_sign": ["self", "request", "canonical_request"],
        }.items():
            assert parameters(getattr(signer, name)) == expected, name
        assert botocore.auth.SIGV4_TIMESTAMP == "%Y%m%dT%H%M%SZ"

    def test_user_agent(self) -> None:
        """A user agent takes the environment and the names of the session."""
        agent = botocore.useragent.UserAgentString
        assert parameters(agent.from_environment) == []
        assert parameters(agent.set_session_config) == [
            "self",
            "session_user_agent_name",
            "session_user_agent_version",
            "session_user_agent_extra",
        ]

    def test_proxies(self) -> None:
        """A proxy configuration finds URL, headers and settings."""
        proxies = botocore.httpsession.ProxyConfiguration({"https": "p:1"}, {"a": 1})
        assert proxies.proxy_url_for("https://host") == "http://p:1"
        assert proxies.proxy_headers_for("http://a:b@p") == {
            "Proxy-Authorization": "Basic YTpi"
        }
        assert proxies.settings == {"a": 1}
        assert parameters(botocore.utils.get_environ_proxies)[:1] == ["url"]

    def test_tls(self) -> None:
        """TLS contexts and bundles are made by these."""
        assert botocore.httpsession.get_cert_path("/a.pem") == "/a.pem"
        assert "ciphers" in parameters(botocore.httpsession.create_urllib3_context)

    def test_endpoint_urls(self) -> None:
        """URLs and regions are checked by these."""
        assert botocore.utils.is_valid_endpoint_url("http://host:1")
        assert botocore.utils.is_valid_ipv6_endpoint_url("http://[::1]:1")
        with pytest.raises(botocore.exceptions.InvalidRegionError):
            botocore.utils.validate_region_name("a b")

    def test_credentials_of_a_session(self) -> None:
        """A session keeps those that were set on it, and has none at first."""
        session = botocore.session.Session()
        assert credentials_of(session) is None
        session.set_credentials("a", "s")
        assert credentials_of(session) is session.get_credentials()

    def test_frozen_credentials(self) -> None:
        """Frozen credentials have these three."""
        frozen = botocore.credentials.Credentials("a", "s").get_frozen_credentials()
        assert frozen._fields[:3] == FrozenCredentials._fields


KINESIS = Service(
    name="kinesis",
    endpoint_prefix="kinesis",
    signing_name="kinesis",
    service_id="Kinesis",
    protocol="json",
    plain_regions=frozenset({"eu-west-1", "us-east-1"}),
    operation="list_streams",
    arguments={},
)
FIREHOSE = Service(
    name="firehose",
    endpoint_prefix="firehose",
    signing_name="firehose",
    service_id="Firehose",
    protocol="json",
    plain_regions=frozenset({"eu-west-1", "us-east-1"}),
    operation="list_delivery_streams",
    arguments={},
)


class TestService:
    """A service is a value; settings and signer know none in particular."""

    @pytest.mark.parametrize(
        "service", [PINPOINT, KINESIS, FIREHOSE], ids=lambda service: service.name
    )
    def test_is_that_of_botocores_model(self, service: Service) -> None:
        """Each name is the one of the service's model."""
        metadata = LOADER.load_service_model(service.name, "service-2")["metadata"]
        assert metadata["endpointPrefix"] == service.endpoint_prefix
        signing_name = metadata.get("signingName", metadata["endpointPrefix"])
        assert signing_name == service.signing_name
        assert metadata["serviceId"] == service.service_id
        assert service.protocol in {
            metadata["protocol"],
            *metadata.get("protocols", []),
        }
        assert metadata["signatureVersion"] == "v4"

    @pytest.mark.parametrize("service", [KINESIS, FIREHOSE], ids=lambda one: one.name)
    @pytest.mark.parametrize("region", ["eu-west-1", "us-east-1", "cn-north-1"])
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"use_fips_endpoint": True},
            {"use_dualstack_endpoint": True},
            {"use_fips_endpoint": True, "use_dualstack_endpoint": True},
        ],
    )
    def test_has_the_endpoints_of_a_client(
        self,
        service: Service,
        region: str,
        options: dict[str, bool],
        aws: pytest.MonkeyPatch,
    ) -> None:
        """Another service is found where a client of botocore sends."""
        for name, value in KEYS.items():
            aws.setenv(name, value)
        session = botocore.session.Session()
        session.register_component("data_loader", LOADER)
        config = botocore.config.Config(**options)
        found = find_settings(
            service, Arguments(region=region, session=session, config=config)
        )
        client = session.create_client(service.name, region_name=region, config=config)
        urls: list[str] = []

        def observe(params: Any, **_: Any) -> tuple[Any, Any]:
            urls.append(params["url"])
            return SimpleNamespace(status_code=200), {}

        client.meta.events.register("before-call", observe)
        getattr(client, service.operation)()
        assert [found.url + "/"] == urls
        assert found.region == client.meta.region_name
        assert service.signing_name == client.meta.service_model.signing_name
        if not options and region in service.plain_regions:
            direct = find_settings(service, Arguments(region=region))
            assert direct.url == found.url

    def test_has_its_own_settings(self) -> None:
        """Its endpoint URL has a variable and a section named after it."""
        spaced = KINESIS._replace(service_id="Kinesis Video")
        assert spaced.variable == "AWS_ENDPOINT_URL_KINESIS_VIDEO"
        assert spaced.section == "kinesis_video"


class TestConfig:
    """What a config was made with is distinguished from its defaults."""

    def test_given_options(self) -> None:
        """Also where what was given is the default."""
        config = botocore.config.Config(read_timeout=60)
        assert config.connect_timeout == 60
        assert dict(given_options(config)) == {"read_timeout": 60}
        merged = config.merge(botocore.config.Config(connect_timeout=3))
        assert dict(given_options(merged)) == {"read_timeout": 60, "connect_timeout": 3}
        assert given_options(None) == {}


class TestRetiredService:
    """A botocore that no longer ships the service's model."""

    @pytest.fixture
    def session(self, aws: pytest.MonkeyPatch, tmp_path: Path) -> Any:
        """Return a session whose loader lacks Pinpoint."""
        for name, value in KEYS.items():
            aws.setenv(name, value)

        class Loader(botocore.loaders.Loader):  # type: ignore[misc]
            """botocore's data without Pinpoint."""

            def list_available_services(self, type_name: str) -> list[str]:
                found: list[str] = super().list_available_services(type_name)
                return [name for name in found if name != "pinpoint"]

            def determine_latest_version(self, name: str, type_name: str) -> Any:
                if name == "pinpoint":
                    raise botocore.exceptions.UnknownServiceError(
                        service_name=name, known_service_names=[]
                    )
                return super().determine_latest_version(name, type_name)

        session = botocore.session.Session()
        session.register_component("data_loader", Loader())
        return session

    def test_sends_to_an_endpoint_url(
        self, session: Any, aws: pytest.MonkeyPatch
    ) -> None:
        """Region, credentials, config and proxies are the session's as usual."""
        aws.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        aws.setenv("HTTPS_PROXY", "http://proxy:3128")
        config = botocore.config.Config(read_timeout=7, user_agent_appid="mine")
        found = find_settings(
            PINPOINT,
            Arguments(
                endpoint_url="https://gateway.example.com/stage",
                session=session,
                config=config,
            ),
        )
        assert found.url == "https://gateway.example.com/stage"
        assert found.region == "eu-west-1"
        assert found.credentials is not None
        assert found.credentials().access_key == KEYS["AWS_ACCESS_KEY_ID"]
        assert found.link.read_timeout == 7
        assert found.link.proxy is not None
        assert found.link.proxy.url == "http://proxy:3128"
        assert "app/mine" in found.user_agent.split()

    def test_sends_to_a_configured_url(
        self, session: Any, aws: pytest.MonkeyPatch
    ) -> None:
        """An endpoint URL may come from the environment or a profile, too."""
        aws.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        aws.setenv("AWS_ENDPOINT_URL_PINPOINT", "http://127.0.0.1:8123")
        found = find_settings(PINPOINT, Arguments(session=session))
        assert found.url == "http://127.0.0.1:8123"

    def test_needs_an_endpoint_url(self, session: Any) -> None:
        """Without one, no endpoint is known; the error says what to do."""
        with pytest.raises(ConfigurationError) as caught:
            find_settings(PINPOINT, Arguments(region="eu-west-1", session=session))
        assert str(caught.value) == (
            "this release of botocore does not know the service 'pinpoint', and so no "
            "endpoint of it; pass endpoint_url, or install a release that does"
        )
