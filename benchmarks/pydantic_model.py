"""
The model once more, by pydantic 2: the peer of the row about encoding.

The same members, types and rules as far as pydantic's own means go: strict, frozen,
nothing unknown, the service's names as aliases, bounds as constraints. What it does not
do is in its favour: dicts stay open to change, lists of problems have no remedies, and
times are written with six digits, because its own writer of times knows no other way
and one in Python would cost it more.
"""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_pascal

from benchmarks.workload import EndpointValues
from pinpoint_events import ChannelType, EndpointStatus, OptOut

_MILLISECOND = timedelta(milliseconds=1)

Name = Annotated[str, StringConstraints(min_length=1)]
Number = (
    Annotated[int, Field(ge=-(2**53), le=2**53)]
    | Annotated[float, Field(allow_inf_nan=False)]
)
Key = Annotated[str, StringConstraints(max_length=50)]
Attributes = Annotated[
    dict[Key, Annotated[str, StringConstraints(max_length=200)]], Field(max_length=40)
]
Metrics = dict[str, Number]
Texts = dict[Key, Annotated[list[str], Field(max_length=50)]]


class _Model(BaseModel):
    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        alias_generator=to_pascal,
        validate_by_name=True,
        validate_by_alias=True,
    )


class Session(_Model):
    """The peer of `pinpoint_events.Session`."""

    id: Name
    start_timestamp: AwareDatetime
    stop_timestamp: AwareDatetime | None = None
    duration: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.stop_timestamp is None:
            return self
        length = (self.stop_timestamp - self.start_timestamp) // _MILLISECOND
        if length < 0 or self.duration not in {None, length}:
            raise ValueError("stop, start and duration disagree")
        return self


class Event(_Model):
    """The peer of `pinpoint_events.Event`."""

    event_type: Name
    timestamp: AwareDatetime
    attributes: Attributes | None = None
    metrics: Metrics | None = None
    session: Session | None = None
    client_sdk_version: str | None = None
    app_package_name: str | None = None
    app_title: str | None = None
    app_version_code: str | None = None
    sdk_name: str | None = None


class Demographic(_Model):
    """The peer of `pinpoint_events.Demographic`."""

    app_version: str | None = None
    locale: str | None = None
    make: str | None = None
    model: str | None = None
    model_version: str | None = None
    platform: str | None = None
    platform_version: str | None = None
    timezone: str | None = None


class Location(_Model):
    """The peer of `pinpoint_events.Location`."""

    city: str | None = None
    country: str | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    postal_code: str | None = None
    region: str | None = None


class User(_Model):
    """The peer of `pinpoint_events.User`."""

    user_id: str | None = None
    user_attributes: Texts | None = None


class Endpoint(_Model):
    """The peer of `pinpoint_events.Endpoint`."""

    address: str | None = None
    attributes: Texts | None = None
    channel_type: ChannelType | None = None
    demographic: Demographic | None = None
    effective_date: AwareDatetime | None = None
    endpoint_status: EndpointStatus | None = None
    location: Location | None = None
    metrics: Metrics | None = None
    opt_out: OptOut | None = None
    request_id: str | None = None
    user: User | None = None

    @model_validator(mode="after")
    def _address_has_channel(self) -> Self:
        if self.address is not None and self.channel_type is None:
            raise ValueError("an address needs its channel")
        return self


class EventsBatch(_Model):
    """The peer of `pinpoint_events.EventsBatch`."""

    endpoint: Endpoint
    events: dict[Name, Event]


class EventsRequest(_Model):
    """The peer of `pinpoint_events.EventsRequest`."""

    batch_item: dict[Name, EventsBatch]


def body(endpoints: list[EndpointValues]) -> bytes:
    """Return the batch as JSON."""
    request = EventsRequest(
        batch_item={
            endpoint_id: EventsBatch(
                endpoint=Endpoint(channel_type=ChannelType.EMAIL, address=address),
                events={
                    event_id: Event(
                        event_type="purchase",
                        timestamp=moment,
                        attributes=attributes,
                        metrics=metrics,
                        session=Session(id=session_id, start_timestamp=start),
                    )
                    for event_id, moment, attributes, metrics, session_id, start in (
                        events
                    )
                },
            )
            for endpoint_id, address, events in endpoints
        }
    )
    return request.model_dump_json(by_alias=True, exclude_none=True).encode()
