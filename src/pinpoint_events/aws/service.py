"""An AWS service, as far as settings, signatures and connections depend on it."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

__all__ = ["Service"]


class Service(NamedTuple):
    """
    An AWS service.

    A named tuple: defining an attrs class takes a hundredth of the time to a first
    answer.

    Attributes:
        name: Its name in botocore, as in `session.create_client(name)`.
        endpoint_prefix: First part of its host names.
        signing_name: Its name in signatures.
        service_id: Its name in settings, such as `AWS_ENDPOINT_URL_<SERVICE_ID>`.
        protocol: Its wire protocol, by botocore's name for it.
        plain_regions: Regions in which its host is `PREFIX.REGION.amazonaws.com`.
        operation: A botocore client method, called without being sent to see what a
            client would send.
        arguments: Arguments that the method accepts.
    """

    name: str
    endpoint_prefix: str
    signing_name: str
    service_id: str
    protocol: Literal["rest-json", "json"]
    plain_regions: frozenset[str]
    operation: str
    arguments: Mapping[str, Any]

    @property
    def variable(self) -> str:
        """The environment variable of its endpoint URL."""
        return f"AWS_ENDPOINT_URL_{self.service_id.upper().replace(' ', '_')}"

    @property
    def section(self) -> str:
        """Its name in a `services` section of the AWS config file."""
        return self.service_id.lower().replace(" ", "_")
