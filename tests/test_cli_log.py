import logging
from collections.abc import Iterator

import pytest

from pinpoint_events.cli._log import Repeats, log_lines

LOG = logging.getLogger("pinpoint_events")
FORMAT = "%(levelname)s %(message)s"


class Clock:
    """A clock that is set."""

    now = 1000.0

    def __call__(self) -> float:
        """Return what it is set to."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def printed(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> Iterator["pytest.CaptureFixture[str]"]:
    """What is printed while the library's log is, repeats excepted."""
    with log_lines(FORMAT, logging.INFO, Repeats(60.0, clock)):
        yield capsys


def lines(printed: "pytest.CaptureFixture[str]") -> list[str]:
    """Return what was printed since the last time."""
    return printed.readouterr().err.splitlines()


def fail(number: int, level: int = logging.ERROR) -> None:
    """Log a failure."""
    LOG.log(level, "not sent", extra={"pinpoint_events.problem": number})


class TestRepeats:
    """A line that any client can cause does not fill the log."""

    def test_first(self, printed: "pytest.CaptureFixture[str]", clock: Clock) -> None:
        """The first of a kind in a minute is printed whole, the others are counted."""
        for number in range(1235):
            fail(number)
        clock.now += 59.9
        fail(1235)
        assert lines(printed) == ["ERROR not sent problem=0"]
        clock.now += 0.1
        fail(1236)
        fail(1237)
        assert lines(printed) == [
            "ERROR not sent: 1,235 more in the last 60 s",
            "ERROR not sent problem=1236",
        ]

    def test_kinds(self, printed: "pytest.CaptureFixture[str]", clock: Clock) -> None:
        """Another message, or another level, is another kind; so is another log."""
        for _ in range(2):
            fail(1)
            fail(2, logging.WARNING)
            LOG.error("not closed")
            logging.getLogger("pinpoint_events.more").error("not closed")
        assert lines(printed) == [
            "ERROR not sent problem=1",
            "WARNING not sent problem=2",
            "ERROR not closed",
            "ERROR not closed",
        ]
        clock.now += 90
        LOG.info("anything")
        assert lines(printed) == [
            "ERROR not sent: 1 more in the last 90 s",
            "WARNING not sent: 1 more in the last 90 s",
            "ERROR not closed: 1 more in the last 90 s",
            "ERROR not closed: 1 more in the last 90 s",
            "INFO anything",
        ]

    def test_once(self, printed: "pytest.CaptureFixture[str]", clock: Clock) -> None:
        """What was not repeated is not told of again."""
        fail(1)
        clock.now += 60
        fail(2)
        assert lines(printed) == [
            "ERROR not sent problem=1",
            "ERROR not sent problem=2",
        ]

    def test_many_kinds(self, printed: "pytest.CaptureFixture[str]") -> None:
        """Kinds without number are not remembered without end."""
        for number in range(1000):
            LOG.error(f"not sent {number}")  # noqa: G004 - many messages are the fact
        assert len(lines(printed)) == 101

    def test_information(self, printed: "pytest.CaptureFixture[str]") -> None:
        """What one asks for with an option is printed each time."""
        for number in range(3):
            fail(number, logging.INFO)
        assert lines(printed) == [f"INFO not sent problem={each}" for each in range(3)]

    def test_end(self, capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
        """At the end, one learns of those that were not printed."""
        with log_lines(FORMAT, logging.WARNING, Repeats(60.0, clock)):
            fail(1)
            fail(2)
            clock.now += 5
        assert lines(capsys) == [
            "ERROR not sent problem=1",
            "ERROR not sent: 1 more in the last 5 s",
        ]

    def test_unlimited(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Where nothing is limited, nothing is lost."""
        with log_lines(FORMAT, logging.DEBUG):
            for number in range(3):
                fail(number)
        assert lines(capsys) == [f"ERROR not sent problem={each}" for each in range(3)]


class TestOthers:
    """Other packages' logs are limited, too, and show no data."""

    def test_raised(self, printed: "pytest.CaptureFixture[str]") -> None:
        """Of an exception, its class and place are printed."""
        for _ in range(2):
            try:
                int("a secret")
            except ValueError:
                logging.getLogger("asyncio").exception("broken\nhandle: a secret")
        (line,) = lines(printed)
        start = "ERROR asyncio: broken problem='unexpected ValueError in line "
        assert line.startswith(start)
        assert line.endswith("test_cli_log.py'")

    @pytest.mark.parametrize(
        "error, problem",
        [(ValueError("a secret"), " problem='ValueError'"), (None, "")],
    )
    def test_not_raised(
        self,
        printed: "pytest.CaptureFixture[str]",
        error: ValueError | None,
        problem: str,
    ) -> None:
        """Of one that was not raised, its class."""
        log = logging.getLogger("uvicorn.error")
        for name in ("one", "two"):
            log.error("broken: %s", name, exc_info=error)
        assert lines(printed) == [f"ERROR uvicorn.error: broken: one{problem}"]
