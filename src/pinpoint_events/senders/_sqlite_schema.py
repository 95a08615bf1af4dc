"""
The tables and views of `SqliteSender`.

A row of `event` or `endpoint` holds the JSON text in the service's format, so that no
member is lost that has no column. The views extract the members; only the views are
documented. The JSON columns are text, because older versions of SQLite read no JSON
from blobs.
"""

from typing import Final

from pinpoint_events.storage.sqlite_file import Schema

__all__ = ["SCHEMA"]

_APPLICATION_ID: Final = 0x50707445  # `PptE`
_VERSION: Final = 1

_STATEMENTS: Final = (
    """
    CREATE TABLE endpoint (
        id INTEGER PRIMARY KEY,
        application_id TEXT NOT NULL,
        endpoint_id TEXT NOT NULL,
        json TEXT NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        UNIQUE (application_id, endpoint_id)
    )
    """,
    # For `find_endpoints`. Few endpoints have neither an address nor a user.
    """
    CREATE INDEX endpoint_address
    ON endpoint (application_id, json_extract(json, '$.Address'))
    WHERE json_extract(json, '$.Address') IS NOT NULL
    """,
    """
    CREATE INDEX endpoint_user
    ON endpoint (application_id, json_extract(json, '$.User.UserId'))
    WHERE json_extract(json, '$.User.UserId') IS NOT NULL
    """,
    # In order of arrival: a row at the end of a table costs half of what one in the
    # middle of a table costs that is sorted by random ids.
    """
    CREATE TABLE event (
        id INTEGER PRIMARY KEY,
        endpoint INTEGER NOT NULL REFERENCES endpoint (id),
        event_id TEXT NOT NULL,
        json TEXT NOT NULL,
        received_at TEXT NOT NULL,
        UNIQUE (endpoint, event_id)
    )
    """,
    """
    CREATE VIEW endpoints AS SELECT
        application_id,
        endpoint_id,
        json_extract(json, '$.ChannelType') AS channel_type,
        json_extract(json, '$.Address') AS address,
        json_extract(json, '$.EndpointStatus') AS endpoint_status,
        json_extract(json, '$.OptOut') AS opt_out,
        json_extract(json, '$.EffectiveDate') AS effective_date,
        json_extract(json, '$.RequestId') AS request_id,
        ifnull(json_extract(json, '$.Attributes'), '{}') AS attributes,
        ifnull(json_extract(json, '$.Metrics'), '{}') AS metrics,
        json_extract(json, '$.User.UserId') AS user_id,
        ifnull(json_extract(json, '$.User.UserAttributes'), '{}') AS user_attributes,
        json_extract(json, '$.Demographic.AppVersion') AS app_version,
        json_extract(json, '$.Demographic.Locale') AS locale,
        json_extract(json, '$.Demographic.Make') AS make,
        json_extract(json, '$.Demographic.Model') AS model,
        json_extract(json, '$.Demographic.ModelVersion') AS model_version,
        json_extract(json, '$.Demographic.Platform') AS platform,
        json_extract(json, '$.Demographic.PlatformVersion') AS platform_version,
        json_extract(json, '$.Demographic.Timezone') AS timezone,
        json_extract(json, '$.Location.City') AS city,
        json_extract(json, '$.Location.Country') AS country,
        json_extract(json, '$.Location.Latitude') AS latitude,
        json_extract(json, '$.Location.Longitude') AS longitude,
        json_extract(json, '$.Location.PostalCode') AS postal_code,
        json_extract(json, '$.Location.Region') AS region,
        created_at,
        updated_at,
        json
    FROM endpoint
    """,
    """
    CREATE VIEW events AS SELECT
        endpoint.application_id,
        endpoint.endpoint_id,
        event.event_id,
        json_extract(event.json, '$.EventType') AS event_type,
        json_extract(event.json, '$.Timestamp') AS timestamp,
        ifnull(json_extract(event.json, '$.Attributes'), '{}') AS attributes,
        ifnull(json_extract(event.json, '$.Metrics'), '{}') AS metrics,
        json_extract(event.json, '$.Session.Id') AS session_id,
        json_extract(event.json, '$.Session.StartTimestamp') AS session_start_timestamp,
        json_extract(event.json, '$.Session.StopTimestamp') AS session_stop_timestamp,
        json_extract(event.json, '$.Session.Duration') AS session_duration,
        json_extract(event.json, '$.ClientSdkVersion') AS client_sdk_version,
        json_extract(event.json, '$.AppPackageName') AS app_package_name,
        json_extract(event.json, '$.AppTitle') AS app_title,
        json_extract(event.json, '$.AppVersionCode') AS app_version_code,
        json_extract(event.json, '$.SdkName') AS sdk_name,
        event.received_at,
        event.id AS sequence,
        event.json
    FROM event JOIN endpoint ON endpoint.id = event.endpoint
    """,
)

SCHEMA: Final = Schema(_APPLICATION_ID, _VERSION, _STATEMENTS)
