"""
The AWS CLI, asked many times in one process: starting it takes half a second.

Run by the Python that the AWS CLI is installed for. Its first line of output is the
version. Then each line of standard input is an invocation, such as `{"arguments": [],
"environment": {}, "input": ""}`, and each line of output what came of it, `{"code": 0,
"out": "", "err": ""}`. The arguments go to the AWS CLI's own entry point.
"""

import importlib
import io
import json
import os
import sys
from typing import Any, TextIO


def _streams(text: str) -> tuple[TextIO, io.TextIOWrapper, io.TextIOWrapper]:
    return (
        io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"),
        io.TextIOWrapper(io.BytesIO(), encoding="utf-8"),
        io.TextIOWrapper(io.BytesIO(), encoding="utf-8"),
    )


def _code(driver: Any, arguments: list[str]) -> int:
    command = driver.create_clidriver()
    try:
        return int(command.main(arguments))
    except SystemExit as end:  # by argparse
        return int(end.code or 0)


def _run(driver: Any, asked: dict[str, Any]) -> dict[str, Any]:
    before = dict(os.environ)
    streams = (sys.stdin, sys.stdout, sys.stderr)
    os.environ.update(asked["environment"])
    sys.stdin, out, err = _streams(asked["input"])
    sys.stdout, sys.stderr = out, err
    try:
        code = _code(driver, asked["arguments"])
    finally:
        sys.stdin, sys.stdout, sys.stderr = streams
        os.environ.clear()
        os.environ.update(before)
    return {"code": code, "out": _text(out), "err": _text(err)}


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    content = stream.buffer.getvalue()  # type: ignore[attr-defined] # it is a BytesIO
    return str(content.decode())


def main() -> None:
    """Serve invocations until standard input ends."""
    driver = importlib.import_module("awscli.clidriver")
    version = importlib.import_module("awscli").__version__
    sys.stdout.write(f"{json.dumps(version)}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        answer = _run(driver, json.loads(line))
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
