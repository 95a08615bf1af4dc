-- A store of format 2, as releases of 2026-11-28 made it.

PRAGMA journal_mode = WAL;
PRAGMA application_id = 1349547077;
PRAGMA user_version = 2;
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
    );
INSERT INTO endpoint VALUES(1,'local','e-1','{"Address":"a\u0000b","ChannelType":"EMAIL","Demographic":{"Make":"m\u0000n"},"User":{"UserId":"u\u0000"}}','2026-11-02T00:00:00.000Z','2026-11-02T00:00:00.000Z','a' || char(0) || 'b','u' || char(0));
CREATE TABLE event (
        id INTEGER PRIMARY KEY,
        endpoint INTEGER NOT NULL REFERENCES endpoint (id),
        event_id TEXT NOT NULL,
        variant INTEGER NOT NULL,
        json TEXT NOT NULL,
        received_at TEXT NOT NULL,
        UNIQUE (endpoint, event_id, variant)
    );
INSERT INTO event VALUES(1,1,'v-1',0,'{"EventType":"tapped\u0000twice","Timestamp":"2026-11-01T00:00:00.000Z","Session":{"Id":"s\u0000t","StartTimestamp":"2026-11-01T00:00:00.000Z"},"AppTitle":"\\u0000 ￿0 ￿1"}','2026-11-02T00:00:00.000Z');
INSERT INTO event VALUES(2,1,'v-2',0,'{"EventType":"tapped","Timestamp":"2026-11-01T00:00:00.000Z","Attributes":{"a":"b"}}','2026-11-02T00:00:00.000Z');
CREATE INDEX endpoint_address
    ON endpoint (application_id, address) WHERE address IS NOT NULL
    ;
CREATE INDEX endpoint_user
    ON endpoint (application_id, user_id) WHERE user_id IS NOT NULL
    ;
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
