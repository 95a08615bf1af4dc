import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.samples import facts_of

from pinpoint_events.server import (
    BareStatus,
    Cut,
    Delay,
    DropIds,
    FailCall,
    FailItem,
    Fault,
    Faults,
    ShiftClock,
    Throttle,
)
from pinpoint_events.server._active_faults import CallFaults

NOON = datetime(2026, 9, 21, 12, tzinfo=UTC)
CLASSES = [BareStatus, Cut, Delay, DropIds, FailCall, FailItem, ShiftClock, Throttle]


def met(faults: Faults, times: int) -> list[CallFaults]:
    """Return what goes wrong with each of so many calls at noon."""
    return [faults.next_call(NOON) for _ in range(times)]


class TestFault:
    """A fault is a value that cannot be changed, and is checked when it is made."""

    def test_value(self) -> None:
        """Faults compare, hash, pickle, and show themselves whole."""
        fault = FailCall(status=429, calls=[1, 2])
        assert fault == FailCall(status=429, calls=(1, 2))
        assert hash(fault) == hash(FailCall(status=429, calls=(1, 2)))
        assert pickle.loads(pickle.dumps(fault)) == fault
        assert repr(fault) == "FailCall(status=429, calls=(1, 2))"

    @pytest.mark.parametrize(
        "build, facts",
        [
            (
                lambda: FailCall(status=200, code="é", message="", calls=[0]),
                [
                    "status: number_out_of_range 200 a whole number",
                    "code: not_header_text",
                    "message: empty",
                    "calls: not_positive_integers not integers",
                ],
            ),
            (
                lambda: FailItem(status_code="500", of="call", items="12"),  # type: ignore[arg-type]
                [
                    "status_code: wrong_type str not integer",
                    "of: unknown_value",
                    "items: wrong_type str not integers",
                ],
            ),
            (
                lambda: FailCall(status=2**60),
                ["status: integer_too_large 61 bits"],
            ),
            (
                lambda: Delay(seconds=-1, calls=3),  # type: ignore[arg-type]
                [
                    "seconds: number_out_of_range -1 a number",
                    "calls: wrong_type int not integers",
                ],
            ),
            (
                lambda: Cut(where="later", is_taken="yes"),  # type: ignore[arg-type]
                [
                    "where: unknown_value later near after",
                    "is_taken: wrong_type str not boolean",
                ],
            ),
            (
                lambda: Throttle(calls_per_second=float("nan"), burst=0),
                [
                    "calls_per_second: number_out_of_range nan a number",
                    "burst: number_out_of_range 0 a whole number",
                ],
            ),
            (
                lambda: BareStatus(status_code=True),
                ["status_code: wrong_type bool not integer"],
            ),
            (
                lambda: DropIds(of=None),  # type: ignore[arg-type]
                ["of: wrong_type_of_value NoneType near event"],
            ),
            (
                lambda: ShiftClock(seconds="1"),  # type: ignore[arg-type]
                ["seconds: wrong_type str not measure"],
            ),
            (
                lambda: FailCall(retry_after_seconds=-0.5),
                ["retry_after_seconds: number_out_of_range -0.5 a number"],
            ),
        ],
    )
    def test_refused(self, build: Callable[[], Fault], facts: list[str]) -> None:
        """All that is wrong with a fault is told at once."""
        assert facts_of(build) == facts


class TestFaults:
    """The script of an endpoint can be changed while it serves."""

    def test_changed(self) -> None:
        """Faults are added, seen, and taken away."""
        faults = Faults([Delay(seconds=1)])
        faults.add(ShiftClock(seconds=2), ShiftClock(seconds=3))
        shifts = [ShiftClock(seconds=2), ShiftClock(seconds=3)]
        assert list(faults.active) == [Delay(seconds=1), *shifts]
        assert faults.clock_shift_seconds == 5
        faults.clear()
        assert list(faults.active) == []
        assert faults.clock_shift_seconds == 0
        assert faults.next_call(NOON) == CallFaults()

    def test_no_fault(self) -> None:
        """What is no fault is not added."""
        bad: Any = ["text", Delay(seconds=1), Fault]
        assert facts_of(lambda: Faults(bad)) == [
            "faults[0]: not_a_fault str",
            "faults[2]: not_a_fault type",
        ]

    def test_numbers(self) -> None:
        """Calls are counted for each fault from when it was added."""
        first = FailCall(calls=[2])
        faults = Faults([first])
        assert [each.fail_call for each in met(faults, 1)] == [None]
        later = FailCall(status=429, calls=[2, 3])
        faults.add(later)
        assert [each.fail_call for each in met(faults, 4)] == [
            first,
            later,
            later,
            None,
        ]

    def test_several(self) -> None:
        """Of several faults that refuse, the first counts; delays add up."""
        fail_call, cut = FailCall(status=503), Cut(where="before")
        faults = Faults(
            [
                Delay(seconds=1),
                fail_call,
                FailCall(),
                cut,
                Cut(where="after"),
                Delay(seconds=0.5),
                BareStatus(status_code=400),
                BareStatus(),
                ShiftClock(seconds=1),
                Throttle(calls_per_second=1),
            ]
        )
        assert faults.next_call(NOON) == CallFaults(1.5, fail_call, cut, 400)

    def test_throttle(self) -> None:
        """Above the rate, calls are refused, and those do not count for it."""
        faults = Faults([Throttle(calls_per_second=2, burst=2)])
        found = [
            faults.next_call(NOON + timedelta(seconds=seconds)).fail_call is None
            for seconds in (0, 0, 0, 0.25, 0.5, 0.5, 100, 100, 100)
        ]
        assert found == [True, True, False, False, True, False, True, True, False]
        fail_call = faults.next_call(NOON).fail_call
        assert fail_call == FailCall(status=429, message="Too Many Requests")

    def test_items(self) -> None:
        """Events and endpoints are counted apart, over all calls."""
        fault = FailItem(items=[2], status_code=503)
        endpoint = FailItem(of="endpoint", items=[2])
        faults = Faults([fault, FailItem(items=[2]), endpoint, DropIds(items=[3])])
        items: list[tuple[str, str | None]] = [("e", None), ("e", "v")]
        assert faults.next_items(items) == ({}, set())
        assert faults.next_items([*items, ("e", "w")]) == (
            {("e", None): endpoint, ("e", "v"): fault},
            {("e", "w")},
        )

    def test_items_without_faults_for_them(self) -> None:
        """Other faults leave items alone."""
        assert Faults([Delay(seconds=1)]).next_items([("e", None)]) == ({}, set())


