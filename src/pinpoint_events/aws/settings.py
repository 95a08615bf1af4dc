"""
Settings of an AWS client: from arguments, the environment and AWS' files.

They are those of a botocore client, by its documented interface: a client is created,
`client.meta` is read, and one call is observed before anything is sent (event
`before-call`). That takes longer than a whole request. Therefore, if only environment
variables of a known list can matter, they are read directly. Tests compare both ways
with what a botocore client sends.
"""

import os
import sys
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

from botocore.exceptions import (
    BotoCoreError,
    InvalidRegionError,
    ProfileNotFound,
    UnknownRegionError,
    UnknownServiceError,
)

from pinpoint_events import __version__
from pinpoint_events.aws._botocore import (
    environment_user_agent,
    given_options,
    validate_region_name,
)
from pinpoint_events.aws.credentials import (
    CredentialsProvider,
    FrozenCredentials,
    credentials_provider,
)
from pinpoint_events.aws.endpoint_url import place_of, region_of
from pinpoint_events.aws.link import KEEP_ALIVE, NO_DELAY, Link
from pinpoint_events.aws.proxies import find_proxy
from pinpoint_events.aws.service import Service
from pinpoint_events.errors import ConfigurationError, ConfigurationErrorCode

__all__ = ["Arguments", "Settings", "find_settings"]

_USER_AGENT: Final = f"lib/pinpoint_events#{__version__}"

# Environment variables that are read directly, or that do not affect a request; any
# other variable of AWS requires a session.
_KNOWN_VARIABLES: Final = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_ACCOUNT_ID",
        "AWS_CA_BUNDLE",
        "AWS_CONFIG_FILE",
        "AWS_DEFAULT_REGION",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_ENDPOINT_URL",
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
_LAMBDA_PREFIXES: Final = ("AWS_LAMBDA_", "AWS_XRAY_")

# Files that botocore takes settings from: the variable with the path, and the default.
_FILES: Final = (
    ("AWS_CONFIG_FILE", "~/.aws/config"),
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
)
_MODELS: Final = "~/.aws/models"  # the user's own endpoint rules

# Its client has the settings that all services share: every release has its model.
_COMMON_SERVICE: Final = ("sts", "get_caller_identity")

# Words of a botocore client's user agent that do not apply here: its retry mode, and
# the features that its own call uses.
_CLIENT_ONLY: Final = ("cfg/", "m/")


class Settings(NamedTuple):
    """
    The settings of one sender.

    Attributes:
        url: Scheme, host, port and path that requests go to.
        region: The region that requests are signed for.
        credentials: Returns the current credentials; None to send unsigned requests.
        user_agent: The User-Agent header.
        link: How to connect.
        max_attempts: HTTP requests for one call; None if it is not set.
        given_seconds: The longest time of one attempt by the timeouts of the caller's
            config; 0 if it has none.
    """

    url: str
    region: str
    credentials: CredentialsProvider | None
    user_agent: str
    link: Link
    max_attempts: int | None
    given_seconds: float = 0.0


class Arguments(NamedTuple):
    """The arguments of a sender, as `PinpointSender` documents them."""

    region: str | None = None
    endpoint_url: str | None = None
    session: Any = None
    credentials: Any = None
    config: Any = None
    verify: Any = None


# No session, credentials, config and verify: only the environment matters.
_ONLY_ENVIRONMENT: Final = (None, None, None, None)


def find_settings(service: Service, arguments: Arguments) -> Settings:
    """
    Look up the settings of a sender.

    Raises:
        ConfigurationError: If something is missing, unknown or contradictory.
    """
    if not isinstance(arguments.region, str | None):
        raise _wrong_type("region", arguments.region, "text, as in 'eu-west-1'")
    if not isinstance(arguments.verify, bool | str | None):
        expected = "False, or the path of a CA bundle"
        raise _wrong_type("verify", arguments.verify, expected)
    try:
        found = None
        if arguments[2:] == _ONLY_ENVIRONMENT:
            found = settings_from_environment(service, os.environ, arguments)
        return found or settings_from_session(service, arguments)
    except BotoCoreError as error:
        # From None: the error's cause may quote a line of a credentials file.
        message = (
            f"{str(error).rstrip('.')}; correct the arguments, environment or files"
        )
        raise ConfigurationError(message, _code_of(error)) from None


