"""
Starts processes, and tells what each took: a separate script, `Starter`'s other end.

Linux counts among the most memory of a process that of the one that started it, as it
was then. So this one imports next to nothing, and is smaller than any that it starts.

Each line of its input is a command and its environment, `[["ls"], {}]`, and each line
of its output what came of it: exit status, CPU seconds, seconds by the clock, bytes.
"""

import json
import os
import sys
import time


def run(command: list[str], variables: dict[str, str]) -> list[float]:
    """Run a command to its end; what it prints goes nowhere."""
    nowhere = [
        (os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)
    ]
    began = time.perf_counter()
    process = os.posix_spawn(command[0], command, variables, file_actions=nowhere)
    _, status, usage = os.wait4(process, 0)
    wall_seconds = time.perf_counter() - began
    # macOS tells bytes, others kilobytes.
    unit = 1 if sys.platform == "darwin" else 1024
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return [status, cpu_seconds, wall_seconds, usage.ru_maxrss * unit]


def main() -> None:
    """Serve commands until the input ends."""
    for line in sys.stdin:
        print(json.dumps(run(*json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
