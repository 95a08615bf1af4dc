"""
All that this package takes from inside botocore: settings, credentials, the signer.

botocore documents few of these parts, so they stand together here, and
`tests/test_aws_signing.py` has a canary that fails when one of them changed.

Settings are looked up by botocore's own code, in its own order of precedence. Where
nothing but the environment can say anything, and it says only what is listed here, they
are read from it directly: a botocore session takes longer to load than a whole request
to send. A test compares both ways with a botocore client.
"""

import copy
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from string import ascii_letters, digits
from types import SimpleNamespace
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import botocore
from botocore.auth import EMPTY_SHA256_HASH, SIGV4_TIMESTAMP, SigV4Auth
from botocore.exceptions import (
    BotoCoreError,
    PartialCredentialsError,
)
from botocore.httpsession import ProxyConfiguration
from botocore.useragent import UserAgentString
from botocore.utils import (
    get_environ_proxies,
    is_valid_endpoint_url,
    is_valid_ipv6_endpoint_url,
    validate_region_name,
)

from pinpoint_events import __version__
from pinpoint_events.aws.http import Link, Proxy
from pinpoint_events.errors import ConfigurationError
from pinpoint_events.http_messages import HttpRequest

__all__ = ["Settings", "Signer", "settings"]

_SERVICE: Final = "pinpoint"
_SIGNING_NAME: Final = "mobiletargeting"
_USER_AGENT: Final = f"lib/pinpoint_events#{__version__}"

# What botocore reads of its own service model while it looks up settings.
_MODEL: Final = SimpleNamespace(
    endpoint_prefix=_SERVICE, resolved_protocol="rest-json", service_id="Pinpoint"
)

# The environment variables that the direct way understands, or that say nothing about a
# request; any other AWS variable leads to a session.
_UNDERSTOOD: Final = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_ACCOUNT_ID",
        "AWS_CA_BUNDLE",
        "AWS_CONFIG_FILE",
        "AWS_DEFAULT_REGION",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_PINPOINT",
        "AWS_EXECUTION_ENV",
        "AWS_MAX_ATTEMPTS",
        "AWS_REGION",
        "AWS_RETRY_MODE",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SECURITY_TOKEN",
        "AWS_SESSION_TOKEN",
        "AWS_SHARED_CREDENTIALS_FILE",
    }
)
_REQUESTS_CA_BUNDLE: Final = "REQUESTS_CA_BUNDLE"  # botocore's last resort
_OF_LAMBDA: Final = ("AWS_LAMBDA_", "AWS_XRAY_")

# Files from which botocore takes settings: a variable that names one, and its default.
_FILES: Final = (
    ("AWS_CONFIG_FILE", "~/.aws/config"),
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
)
_MODELS: Final = "~/.aws/models"  # endpoint rules of the user's own

# Regions of which a test knows that botocore's rules make the plain host name. The
# service is in these: AWS General Reference, "Amazon Pinpoint endpoints", 2026-11-23.
PLAIN_REGIONS: Final = frozenset(
    {
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-west-1",
        "eu-west-2",
        "us-east-1",
        "us-east-2",
        "us-gov-west-1",
        "us-west-2",
    }
)

_PORTS: Final = {"http": 80, "https": 443}
_LETTERS: Final = frozenset(ascii_letters + digits)
_HOST_CHARACTERS: Final = _LETTERS | {*"-.:[]"}
_PATH_CHARACTERS: Final = _LETTERS | {*"-._~/%"}  # which need no encoding

# `pinpoint.eu-west-1.amazonaws.com`, with its FIPS, dual-stack and VPC variants.
_TELLING_HOST: Final = (
    r"(?:.+\.)?pinpoint(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?"
    r"(?:amazonaws\.com(?:\.cn)?|api\.aws)"
)


class Keys(NamedTuple):
    """What a signature needs of botocore's frozen credentials."""

    access_key: str
    secret_key: str
    token: str | None


