"""Tests of the calls of Kinesis and Firehose, sans-IO."""

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinpoint_events.errors import (
    BadRequestError,
    ForbiddenError,
    InternalServerError,
    NotFoundError,
    ServiceError,
    TooManyRequestsError,
)
from pinpoint_events.http_messages import HttpResponse
from pinpoint_events.put_records import (
    FIREHOSE,
    KINESIS,
    Record,
    RecordsCall,
    records_request,
    runs,
    stream_error,
)
from pinpoint_events.senders._redaction import redacted


class TestRequests:
    """What goes out."""

    def test_kinesis(self) -> None:
        """Data in base64, and the partition keys."""
        sent = records_request(KINESIS, {"StreamName": "s"}, [Record(b"\xff", "ü")])
        assert sent.headers["X-Amz-Target"] == "Kinesis_20131202.PutRecords"
        assert json.loads(sent.body) == {
            "Records": [{"Data": "/w==", "PartitionKey": "ü"}],
            "StreamName": "s",
        }

    def test_firehose(self) -> None:
        """Data alone."""
        sent = records_request(FIREHOSE, {"DeliveryStreamName": "s"}, [Record(b"a")])
        assert sent.headers["X-Amz-Target"] == "Firehose_20150804.PutRecordBatch"
        assert json.loads(sent.body) == {
            "Records": [{"Data": "YQ=="}],
            "DeliveryStreamName": "s",
        }

    @given(
        sizes=st.lists(st.integers(0, 12), max_size=40),
        most=st.integers(12, 40),
        count=st.integers(1, 9),
    )
    def test_runs(self, sizes: list[int], most: int, count: int) -> None:
        """Runs are within the limits, hold each record once, and are greedy."""
        call = KINESIS._replace(max_bytes=most, max_records=count)
        records = [Record(b"x" * size) for size in sizes]
        found = list(runs(records, call))
        assert [each for run in found for each in run] == list(range(len(sizes)))
        for run, following in zip(found, [*found[1:], None], strict=False):
            size = sum(sizes[each] for each in run)
            assert run
            assert size <= most
            assert len(run) <= count
            if following is not None:
                assert size + sizes[following[0]] > most or len(run) == count

    def test_size(self) -> None:
        """Bytes of the data and of the key."""
        assert Record(b"abc", "ü").size == 5


class TestErrors:
    """These services answer nearly all faults with 400: the code says which it is."""

    @pytest.mark.parametrize("call", [KINESIS, FIREHOSE])
    @pytest.mark.parametrize(
        "status, code, cls, is_retry_safe",
        [
            (400, "AccessDeniedException", ForbiddenError, False),
            (400, "ResourceNotFoundException", NotFoundError, False),
            (400, "ProvisionedThroughputExceededException", TooManyRequestsError, True),
            (400, "ThrottlingException", TooManyRequestsError, True),
            (400, "KMSThrottlingException", TooManyRequestsError, True),
            (400, "InvalidArgumentException", BadRequestError, False),
            (500, "InternalFailure", InternalServerError, True),
            (503, "ServiceUnavailableException", InternalServerError, True),
            (418, "Teapot", ServiceError, False),
        ],
    )
    def test_classes(
        self,
        call: RecordsCall,
        status: int,
        code: str,
        cls: type[ServiceError],
        is_retry_safe: bool,  # noqa: FBT001 - pytest passes it by name
    ) -> None:
        """Class, remedy and whether to send again survive redaction and pickling."""
        body = json.dumps({"__type": code, "message": "m"}).encode()
        error = stream_error(
            records_request(call, {}, [Record(b"")]),
            HttpResponse(status=status, headers={}, body=body),
            call.action,
        )
        kept: Any = pickle.loads(pickle.dumps(redacted(error, ["secret"])))
        for each in (error, kept):
            assert type(each) is cls
            assert each.is_retry_safe is is_retry_safe
            assert (each.status, each.code, each.message) == (status, code, "m")
            assert "PutEvents" not in each.remedy
            assert "Pinpoint" not in each.remedy
        if cls is ForbiddenError:
            assert call.action in kept.remedy

    def test_expired(self) -> None:
        """The remedy of the code counts."""
        body = b'{"__type": "ExpiredTokenException"}'
        error = stream_error(
            records_request(KINESIS, {}, [Record(b"")]),
            HttpResponse(status=400, headers={}, body=body),
            KINESIS.action,
        )
        assert type(error) is ForbiddenError
        assert "renew the credentials" in str(error)
