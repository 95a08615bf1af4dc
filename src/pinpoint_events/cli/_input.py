"""Reading an option's value: as it stands, or from a file; as text, or as JSON."""

import os
from pathlib import Path
from typing import Any, Final

from pinpoint_events.cli._parser import UsageError
from pinpoint_events.errors import ValidationError
from pinpoint_events.wire import decode_request

__all__ = ["json_value", "text_value"]

_FILE: Final = "file://"
# The service takes 4 MB; what is more than that in a file is indentation.
_MOST_BYTES: Final = 64_000_000


def text_value(option: str, given: str) -> str:
    """
    Return the value of an option, or the content of the file that it names.

    Args:
        option: The option's name, for the message.
        given: A text, or `file://` and a path, in which `~` and `$NAME` stand for what
            they stand for in a shell.

    Raises:
        UsageError: If there is no such file, or it cannot be read as UTF-8.
    """
    if not given.startswith(_FILE):
        return given
    try:
        path = Path(os.path.expandvars(given.removeprefix(_FILE))).expanduser()
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) <= _MOST_BYTES:
            return content.decode("utf-8-sig")  # as Windows' own editor saves it
        told = f"it has more than {_MOST_BYTES:,} bytes, the most that is read"
    except UnicodeDecodeError as error:
        told = f"its text is not UTF-8 at byte {error.start}; save it as UTF-8"
    except (OSError, RuntimeError, ValueError) as error:
        told = str(error)  # names the file, and nothing of what is in it
    # From None: a UnicodeDecodeError holds the content.
    raise _refused(option, f"Unable to load paramfile {given}: {told}") from None


def json_value(option: str, given: str) -> dict[str, Any]:
    """
    Return the JSON object that an option's value is, or that its file holds.

    In it, objects remember which of their keys stand twice; `from_wire` refuses them.

    Raises:
        UsageError: If it is no JSON object.
    """
    text = text_value(option, given)
    try:
        value = decode_request(text)
    except ValidationError as error:
        (problem,) = error.problems
        told = problem.problem.removeprefix("is not JSON: ").removeprefix("is ")
        remedy = "pass a JSON object, or file:// and the path of a file that holds one"
        raise _refused(option, f"Invalid JSON: {told}; {remedy}") from None
    if not isinstance(value, dict):
        told = f"Invalid type: expecting map, received {type(value)}"
        raise _refused(option, told)
    return value


def _refused(option: str, told: str) -> UsageError:
    return UsageError(f"Error parsing parameter '{option}': {told}")
