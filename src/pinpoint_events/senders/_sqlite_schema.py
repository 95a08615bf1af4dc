"""
The tables and views of `SqliteSender`.

A row of `event` or `endpoint` holds the JSON text in the service's format, so that no
member is lost that has no column. The views extract the members; only the views are
documented. The JSON columns are text, because older versions of SQLite read no JSON
from blobs.

SQLite's JSON functions end a text at a NUL character. Addresses and user ids, by which
endpoints are found, therefore have separate columns; the views put the other texts
together again.
"""

import json
import sqlite3
from typing import Any, Final

from pinpoint_events.storage.sqlite_file import Schema

__all__ = ["IS_NOT_INACTIVE", "SCHEMA"]

_APPLICATION_ID: Final = 0x50707445  # `PptE`
_VERSION: Final = 3

# By its text, which is quick and reads any row: our JSON has no blanks, and in a text a
# quotation mark is escaped. In a query it must be written as in the index.
IS_NOT_INACTIVE: Final = """instr(json, '"EndpointStatus":"INACTIVE"') = 0"""

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
_ACTIVE_INDEX: Final = f"""
    CREATE INDEX endpoint_active_address
    ON endpoint (application_id, address)
    WHERE address IS NOT NULL AND {IS_NOT_INACTIVE}
"""
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


def _text(column: str, path: str) -> str:
    """
    Return the expression for a text in a JSON column, whole also where it has a NUL.

    What a NUL is written as becomes two characters that SQLite reads, and then a NUL.
    The first of them, where it is itself in the text, becomes two others meanwhile. An
    escaped backslash may precede `u0000`; no JSON text has char(1).
    """
    marked = _replaced(
        column,
        (r"'\\'", "char(1)"),
        (_MARK, f"{_MARK} || '1'"),
        (r"'\u0000'", f"{_MARK} || '0'"),
        ("char(1)", r"'\\'"),
    )
    whole = _replaced(
        f"json_extract({marked}, '$.{path}')",
        (f"{_MARK} || '0'", "char(0)"),
        (f"{_MARK} || '1'", _MARK),
    )
    return (
        f"CASE WHEN instr({column}, '\\u0000') THEN {whole} "
        f"ELSE json_extract({column}, '$.{path}') END"
    )


def _replaced(text: str, *replacements: tuple[str, str]) -> str:
    for old, new in replacements:
        text = f"replace({text}, {old}, {new})"
    return text


_MARK: Final = "char(65535)"  # which Unicode assigns to no character

_VIEWS: Final = (
    f"""
    CREATE VIEW endpoints AS SELECT
        application_id,
        endpoint_id,
        json_extract(json, '$.ChannelType') AS channel_type,
        address,
        json_extract(json, '$.EndpointStatus') AS endpoint_status,
        json_extract(json, '$.OptOut') AS opt_out,
        json_extract(json, '$.EffectiveDate') AS effective_date,
        {_text("json", "RequestId")} AS request_id,
        ifnull(json_extract(json, '$.Attributes'), '{{}}') AS attributes,
        ifnull(json_extract(json, '$.Metrics'), '{{}}') AS metrics,
        user_id,
        ifnull(json_extract(json, '$.User.UserAttributes'), '{{}}') AS user_attributes,
        {_text("json", "Demographic.AppVersion")} AS app_version,
        {_text("json", "Demographic.Locale")} AS locale,
        {_text("json", "Demographic.Make")} AS make,
        {_text("json", "Demographic.Model")} AS model,
        {_text("json", "Demographic.ModelVersion")} AS model_version,
        {_text("json", "Demographic.Platform")} AS platform,
        {_text("json", "Demographic.PlatformVersion")} AS platform_version,
        {_text("json", "Demographic.Timezone")} AS timezone,
        {_text("json", "Location.City")} AS city,
        {_text("json", "Location.Country")} AS country,
        json_extract(json, '$.Location.Latitude') AS latitude,
        json_extract(json, '$.Location.Longitude') AS longitude,
        {_text("json", "Location.PostalCode")} AS postal_code,
        {_text("json", "Location.Region")} AS region,
        created_at,
        updated_at,
        json
    FROM endpoint
    """,  # noqa: S608 - the names are those of members
    f"""
    CREATE VIEW events AS SELECT
        endpoint.application_id,
        endpoint.endpoint_id,
        event.event_id,
        {_text("event.json", "EventType")} AS event_type,
        json_extract(event.json, '$.Timestamp') AS timestamp,
        ifnull(json_extract(event.json, '$.Attributes'), '{{}}') AS attributes,
        ifnull(json_extract(event.json, '$.Metrics'), '{{}}') AS metrics,
        {_text("event.json", "Session.Id")} AS session_id,
        json_extract(event.json, '$.Session.StartTimestamp') AS session_start_timestamp,
        json_extract(event.json, '$.Session.StopTimestamp') AS session_stop_timestamp,
        json_extract(event.json, '$.Session.Duration') AS session_duration,
        {_text("event.json", "ClientSdkVersion")} AS client_sdk_version,
        {_text("event.json", "AppPackageName")} AS app_package_name,
        {_text("event.json", "AppTitle")} AS app_title,
        {_text("event.json", "AppVersionCode")} AS app_version_code,
        {_text("event.json", "SdkName")} AS sdk_name,
        event.received_at,
        event.id AS sequence,
        event.json
    FROM event JOIN endpoint ON endpoint.id = event.endpoint
    """,  # noqa: S608 - the same
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


def _to_version_3(connection: sqlite3.Connection) -> None:
    """
    Show texts whole, and find by an index the endpoints that are not INACTIVE.

    Triggers on the views are made again as they were.
    """
    own = connection.execute(_OWN_TRIGGERS).fetchall()
    for statement in (
        "DROP VIEW IF EXISTS events",
        "DROP VIEW IF EXISTS endpoints",
        *_VIEWS,
        *(sql for (sql,) in own),
        "DROP INDEX IF EXISTS endpoint_active_address",
        _ACTIVE_INDEX,
    ):
        connection.execute(statement)


_OWN_TRIGGERS: Final = """
    SELECT sql FROM sqlite_master
    WHERE type = 'trigger' AND lower(tbl_name) IN ('events', 'endpoints')
"""
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
    (_ENDPOINT_TABLE, *_ENDPOINT_INDEXES, _ACTIVE_INDEX, _EVENT_TABLE, *_VIEWS),
    {1: _to_version_2, 2: _to_version_3},
)
