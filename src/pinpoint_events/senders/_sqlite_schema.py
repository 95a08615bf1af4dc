"""
The tables and views of `SqliteSender`.

A row of `event` or `endpoint` holds the JSON text in the service's format, so that no
member is lost that has no column. The views extract the members; only the views are
documented. The JSON columns are text, because older versions of SQLite read no JSON
from blobs.

Addresses and user ids have separate columns, because SQLite's JSON functions end a
text at a NUL character.
"""

import json
import sqlite3
from typing import Any, Final

from pinpoint_events.storage.sqlite_file import Schema

__all__ = ["SCHEMA"]

_APPLICATION_ID: Final = 0x50707445  # `PptE`
_VERSION: Final = 2

_ENDPOINT_TABLE: Final = """
    CREATE TABLE endpoint (
        id INTEGER PRIMARY KEY,
        application_id TEXT NOT NULL,
        endpoint_id TEXT NOT NULL,
        json TEXT NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        address TEXT,
        user_id TEXT,
        UNIQUE (application_id, endpoint_id)
    )
"""
# For `find_endpoints`. Few endpoints have neither an address nor a user.
_ENDPOINT_INDEXES: Final = (
    """
    CREATE INDEX endpoint_address
    ON endpoint (application_id, address) WHERE address IS NOT NULL
    """,
    """
    CREATE INDEX endpoint_user
    ON endpoint (application_id, user_id) WHERE user_id IS NOT NULL
    """,
)
# In order of arrival: a row at the end of a table costs half of what one in the middle
# of a table costs that is sorted by random ids.
#
# `variant` is 0 for the first event with its id, and for another one with the same id a
# number that is made from its content.
_EVENT_TABLE: Final = """
    CREATE TABLE event (
        id INTEGER PRIMARY KEY,
        endpoint INTEGER NOT NULL REFERENCES endpoint (id),
        event_id TEXT NOT NULL,
        variant INTEGER NOT NULL,
        json TEXT NOT NULL,
        received_at TEXT NOT NULL,
        UNIQUE (endpoint, event_id, variant)
    )
"""
_VIEWS: Final = (
    """
    CREATE VIEW endpoints AS SELECT
        application_id,
        endpoint_id,
        json_extract(json, '$.ChannelType') AS channel_type,
        address,
        json_extract(json, '$.EndpointStatus') AS endpoint_status,
        json_extract(json, '$.OptOut') AS opt_out,
        json_extract(json, '$.EffectiveDate') AS effective_date,
        json_extract(json, '$.RequestId') AS request_id,
        ifnull(json_extract(json, '$.Attributes'), '{}') AS attributes,
        ifnull(json_extract(json, '$.Metrics'), '{}') AS metrics,
        user_id,
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


def _to_version_2(connection: sqlite3.Connection) -> None:
    """
    Keep events that share an id, and addresses and user ids in columns.

    The events are copied, because SQLite cannot change a table's UNIQUE constraint.
    Indexes and triggers that users have added are made again as they were; their
    triggers do not see the migration.
    """
    connection.create_function("json_member", 2, _json_member, deterministic=True)
    own = connection.execute(_OWN_OBJECTS).fetchall()
    older = _free_name(connection, "event_1")
    for statement in (
        # Else views that users have added would forbid to rename a table.
        "PRAGMA legacy_alter_table = ON",
        *(f"DROP {kind} {_quoted(name)}" for kind, name, _ in own),
        "DROP VIEW IF EXISTS events",
        "DROP VIEW IF EXISTS endpoints",
        "DROP INDEX IF EXISTS endpoint_address",
        "DROP INDEX IF EXISTS endpoint_user",
        "ALTER TABLE endpoint ADD COLUMN address TEXT",
        "ALTER TABLE endpoint ADD COLUMN user_id TEXT",
        """
        UPDATE endpoint SET
            address = json_member(json, 'Address'),
            user_id = json_member(json, 'User.UserId')
        """,
        *_ENDPOINT_INDEXES,
        f"ALTER TABLE event RENAME TO {older}",
        _EVENT_TABLE,
        f"""
        INSERT INTO event
        SELECT id, endpoint, event_id, 0, json, received_at FROM {older} ORDER BY id
        """,  # noqa: S608 - the name is made here
        f"DROP TABLE {older}",
        *_VIEWS,
        *(sql for _, _, sql in own),
        "PRAGMA legacy_alter_table = OFF",
    ):
        connection.execute(statement)


# Indexes of UNIQUE constraints have no text; version 1 has none but those on `event`.
_OWN_OBJECTS: Final = """
    SELECT type, name, sql FROM sqlite_master
    WHERE sql IS NOT NULL AND (
        type = 'index' AND lower(tbl_name) = 'event'
        OR type = 'trigger'
        AND lower(tbl_name) IN ('event', 'endpoint', 'events', 'endpoints')
    )
"""


def _free_name(connection: sqlite3.Connection, name: str) -> str:
    """Return the name, or a longer one that nothing in the file has."""
    rows = connection.execute("SELECT lower(name) FROM sqlite_master")
    taken = {row[0] for row in rows}
    while name in taken:
        name += "_"
    return name


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _json_member(text: str, path: str) -> str | None:
    """Return a member of a JSON object, whole also where it has a NUL character."""
    value: Any = json.loads(text)
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


SCHEMA: Final = Schema(
    _APPLICATION_ID,
    _VERSION,
    (_ENDPOINT_TABLE, *_ENDPOINT_INDEXES, _EVENT_TABLE, *_VIEWS),
    {1: _to_version_2},
)
