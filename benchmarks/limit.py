"""
From plain values to a decoded answer, over loopback, against a minimal client.

The client does what no client can leave out, with the fastest means that ordinary code
has: dicts, orjson, one signature, one kept connection of `http.client`. It checks
nothing, has no types, and does not retry: no client with these parts costs less.

It starts from the same plain values as this library, or from ready-made dicts.
"""

import hashlib
import hmac
import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import orjson

from benchmarks.environment import KEYS
from benchmarks.timing import Side
from benchmarks.workload import (
    APPLICATION_ID,
    BATCHES,
    EVENTS,
    EndpointValues,
    built,
    values,
)
from pinpoint_events import EventsResponse, PinpointSender

_PATH = f"/v1/apps/{APPLICATION_ID}/events"
_SIGNED_HEADERS = "content-type;host;x-amz-date"


class LimitClient:
    """
    The minimal client, with one connection.

    Args:
        url: Of the service, without a path.
        access_key: The access key id.
        secret_key: Its secret.
        region: The region to sign for.
    """

    def __init__(self, url: str, access_key: str, secret_key: str, region: str) -> None:
        self._host = url.removeprefix("http://")
        # It sets TCP_NODELAY, and connects with the first request.
        self._connection = http.client.HTTPConnection(self._host)
        self._access_key = access_key
        self._secret = b"AWS4" + secret_key.encode()
        self._region = region
        self._day = ""
        self._day_key = b""
        self._scope = ""

    def put_events(self, request: dict[str, Any]) -> Any:
        """
        Send a request, and return the decoded answer.

        Args:
            request: As the service's JSON has it.
        """
        body = orjson.dumps(request)
        self._connection.request("POST", _PATH, body, self._headers(body))
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != http.client.ACCEPTED:
            raise RuntimeError(f"HTTP {response.status}: {answer.decode()}")
        return orjson.loads(answer)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _headers(self, body: bytes) -> dict[str, str]:
        """Return the headers that sign a body (AWS Signature Version 4)."""
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        if moment[:8] != self._day:
            self._begin_day(moment[:8])
        canonical = (
            f"POST\n{_PATH}\n\ncontent-type:application/json\nhost:{self._host}\n"
            f"x-amz-date:{moment}\n\n{_SIGNED_HEADERS}\n"
            f"{hashlib.sha256(body).hexdigest()}"
        )
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{self._scope}\n{digest}"
        return {
            "Content-Type": "application/json",
            "X-Amz-Date": moment,
            "Authorization": (
                f"AWS4-HMAC-SHA256 Credential={self._access_key}/{self._scope}, "
                f"SignedHeaders={_SIGNED_HEADERS}, "
                f"Signature={_hmac(self._day_key, to_sign).hex()}"
            ),
        }

    def _begin_day(self, day: str) -> None:
        key = self._secret
        for part in (day, self._region, "mobiletargeting", "aws4_request"):
            key = _hmac(key, part)
        self._day, self._day_key = day, key
        self._scope = f"{day}/{self._region}/mobiletargeting/aws4_request"


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def request_dict(endpoints: list[EndpointValues]) -> dict[str, Any]:
    """
    Return a batch as the service's JSON has it.

    Args:
        endpoints: The plain values of the batch.
    """
    return {
        "BatchItem": {
            endpoint_id: {
                "Endpoint": {"Address": address, "ChannelType": "EMAIL"},
                "Events": {
                    event_id: {
                        "EventType": "purchase",
                        "Timestamp": _time_text(moment),
                        "Attributes": attributes,
                        "Metrics": metrics,
                        "Session": {
                            "Id": session_id,
                            "StartTimestamp": _time_text(start),
                        },
                    }
                    for event_id, moment, attributes, metrics, session_id, start in (
                        events
                    )
                },
            }
            for endpoint_id, address, events in endpoints
        }
    }


def _time_text(moment: datetime) -> str:
    """
    Return a time of UTC with milliseconds and `Z`, as the service's SDKs write it.

    Cut out of what orjson writes: `isoformat` takes more than twice as long.
    """
    text = orjson.dumps(moment)
    if moment.microsecond:
        return text[1:24].decode() + "Z"
    return text[1:20].decode() + ".000Z"  # orjson leaves a fraction of zero out


@contextmanager
def sides(url: str, *, from_values: bool) -> Iterator[tuple[Side, Side]]:
    """
    Yield this library and the minimal client, each with a separate connection.

    Args:
        url: Of the local substitute for the service.
        from_values: Whether the client makes its dicts from the plain values;
            otherwise they are ready-made.
    """
    batches = [values(number) for number in range(BATCHES)]
    dicts = [request_dict(batch) for batch in batches]
    client = LimitClient(
        url,
        KEYS["AWS_ACCESS_KEY_ID"],
        KEYS["AWS_SECRET_ACCESS_KEY"],
        KEYS["AWS_DEFAULT_REGION"],
    )

    with PinpointSender(APPLICATION_ID, endpoint_url=url) as sender:

        def ours() -> list[EventsResponse]:
            return [sender.put_events(built(batch).build()) for batch in batches]

        def from_plain_values() -> list[Any]:
            return [client.put_events(request_dict(batch)) for batch in batches]

        def from_ready_dicts() -> list[Any]:
            return [client.put_events(ready) for ready in dicts]

        theirs: Callable[[], list[Any]] = (
            from_plain_values if from_values else from_ready_dicts
        )
        yield Side(ours, BATCHES * EVENTS), Side(theirs, BATCHES * EVENTS)
    client.close()
