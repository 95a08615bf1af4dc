"""
The exit codes of all commands.

Codes from 252 on are AWS CLI version 2's and name the cause: 252 is the input, 253 the
environment, 254 the service, 255 any other error.
"""

from typing import Final

__all__ = [
    "ENVIRONMENT_IS_WRONG",
    "FAILED",
    "INPUT_IS_WRONG",
    "INTERRUPTED",
    "NOT_ALL_ACCEPTED",
    "SERVICE_REJECTED",
    "SUCCESS",
]

SUCCESS: Final = 0
NOT_ALL_ACCEPTED: Final = 3
INTERRUPTED: Final = 130  # 128 + SIGINT, as in shells
INPUT_IS_WRONG: Final = 252
ENVIRONMENT_IS_WRONG: Final = 253
SERVICE_REJECTED: Final = 254
FAILED: Final = 255
