-- A store of format 1, as releases before 2026-11-28 made it.

PRAGMA journal_mode = WAL;
PRAGMA application_id = 1349547077;
PRAGMA user_version = 1;

CREATE TABLE endpoint (
    id INTEGER PRIMARY KEY,
    application_id TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    json TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (application_id, endpoint_id)
);

CREATE INDEX endpoint_address
ON endpoint (application_id, json_extract(json, '$.Address'))
WHERE json_extract(json, '$.Address') IS NOT NULL;

CREATE INDEX endpoint_user
ON endpoint (application_id, json_extract(json, '$.User.UserId'))
WHERE json_extract(json, '$.User.UserId') IS NOT NULL;

CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    endpoint INTEGER NOT NULL REFERENCES endpoint (id),
    event_id TEXT NOT NULL,
    json TEXT NOT NULL,
    received_at TEXT NOT NULL,
    UNIQUE (endpoint, event_id)
);

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
FROM endpoint;

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
FROM event JOIN endpoint ON endpoint.id = event.endpoint;

INSERT INTO endpoint VALUES
(1, 'local', 'e-1', '{"Address":"a\u0000b","ChannelType":"EMAIL","OptOut":"NONE","User":{"UserId":"u-1"}}', '2026-11-01T00:00:00.000Z', '2026-11-02T00:00:00.000Z'),
(2, 'local', 'e-2', '{"Address":"a","ChannelType":"EMAIL","User":{"UserId":"u\u0000"}}', '2026-11-01T00:00:00.000Z', '2026-11-01T00:00:00.000Z'),
(3, 'other', 'e-1', '{}', '2026-11-01T00:00:00.000Z', '2026-11-01T00:00:00.000Z');

INSERT INTO event VALUES
(1, 1, 'v-1', '{"EventType":"tapped","Timestamp":"2026-11-01T00:00:00.000Z","Metrics":{"a":1.0,"b":2}}', '2026-11-01T00:00:00.000Z'),
(2, 3, 'v-1', '{"EventType":"tapped","Timestamp":"2026-11-01T00:00:00.000Z"}', '2026-11-01T00:00:00.000Z'),
(5, 1, 'v-2', '{"EventType":"closed","Timestamp":"2026-11-01T00:00:00.000Z"}', '2026-11-01T00:00:01.000Z');
