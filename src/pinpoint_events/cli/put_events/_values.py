"""Reads an option's value: literally or from a file, as text or as JSON."""

import os
import sys
from pathlib import Path
from typing import Any, BinaryIO, Final

from pinpoint_events.cli._parser import UsageError
from pinpoint_events.errors import ValidationError
from pinpoint_events.problems import Audience

__all__ = ["json_object", "parameter_error", "read_value", "text_value"]

# In the AWS CLI, file:// is text and fileb:// is bytes; here every value is text.
_FILES: Final = ("file://", "fileb://")
_STANDARD_INPUT: Final = "-"
# The service takes 4 MB; a larger file can be valid only because of whitespace.
_MAX_BYTES: Final = 64_000_000
_REMEDY: Final = "pass a JSON object, or file:// and the path of a file that holds one"


def read_value(option: str, value: str) -> str:
    """
    Return what `text_value` does, or the content of standard input for `-`.

    Raises:
        UsageError: If there is nothing to read, or it is not UTF-8.
    """
    if value != _STANDARD_INPUT:
        return text_value(option, value)
    # None if the process has no standard input, as under pythonw.
    if sys.stdin is None:
        message = "there is no standard input; pass file:// and the path of a file"
        raise parameter_error(option, message)
    try:
        return _read_text(sys.stdin.buffer)
    except UnicodeDecodeError as error:
        message = _not_utf8(error)
    except (OSError, ValueError) as error:
        message = str(error)
    # Raised outside the `except` block so that the UnicodeDecodeError, which holds the
    # content, is not attached as `__context__`.
    raise parameter_error(option, f"Unable to read standard input: {message}")


def text_value(option: str, value: str) -> str:
    """
    Return the value of an option, or the content of the file that it names.

    Args:
        option: The option's name, for the message.
        value: A text, or `file://` and a path, in which `~` and `$NAME` are expanded as
            in a shell.

    Raises:
        UsageError: If the file cannot be read, or is not UTF-8.
    """
    if not value.startswith(_FILES):
        return value
    try:
        path = Path(os.path.expandvars(value.partition("://")[2])).expanduser()
        with path.open("rb") as file:
            return _read_text(file)
    except UnicodeDecodeError as error:
        message = _not_utf8(error)
    except (OSError, RuntimeError, ValueError) as error:
        message = str(error)  # names the file, without its content
    # Raised outside the `except` block for the same reason as above.
    raise parameter_error(option, f"Unable to load paramfile {value}: {message}")


def _read_text(file: BinaryIO) -> str:
    content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        message = (
            f"it has more than {_MAX_BYTES:,} bytes, the most that is read; split it, "
            "or make JSON Lines of it for `pinpoint-events load`"
        )
        raise ValueError(message)
    return content.decode("utf-8-sig")  # Windows editors may write a byte order mark


def _not_utf8(error: UnicodeDecodeError) -> str:
    return f"its text is not UTF-8 at byte {error.start}; save it as UTF-8"


def json_object(
    option: str, text: str, *, not_an_object: str = "Invalid type"
) -> dict[str, Any]:
    """
    Parse a JSON object.

    The returned objects record their duplicate keys, which `from_wire` refuses.

    Args:
        option: The option's name, for the message.
        text: The text.
        not_an_object: The start of the message for JSON that is not an object.

    Raises:
        UsageError: If the text is not a JSON object.
    """
    # Imported here: a plain text should not pay for importing it.
    from pinpoint_events.wire.json_text import decode_request  # noqa: PLC0415

    try:
        value = decode_request(text)
    except ValidationError as error:
        (problem,) = error.problems
        problem = problem._replace(audience=Audience.COMMAND_LINE)
        raise parameter_error(option, f"{problem.problem}; {_REMEDY}") from None
    if not isinstance(value, dict):
        message = f"{not_an_object}: expecting map, received {type(value)}; {_REMEDY}"
        raise parameter_error(option, message)
    return value


def parameter_error(option: str, message: str) -> UsageError:
    """Return the error for an option's value that cannot be read."""
    return UsageError(f"Error parsing parameter '{option}': {message}")
