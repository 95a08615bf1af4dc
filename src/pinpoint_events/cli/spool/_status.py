"""The action `status`: what is in a spool, and whether its books balance."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pinpoint_events.cli import _console as console
from pinpoint_events.cli._codes import FAILED, SUCCESS
from pinpoint_events.cli._parser import Parser
from pinpoint_events.cli._table import table
from pinpoint_events.cli.spool import _options as shared
from pinpoint_events.recorder.items import ItemCounts
from pinpoint_events.recorder.operators import SpoolStatus

__all__ = ["run"]

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_DELIVERING: Final[Mapping[bool | None, str]] = {
    True: "by a process that is running",
    False: "no process delivers now",
    None: "unknown: the lock file may not be read",
}


def run(program: str, arguments: list[str]) -> int:
    """
    Print the status.

    Returns:
        The exit code: 0, or 255 if the books do not balance.
    """
    parser = _parser(program)
    options = shared.parsed(parser, arguments)
    with shared.opened(options.path, writes=False) as spool:
        status = spool.status()
    age = None
    if status.oldest_pending_at is not None:
        # Not below zero: the clock may have been set back.
        passed = datetime.now(UTC) - shared.moment_of(status.oldest_pending_at)
        age = max(0, round(passed.total_seconds()))
    text = _table if options.output == "table" else _json
    console.out(text(status, age))
    if status.balances:
        return SUCCESS
    console.message(
        "the books do not balance: what is counted is not what is in the file; keep a "
        "copy of it, and report this as a defect"
    )
    return FAILED


def _parser(program: str) -> Parser:
    parser = Parser(
        prog=program,
        description="Show what became of the events in a spool, what is pending, and "
        "whether a\nprocess delivers. What is pending is counted row by row, and "
        "compared with the\nbooks; if they differ, the exit code is 255.",
        example=f"{program} events.spool",
    )
    shared.add_path(parser)
    shared.add_output(parser)
    return parser


def _json(status: SpoolStatus, age_seconds: int | None) -> str:
    oldest = status.oldest_pending_at
    return shared.json_text(
        {
            "ApplicationId": status.application_id,
            "Events": _counts_json(status.events),
            "Endpoints": _counts_json(status.endpoints),
            "Waiting": shared.counts_json(status.waiting),
            "Balanced": status.balances,
            "DeadLetters": {
                **shared.counts_json(status.dead_letters),
                "Codes": dict(status.codes),
            },
            "OldestPendingAt": None if oldest is None else shared.time_of(oldest),
            "OldestPendingSeconds": age_seconds,
            "UsedBytes": status.used_bytes,
            "Delivering": status.is_delivering,
        }
    )


def _counts_json(counts: ItemCounts) -> dict[str, Any]:
    return {
        "Recorded": counts.recorded,
        "Delivered": counts.delivered,
        "Rejected": counts.rejected,
        "Dropped": dict(counts.dropped),
        "Pending": counts.pending,
    }


def _table(status: SpoolStatus, age_seconds: int | None) -> str:
    kinds = status.events, status.endpoints
    reasons = sorted({reason for counts in kinds for reason in counts.dropped})
    rows: list[tuple[str | int, ...]] = [
        ("", "events", "endpoints"),
        ("recorded", *(counts.recorded for counts in kinds)),
        ("delivered", *(counts.delivered for counts in kinds)),
        ("rejected", *(counts.rejected for counts in kinds)),
    ]
    rows += [
        (f"dropped: {reason}", *(counts.dropped.get(reason, 0) for counts in kinds))
        for reason in reasons
    ]
    rows += [
        ("pending", *(counts.pending for counts in kinds)),
        ("rows that wait", *status.waiting),
        ("dead letters kept", *status.dead_letters),
    ]
    oldest = "none"
    if status.oldest_pending_at is not None and age_seconds is not None:
        since = shared.time_of(status.oldest_pending_at)
        oldest = f"since {since} ({_in_words(age_seconds)})"
    codes = [f"{code}: {count:,}" for code, count in status.codes.items()]
    facts = {
        "application": status.application_id or "none yet",
        "delivery": _DELIVERING[status.is_delivering],
        "oldest pending": oldest,
        "dead letters": ", ".join(codes) or "none",
        "bytes used": f"{status.used_bytes:,}",
        "books": "balance" if status.balances else "DO NOT BALANCE",
    }
    width = max(map(len, facts))
    lines = [f"{name:<{width}}  {fact}" for name, fact in facts.items()]
    return "\n".join([*lines, "", table(rows)])


def _in_words(seconds: int) -> str:
    """Return a time in its largest unit, as in `3 min`."""
    unit, length = next((each for each in _UNITS if seconds >= each[1]), _UNITS[-1])
    return f"{seconds // length:,} {unit}"
