"""
Checks the types of the Python examples in README.md and docs, in one run of mypy.

    python docs/type_check.py

The blocks of a page are one module, as they are one namespace when they run as tests.
Each keeps its line numbers, so that messages point into the page.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent

# The examples must pass for users, who have none of our settings. The package itself is
# checked elsewhere; boto3 and botocore ship no types.
OPTIONS: Final = (
    "--strict",
    "--disable-error-code=import-untyped",
    "--follow-imports=silent",
    "--python-version=3.11",
    "--config-file=",
    "--no-error-summary",
)


# Celery and Django ship no types, without which every decorated function is an error.
UNTYPED: Final = frozenset({"use-with-celery.md", "use-with-django.md"})


def pages() -> list[Path]:
    """Return README.md and the pages of the docs whose examples are typed."""
    docs = ROOT / "docs"
    found = [
        path
        for path in docs.rglob("*.md")
        if "_build" not in path.parts and path.name not in UNTYPED
    ]
    return [ROOT / "README.md", *sorted(found)]


def code_of(page: Path) -> str:
    """Return the code blocks of a page, each on its own lines."""
    lines: list[str] = []
    is_code = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            is_code = not is_code and line.removeprefix("```") == "python"
            lines.append("")
        else:
            lines.append(line if is_code else "")
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Return mypy's exit code, after it has printed its messages."""
    environment = {**os.environ, "MYPYPATH": str(ROOT / "src")}
    with tempfile.TemporaryDirectory() as directory:
        names = {}
        for page in pages():
            code = code_of(page)
            if not code.strip():
                continue
            shown = page.relative_to(ROOT).as_posix()
            module = re.sub(r"\W", "_", shown.removesuffix(".md"))
            name = f"{module}.py"
            Path(directory, name).write_text(code, encoding="utf-8")
            names[name] = shown
        command = [sys.executable, "-m", "mypy", *OPTIONS, *names]
        done = subprocess.run(  # noqa: S603 - made above
            command,
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    for line in done.stdout.splitlines():
        name, colon, rest = line.partition(":")
        print(f"{names.get(name, name)}{colon}{rest}")  # noqa: T201
    print(f"{len(names)} pages with examples checked")  # noqa: T201
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