def _code_of(error: BotoCoreError) -> ConfigurationErrorCode | None:
    if isinstance(error, ProfileNotFound):
        return ConfigurationErrorCode.PROFILE_NOT_FOUND
    return None


# --- From the environment alone -------------------------------------------------------


def settings_from_environment(
    service: Service, environ: Mapping[str, str], arguments: Arguments
) -> Settings | None:
    """Return the settings, or None if anything else than the environment matters."""
    if not _is_plain(service, environ) or _has_files(environ):
        return None
    url = arguments.endpoint_url
    if url is None:
        url = environ.get(service.variable, environ.get("AWS_ENDPOINT_URL"))
    region = (
        arguments.region
        or environ.get("AWS_DEFAULT_REGION")
        or environ.get("AWS_REGION")
    )
    if region is None or "fips" in region:
        return None
    if url is None:
        if region not in service.plain_regions:
            return None
        url = f"https://{service.endpoint_prefix}.{region}.amazonaws.com"
    _check_label(region)
    credentials = FrozenCredentials(
        environ["AWS_ACCESS_KEY_ID"],
        environ["AWS_SECRET_ACCESS_KEY"],
        environ.get("AWS_SECURITY_TOKEN") or environ.get("AWS_SESSION_TOKEN"),
    )
    return Settings(
        url=url,
        region=region,
        credentials=lambda: credentials,
        user_agent=environment_user_agent(_USER_AGENT),
        link=Link(
            **place_of(url),
            verify=environ.get("AWS_CA_BUNDLE", environ.get(_REQUESTS_CA_BUNDLE, True)),
        ),
        max_attempts=_attempts(environ.get("AWS_MAX_ATTEMPTS")),
    )


def _is_plain(service: Service, environ: Mapping[str, str]) -> bool:
    if sys.platform in {"darwin", "win32"}:
        return False  # proxies may be set outside the environment
    known = _KNOWN_VARIABLES | {service.variable}
    for name, value in environ.items():
        if name.startswith(("AWS_", "BOTO")):
            is_known = name in known and value.strip()
            is_other_endpoint = name.startswith("AWS_ENDPOINT_URL_") and (
                name != service.variable
            )
            if not (is_known or is_other_endpoint or name.startswith(_LAMBDA_PREFIXES)):
                return False
        elif name.lower().endswith("_proxy") or (
            name == _REQUESTS_CA_BUNDLE and not value.strip()
        ):
            return False
    return "AWS_ACCESS_KEY_ID" in environ and "AWS_SECRET_ACCESS_KEY" in environ


def _has_files(environ: Mapping[str, str]) -> bool:
    paths = [environ.get(variable, default) for variable, default in _FILES]
    # os.path, as in botocore: it also works where there is no home directory.
    expand = os.path.expanduser
    return os.path.isdir(expand(_MODELS)) or any(  # noqa: PTH112 - see above
        os.path.isfile(expand(os.path.expandvars(path)))  # noqa: PTH113 - see above
        for path in paths
    )


# --- From a session -------------------------------------------------------------------


def settings_from_session(service: Service, arguments: Arguments) -> Settings:
    """Return the settings that a botocore client of the session has."""
    from botocore.config import Config  # noqa: PLC0415 - slow to import

    session = _session(arguments.session)
    config = _config(session, arguments.config)
    options = config or Config()
    given_url = arguments.endpoint_url
    if given_url is None:
        given_url = _configured_url(session, service, options)
    if given_url is not None:
        place_of(given_url)
        _refuse_variants(options)
    region = _region(
        session, service, arguments.region or options.region_name, given_url
    )
    if given_url is None:
        _check_form(session, region)
    attempts = _configured_attempts(session)
    verify = _verify(session, arguments.verify)
    client, operation, call_arguments = _client(
        session, service, region, config, given_url
    )
    call = _observed_call(client, operation, call_arguments)
    url = given_url or call["url"].removesuffix(call["url_path"])
    meta = client.meta
    return Settings(
        url=url,
        region=meta.region_name,
        credentials=credentials_provider(
            session, arguments.credentials, meta.config.signature_version
        ),
        user_agent=_user_agent(call["headers"]["User-Agent"]),
        link=Link(
            **place_of(url),
            verify=verify,
            client_cert=meta.config.client_cert,
            **_timeouts(config, meta.config),
            max_connections=meta.config.max_pool_connections,
            socket_options=_socket_options(session, options),
            proxy=find_proxy(url, meta.config),
        ),
        max_attempts=attempts,
        given_seconds=_given_seconds(config),
    )


