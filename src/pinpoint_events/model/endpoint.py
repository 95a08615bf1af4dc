"""
Endpoints: what events belong to, such as a device or an e-mail address.

The members and their meaning are the service's: Amazon Pinpoint API reference,
`PublicEndpoint`, `EndpointDemographic`, `EndpointLocation`, `EndpointUser`.
"""

from datetime import datetime
from typing import ClassVar, final

import attrs

from pinpoint_events.model import _converters as to
from pinpoint_events.model._immutable import FrozenMap, Immutable
from pinpoint_events.model._registration import compiled_as
from pinpoint_events.problems import Problem, ProblemCode, WordEnum

__all__ = [
    "ChannelType",
    "Demographic",
    "Endpoint",
    "EndpointStatus",
    "Location",
    "OptOut",
    "User",
]


class ChannelType(WordEnum):
    """The channel by which an endpoint is reached, as in the service's model."""

    PUSH = "PUSH"
    GCM = "GCM"
    APNS = "APNS"
    APNS_SANDBOX = "APNS_SANDBOX"
    APNS_VOIP = "APNS_VOIP"
    APNS_VOIP_SANDBOX = "APNS_VOIP_SANDBOX"
    ADM = "ADM"
    SMS = "SMS"
    VOICE = "VOICE"
    EMAIL = "EMAIL"
    BAIDU = "BAIDU"
    CUSTOM = "CUSTOM"
    IN_APP = "IN_APP"


