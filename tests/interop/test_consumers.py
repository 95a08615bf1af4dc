"""
Consumers as users have them: a Lambda function, and SQL over what Firehose wrote.

They know the record that Pinpoint wrote, and nothing of this package.
"""

import base64
import gzip
import json
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest
from tests.aws import aws
from tests.interop.clients import missing
from tests.interop.engines import REGION, Engine, running
from tests.interop.reading import ID, objects_of, records_of
from tests.interop.test_stream_engines import new_delivery, new_stream, to, to_delivery
from tests.samples import ENDPOINT, EVENT, ROOT, event

from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.request import EventsBatch, EventsRequest

__all__ = ["aws"]


@pytest.fixture(autouse=True)
def _no_settings(aws: pytest.MonkeyPatch) -> None:
    """Without anyone's settings."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with a Kinesis, a Firehose and an S3."""
    with running("moto", tmp_path_factory.mktemp("engine")) as found:
        yield found


REQUEST = EventsRequest(
    batch_item={
        "e-1": EventsBatch(endpoint=ENDPOINT, events={"v-1": EVENT}),
        "e-2": EventsBatch(
            endpoint=Endpoint(),
            events={
                "v-2": event("_session.start"),
                "v-3": event("bought", metrics={"price": 9.5}),
            },
        ),
    }
)


class TestLambda:
    """A function that a Kinesis stream, or Firehose, calls with records."""

    def test_kinesis(self, engine: Engine) -> None:
        """It reads what it always read: type, client, session, attributes, endpoint."""
        table: list[tuple[Any, ...]] = []

        def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
            """Write a row for each record; report those that fail."""
            failures = []
            for each in event["Records"]:
                try:
                    payload = base64.b64decode(each["kinesis"]["data"])
                    record = json.loads(payload)
                    table.append(
                        (
                            record["event_type"],
                            record["event_timestamp"] // 1000,
                            record["application"]["app_id"],
                            record["client"]["client_id"],
                            record["session"].get("session_id"),
                            record["session"].get("start_timestamp"),
                            record["device"]["platform"].get("name"),
                            record["attributes"].get("item"),
                            record["metrics"].get("price"),
                            record["endpoint"].get("Address"),
                            record["endpoint"].get("User", {}).get("UserId"),
                        )
                    )
                except (KeyError, ValueError):
                    number = each["kinesis"]["sequenceNumber"]
                    failures.append({"itemIdentifier": number})
            return {"batchItemFailures": failures}

        client = engine.client("kinesis")
        stream = new_stream(client, shards=2)
        with to(engine, stream) as sender:
            sender.put_events(REQUEST).raise_for_failures(REQUEST)
        for shard_id, records in records_of(client, stream).items():
            called = {"Records": [lambda_record(shard_id, each) for each in records]}
            assert handler(called, None) == {"batchItemFailures": []}
        nothing = (None,) * 5
        assert sorted(table, key=str) == sorted(
            [
                (
                    "catalog.item_viewed",
                    1789992000,
                    "shop",
                    "e-1",
                    "c6c2c1de-0f0a-4b3e-8f55-0d8b1d3b6a77",
                    1789991980115,
                    "android",
                    "sku-17",
                    12.5,
                    "someone@example.com",
                    "u-1",
                ),
                ("_session.start", 1789992000, "shop", "e-2", *nothing, None, None),
                ("bought", 1789992000, "shop", "e-2", *nothing[:4], 9.5, None, None),
            ],
            key=str,
        )

    def test_firehose_transform(self, engine: Engine) -> None:
        """AWS's reference transform adds line breaks, and drops records of tests."""

        def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
            """Return each record with a line break."""
            output = []
            for each in event["records"]:
                payload = base64.b64decode(each["data"]).decode()
                record = json.loads(payload)
                is_test = record["event_type"] == "_test.event_stream"
                output.append(
                    {
                        "recordId": each["recordId"],
                        "result": "Dropped" if is_test else "Ok",
                        "data": base64.b64encode(f"{payload}\n".encode()).decode(),
                    }
                )
            return {"records": output}

        client = engine.client("kinesis")
        stream = new_stream(client, shards=1)
        with to(engine, stream) as sender:
            sender.put_events(REQUEST).raise_for_failures(REQUEST)
        (records,) = records_of(client, stream).values()
        given = [
            {
                "recordId": each["SequenceNumber"],
                "data": base64.b64encode(each["Data"]).decode(),
            }
            for each in records
        ]
        answer = handler({"records": given}, None)
        assert {each["result"] for each in answer["records"]} == {"Ok"}
        lines = b"".join(base64.b64decode(each["data"]) for each in answer["records"])
        assert lines.splitlines() == [each["Data"] for each in records]


