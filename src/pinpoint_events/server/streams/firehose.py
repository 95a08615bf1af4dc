"""
Firehose: its streams, and what each operation answers.

Operations, members and errors are those of the service model, version 2015-08-04. A
destination is kept and described, and nothing is delivered to it: records stay here,
where tests read them.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final

from pinpoint_events.server._answers import RequestError
from pinpoint_events.server.streams.delivery_stream import (
    DeliveryRecord,
    DeliveryStream,
)
from pinpoint_events.server.streams.limits import (
    CALL_RECORDS,
    DELIVERY_CALL_BYTES,
    DELIVERY_RECORD_BYTES,
    KIB,
)
from pinpoint_events.server.streams.members import NAME, Members
from pinpoint_events.server.streams.refusals import (
    invalid_argument,
    resource_in_use,
    resource_not_found,
)
from pinpoint_events.server.streams.service import (
    Call,
    Service,
    arn,
    epoch_seconds,
    utc_now,
)
from pinpoint_events.server.streams.store import StreamsFile

__all__ = ["Firehose"]

_NAME_CHARACTERS: Final = 64
_MAX_LIST: Final = 10_000
_DEFAULT_LIST: Final = 10
_TYPE: Final = "DirectPut"
_UNAVAILABLE: Final = "ServiceUnavailableException"
_DESTINATION_ID: Final = "destinationId-000000000001"
_STATUSES: Final = {_UNAVAILABLE: 503, "InternalFailure": 500}


class Firehose(Service[DeliveryStream]):
    """
    A Firehose on this machine, which fails on purpose; for `create_app`.

    Safe to use from several threads.

    Args:
        store: The file to keep streams in; None keeps them in memory.
        region: The region in ARNs.
        account_id: The account in ARNs.
        clock: Returns the current time, with a time zone.

    Raises:
        ConfigurationError: If region or account id are invalid.
        StoreError: If the file cannot be used.
    """

    signing_name: ClassVar[str] = "firehose"
    target: ClassVar[str] = "Firehose_20150804"
    puts: ClassVar[frozenset[str]] = frozenset({"PutRecord", "PutRecordBatch"})

    def __init__(
        self,
        store: str | Path | None = None,
        *,
        region: str = "us-east-1",
        account_id: str = "123456789012",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._changed: DeliveryStream | None = None
        super().__init__(store, region=region, account_id=account_id, clock=clock)

    # --- For Python -------------------------------------------------------------------

    def create_stream(self, name: str) -> str:
        """
        Create a stream, if there is none with this name, and return its ARN.

        Args:
            name: Its name: 1 to 64 letters, digits, and `_.-`.

        Raises:
            RequestError: If the name is invalid.
        """
        with self._exclusive():
            if name not in self._streams:
                self._create(Members({"DeliveryStreamName": name}), self._clock())
        return self.arn_of(name)

    def arn_of(self, name: str) -> str:
        """Return the ARN of a stream, whether or not it exists."""
        return arn(self, f"deliverystream/{name}")

    def records(self, name: str) -> tuple[DeliveryRecord, ...]:
        """
        Return the records of a stream, in order.

        Raises:
            RequestError: If there is no such stream.
        """
        with self._exclusive():
            return tuple(self._named(name).records)

    # --- The store --------------------------------------------------------------------

    def _stored(self, file: StreamsFile) -> Iterable[DeliveryStream]:
        return file.delivery_streams()

    def _save(self) -> None:
        stream, self._changed = self._changed, None
        if stream is not None:
            self._write(lambda file: file.save_delivery_stream(stream))
            stream.unsaved_records = []

    # --- Operations -------------------------------------------------------------------

    @property
    def _operations(self) -> Mapping[str, Callable[[Call], Any]]:
        return {
            "CreateDeliveryStream": self._create_delivery_stream,
            "DeleteDeliveryStream": self._delete_delivery_stream,
            "DescribeDeliveryStream": self._describe_delivery_stream,
            "ListDeliveryStreams": self._list_delivery_streams,
            "PutRecord": self._put_record,
            "PutRecordBatch": self._put_record_batch,
        }

    def _named(self, name: str) -> DeliveryStream:
        found = self._streams.get(name)
        if found is None:
            message = f"Firehose {name} under account {self.account_id} not found."
            raise resource_not_found(message)
        return found

    def _stream(self, members: Members) -> DeliveryStream:
        name = members.required_text(
            "DeliveryStreamName", longest=_NAME_CHARACTERS, pattern=NAME
        )
        members.check()
        return self._named(name)

    def _create_delivery_stream(self, call: Call) -> dict[str, Any]:
        return {"DeliveryStreamARN": self._create(call.members, call.now)}

    def _create(self, members: Members, now: datetime) -> str:
        name = members.required_text(
            "DeliveryStreamName", longest=_NAME_CHARACTERS, pattern=NAME
        )
        members.text("DeliveryStreamType", choices=(_TYPE,))
        destination = _read_destination(members)
        members.check()
        if name in self._streams:
            message = f"Firehose {name} under accountId {self.account_id} exists."
            raise resource_in_use(message)
        self._changed = DeliveryStream(name, now, destination)
        self._streams[name] = self._changed
        return self.arn_of(name)

    def _delete_delivery_stream(self, call: Call) -> dict[str, Any]:
        stream = self._stream(call.members)
        self._write(lambda file: file.delete_delivery_stream(stream.name))
        del self._streams[stream.name]
        return {}

    def _describe_delivery_stream(self, call: Call) -> dict[str, Any]:
        stream = self._stream(call.members)
        created_at = epoch_seconds(stream.created_at)
        destination = stream.destination or {}
        return {
            "DeliveryStreamDescription": {
                "CreateTimestamp": created_at,
                "DeliveryStreamARN": self.arn_of(stream.name),
                "DeliveryStreamEncryptionConfiguration": {"Status": "DISABLED"},
                "DeliveryStreamName": stream.name,
                "DeliveryStreamStatus": "ACTIVE",
                "DeliveryStreamType": _TYPE,
                "Destinations": [{"DestinationId": _DESTINATION_ID, **destination}],
                "HasMoreDestinations": False,
                "VersionId": "1",
            }
        }

    def _list_delivery_streams(self, call: Call) -> dict[str, Any]:
        members = call.members
        limit = members.integer("Limit", least=1, most=_MAX_LIST)
        after = members.text("ExclusiveStartDeliveryStreamName", pattern=NAME)
        members.check()
        names = [
            each for each in sorted(self._streams) if after is None or each > after
        ]
        shown = names[: limit or _DEFAULT_LIST]
        return {
            "DeliveryStreamNames": shown,
            "HasMoreDeliveryStreams": len(shown) < len(names),
        }

    def _put_record(self, call: Call) -> dict[str, Any]:
        record = call.members.object("Record")
        if record is None:
            call.members.report_missing("Record")
            data = b""
        else:
            data = record.data("Data", longest=DELIVERY_RECORD_BYTES)
        stream = self._stream(call.members)
        (result,) = self._put(stream, [data], call)
        if "ErrorCode" in result:
            code = result["ErrorCode"]
            status = _STATUSES.get(code, 400)
            raise RequestError(status, result["ErrorMessage"], code=code)
        return {"Encrypted": False, **result}

    def _put_record_batch(self, call: Call) -> dict[str, Any]:
        listed = call.members.objects("Records", most=CALL_RECORDS)
        datas = [each.data("Data", longest=DELIVERY_RECORD_BYTES) for each in listed]
        stream = self._stream(call.members)
        if sum(map(len, datas)) > DELIVERY_CALL_BYTES:
            message = (
                f"Records size exceeds {DELIVERY_CALL_BYTES // KIB // KIB} MB limit; "
                "send them in several calls"
            )
            raise invalid_argument(message)
        results = self._put(stream, datas, call)
        return {
            "Encrypted": False,
            "FailedPutCount": sum("ErrorCode" in each for each in results),
            "RequestResponses": [
                each
                for position, each in enumerate(results, 1)
                if not call.faults.drops(position)
            ],
        }

    def _put(
        self, stream: DeliveryStream, datas: list[bytes], call: Call
    ) -> list[dict[str, str]]:
        results = []
        for position, data in enumerate(datas, 1):
            failure = call.faults.failure_at(position)
            if failure is not None:
                code = failure.error_code or _UNAVAILABLE
                results.append({"ErrorCode": code, "ErrorMessage": failure.message})
            else:
                record = stream.take(data, call.now)
                results.append({"RecordId": record.record_id})
        self._changed = stream
        return results


def _read_destination(members: Members) -> dict[str, Any] | None:
    for name in ("ExtendedS3DestinationConfiguration", "S3DestinationConfiguration"):
        given = members.object(name)
        if given is None:
            continue
        shown: dict[str, Any] = {
            "BucketARN": given.required_text("BucketARN", longest=2048),
            "BufferingHints": {"IntervalInSeconds": 300, "SizeInMBs": 5},
            "CompressionFormat": given.text("CompressionFormat") or "UNCOMPRESSED",
            "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
            "RoleARN": given.required_text("RoleARN", longest=512),
        }
        if given.has("Prefix"):
            shown["Prefix"] = given.text("Prefix", shortest=0)
        return {name.replace("Configuration", "Description"): shown}
    return None
