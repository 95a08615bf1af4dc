"""
Prints what each nox session came to, and ends with the README test's closing line.

Usage: summary.py REPORT LOG, where nox wrote REPORT (`--report`) and said LOG.
"""

import json
import re
import sys
from pathlib import Path

_SESSION = re.compile(r"nox > Running session (\S+)")
_CLOSING = re.compile(r"=+ (\d+ (?:passed|failed|error).* in [\d.]+s.*?) =+")


def closing_lines(log: str) -> dict[str, str]:
    """Pytest's last line in the output of each session that ran it."""
    session, found = "", {}
    for line in log.splitlines():
        if match := _SESSION.search(line):
            session = match[1]
        elif match := _CLOSING.fullmatch(line.strip()):
            found[session] = match[1]
    return found


def main(report: Path, log: Path) -> int:
    """Prints the table; 0 if everything that could run passed, and tests ran."""
    sessions = json.loads(report.read_text(encoding="utf-8"))["sessions"]
    closing = closing_lines(log.read_text(encoding="utf-8"))
    rows = [
        (
            each["signatures"][0] if each["signatures"] else each["name"],
            each["result"].upper() if each["result"] != "success" else "passed",
            f"{each.get('duration', 0):.0f} s",
        )
        for each in sessions
    ]
    print()
    for name, result, duration in rows:
        print(f"{name:22}{result:10}{duration:>7}  {closing.get(name, '')}".rstrip())
    for name, result, _ in rows:
        if result == "SKIPPED":
            print(f"\nNOT RUN: {name}. Is its Python on this machine?")
    tests = closing.get("readme_test", "")
    print(f"\n===== {tests or 'The README test command ran no tests'} =====")
    passed = all(result in {"passed", "SKIPPED"} for _, result, _ in rows)
    return 0 if passed and "passed" in tests else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
