"""
The exit codes of all commands.

Those from 252 on are AWS CLI version 2's, so that a script knows whose turn it is: 252
your input, 253 your environment, 254 the service, 255 anything else.
"""

from typing import Final

__all__ = [
    "ENVIRONMENT_IS_WRONG",
    "FAILED",
    "INPUT_IS_WRONG",
    "INTERRUPTED",
    "NOT_ALL_ACCEPTED",
    "SERVICE_REFUSED",
    "SUCCESS",
]

SUCCESS: Final = 0
NOT_ALL_ACCEPTED: Final = 3
INTERRUPTED: Final = 130  # 128 and the number of SIGINT, as shells have it
INPUT_IS_WRONG: Final = 252
ENVIRONMENT_IS_WRONG: Final = 253
SERVICE_REFUSED: Final = 254
FAILED: Final = 255
