"""The action `purge`: items are deleted."""

import sys
from datetime import timedelta

from pinpoint_events.cli import _console as console
from pinpoint_events.cli._ago import length_of
from pinpoint_events.cli._codes import FAILED, SUCCESS
from pinpoint_events.cli._parser import Parser
from pinpoint_events.cli.spool import _options as shared
from pinpoint_events.recorder.operators import KindCounts

__all__ = ["run"]


def run(program: str, arguments: list[str]) -> int:
    """
    Delete items, once that is confirmed.

    Returns:
        The exit code: 0, or 255 if it was not confirmed.
    """
    parser = _parser(program)
    options = shared.parsed(parser, arguments)
    if not options.pending and not options.rejected:
        parser.error("pass --pending or --rejected, or both")
    older_than = _older_than(parser, options.older_than)
    is_terminal = sys.stdin is not None and sys.stdin.isatty()
    if not options.yes and not is_terminal:
        parser.error("what is deleted is lost; pass --yes to confirm")
    chosen = shared.selected(options, older_than)
    done: dict[str, KindCounts] = {}
    with shared.opened(options.path, writes=True) as spool:
        kinds = {
            "pending": (options.pending, spool.count_pending, spool.purge_pending),
            "rejected": (options.rejected, spool.count_rejected, spool.purge_rejected),
        }
        found = {
            name: (*count(chosen), purge)
            for name, (is_meant, count, purge) in kinds.items()
            if is_meant
        }
        if not options.yes:
            what = [
                f"{shared.in_words(counts)} that are {name}"
                for name, (counts, *_) in found.items()
            ]
            question = f"delete {', and '.join(what)}, in {shared.shown_path(spool)}?"
            if not _confirmed(question):
                console.message("nothing was deleted")
                return FAILED
        for name, (_, up_to, purge) in found.items():
            done[name] = purge(chosen, up_to)
    if options.output == "json":
        counts = {
            name.capitalize(): shared.counts_json(each) for name, each in done.items()
        }
        console.out(shared.json_text({"Purged": counts}))
    else:
        rows = {f"{name}, purged": counts for name, counts in done.items()}
        console.out(shared.counts_table(rows))
    return SUCCESS


def _parser(program: str) -> Parser:
    parser = Parser(
        prog=program,
        description="Delete items of a spool. Pending ones then count as dropped, with "
        "the reason\n`purged`; dead letters still count as rejected. What the process "
        "that delivers\nhas read already may be sent all the same.",
        example=f"{program} events.spool --rejected --older-than 7d --yes",
    )
    add = parser.add_argument
    shared.add_path(parser)
    add("--pending", action="store_true", help="delete what is pending")
    add("--rejected", action="store_true", help="delete dead letters")
    add(
        "--older-than",
        metavar="TIME",
        help="only items that were rejected, or are pending, for longer, as in 12h or "
        "7d",
    )
    shared.add_selection(parser)
    add("--yes", action="store_true", help="do not ask for confirmation")
    shared.add_output(parser)
    return parser


def _older_than(parser: Parser, text: str | None) -> timedelta | None:
    if text is None:
        return None
    length = length_of(text)
    if length is None:
        parser.error(
            "argument --older-than: is no length of time; pass one as in 90s, 10m, 12h "
            "or 7d"
        )
    return length


def _confirmed(question: str) -> bool:
    # On standard error: standard output has the result alone.
    console.message(f"{question} Type yes to delete:")
    return sys.stdin.readline().strip().casefold() in {"y", "yes"}