def _timeouts(config: Any, of_client: Any) -> dict[str, Any]:
    """
    Return the timeouts that a config or a defaults mode gives.

    botocore's own defaults, a minute each, are too long for a server that waits for the
    answer; a client does not say whether they are defaults.
    """
    given = given_options(config)
    return {
        name: getattr(of_client, name)
        for name in _TIMEOUTS
        if name in given or getattr(of_client, name) != _BOTOCORE_SECONDS
    }


def _given_seconds(config: Any) -> float:
    """Return the longest time of one attempt that the config asks for; 0 for none."""
    given = given_options(config)
    seconds = [given[name] for name in _TIMEOUTS if name in given]
    return _FOR_EVER if None in seconds else sum(seconds)


_TIMEOUTS: Final = ("connect_timeout", "read_timeout")
_BOTOCORE_SECONDS: Final = 60
_FOR_EVER: Final = 86_400.0  # a day


def _session(given: Any) -> Any:
    import botocore.session  # noqa: PLC0415 - slow to import

    from pinpoint_events.aws.own_session import own_session  # noqa: PLC0415 - likewise

    if given is None:
        return own_session()
    session = getattr(given, "_session", given)  # boto3's wraps botocore's
    if not isinstance(session, botocore.session.Session):
        raise _wrong_type("session", given, "a session of botocore or boto3")
    return session


def _config(session: Any, given: Any) -> Any:
    """
    Return the config to create a client with; None if there is none.

    None is not the same as a config with defaults only, which hides a defaults mode.
    """
    from botocore.config import Config  # noqa: PLC0415 - slow to import

    if not isinstance(given, Config | None):
        raise _wrong_type("config", given, "a botocore.config.Config")
    default = session.get_default_client_config()
    is_single = default is None or given is None
    config = (given or default) if is_single else default.merge(given)
    if config is None:
        return None
    if config.retries is not None:
        raise ConfigurationError(
            "the config has `retries`; pass retry=Retry(...) to the sender in its place"
        )
    for name in ("connect_timeout", "read_timeout"):
        seconds = getattr(config, name)
        if seconds is not None and not (_is_number(seconds) and seconds > 0):
            raise ConfigurationError(
                f"{name} in the config is no number of seconds above 0; correct it, or "
                "pass None to wait without limit"
            )
    return config


def _client(
    session: Any, service: Service, region: str, config: Any, given_url: str | None
) -> tuple[Any, str, Mapping[str, Any]]:
    """
    Return a client, and a method of it with its arguments.

    Only where the URL is to be found the client is one of the service itself: its model
    may be gone from botocore, and Pinpoint's takes a tenth of the time to load.
    """
    options = {
        "region_name": region,
        "endpoint_url": given_url,
        "config": config,
        # Else the session would search for credentials, perhaps in the network.
        "aws_access_key_id": "unused",
        "aws_secret_access_key": "unused",
    }
    if given_url is not None:
        name, operation = _COMMON_SERVICE
        return session.create_client(name, **options), operation, {}
    try:
        client = session.create_client(service.name, **options)
    except UnknownServiceError:
        raise ConfigurationError(
            f"this release of botocore does not know the service {service.name!r}, "
            "and so no endpoint of it; pass endpoint_url, or install a release that "
            "does"
        ) from None
    return client, service.operation, service.arguments


def _observed_call(client: Any, operation: str, arguments: Mapping[str, Any]) -> Any:
    """Return the parameters of a call as the client would send it; nothing is sent."""
    calls: list[Any] = []

    def observe(params: Any, **_: Any) -> tuple[Any, Any]:
        calls.append(params)
        return SimpleNamespace(status_code=200), {}

    client.meta.events.register_first("before-call", observe)
    getattr(client, operation)(**arguments)
    return calls[0]


def _user_agent(of_client: str) -> str:
    words = of_client.split(" ")
    words = [word for word in words if not word.startswith(_CLIENT_ONLY)]
    return " ".join([*words, _USER_AGENT])


