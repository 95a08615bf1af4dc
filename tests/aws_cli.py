"""The real AWS CLI, where there is one: `PINPOINT_EVENTS_AWS` names its executable."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.commands import environment

_DRIVER = Path(__file__).with_name("aws_cli_driver.py")


class Ended(NamedTuple):
    """What came of an invocation."""

    code: int
    out: str
    err: str


class AwsCli:
    """
    The AWS CLI, within a `with` block.

    Version 1 serves all invocations in one process of its own. Version 2 does not allow
    that, and is started for each.

    Attributes:
        executable: As given.
        version: Its version.
    """

    def __init__(self, executable: str, cwd: Path) -> None:
        """Start the process; the executable is that of a virtual environment."""
        self.executable = executable
        self._cwd = cwd
        python = Path(executable).with_name("python")
        self._process = subprocess.Popen(
            [str(python), str(_DRIVER)],
            cwd=cwd,
            encoding="utf-8",
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.version: str = self._answer()

    def _environment(self) -> dict[str, str]:
        settings = {"PYTHONUTF8": "1", "AWS_PAGER": "", "HOME": str(self._cwd)}
        return environment(**settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=60)

    def run(
        self, arguments: Sequence[str], settings: Mapping[str, str], text: str = ""
    ) -> Ended:
        """Run the AWS CLI with arguments, variables, and text on standard input."""
        if self.version.startswith("2."):
            ran = subprocess.run(
                [self.executable, *arguments],
                capture_output=True,
                check=False,
                cwd=self._cwd,
                encoding="utf-8",
                env={**self._environment(), **settings},
                input=text,
                timeout=60,
            )
            return Ended(ran.returncode, ran.stdout, ran.stderr)
        asked = {"arguments": arguments, "environment": settings, "input": text}
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(asked)}\n")
        self._process.stdin.flush()
        return Ended(**self._answer())

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())