class Settings(NamedTuple):
    """
    All that a sender is told by its arguments, the environment and AWS' files.

    Attributes:
        url: Scheme, host, port and path that requests go to.
        region: Where they are signed for.
        keys: Returns the keys to sign with, fresh ones each time; None to sign nothing.
        user_agent: What the sender calls itself.
        link: The way to the service.
        max_attempts: HTTP requests for one call; None if nobody says.
    """

    url: str
    region: str
    keys: Callable[[], Keys] | None
    user_agent: str
    link: Link
    max_attempts: int | None


class Asked(NamedTuple):
    """The arguments of a sender that say where, how and as whom it sends."""

    region: str | None = None
    endpoint_url: str | None = None
    session: Any = None
    credentials: Any = None
    config: Any = None
    verify: Any = None


# No session, credentials, config and verify: only the environment has a say.
_NOTHING: Final = (None, None, None, None)


def settings(asked: Asked) -> Settings:
    """
    Look up what a sender needs to know.

    Raises:
        ConfigurationError: If something is missing, unknown or contradictory.
    """
    if not isinstance(asked.region, str | None):
        raise _wrong_type("region", asked.region, "text, as in 'eu-west-1'")
    if not isinstance(asked.verify, bool | str | None):
        raise _wrong_type("verify", asked.verify, "False, or the path of a CA bundle")
    try:
        found = None
        if asked[2:] == _NOTHING:
            found = _from_environment(os.environ, asked.region, asked.endpoint_url)
        return found or _from_session(asked)
    except BotoCoreError as error:
        # From None: what it is chained to may quote a line of a credentials file.
        told = f"{str(error).rstrip('.')}; correct the arguments, environment or files"
        raise ConfigurationError(told) from None


def _from_environment(
    environ: Mapping[str, str], region: str | None, endpoint_url: str | None
) -> Settings | None:
    """Return the settings, or None if something beside the environment has a say."""
    if not _is_plain(environ) or _has_files(environ):
        return None
    url = endpoint_url
    if url is None:
        everywhere = environ.get("AWS_ENDPOINT_URL")
        url = environ.get("AWS_ENDPOINT_URL_PINPOINT", everywhere)
    region = region or environ.get("AWS_DEFAULT_REGION") or environ.get("AWS_REGION")
    if region is None or "fips" in region:
        return None
    if url is None:
        if region not in PLAIN_REGIONS:
            return None
        url = f"https://pinpoint.{region}.amazonaws.com"
    validate_region_name(region)
    agent = UserAgentString.from_environment().set_session_config(
        "Botocore", botocore.__version__, _USER_AGENT
    )
    keys = Keys(
        environ["AWS_ACCESS_KEY_ID"],
        environ["AWS_SECRET_ACCESS_KEY"],
        environ.get("AWS_SECURITY_TOKEN") or environ.get("AWS_SESSION_TOKEN"),
    )
    return Settings(
        url=url,
        region=region,
        keys=lambda: keys,
        user_agent=agent.to_string(),
        link=Link(
            **_place(url),
            verify=environ.get("AWS_CA_BUNDLE", environ.get(_REQUESTS_CA_BUNDLE, True)),
        ),
        max_attempts=_attempts(environ.get("AWS_MAX_ATTEMPTS")),
    )


def _is_plain(environ: Mapping[str, str]) -> bool:
    if sys.platform in {"darwin", "win32"}:
        return False  # where proxies may be set outside the environment
    for name, value in environ.items():
        if name.startswith(("AWS_", "BOTO")):
            is_understood = name in _UNDERSTOOD and value.strip()
            if not is_understood and not name.startswith(_OF_LAMBDA):
                return False
        elif name.lower().endswith("_proxy") or (
            name == _REQUESTS_CA_BUNDLE and not value.strip()
        ):
            return False
    return "AWS_ACCESS_KEY_ID" in environ and "AWS_SECRET_ACCESS_KEY" in environ


def _has_files(environ: Mapping[str, str]) -> bool:
    paths = [environ.get(variable, default) for variable, default in _FILES]
    # By os.path: as botocore does it, also where there is no home directory.
    expand = os.path.expanduser
    return os.path.isdir(expand(_MODELS)) or any(  # noqa: PTH112
        os.path.isfile(expand(os.path.expandvars(path)))  # noqa: PTH113
        for path in paths
    )