def lambda_record(shard_id: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record as Lambda hands it to a function."""
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": record["SequenceNumber"],
            "data": base64.b64encode(record["Data"]).decode(),
            "approximateArrivalTimestamp": 1545084650.987,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard_id}:{record['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "awsRegion": REGION,
    }


# --- SQL ---

# As AWS's solution "Digital user engagement events database" had it.
AWS_DDL: Final = """
CREATE EXTERNAL TABLE events (
    event_type string,
    event_timestamp bigint,
    arrival_timestamp bigint,
    event_version string,
    application struct<app_id:string, sdk:map<string,string>>,
    client struct<client_id:string, cognito_id:string>,
    device struct<platform:map<string,string>>,
    session map<string,string>,
    attributes map<string,string>,
    client_context struct<custom:map<string,string>>,
    awsAccountId string,
    metrics struct<price_in_millicents_usd:double>
)
"""
PAGE: Final = ROOT / "docs" / "after-pinpoint.md"
# Hive's types, and DuckDB's.
TYPES: Final = {"bigint": "BIGINT", "double": "DOUBLE", "string": "VARCHAR"}


def sql_of(page: Path, first: str) -> list[str]:
    """Return the SQL of a page that begins with a text."""
    if not page.exists():
        return []
    blocks = re.findall(
        r"^```sql\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return [each for each in blocks if each.startswith(first)]


DDLS: Final = [AWS_DDL, *sql_of(PAGE, "CREATE EXTERNAL TABLE")]
VIEWS: Final = sql_of(PAGE, "CREATE VIEW")


def parts_of(text: str) -> list[str]:
    """Split a text at the commas that are in no brackets."""
    found, depth = [""], 0
    for sign in text:
        depth += {"<": 1, ">": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            found.append("")
        else:
            found[-1] += sign
    return [" ".join(each.split()) for each in found]


def duckdb_type(hive: str) -> str:
    """Return a type of Hive as DuckDB names it."""
    kind, _, inside = hive.partition("<")
    parts = parts_of(inside.removesuffix(">"))
    if kind == "map":
        return f"MAP({', '.join(map(duckdb_type, parts))})"
    if kind == "struct":
        members = (part.split(":", 1) for part in parts)
        shown = (f'"{name}" {duckdb_type(each.strip())}' for name, each in members)
        return f"STRUCT({', '.join(shown)})"
    return TYPES[kind]


def columns_of(ddl: str) -> dict[str, str]:
    """Return the columns of a table of Athena, with DuckDB's types."""
    match = re.search(r"CREATE EXTERNAL TABLE events \((.*?)\n\)", ddl, re.DOTALL)
    assert match is not None
    columns = (part.split(" ", 1) for part in parts_of(match[1]))
    return {name: duckdb_type(hive) for name, hive in columns}


@pytest.fixture(scope="module")
def lines(engine: Engine) -> bytes:
    """What is in a bucket: each event twice, as after a lost answer."""
    if find_spec("duckdb") is None:
        missing("NO DUCKDB: install the dependency group `interop`")
    stream = new_delivery(engine)
    with to_delivery(engine, stream, event_id_attribute=ID) as sender:
        for _ in range(2):
            sender.put_events(REQUEST).raise_for_failures(REQUEST)
    return objects_of(engine.client("s3"), stream)


class TestSql:
    """The table that users of Athena and Glue have, over what Firehose wrote to S3."""

    @pytest.mark.parametrize("ddl", DDLS, ids=range(len(DDLS)))
    def test_table(self, ddl: str, lines: bytes, tmp_path: Path) -> None:
        """Each column has the type that the table says, and the record's value."""
        import duckdb

        (tmp_path / "events.json").write_bytes(lines)
        columns = columns_of(ddl)
        with duckdb.connect() as connection:
            shown = ", ".join(f'"{name}" {each}' for name, each in columns.items())
            connection.execute(f"CREATE TABLE events ({shown})")
            connection.execute(
                "INSERT INTO events SELECT * FROM "
                f"read_json(?, format = 'newline_delimited', columns = {columns})",
                [str(tmp_path / "events.json")],
            )
            rows = connection.execute(
                "SELECT event_type, event_timestamp, application.app_id, "
                "client.client_id, device.platform['name'], session['session_id'], "
                "CAST(session['start_timestamp'] AS BIGINT), attributes['item'], "
                "to_timestamp(event_timestamp / 1000)::DATE::VARCHAR, "
                "arrival_timestamp > event_timestamp - 1_000_000_000_000 "
                "FROM events ORDER BY attributes['event_id']"
            ).fetchall()
            found = connection.execute("DESCRIBE events").fetchall()
        when = 1789992000123
        session = "c6c2c1de-0f0a-4b3e-8f55-0d8b1d3b6a77"
        day = "2026-09-21"
        none = (None,) * 4
        expected = [
            (
                *("catalog.item_viewed", when, "shop", "e-1", "android", session),
                *(1789991980115, "sku-17", day, True),
            ),
            ("_session.start", when, "shop", "e-2", *none, day, True),
            ("bought", when, "shop", "e-2", *none, day, True),
        ]
        assert rows == [row for row in expected for _ in range(2)]
        types = {name: str(each).replace('"', "") for name, each, *_ in found}
        assert types == {name: each.replace('"', "") for name, each in columns.items()}

    def test_views(
        self, lines: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The views of the docs have each event once."""
        import duckdb

        monkeypatch.chdir(tmp_path)
        Path("events").mkdir()
        Path("events/1.gz").write_bytes(gzip.compress(lines))
        columns = columns_of(DDLS[-1])
        for view in VIEWS:
            with duckdb.connect() as connection:
                connection.execute(
                    "CREATE TABLE events AS SELECT * FROM read_json('events/*.gz', "
                    f"format = 'newline_delimited', columns = {columns})"
                )
                connection.execute(view)
                rows = connection.execute(
                    "SELECT attributes['event_id'] FROM events_once ORDER BY 1"
                ).fetchall()
            assert rows == [("v-1",), ("v-2",), ("v-3",)]
