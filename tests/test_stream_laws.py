"""
What the senders to streams promise, over any order of faults.

The server throttles, fails chosen positions, loses answers and reshards. Whatever it
does, each record that it took is known: an answer accepted its event, or the answer to
the call was lost. So an event is in the stream as often as its answers were lost, and
once more if it was accepted.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from botocore.credentials import Credentials
from botocore.session import get_session
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pinpoint_events.builder import BatchBuilder
from pinpoint_events.errors import PinpointEventsError, SenderError
from pinpoint_events.formats import KinesisRecord, deaggregate_record
from pinpoint_events.http_messages import HttpResponse
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.model.response import EventsResponse, Outcome
from pinpoint_events.put_records import FIREHOSE, KINESIS
from pinpoint_events.retry import Retry, may_be_accepted
from pinpoint_events.senders import Attempt, FirehoseSender, KinesisSender
from pinpoint_events.server import (
    Cut,
    DropRecord,
    FailCall,
    FailRecord,
    Faults,
    Firehose,
    Kinesis,
    Reshard,
    ShardLimits,
    ThrottleShard,
    create_app,
    served,
)
from tests.commands import takes_long
from tests.fake_time import FakeTime
from tests.samples import event
from tests.server.clients import KEY

ID: Final = "id"
TIME: Final = FakeTime()
CALLS = st.lists(st.integers(1, 4), max_size=2)
POSITIONS = st.lists(st.integers(1, 6), min_size=1, max_size=3)
PUTS: Final = ("PutRecords", "PutRecordBatch")
CODES = st.sampled_from(
    [None, "InternalFailure", "ServiceUnavailableException", "InvalidArgumentException"]
)
FAULTS = st.lists(
    st.builds(FailRecord, positions=POSITIONS, calls=CALLS, error_code=CODES)
    | st.builds(DropRecord, positions=POSITIONS, calls=CALLS)
    | st.builds(
        Cut,
        # After the answer it is chance whether the next call finds the connection gone.
        where=st.sampled_from(["before", "inside"]),
        is_taken=st.booleans(),
        calls=CALLS,
        operations=st.just(PUTS),
    )
    | st.builds(
        FailCall,
        status=st.sampled_from([400, 413, 500, 503]),
        calls=CALLS,
        operations=st.just(PUTS),
    )
    | st.builds(
        ThrottleShard,
        shard_id=st.none() | st.just("shardId-000000000000"),
        calls=CALLS,
    )
    | st.builds(Reshard, position=st.integers(1, 6), calls=CALLS),
    max_size=3,
)


class TimedKinesisSender(KinesisSender):
    """Whose calls are small, and whose waits take no time."""

    _time = TIME
    _call = KINESIS._replace(max_records=5)


class TimedFirehoseSender(FirehoseSender):
    """The same."""

    _time = TIME
    _call = FIREHOSE._replace(max_records=5)


class Server:
    """A Kinesis and a Firehose at the same time as the senders."""

    def __init__(
        self, url: str, kinesis: Kinesis, firehose: Firehose, faults: Faults
    ) -> None:
        self.url = url
        self.kinesis = kinesis
        self.firehose = firehose
        self.faults = faults
        self.session = get_session()
        self.names = (f"s-{number}" for number in range(1_000_000))

    def kinesis_ids(self, stream: str) -> list[list[str]]:
        """Return the event ids in each record of a stream, unpacked."""
        return [
            [
                json.loads(inside.data)["attributes"][ID]
                for inside in deaggregate_record(
                    KinesisRecord(partition_key=record.partition_key, data=record.data)
                )
            ]
            for record in self.kinesis.records(stream)
        ]

    def firehose_ids(self, stream: str) -> list[list[str]]:
        """Return the event id in each record of a stream."""
        return [
            [json.loads(record.data)["attributes"][ID]]
            for record in self.firehose.records(stream)
        ]


@contextmanager
def serving() -> Iterator[Server]:
    """Serve both within the block."""

    def clock() -> datetime:
        return datetime.fromtimestamp(TIME.seconds, UTC)

    faults = Faults()
    kinesis, firehose = Kinesis(clock=clock), Firehose(clock=clock)
    app = create_app(
        kinesis=kinesis, firehose=firehose, credentials=KEY, faults=faults, clock=clock
    )
    with served(app) as server:
        yield Server(server.url, kinesis, firehose, faults)


class Machine(RuleBasedStateMachine):
    """Requests to one stream, with any faults."""

    sender_class: ClassVar[type[KinesisSender | FirehoseSender]]
    sender: KinesisSender | FirehoseSender

    def __init__(
        self, server: Server, records: Callable[[str], list[list[str]]]
    ) -> None:
        """
        Watch a new stream.

        Args:
            server: What serves it.
            records: Returns the event ids in each record of a stream.
        """
        super().__init__()
        self.server = server
        self._records = records
        self.stream = next(server.names)
        self.count = 0
        self.accepted: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        # What became of each event last, of those that never may have been taken.
        self.outcomes: dict[str, Outcome] = {}
        self.left: list[EventsRequest] = []
        self.before: list[list[str]] = []
        self.taken_and_refused: Counter[str] = Counter()

    def records(self) -> list[list[str]]:
        """Return the event ids in each record of the stream."""
        return self._records(self.stream)

    def arrived(self) -> Counter[str]:
        """Return the ids of the events in the stream, and how often each is there."""
        return Counter(name for record in self.records() for name in record)

    def opened(self, **options: Any) -> KinesisSender | FirehoseSender:
        """Open a sender that this machine watches."""
        return self.sender_class(
            self.stream,
            region="us-east-1",
            endpoint_url=self.server.url,
            session=self.server.session,
            credentials=Credentials(KEY.access_key_id, KEY.secret_access_key),
            event_id_attribute=ID,
            retry=Retry(attempts=4),
            observer=self,
            **options,
        )

    # --- As an observer: which calls lost their answer ---

    def sending(self, attempt: Attempt) -> None:
        """Remember what the stream has."""
        self.before = self.records()

    def taken(self) -> Counter[str]:
        """Return the ids of the events that were taken since then."""
        before = (name for record in self.before for name in record)
        return self.arrived() - Counter(before)

    def answered(self, attempt: Attempt, response: HttpResponse) -> None:
        """Count what was taken if the answer does not say of which records it is."""
        taken = self.taken()
        if response.status != 200:
            self.taken_and_refused += taken
            return
        answer = json.loads(response.body)
        if "Records" in answer:
            results, failed = answer["Records"], answer["FailedRecordCount"]
        else:
            results, failed = answer["RequestResponses"], answer["FailedPutCount"]
        if len(results) != len(self.records()) - len(self.before) + failed:
            self.lost += taken

    def failed(self, attempt: Attempt, error: PinpointEventsError) -> None:
        """Count what was taken: the answer to it is lost."""
        self.lost += self.taken()

    # --- Rules ---

    @rule(
        count=st.integers(1, 12),
        endpoints=st.integers(1, 3),
        faults=FAULTS,
    )
    def send(self, count: int, endpoints: int, faults: Iterable[Any]) -> None:
        """Send events that are new."""
        builder = BatchBuilder()
        for number in range(self.count, self.count + count):
            builder.add(f"e-{number % endpoints}", event(), event_id=f"v-{number}")
        self.count += count
        self.send_request(builder.build(), faults)

    @precondition(lambda self: self.left)
    @rule(faults=FAULTS, unreported=st.booleans())
    def send_again(self, faults: Iterable[Any], *, unreported: bool) -> None:
        """Send again what was left of a request."""
        self.send_request(self.left.pop(), faults, unreported=unreported)

    def send_request(
        self, sent: EventsRequest, faults: Iterable[Any], *, unreported: bool = False
    ) -> None:
        """Send a request, and note what became of its events."""
        self.server.faults.clear()
        self.server.faults.add(*faults)
        response = EventsResponse()
        may_be_sent = True
        try:
            response = self.sender.put_events(sent)
        except SenderError as error:
            may_be_sent = may_be_accepted(error)
        self.server.faults.clear()
        for each in response.outcomes(sent):
            if each.event_id is None:
                continue
            outcome = each.outcome
            if outcome is Outcome.UNREPORTED and not may_be_sent:
                outcome = Outcome.RETRYABLE
            self.accepted[each.event_id] += outcome is Outcome.ACCEPTED
            # What may have been taken once stays so, whatever is said of it later.
            if self.outcomes.get(each.event_id) is not Outcome.UNREPORTED:
                self.outcomes[each.event_id] = outcome
        again = sent.retry(response, unreported=unreported or not may_be_sent)
        if again is not None:
            self.left.append(again)

    # --- What always holds ---

    @invariant()
    def nothing_is_missing(self) -> None:
        """What was accepted is in the stream; doubles are where an answer was lost."""
        assert self.arrived() == +self.accepted + +self.lost

    @invariant()
    def refused_is_not_taken(self) -> None:
        """A call that was answered with an error took nothing."""
        assert not self.taken_and_refused

    @invariant()
    def accepted_once(self) -> None:
        """An event that was accepted is not sent again."""
        assert max(self.accepted.values(), default=0) <= 1

    @invariant()
    def nothing_is_too_much(self) -> None:
        """What was answered as rejected, or to be sent again, is not in the stream."""
        arrived = self.arrived()
        failed = {Outcome.REJECTED, Outcome.RETRYABLE}
        assert not [
            name for name, each in self.outcomes.items()
            if each in failed and arrived[name]
        ]  # fmt: skip

    def teardown(self) -> None:
        """Close the sender."""
        self.sender.close()


class KinesisMachine(Machine):
    """A stream whose shards take little, and are split and merged."""

    sender_class = TimedKinesisSender

    def __init__(self, server: Server) -> None:
        super().__init__(server, server.kinesis_ids)
        server.kinesis.create_stream(self.stream, shards=2)

    @initialize(
        aggregate=st.booleans(), per_second=st.sampled_from([None, 3.0, 1000.0])
    )
    def begin(self, per_second: float | None, *, aggregate: bool) -> None:
        """Open a sender, which may pack events."""
        self.server.kinesis.limits = ShardLimits(
            records_per_second=per_second, bytes_per_second=None
        )
        self.sender = self.opened(aggregate=aggregate)

    @rule(position=st.integers(0, 7))
    def split(self, position: int) -> None:
        """Split a shard."""
        found = self.server.kinesis.open_shard_ids(self.stream)
        if len(found) < 8:
            shard_id = found[position % len(found)]
            self.server.kinesis.split_shard(self.stream, shard_id)

    @rule(position=st.integers(0, 7))
    def merge(self, position: int) -> None:
        """Merge two adjacent shards."""
        found = self.server.kinesis.open_shard_ids(self.stream)
        if len(found) > 1:
            first = position % (len(found) - 1)
            pair = found[first], found[first + 1]
            self.server.kinesis.merge_shards(self.stream, *pair)


class FirehoseMachine(Machine):
    """A stream of Firehose."""

    sender_class = TimedFirehoseSender

    def __init__(self, server: Server) -> None:
        super().__init__(server, server.firehose_ids)
        server.firehose.create_stream(self.stream)
        self.sender = self.opened()


few = settings(max_examples=40, stateful_step_count=12)


def run(machine: Any) -> None:
    """Run a machine against a server that lasts for all its examples."""
    with serving() as server:
        run_state_machine_as_test(lambda: machine(server), settings=few)  # type: ignore[arg-type] # any callable does


class TestLaws:
    """Nothing is lost silently, and nothing is doubled without a lost answer."""

    def test_kinesis(self) -> None:
        """Of Kinesis."""
        run(KinesisMachine)

    @takes_long
    def test_firehose(self) -> None:
        """Of Firehose."""
        run(FirehoseMachine)