def _configured_url(session: Any, service: Service, config: Any) -> str | None:
    """
    Return the endpoint URL of the environment or the profile, if there is one.

    In the order of the AWS SDKs and Tools Reference Guide, "Service-specific
    endpoints"; read here because a client does not say where its URL comes from.
    """
    is_ignored = config.ignore_configured_endpoint_urls
    if is_ignored is None:
        is_ignored = session.get_config_variable("ignore_configured_endpoint_urls")
    if is_ignored:
        return None
    for variable in (service.variable, "AWS_ENDPOINT_URL"):
        if url := os.environ.get(variable):
            return url
    profile = session.get_scoped_config()
    sections = session.full_config.get("services", {})
    section = sections.get(profile.get("services"), {}).get(service.section, {})
    if not isinstance(section, dict):
        raise ConfigurationError(
            "the services section of the profile is not readable; write "
            f"`{service.section} =` there, and `endpoint_url = URL` indented on the "
            "next line"
        )
    url = section.get("endpoint_url") or profile.get("endpoint_url")
    return str(url) if url else None


def _refuse_variants(config: Any) -> None:
    # Where the environment or a file asks for them, botocore ignores them.
    if config.use_fips_endpoint or config.use_dualstack_endpoint:
        raise ConfigurationError(
            "an endpoint URL is given, and the config asks for the FIPS or dual-stack "
            "endpoint of the region; leave one of them out"
        )


def _region(session: Any, service: Service, given: str | None, url: str | None) -> str:
    region: str | None = (
        given
        or session.get_config_variable("region")
        or os.environ.get("AWS_REGION")
        or region_of(service, url)
    )
    if not region:
        raise ConfigurationError(
            "no region is known; pass region=, or set AWS_REGION, or region in the "
            "profile of the AWS config file",
            ConfigurationErrorCode.NO_REGION,
        )
    _check_label(region)
    return region


def _check_form(session: Any, region: str) -> None:
    """Refuse a region whose name fits no partition's: `eu-west1` has no endpoint."""
    name = region.replace("fips-", "").replace("-fips", "")
    try:
        session.get_partition_for_region(name)
    except UnknownRegionError:
        raise _no_region() from None


def _check_label(region: str) -> None:
    """Refuse a region that cannot be a part of a host's name."""
    if "\n" in region:  # botocore's pattern lets one at the end through
        raise _no_region()
    try:
        validate_region_name(region)
    except InvalidRegionError:
        raise _no_region() from None


def _no_region() -> ConfigurationError:
    # From None, and without the region: it may be a value that got into its place.
    return ConfigurationError(
        "the region has a name that no region has; pass one such as eu-west-1; with an "
        "endpoint URL, any name of letters, digits and hyphens will do",
        ConfigurationErrorCode.INVALID_REGION,
    )


def _verify(session: Any, given: bool | str | None) -> bool | str:  # noqa: FBT001 - botocore's name and values
    if isinstance(given, bool):
        return given
    bundle: str | None = given
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


def _socket_options(session: Any, config: Any) -> tuple[tuple[int, int, int], ...]:
    keeps_alive = config.tcp_keepalive
    if keeps_alive is None:
        keeps_alive = session.get_config_variable("tcp_keepalive")
    if keeps_alive is None:  # botocore 1.40 has no such variable, and reads the profile
        profile = session.get_scoped_config()
        keeps_alive = str(profile.get("tcp_keepalive")).lower() == "true"
    return (*NO_DELAY, KEEP_ALIVE) if keeps_alive else NO_DELAY


# --- Both ways ------------------------------------------------------------------------


def _configured_attempts(session: Any) -> int | None:
    try:
        attempts = session.get_config_variable("max_attempts")
    except ValueError:  # botocore converts it to a number
        raise _wrong_attempts() from None
    return _attempts(attempts)


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
    message = (
        "max_attempts is no whole number above 0; correct AWS_MAX_ATTEMPTS or the "
        "profile; it counts the first attempt too"
    )
    return ConfigurationError(message)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wrong_type(name: str, value: Any, expected: str) -> ConfigurationError:
    message = (
        f"{name} is of type {type(value).__name__}; pass {expected}, or leave it out"
    )
    return ConfigurationError(message)
