"""
Connections through a proxy: urllib3's, as in botocore.

Answers are read by `http.client`, with the deadline of the exchange.
"""

import ipaddress
import math
import os
from typing import Any
from urllib.parse import urlsplit

import urllib3

from pinpoint_events.aws._botocore import get_cert_path
from pinpoint_events.aws._transport_errors import (
    MAX_ANSWER_BYTES,
    cut_off,
    no_proxy,
    not_connected,
    not_http,
    not_trusted,
    timed_out,
    too_large,
    too_late,
)
from pinpoint_events.aws.answer_reader import REQUEST_ID, FinalResponse
from pinpoint_events.aws.deadline import Deadline, exchange
from pinpoint_events.aws.link import Link, Proxy
from pinpoint_events.aws.tls import tls_context
from pinpoint_events.http_messages import HttpRequest, HttpResponse

__all__ = ["Proxied"]


class _HttpConnection(urllib3.connection.HTTPConnection):
    """urllib3's connection, reading with the deadline."""

    response_class = FinalResponse


class _HttpsConnection(urllib3.connection.HTTPSConnection):
    """The same over TLS."""

    response_class = FinalResponse


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


class Proxied:
    """
    Sends over connections through a proxy.

    Args:
        link: The way to the service.
        proxy: The proxy.
    """

    def __init__(self, link: Link, proxy: Proxy) -> None:
        self._link = link
        self._proxy = proxy
        # Where it is trusted with what goes to `https`, TLS ends at the proxy.
        forwards_https = proxy.forwards_https and proxy.url.startswith("https:")
        context = None
        if link.scheme == "https" and not forwards_https:
            # urllib3 itself checks whose the certificate is.
            context = tls_context(link.verify, link.client_cert, checks_host=False)
        proxy_context = None
        if proxy.ca_bundle or proxy.client_cert or forwards_https:
            proxy_context = tls_context(
                proxy.ca_bundle or link.verify,
                proxy.client_cert,
                # An old urllib3 cannot have it checked for addresses.
                checks_host=not _is_address(urlsplit(proxy.url).hostname or ""),
            )
        self._options: dict[str, Any] = {
            "ca_certs": get_cert_path(link.verify) if link.verify else None,
            "cert_reqs": "CERT_REQUIRED" if link.verify else "CERT_NONE",
            "maxsize": link.max_connections,
            "proxy_headers": proxy.headers,
            "proxy_ssl_context": proxy_context,
            "socket_options": list(link.socket_options),
            "ssl_context": context,
            "use_forwarding_for_https": forwards_https,
        }
        # By process id. Those of a parent process stay untouched: threads that do not
        # exist in the child may hold their locks.
        self._managers: dict[int, urllib3.ProxyManager] = {}

    def _manager(self) -> urllib3.ProxyManager:
        process = os.getpid()
        manager = self._managers.get(process)
        if manager is None:
            manager = urllib3.ProxyManager(self._proxy.url, **self._options)
            pools = {"http": _HttpPool, "https": _HttpsPool}
            manager.pool_classes_by_scheme = pools
            manager = self._managers.setdefault(process, manager)
        return manager

    def exchange(self, request: HttpRequest, seconds: float = math.inf) -> HttpResponse:
        """Send a request and return the complete answer, as `Transport` says."""
        link = self._link
        request_id = None
        exchange.deadline = deadline = Deadline(seconds)
        try:
            response = self._manager().urlopen(
                request.method,
                link.origin + request.path,
                body=request.body,
                headers=dict(request.headers),
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(
                    connect=deadline.bounded(link.connect_timeout),
                    read=deadline.bounded(link.read_timeout),
                ),
                preload_content=False,
                decode_content=False,
                enforce_content_length=True,
            )
            named = response.headers.items()
            headers = {name.lower(): value for name, value in named}
            request_id = headers.get(REQUEST_ID)
            body = self._body(response, request_id)
        # From None, all of them: urllib3's errors contain the connection, and so the
        # proxy's credentials.
        except urllib3.exceptions.ProxyError as error:
            if deadline.is_over:
                raise too_late(link) from None
            # urllib3's name for every connection that ends before an answer, too.
            is_cut = isinstance(error.original_error, ConnectionError)
            raise (cut_off(link) if is_cut else no_proxy(link)) from None
        except (TimeoutError, urllib3.exceptions.TimeoutError):
            raise timed_out(link, request_id, deadline) from None
        except urllib3.exceptions.SSLError as error:
            cause = error.args[0]
            if isinstance(cause, OSError):
                raise not_connected(link, cause) from None
            raise not_trusted(link, str(cause)) from None
        except urllib3.exceptions.HTTPError:
            raise cut_off(link, request_id) from None
        except ValueError:  # a chunk of a negative size
            raise not_http(link) from None
        response.release_conn()
        return HttpResponse(status=response.status, headers=headers, body=body)

    def _body(
        self, response: urllib3.response.BaseHTTPResponse, request_id: str | None
    ) -> bytes:
        is_small = (response.length_remaining or 0) <= MAX_ANSWER_BYTES
        body = response.read(MAX_ANSWER_BYTES + 1) if is_small else b""
        if is_small and response.length_remaining:
            # Asked for a number of bytes, urllib3 takes the end for the end.
            response.close()
            raise cut_off(self._link, request_id)
        if len(body) > MAX_ANSWER_BYTES or not is_small:
            response.close()
            raise too_large(self._link, request_id)
        return body

    def close(self) -> None:
        """Close the connections, as `Transport` says."""
        manager = self._managers.pop(os.getpid(), None)
        if manager is not None:
            manager.clear()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