def _from_session(asked: Asked) -> Settings:
    """Return the settings by botocore's own parts, put together as a client does it."""
    # Loaded only here: this takes longer than a whole call.
    from botocore.args import ClientArgsCreator  # noqa: PLC0415
    from botocore.client import ClientEndpointBridge  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    session = _session(asked.session)
    config = _config(session, asked.config)
    asks = config or Config()
    agent = session.get_component("user_agent_creator").set_session_config(
        session.user_agent_name, session.user_agent_version, session.user_agent_extra
    )
    store = copy.copy(session.get_component("config_store"))
    session._add_configured_endpoint_provider(_SERVICE, store)
    creator = ClientArgsCreator(None, None, None, None, None, store, agent)
    try:
        given_url = creator._compute_configured_endpoint_url(config, asked.endpoint_url)
    except AttributeError:
        # From None: it tells of botocore's code, and not of the line in the file.
        raise ConfigurationError(
            "the services section of the profile is not readable; write `pinpoint =` "
            "there, and `endpoint_url = URL` indented on the next line"
        ) from None
    if given_url is not None:
        _place(given_url)
        _refuse_variants(asks)
    region = _region(session, asked.region or asks.region_name, given_url)
    # Names like `fips-us-east-1` stand for the region and its FIPS endpoint.
    plain_region = region.replace("fips-", "").replace("-fips", "")
    if plain_region != region:
        fips = Config(use_fips_endpoint=True)
        config = fips if config is None else config.merge(fips)
    mode = session._resolve_defaults_mode(config, store)
    if mode != "legacy":
        defaults = session._get_internal_component("smart_defaults_factory")
        defaults.merge_smart_defaults(store, mode, region)
    bridge = ClientEndpointBridge(
        session._get_internal_component("endpoint_resolver"),
        session.get_scoped_config(),
        config,
        service_signing_name=_SIGNING_NAME,
        config_store=store,
        service_signature_version="v4",
    )
    attempts = _stated_attempts(store)
    found = creator.compute_client_args(
        service_model=_MODEL,
        client_config=config,
        endpoint_bridge=bridge,
        region_name=plain_region,
        endpoint_url=asked.endpoint_url,
        is_secure=True,
        scoped_config=session.get_scoped_config(),
    )
    endpoint = found["endpoint_config"]
    options = found["config_kwargs"]
    del options["retries"]  # those of a client; its mode is not ours
    final = Config(**options)
    named = Config(
        user_agent=asks.user_agent,
        user_agent_appid=final.user_agent_appid,
        user_agent_extra=f"{_USER_AGENT} {final.user_agent_extra or ''}".rstrip(),
    )
    url = given_url or _url_by_rules(session, bridge, endpoint, plain_region)
    return Settings(
        url=url,
        region=endpoint["signing_region"],
        keys=_keys(session, asked.credentials, endpoint["signature_version"]),
        user_agent=agent.with_client_config(named).to_string(),
        link=Link(
            **_place(url),
            verify=_verify(session, asked.verify),
            client_cert=final.client_cert,
            connect_timeout=final.connect_timeout,
            read_timeout=final.read_timeout,
            max_connections=final.max_pool_connections,
            socket_options=tuple(found["socket_options"]),
            proxy=_proxy(url, endpoint["endpoint_url"], final),
        ),
        max_attempts=attempts,
    )


def _session(given: Any) -> Any:
    import botocore.session  # noqa: PLC0415 - see above

    if given is None:
        return botocore.session.Session()
    session = getattr(given, "_session", given)  # boto3's has botocore's in it
    if not isinstance(session, botocore.session.Session):
        raise _wrong_type("session", given, "a session of botocore or boto3")
    return session


def _config(session: Any, given: Any) -> Any:
    from botocore.config import Config  # noqa: PLC0415 - see above

    if not isinstance(given, Config | None):
        raise _wrong_type("config", given, "a botocore.config.Config")
    default = session.get_default_client_config()
    is_one = default is None or given is None
    config = (given or default) if is_one else default.merge(given)
    if config is None:
        return None  # which is not the same as one that has only defaults
    if config.retries is not None:
        raise ConfigurationError(
            "the config has `retries`; pass retry=Retry(...) to the sender in its place"
        )
    for name in ("connect_timeout", "read_timeout"):
        seconds = getattr(config, name)
        if seconds is not None and not (_is_number(seconds) and seconds > 0):
            raise ConfigurationError(
                f"{name} in the config is no number of seconds above 0; correct it, or "
                "pass None to wait for ever"
            )
    return config


