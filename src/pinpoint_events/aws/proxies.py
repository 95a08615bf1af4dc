"""Proxies as botocore finds them."""

from typing import Any
from urllib.parse import urlsplit

from pinpoint_events.aws._botocore import ProxyConfiguration, get_environ_proxies
from pinpoint_events.aws.endpoint_url import PORTS
from pinpoint_events.aws.link import Proxy
from pinpoint_events.errors import ConfigurationError

__all__ = ["find_proxy"]


def find_proxy(url: str, config: Any) -> Proxy | None:
    """
    Return the proxy to reach a URL by, of a botocore config or the environment.

    Raises:
        ConfigurationError: If the URL of the proxy is not usable.
    """
    proxies = config.proxies
    if proxies is None:
        proxies = get_environ_proxies(url)
    configuration = ProxyConfiguration(proxies, config.proxies_config)
    proxy_url = configuration.proxy_url_for(url)
    if not proxy_url:
        return None
    try:
        parts = urlsplit(proxy_url)
        is_proxy = parts.scheme in PORTS and parts.hostname and parts.port != 0
        if not is_proxy or parts.path.strip("/"):
            raise ValueError  # noqa: TRY301 - handled with those of the two calls
        headers = configuration.proxy_headers_for(proxy_url)
    except ValueError:
        # From None: the error may contain the password.
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
