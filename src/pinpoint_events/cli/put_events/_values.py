"""Reading an option's value: literal, or from a file; as text, or as JSON."""

import os
import sys
from pathlib import Path
from typing import Any, BinaryIO, Final

from pinpoint_events.cli._parser import UsageError
from pinpoint_events.errors import ValidationError
from pinpoint_events.problems import Audience

__all__ = ["json_object", "parameter_error", "read_value", "text_value"]

# The AWS CLI makes a difference between text and bytes; all that is read here is text.
_FILES: Final = ("file://", "fileb://")
_STANDARD_INPUT: Final = "-"
# The service takes 4 MB; what is more than that in a file is indentation.
_MOST_BYTES: Final = 64_000_000
_A_JSON_OBJECT: Final = (
    "pass a JSON object, or file:// and the path of a file that holds one"
)


def read_value(option: str, given: str) -> str:
    """
    Return what `text_value` does, or what standard input says if the value is `-`.

    Raises:
        UsageError: If there is nothing to read, or it cannot be read as UTF-8.
    """
    if given != _STANDARD_INPUT:
        return text_value(option, given)
    # None where the process was started without one, as by pythonw.
    if sys.stdin is None:
        message = "there is no standard input; pass file:// and the path of a file"
        raise parameter_error(option, message)
    try:
        return _text_of(sys.stdin.buffer)
    except UnicodeDecodeError as error:
        message = _no_utf8(error)
    except (OSError, ValueError) as error:
        message = str(error)
    # Out here: a UnicodeDecodeError holds the content.
    raise parameter_error(option, f"Unable to read standard input: {message}")


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
    if not given.startswith(_FILES):
        return given
    try:
        path = Path(os.path.expandvars(given.partition("://")[2])).expanduser()
        with path.open("rb") as file:
            return _text_of(file)
    except UnicodeDecodeError as error:
        message = _no_utf8(error)
    except (OSError, RuntimeError, ValueError) as error:
        message = str(error)  # names the file, and nothing of what is in it
    # Out here, too.
    raise parameter_error(option, f"Unable to load paramfile {given}: {message}")


def _text_of(file: BinaryIO) -> str:
    content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        message = (
            f"it has more than {_MOST_BYTES:,} bytes, the most that is read; split it, "
            "or make JSON Lines of it for `pinpoint-events load`"
        )
        raise ValueError(message)
    return content.decode("utf-8-sig")  # as Windows' own editor saves it


def _no_utf8(error: UnicodeDecodeError) -> str:
    return f"its text is not UTF-8 at byte {error.start}; save it as UTF-8"


def json_object(
    option: str, text: str, *, otherwise: str = "Invalid type"
) -> dict[str, Any]:
    """
    Return the JSON object that the text is.

    In it, objects remember which of their keys stand twice; `from_wire` refuses them.

    Args:
        option: The option's name, for the message.
        text: The text.
        otherwise: How to call JSON that is no object.

    Raises:
        UsageError: If it is no JSON object.
    """
    # Here, not above: a text is read without it.
    from pinpoint_events.wire.json_text import decode_request  # noqa: PLC0415

    try:
        value = decode_request(text)
    except ValidationError as error:
        (problem,) = error.problems
        problem = problem._replace(audience=Audience.COMMAND_LINE)
        raise parameter_error(option, f"{problem.problem}; {_A_JSON_OBJECT}") from None
    if not isinstance(value, dict):
        message = (
            f"{otherwise}: expecting map, received {type(value)}; {_A_JSON_OBJECT}"
        )
        raise parameter_error(option, message)
    return value


def parameter_error(option: str, message: str) -> UsageError:
    """Return the error for an option's value that cannot be read."""
    return UsageError(f"Error parsing parameter '{option}': {message}")
