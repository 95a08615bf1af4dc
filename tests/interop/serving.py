"""`pinpoint-events serve`, as the program that it is, and the store behind it."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.aws import KEYS
from tests.commands import COMMAND, environment

from pinpoint_events.server import Credentials

KEY = Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"])
SECONDS = 60  # for the program to end; it takes a fraction of one


class Endpoint(NamedTuple):
    """
    A program that serves.

    Attributes:
        url: Where it is.
        store: The file that it writes.
    """

    url: str
    store: Path

    def stored(self, application_id: str) -> list[tuple[str, str, str]]:
        """Return endpoint id, event id and type of each event of an application."""
        return self._select(
            "SELECT endpoint_id, event_id, event_type FROM events "
            "WHERE application_id = ? ORDER BY sequence",
            application_id,
        )

    def endpoint_ids(self, application_id: str) -> list[str]:
        """Return the ids of the endpoints of an application, sorted."""
        found = self._select(
            "SELECT endpoint_id FROM endpoints WHERE application_id = ? ORDER BY 1",
            application_id,
        )
        return [endpoint_id for (endpoint_id,) in found]

    def _select(self, query: str, application_id: str) -> list[Any]:
        with closing(sqlite3.connect(self.store)) as connection:
            return connection.execute(query, (application_id,)).fetchall()


@contextmanager
def serving(
    cwd: Path, *, faults: Sequence[object] = (), is_key_in_file: bool = False
) -> Iterator[Endpoint]:
    """Run the program in a directory, with a free port and a store there."""
    arguments = ["--port", "0", "--to", "sqlite:///events.db"]
    keys = KEYS
    if faults:
        text = json.dumps({"faults": faults})
        (cwd / "faults.json").write_text(text, encoding="utf-8")
        arguments += ["--faults", "faults.json"]
    if is_key_in_file:
        lines = ["[any]", *(f"{name.lower()} = {keys[name]}" for name in keys)]
        (cwd / "keys").write_text("\n".join(lines), encoding="utf-8")
        arguments += ["--credentials", "keys"]
        keys = {}
    with subprocess.Popen(
        [*COMMAND, "serve", *arguments],
        cwd=cwd,
        encoding="utf-8",
        env=environment(**keys),
        stdout=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            yield Endpoint(url, cwd / "events.db")
            process.terminate()
            code = process.wait(SECONDS)
            assert code == (0 if os.name == "posix" else 1)
        finally:
            process.kill()
