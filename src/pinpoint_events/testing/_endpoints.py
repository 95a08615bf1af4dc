"""Strategies for endpoints and their parts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from pinpoint_events.model.endpoint import (
    ChannelType,
    Demographic,
    Endpoint,
    EndpointStatus,
    Location,
    OptOut,
    User,
)
from pinpoint_events.quotas import Quotas
from pinpoint_events.testing._objects import (
    Given,
    Strategies,
    built,
    fitted,
    members,
    sized,
)
from pinpoint_events.testing._quotas import fitted_endpoint
from pinpoint_events.testing._values import (
    ANY_TEXT,
    ANY_TIME,
    attribute_lists,
)
from pinpoint_events.testing._values import (
    metrics as any_metrics,
)

__all__ = [
    "channel_types",
    "demographics",
    "endpoint_statuses",
    "endpoints",
    "locations",
    "opt_outs",
    "users",
]


def channel_types() -> SearchStrategy[ChannelType]:
    """Any channel type."""
    return st.sampled_from(ChannelType)


def endpoint_statuses() -> SearchStrategy[EndpointStatus]:
    """Any status of an endpoint."""
    return st.sampled_from(EndpointStatus)


def opt_outs() -> SearchStrategy[OptOut]:
    """Any opt-out."""
    return st.sampled_from(OptOut)


def demographics(
    *,
    app_versions: SearchStrategy[str | None] | None = None,
    locales: SearchStrategy[str | None] | None = None,
    makes: SearchStrategy[str | None] | None = None,
    models: SearchStrategy[str | None] | None = None,
    model_versions: SearchStrategy[str | None] | None = None,
    platforms: SearchStrategy[str | None] | None = None,
    platform_versions: SearchStrategy[str | None] | None = None,
    timezones: SearchStrategy[str | None] | None = None,
) -> SearchStrategy[Demographic]:
    """
    Any demographic. By default each member is any text, or left out.

    Args:
        app_versions: Versions of the app.
        locales: Locales; the class accepts any text.
        makes: Manufacturers.
        models: Models of the device.
        model_versions: Versions of the models.
        platforms: Operating systems.
        platform_versions: Versions of the operating systems.
        timezones: Names of time zones; the class accepts any text.
    """
    given = {
        "app_version": app_versions,
        "locale": locales,
        "make": makes,
        "model": models,
        "model_version": model_versions,
        "platform": platforms,
        "platform_version": platform_versions,
        "timezone": timezones,
    }
    return built(Demographic, dict.fromkeys(given, ANY_TEXT), given)


def _degrees(bound: int) -> SearchStrategy[int | float]:
    edge_cases = st.sampled_from([-bound, float(-bound), 0, -0.0, bound, float(bound)])
    return st.integers(-bound, bound) | st.floats(-bound, bound) | edge_cases


_LOCATION: Final[Strategies] = {
    "city": ANY_TEXT,
    "country": ANY_TEXT,
    "latitude": _degrees(90),
    "longitude": _degrees(180),
    "postal_code": ANY_TEXT,
    "region": ANY_TEXT,
}


def locations(
    *,
    cities: SearchStrategy[str | None] | None = None,
    countries: SearchStrategy[str | None] | None = None,
    latitudes: SearchStrategy[float | None] | None = None,
    longitudes: SearchStrategy[float | None] | None = None,
    postal_codes: SearchStrategy[str | None] | None = None,
    regions: SearchStrategy[str | None] | None = None,
) -> SearchStrategy[Location]:
    """
    Any location. By default each member has any valid value, or is left out.

    Args:
        cities: Cities.
        countries: Countries; the class accepts any text.
        latitudes: Numbers from -90 to 90.
        longitudes: Numbers from -180 to 180.
        postal_codes: Postal codes.
        regions: Regions.
    """
    given: Given = {
        "city": cities,
        "country": countries,
        "latitude": latitudes,
        "longitude": longitudes,
        "postal_code": postal_codes,
        "region": regions,
    }
    return built(Location, _LOCATION, given)


_USER: Final[Strategies] = {"user_id": ANY_TEXT, "user_attributes": attribute_lists()}


def users(
    *,
    user_ids: SearchStrategy[str | None] | None = None,
    user_attributes: SearchStrategy[Mapping[str, Sequence[str]]] | None = None,
) -> SearchStrategy[User]:
    """
    Any user. By default each member has any valid value, or is left out.

    Args:
        user_ids: Ids of the user.
        user_attributes: Mappings of names to lists of texts.
    """
    given: Given = {"user_id": user_ids, "user_attributes": user_attributes}
    return built(User, _USER, given)


_ENDPOINT: Final[Strategies] = {
    "address": ANY_TEXT,
    "attributes": attribute_lists(),
    "channel_type": channel_types(),
    "demographic": demographics(),
    "effective_date": ANY_TIME,
    "endpoint_status": endpoint_statuses(),
    "location": locations(),
    "metrics": any_metrics(),
    "opt_out": opt_outs(),
    "request_id": ANY_TEXT,
    "user": users(),
}


def endpoints(
    *,
    addresses: SearchStrategy[str | None] | None = None,
    attributes: SearchStrategy[Mapping[str, Sequence[str]]] | None = None,
    channel_types: SearchStrategy[ChannelType | None] | None = None,
    demographics: SearchStrategy[Demographic | None] | None = None,
    effective_dates: SearchStrategy[datetime | None] | None = None,
    endpoint_statuses: SearchStrategy[EndpointStatus | None] | None = None,
    locations: SearchStrategy[Location | None] | None = None,
    metrics: SearchStrategy[Mapping[str, int | float]] | None = None,
    opt_outs: SearchStrategy[OptOut | None] | None = None,
    request_ids: SearchStrategy[str | None] | None = None,
    users: SearchStrategy[User | None] | None = None,
    within: Quotas | None = None,
) -> SearchStrategy[Endpoint]:
    """
    Any endpoint. By default each member has any valid value, or is left out.

    Some endpoints are exactly as large as the quota, or one byte smaller or larger.

    Args:
        addresses: Addresses. An address without a channel type gets one; if
            `channel_types` is given, the example is rejected instead.
        attributes: Mappings of names to lists of texts.
        channel_types: Channel types.
        demographics: Demographics.
        effective_dates: Times with a time zone.
        endpoint_statuses: Statuses.
        locations: Locations.
        metrics: Mappings of names to numbers.
        opt_outs: Opt-outs.
        request_ids: Ids of the update.
        users: Users.
        within: Quotas that no endpoint exceeds; None for no quotas.
    """
    given: Given = {
        "address": addresses,
        "attributes": attributes,
        "channel_type": channel_types,
        "demographic": demographics,
        "effective_date": effective_dates,
        "endpoint_status": endpoint_statuses,
        "location": locations,
        "metrics": metrics,
        "opt_out": opt_outs,
        "request_id": request_ids,
        "user": users,
    }
    made = _endpoints(
        members(_ENDPOINT, given), is_channel_given=channel_types is not None
    )
    if request_ids is None:
        limit = (within or Quotas()).endpoint_bytes
        made = sized(made, "request_id", limit, within=within is not None)
    return made if within is None else fitted(made, partial(fitted_endpoint, within))


@st.composite
def _endpoints(
    draw: DrawFn, arguments: SearchStrategy[dict[str, Any]], *, is_channel_given: bool
) -> Endpoint:
    drawn = draw(arguments)
    if drawn.get("address") is not None and drawn.get("channel_type") is None:
        if is_channel_given:
            reject()
        drawn["channel_type"] = draw(_CHANNEL_TYPE)
    return Endpoint(**drawn)


_CHANNEL_TYPE: Final = channel_types()