class TestFromJson:
    """A script can be a file."""

    def test_all(self) -> None:
        """Each fault has its name and its members."""
        text = """{"faults": [
            {"fault": "fail_call", "status": 503, "code": "Slow", "message": "m",
             "retry_after_seconds": 2, "calls": [1, 2]},
            {"fault": "fail_item", "of": "endpoint", "items": [3]},
            {"fault": "delay", "seconds": 0.5},
            {"fault": "throttle", "calls_per_second": 15, "burst": 3},
            {"fault": "cut", "where": "inside", "is_taken": false},
            {"fault": "bare_status"},
            {"fault": "drop_ids"},
            {"fault": "shift_clock", "seconds": -400}
        ]}"""
        assert Faults.from_json(text).active == (
            FailCall(
                status=503,
                code="Slow",
                message="m",
                retry_after_seconds=2,
                calls=[1, 2],
            ),
            FailItem(of="endpoint", items=[3]),
            Delay(seconds=0.5),
            Throttle(calls_per_second=15, burst=3),
            Cut(where="inside", is_taken=False),
            BareStatus(),
            DropIds(),
            ShiftClock(seconds=-400),
        )

    def test_none(self) -> None:
        """A file may have no fault."""
        assert Faults.from_json(b'{"faults": []}').active == ()

    @pytest.mark.parametrize(
        "text, facts",
        [
            ("[]", ["not_an_object list"]),
            (
                '{"Faults": [], "faults": {}}',
                [
                    "Faults: unknown_key near faults",
                    "faults: wrong_type dict not list",
                ],
            ),
            ("{}", ["faults: missing"]),
            (
                '{"faults": [], "faults": []}',
                ["faults: duplicate_member"],
            ),
            (
                '{"faults": [1, {}, {"fault": "FailCall"}, {"fault": ["cut"]}]}',
                [
                    "faults[0]: not_a_fault int",
                    "faults[1]: not_a_fault dict",
                    "faults[2].fault: unknown_value FailCall near fail_call",
                    "faults[3].fault: wrong_type_of_value list near bare_status",
                ],
            ),
            (
                '{"faults": [{"fault": "cut", "calls": [1], "calls": [2], "wher": 1}]}',
                [
                    "faults[0].calls: duplicate_member",
                    "faults[0].wher: unknown_key near where",
                    "faults[0].where: missing",
                ],
            ),
            (
                '{"faults": [{"fault": "delay", "seconds": "1"}]}',
                ["faults[0].seconds: wrong_type str not measure"],
            ),
            (
                "{",
                [
                    (
                        "not_json Expecting property name enclosed in double quotes "
                        "at (1, 2)"
                    )
                ],
            ),
        ],
    )
    def test_refused(self, text: str, facts: list[str]) -> None:
        """All that is wrong with a file is told at once, with where it stands."""
        assert facts_of(lambda: Faults.from_json(text)) == facts


def test_every_kind_in_docs() -> None:
    """The how-to page's file can be read, and has one of every kind."""
    page = Path(__file__).parents[2] / "docs" / "how-to" / "run-an-endpoint.md"
    text = (
        page.read_text(encoding="utf-8")
        .partition("## Faults")[2]
        .partition("```json\n")[2]
        .partition("```")[0]
    )
    found = Faults.from_json(text).active
    assert {type(each) for each in found} == set(CLASSES)


def test_example(tmp_path: Path) -> None:
    """The module's own example can be read."""
    from pinpoint_events.server import faults

    text = str(faults.__doc__).partition("```json\n")[2].partition("```")[0]
    assert Faults.from_json(text).active == (
        FailCall(status=503, calls=[1]),
        Cut(where="inside"),
    )


@pytest.mark.parametrize("cls", CLASSES)
def test_public(cls: type[Fault]) -> None:
    """Each fault is a public name of the server."""
    from pinpoint_events import server

    assert getattr(server, cls.__name__) is cls
    assert cls.__name__ in server.__all__
