"""Where a problem is: a path of members, keys and positions, and how it is written."""

from collections.abc import Iterator
from string import ascii_letters, digits
from typing import Final

__all__ = [
    "MAPPING_MEMBERS",
    "Path",
    "aws_cli_path_text",
    "file_text",
    "path_text",
    "shortened",
]

Path = tuple[str | int, ...]

_MAX_CHARACTERS: Final = 60  # of a key or id in a message: enough to recognise it

# Members that hold a mapping: the part after such a name is a key of the caller's.
MAPPING_MEMBERS: Final = frozenset(
    {
        "attributes",
        "batch_item",
        "events",
        "events_item_response",
        "metrics",
        "results",
        "user_attributes",
        "Attributes",
        "BatchItem",
        "Events",
        "EventsItemResponse",
        "Metrics",
        "Results",
        "UserAttributes",
    }
)


def shortened(text: str, max_characters: int = _MAX_CHARACTERS) -> str:
    """Return a key, id or refused word as messages show it: quoted, never long."""
    return repr(
        text if len(text) <= max_characters else text[: max_characters - 1] + "…"
    )


def file_text(path: str) -> str:
    """
    Return a file's path as messages show it: quoted, where it looks like a path.

    Otherwise it may be data that was passed in its place, and is not shown.
    """
    looks_like_a_path = path.isprintable() and _UNLIKELY.isdisjoint(path)
    return repr(path) if looks_like_a_path else "at a path that is not shown"


_UNLIKELY: Final = frozenset('{}"<>')  # in a path, and frequent in JSON and the like


def keys_in(path: Path) -> Iterator[tuple[str | int, bool]]:
    """Yield each part of a path, and whether it is a key of a mapping."""
    is_key = False
    for part in path:
        yield part, is_key
        is_key = not is_key and part in MAPPING_MEMBERS


def path_text(path: Path) -> str:
    """Return a path as code: `BatchItem['e1'].Events['v1'].EventType`."""
    shown = ""
    for part, is_key in keys_in(path):
        if isinstance(part, int):
            shown += f"[{part}]"
        elif not is_key and part.isidentifier() and len(part) <= _MAX_CHARACTERS:
            shown += f".{part}" if shown else part
        else:
            # A key, or an unknown member as it was written.
            shown += f"[{shortened(part)}]"
    return shown


# Such parts need no quotes in a path of the AWS CLI.
_PLAIN: Final = frozenset(ascii_letters + digits + "_-:@")


def aws_cli_path_text(path: Path) -> str:
    """Return a path as the AWS CLI does: `EventsRequest.BatchItem.e1.Events.v1`."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        elif part and len(part) <= _MAX_CHARACTERS and _PLAIN.issuperset(part):
            shown += f".{part}" if shown else part
        else:
            shown += f"[{shortened(part)}]"
    return shown