def _refuse_variants(config: Any) -> None:
    # Asked for by the environment or a file they give way, as they do in botocore.
    if config.use_fips_endpoint or config.use_dualstack_endpoint:
        raise ConfigurationError(
            "an endpoint URL is given, and the config asks for the FIPS or dual-stack "
            "endpoint of the region; leave one of them out"
        )


def _region(session: Any, given: str | None, url: str | None) -> str:
    region: str | None = (
        given
        or session.get_config_variable("region")
        or os.environ.get("AWS_REGION")
        or _told_by(url)
    )
    if not region:
        raise ConfigurationError(
            "no region is known; pass region=, or set AWS_REGION, or region in the "
            "profile of the AWS config file"
        )
    validate_region_name(region)
    return region


def _verify(session: Any, asked: bool | str | None) -> bool | str:  # noqa: FBT001 - botocore's name and values
    if isinstance(asked, bool):
        return asked
    bundle: str | None = asked
    if bundle is None:
        bundle = session.get_config_variable("ca_bundle")
    if bundle is None:
        bundle = os.environ.get(_REQUESTS_CA_BUNDLE)
    if bundle is None:
        return True
    if not bundle.strip():
        raise ConfigurationError(
            "the path of the CA bundle is empty; correct ca_bundle, AWS_CA_BUNDLE or "
            "REQUESTS_CA_BUNDLE, or leave it out"
        )
    return bundle


def _url_by_rules(session: Any, bridge: Any, endpoint: Any, region: str) -> str:
    from botocore.endpoint_provider import EndpointProvider  # noqa: PLC0415

    if not bridge.resolver_uses_builtin_data():
        found: str = endpoint["endpoint_url"]  # the user has endpoints.json of his own
        return found
    loader = session.get_component("data_loader")
    rules = EndpointProvider(
        loader.load_service_model(_SERVICE, "endpoint-rule-set-1"),
        loader.load_data("partitions"),
    )
    asks = bridge._resolve_endpoint_variant_config_var
    by_rules: str = rules.resolve_endpoint(
        Region=region,
        UseFIPS=bool(asks("use_fips_endpoint")),
        UseDualStack=bool(asks("use_dualstack_endpoint")),
    ).url
    return by_rules


def _proxy(url: str, endpoint_url: str, config: Any) -> Proxy | None:
    proxies = config.proxies
    if proxies is None:
        proxies = get_environ_proxies(endpoint_url)
    configuration = ProxyConfiguration(proxies, config.proxies_config)
    proxy_url = configuration.proxy_url_for(url)
    if not proxy_url:
        return None
    try:
        parts = urlsplit(proxy_url)
        is_proxy = parts.scheme in _PORTS and parts.hostname and parts.port != 0
        if not is_proxy or parts.path.strip("/"):
            raise ValueError  # noqa: TRY301 - with those that the two calls raise
        headers = configuration.proxy_headers_for(proxy_url)
    except ValueError:
        # From None: it may hold the password.
        raise ConfigurationError(
            "the proxy URL is not usable; write it as "
            "http://[name:password@]host:port, with anything but ASCII percent-encoded"
        ) from None
    options = configuration.settings
    return Proxy(
        url=proxy_url,
        headers=headers,
        ca_bundle=options.get("proxy_ca_bundle"),
        client_cert=options.get("proxy_client_cert"),
        forwards_https=bool(options.get("proxy_use_forwarding_for_https")),
    )


def _place(url: Any) -> dict[str, Any]:
    """Return scheme, host and port of an endpoint URL; refuse what is none."""
    place = _place_or_none(url) if isinstance(url, str) else None
    if place is None:
        raise ConfigurationError(
            "the endpoint URL is not usable; write it as https://host[:port][/path], "
            "in ASCII, without credentials, query or fragment"
        )
    return place


