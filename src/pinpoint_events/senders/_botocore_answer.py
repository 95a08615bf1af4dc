"""
The answer that botocore received and could not read.

The service documents that a bare number may stand where an item's response does.
Botocore's parser then stops with an `AttributeError`, after the service has taken the
events. What it was parsing is still there, in a local variable of one of its functions.
That is nothing botocore promises: `tests/test_client_sender.py` has a canary that fails
when it changes, and then the answer is one that no one can read.
"""

import traceback
from collections.abc import Mapping
from types import FrameType
from typing import Any, Final

from pinpoint_events.errors import InvalidResponseError
from pinpoint_events.http_messages import HttpResponse

__all__ = ["unread_answer"]

PLACE: Final = ("botocore.endpoint", "_do_get_response", "response_dict")
"""Module, function and variable that hold an answer while it is parsed."""

_PARSER: Final = "botocore.parsers"


def unread_answer(error: BaseException) -> HttpResponse | InvalidResponseError | None:
    """
    Return the answer that botocore was reading when it failed with this error.

    Returns:
        An error, if it has the answer in no place that is known here; None, if it was
        not reading one.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    module, function, variable = PLACE
    # Not where someone else's code failed, such as a hook on the client.
    if _module(frames[-1]).startswith("botocore."):
        for frame in frames:
            if (_module(frame), frame.f_code.co_name) == (module, function):
                answer = _as_http(frame.f_locals.get(variable))
                if answer is not None:
                    return answer
    if _PARSER not in map(_module, frames):
        return None
    return InvalidResponseError(
        "botocore cannot read the answer; the events may have been accepted; "
        "PinpointSender can read it"
    )


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__"))


def _as_http(found: Any) -> HttpResponse | None:
    match found:
        case {"status_code": int(status), "headers": headers, "body": bytes(body)}:
            return HttpResponse(
                status=status,
                headers={str(name).lower(): str(headers[name]) for name in headers}
                if isinstance(headers, Mapping)
                else {},
                body=body,
            )
    return None