class EndpointStatus(WordEnum):
    """Whether messages are sent to the endpoint."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


class OptOut(WordEnum):
    """
    Which messages the user has opted out of.

    The service assumes `ALL` for an endpoint that is created without it.
    """

    ALL = "ALL"
    NONE = "NONE"


def _channel_type(value: ChannelType | str | None) -> ChannelType | None:
    found: ChannelType | None = to.member_of(ChannelType, value)
    return found


compiled_as("member", _channel_type)


def _endpoint_status(value: EndpointStatus | str | None) -> EndpointStatus | None:
    found: EndpointStatus | None = to.member_of(EndpointStatus, value, suggests=False)
    return found


compiled_as("member", _endpoint_status)


def _opt_out(value: OptOut | str | None) -> OptOut | None:
    # A wrong guess would opt someone in or out.
    found: OptOut | None = to.member_of(OptOut, value, suggests=False)
    return found


compiled_as("member", _opt_out)


def _latitude(value: float | None) -> int | float | None:
    angle: int | float | None = None if value is None else to.degrees(value, 90)
    return angle


compiled_as("number", _latitude, -90, 90)


def _longitude(value: float | None) -> int | float | None:
    angle: int | float | None = None if value is None else to.degrees(value, 180)
    return angle


compiled_as("number", _longitude, -180, 180)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class Demographic(Immutable):
    """
    The device and the app on it. All optional, all `str`.

    Attributes:
        app_version: Version of the app that is associated with the endpoint.
        locale: ISO 639-1 code, underscore, ISO 3166-1 alpha-2 code: `en_US`.
        make: Manufacturer of the device.
        model: Name or number of the device's model.
        model_version: Version of that model.
        platform: Operating system, such as `ios`.
        platform_version: Its version.
        timezone: Name in the tz database, such as `Europe/Berlin`.
    """

    app_version: str | None = attrs.field(default=None, converter=to.text)
    locale: str | None = attrs.field(default=None, converter=to.text)
    make: str | None = attrs.field(default=None, converter=to.text)
    model: str | None = attrs.field(default=None, converter=to.text)
    model_version: str | None = attrs.field(default=None, converter=to.text)
    platform: str | None = attrs.field(default=None, converter=to.text)
    platform_version: str | None = attrs.field(default=None, converter=to.text)
    timezone: str | None = attrs.field(default=None, converter=to.text)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class Location(Immutable):
    """
    Where the endpoint is. All optional.

    Attributes:
        city: Name of the city.
        country: ISO 3166-1 alpha-2 code. Not checked: the service accepts others too.
        latitude: Degrees, -90 to 90. Sent as given; round it if the exact place would
            violate your users' privacy.
        longitude: Degrees, -180 to 180.
        postal_code: Postal or ZIP code.
        region: Name of the region, in the United States the state.
    """

    city: str | None = attrs.field(default=None, converter=to.text)
    country: str | None = attrs.field(default=None, converter=to.text)
    latitude: int | float | None = attrs.field(default=None, converter=_latitude)
    longitude: int | float | None = attrs.field(default=None, converter=_longitude)
    postal_code: str | None = attrs.field(default=None, converter=to.text)
    region: str | None = attrs.field(default=None, converter=to.text)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class User(Immutable):
    """
    The person behind the endpoint. One person may have several endpoints.

    Attributes:
        user_id: Your id of the person.
        user_attributes: Name to values, each a sequence of `str`.
    """

    user_id: str | None = attrs.field(default=None, converter=to.text)
    user_attributes: FrozenMap[tuple[str, ...]] = attrs.field(
        default=to.NO_TEXTS, converter=to.texts_map
    )


def _demographic(value: Demographic | None) -> Demographic | None:
    return None if value is None else to.instance_of(Demographic, value)


compiled_as("optional_model", _demographic)


def _location(value: Location | None) -> Location | None:
    return None if value is None else to.instance_of(Location, value)


compiled_as("optional_model", _location)


def _user(value: User | None) -> User | None:
    return None if value is None else to.instance_of(User, value)


compiled_as("optional_model", _user)


@final
@attrs.frozen(kw_only=True, repr=False, getstate_setstate=False)
class Endpoint(Immutable):
    """
    The data of an endpoint to store. All optional.

    The service merges it into the stored endpoint: members left out keep their stored
    value, and the list of values of a given attribute is replaced. `Endpoint()` leaves
    the stored endpoint as it is. The endpoint's id is not part of it: it is the
    endpoint's key in a request.

    Attributes:
        address: Device token, e-mail address or telephone number. Needs `channel_type`.
        attributes: Name to values, each a sequence of `str`.
        channel_type: The channel that the address belongs to.
        demographic: The device and the app on it.
        effective_date: When this became valid. A `datetime` with a time zone or an ISO
            8601 string; kept in UTC, truncated to milliseconds.
        endpoint_status: Whether messages are sent to it.
        location: Where it is.
        metrics: Name to number: finite, ints within +-2**53.
        opt_out: Whether the user has opted out of messages.
        request_id: Your id of this update of the endpoint.
        user: The person behind it.

    Raises:
        ValidationError: With all problems of the arguments.
    """

    address: str | None = attrs.field(default=None, converter=to.text)
    attributes: FrozenMap[tuple[str, ...]] = attrs.field(
        default=to.NO_TEXTS, converter=to.texts_map
    )
    channel_type: ChannelType | None = attrs.field(
        default=None, converter=_channel_type
    )
    demographic: Demographic | None = attrs.field(default=None, converter=_demographic)
    effective_date: datetime | None = attrs.field(
        default=None, converter=to.optional_time
    )
    endpoint_status: EndpointStatus | None = attrs.field(
        default=None, converter=_endpoint_status
    )
    location: Location | None = attrs.field(default=None, converter=_location)
    metrics: FrozenMap[int | float] = attrs.field(
        default=to.NO_NUMBERS, converter=to.number_map
    )
    opt_out: OptOut | None = attrs.field(default=None, converter=_opt_out)
    request_id: str | None = attrs.field(default=None, converter=to.text)
    user: User | None = attrs.field(default=None, converter=_user)

    _rule_kept_if: ClassVar = ("address", "channel_type")

    def _broken_rule(self) -> Problem | None:
        if self.address is None or self.channel_type is not None:
            return None
        return Problem(ProblemCode.MISSING_CHANNEL_TYPE, ("channel_type",))