def _place_or_none(url: str) -> dict[str, Any] | None:
    try:
        is_url = is_valid_endpoint_url(url) or is_valid_ipv6_endpoint_url(url)
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    usual_port = _PORTS.get(parts.scheme)
    is_plain = (
        _HOST_CHARACTERS.issuperset(parts.netloc)
        and _PATH_CHARACTERS.issuperset(parts.path)
        and not (parts.query or parts.fragment)
    )
    if not is_url or usual_port is None or not is_plain:
        return None
    port = None if port == usual_port else port
    return {"scheme": parts.scheme, "host": parts.hostname, "port": port}


def _told_by(url: str | None) -> str | None:
    host = urlsplit(url or "").hostname or ""  # in lower case
    found = re.fullmatch(_TELLING_HOST, host)
    return found[1] if found else None


def _stated_attempts(store: Any) -> int | None:
    try:
        stated = store.get_config_variable("max_attempts")
    except ValueError:  # it is made a number there
        raise _wrong_attempts() from None
    return _attempts(stated)


def _attempts(number: str | int | None) -> int | None:
    if number is None:
        return None
    try:
        attempts = int(number)
    except ValueError:
        raise _wrong_attempts() from None
    if attempts < 1:
        raise _wrong_attempts()
    return attempts


def _wrong_attempts() -> ConfigurationError:
    told = (
        "max_attempts is no whole number above 0; correct AWS_MAX_ATTEMPTS or the "
        "profile; it counts the first attempt too"
    )
    return ConfigurationError(told)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wrong_type(name: str, value: Any, wanted: str) -> ConfigurationError:
    told = f"{name} is of type {type(value).__name__}; pass {wanted}, or leave it out"
    return ConfigurationError(told)


def _keys(
    session: Any, credentials: Any, signature_version: Any
) -> Callable[[], Keys] | None:
    if signature_version is botocore.UNSIGNED:
        return None
    if signature_version != "v4":
        raise ConfigurationError(
            "signature_version in the config or profile is not one that the service "
            "takes; leave it out, or pass botocore.UNSIGNED"
        )
    if credentials is None:
        return _Chain(session)
    if hasattr(credentials, "get_frozen_credentials"):
        return lambda: _frozen(credentials)
    if hasattr(credentials, "access_key") and hasattr(credentials, "secret_key"):
        keys = Keys(
            credentials.access_key,
            credentials.secret_key,
            getattr(credentials, "token", None),
        )
        return lambda: keys
    raise _wrong_type("credentials", credentials, "botocore's Credentials")


