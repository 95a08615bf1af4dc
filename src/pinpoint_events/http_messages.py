"""HTTP requests and answers as values; connections are `aws.http`."""

from collections.abc import Mapping

import attrs

__all__ = ["HttpRequest", "HttpResponse"]


@attrs.frozen(kw_only=True)
class HttpRequest:
    """
    A request, before it is signed.

    Attributes:
        method: HTTP method.
        path: Percent-encoded path; what the endpoint URL has of one comes before it.
        headers: Names in any case.
        body: The bytes to send; left out of the `repr`.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class HttpResponse:
    """
    A complete answer.

    Attributes:
        status: HTTP status code.
        headers: Names in lower case.
        body: The bytes that came; left out of the `repr`.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = attrs.field(repr=False)
