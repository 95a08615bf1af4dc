"""Names of streams: as they are, or in an Amazon Resource Name."""

import re
from typing import Final, NamedTuple

from pinpoint_events.errors import ConfigurationError

__all__ = ["StreamName", "stream_name"]


class StreamName(NamedTuple):
    """
    A stream.

    Attributes:
        name: Its name.
        arn: Its ARN, if it was given by one.
        region: The region in the ARN.
        account_id: The AWS account in the ARN.
    """

    name: str
    arn: str | None = None
    region: str | None = None
    account_id: str | None = None

    def region_or(self, region: str | None) -> str | None:
        """
        Return the region to send to, if the ARN or the argument says.

        Raises:
            ConfigurationError: If they contradict each other.
        """
        if self.region is not None and region not in {None, self.region}:
            raise ConfigurationError(
                f"region is not that of the stream's ARN, {self.region}; leave it out"
            )
        return region or self.region


# Amazon Kinesis and Amazon Data Firehose API references, read 2026-11-28: the latter
# allows 64 characters, which the service itself checks.
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:(?P<service>[a-z]+):(?P<region>[a-z0-9-]+):(?P<account>\d{12}):"
    r"(?P<kind>[a-z]+)/(?P<name>[A-Za-z0-9_.-]{1,128})"
)
_KINDS: Final = {"kinesis": "stream", "firehose": "deliverystream"}


def stream_name(stream: str, service: str) -> StreamName:
    """
    Return the stream that a name or an ARN means.

    Args:
        stream: The name or the ARN.
        service: `kinesis` or `firehose`.

    Raises:
        ConfigurationError: If it is neither.
    """
    given: object = stream
    if not isinstance(given, str):
        raise ConfigurationError(
            f"stream is of type {type(given).__name__}; pass the name or the ARN"
        )
    if _NAME.fullmatch(stream):
        return StreamName(stream)
    found = _ARN.fullmatch(stream)
    kind = _KINDS[service]
    if found is None or (found["service"], found["kind"]) != (service, kind):
        if "://" in stream:
            raise ConfigurationError(
                "stream is a URL; pass it to open_sender(), or the name alone"
            )
        raise ConfigurationError(
            "stream is no name of 1 to 128 letters, digits, _, . and -, and no ARN; "
            f"pass a name, or an ARN as in arn:aws:{service}:REGION:ACCOUNT:{kind}/NAME"
        )
    return StreamName(found["name"], stream, found["region"], found["account"])