class _Chain:
    """Botocore's credential chain, asked at the first request."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._credentials: Any = None
        # By process id: a `fork` may leave a parent's lock locked for ever.
        self._locks: dict[int, threading.Lock] = {}

    def __call__(self) -> Keys:
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            if self._credentials is None:
                find = self._session.get_credentials
                self._credentials = _or_configuration_error(find)
        if self._credentials is None:
            raise ConfigurationError(
                "there are no AWS credentials; set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role"
            )
        return _frozen(self._credentials)


def _frozen(credentials: Any) -> Keys:
    frozen = _or_configuration_error(credentials.get_frozen_credentials)
    return Keys(frozen.access_key, frozen.secret_key, frozen.token)


def _or_configuration_error(get: Callable[[], Any]) -> Any:
    try:
        return get()
    except PartialCredentialsError as error:
        told = f"{error}; set both, or neither"  # it names the missing variable
        raise ConfigurationError(told) from None
    except Exception as error:  # noqa: BLE001 - see below
        # Of any class: botocore lets through whatever a credential process or a token
        # file makes it stumble over. From None: it may quote what the process printed.
        told = (
            f"the AWS credentials cannot be had ({type(error).__name__}); check the "
            "profile and what it refers to, and that its login is still valid"
        )
        raise ConfigurationError(told) from None


class Signed(NamedTuple):
    """
    A request that can be sent.

    Attributes:
        request: With all its headers, and the path from the root of the host.
        secrets: What of it must not get into a message, should the service quote it.
    """

    request: HttpRequest
    secrets: tuple[str, ...]


class Signer:
    """Makes requests complete, and signs them as botocore does."""

    def __init__(self, chosen: Settings) -> None:
        """Keep what all requests have in common."""
        self._chosen = chosen
        self._prefix = urlsplit(chosen.url).path.removesuffix("/")
        self._host = chosen.link.origin.partition("//")[2]
        self._form: _Form | None = None
        if not _is_header_text(chosen.user_agent):
            raise ConfigurationError(
                "the user agent is not printable ASCII; correct user_agent, "
                "user_agent_extra and user_agent_appid"
            )

    def signed(
        self, request: HttpRequest, at: float, unsigned: Mapping[str, str]
    ) -> Signed:
        """
        Return the request, ready to send.

        Args:
            request: With the headers and the path that are its own.
            at: When, in seconds since 1970.
            unsigned: Headers that may change on the way.

        Raises:
            ConfigurationError: If there are no credentials.
        """
        path = self._prefix + request.path
        headers = {"Host": self._host, **request.headers}
        secrets: tuple[str, ...] = ()
        if self._chosen.keys is not None:
            keys = self._chosen.keys()
            subject = (request.method, path, headers, keys)
            form = self._form
            if form is None or form.subject != subject:
                form = _Form(subject, self._chosen.link.origin, self._chosen.region)
                self._form = form
            signing, signature = form.filled_in(at, request.body)
            headers = {**headers, **signing}
            found = (keys.secret_key, keys.token, keys.access_key, signature)
            secrets = tuple(filter(None, found))
        headers = {**headers, "User-Agent": self._chosen.user_agent, **unsigned}
        complete = HttpRequest(
            method=request.method, path=path, headers=headers, body=request.body
        )
        return Signed(complete, secrets)


class _Form:
    """
    What the signatures of a sender's requests have in common.

    Botocore writes the text to sign and the headers once, with blanks for the time, the
    digest of the body and the signature, which are filled in for each request. It is
    slow with headers, and they stay the same.
    """

    def __init__(
        self,
        subject: tuple[str, str, dict[str, str], Keys],
        origin: str,
        region: str,
    ) -> None:
        self.subject = subject
        method, path, headers, keys = subject
        in_headers = (keys.access_key, keys.token or "")
        # Any: a credential process may have printed a number.
        secret: Any = keys.secret_key
        is_secret = isinstance(secret, str) and secret.isprintable()
        if not (is_secret and all(map(_is_header_text, in_headers))):
            raise ConfigurationError(
                "the AWS access key id, secret key or session token is no text, or has "
                "a character that belongs into none; look for a line break around it"
            )
        self._auth = SigV4Auth(keys, _SIGNING_NAME, region)
        # What botocore's signer reads of an `AWSRequest`.
        request = SimpleNamespace(
            method=method,
            url=origin + path,
            params={},
            headers=headers.copy(),
            body=b"",
            context={"timestamp": _BLANK},
        )
        # Not by `add_auth`: it logs the canonical request, session token and all.
        self._auth._modify_request_before_signing(request)
        canonical = self._auth.canonical_request(request)
        self._around_time = canonical.removesuffix(EMPTY_SHA256_HASH).split(_BLANK)
        self._auth._inject_signature_to_request(request, "")
        self._headers = {
            name: value
            for name, value in request.headers.items()
            if name not in headers
        }

    def filled_in(self, at: float, body: bytes) -> tuple[dict[str, str], str]:
        """Return the headers that make a request a signed one, and the signature."""
        timestamp = time.strftime(SIGV4_TIMESTAMP, time.gmtime(at))
        digest = sha256(body).hexdigest()
        canonical = timestamp.join(self._around_time) + digest
        request = SimpleNamespace(context={"timestamp": timestamp})
        to_sign = self._auth.string_to_sign(request, canonical)
        signature: str = self._auth.signature(to_sign, request)
        headers = {
            name: value.replace(_BLANK, timestamp).replace(_BLANK_DAY, timestamp[:8])
            for name, value in self._headers.items()
        }
        headers["Authorization"] += signature
        return headers, signature


# In place of a time. No other part can have it: paths are percent-encoded, and headers
# printable.
_BLANK_DAY: Final = "\x01" * 8
_BLANK: Final = _BLANK_DAY * 2


def _is_header_text(text: Any) -> bool:
    return isinstance(text, str) and text.isascii() and text.isprintable()
