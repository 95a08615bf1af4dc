import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pinpoint_events import SqliteSender, StoreError
from pinpoint_events.cli import main
from tests.commands import run

OUTPUT = """\
1. A request that an Android app really sent, and two events built here:
   3 events, 1,090 bytes, types and limits checked. One more was refused:

   batch_item['customer-1'].events['event-3'].attributes['note']: 225
   characters; at most 200; shorten the value or drop the key

2. Sent to PATH.
   The answer, item by item:

   endpoint      event           outcome
   ------------  --------------  --------
   5d1c6f0e-2..  (the endpoint)  accepted
   5d1c6f0e-2..  0c9b1a34-7..    accepted
   customer-1    (the endpoint)  accepted
   customer-1    event-1         accepted
   customer-1    event-2         accepted

3. In the store, by its SQL views `endpoints` and `events`:

   endpoint_id   channel_type  user_id  platform  country
   ------------  ------------  -------  --------  -------
   5d1c6f0e-2..  GCM                    ANDROID   USA
   customer-1    EMAIL         ada

   event_id      event_type              timestamp                 attributes
   ------------  ----------------------  ------------------------  -------------
   0c9b1a34-7..  Monitor_Button_Standby  2022-10-29T21:44:49.307Z  {"On":"true"}
   event-1       cart.filled             2026-09-21T12:00:00.000Z  {"sku":"A-1"}
   event-2       order.paid              2026-09-21T12:04:30.000Z  {}

3 of 3 events are new.
Run the demo again, and none is new.
"""


def expected(path: Path) -> str:
    """Return what the first run prints."""
    return OUTPUT.replace("PATH", repr(str(path)))


def rows(path: Path) -> list[tuple[object, ...]]:
    """Return what is in the store's two views."""
    with closing(sqlite3.connect(path)) as store:
        return [
            *store.execute("SELECT * FROM endpoints ORDER BY endpoint_id"),
            *store.execute("SELECT * FROM events ORDER BY sequence"),
        ]


class TestDemo:
    """`pinpoint-events demo`."""

    def test_as_a_newcomer_runs_it(self, tmp_path: Path) -> None:
        """One word, no settings, no network: the whole way of a batch is shown."""
        ran = run("demo", cwd=tmp_path)
        path = Path(os.path.realpath(tmp_path), "pinpoint-events-demo.db")
        assert (ran.code, ran.err) == (0, "")
        assert ran.out == expected(path)

    def test_fits_a_terminal(self) -> None:
        """But for the path, no line is longer than a terminal is wide."""
        assert max(map(len, OUTPUT.splitlines())) <= 80

    def test_a_second_run(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It is answered alike, changes nothing in the store, and says so."""
        path = tmp_path / "events.db"
        assert main(["demo", "--to", f"sqlite:///{path}"]) == 0
        first, before = capsys.readouterr().out, rows(path)
        assert main(["demo", "--to", f"sqlite:///{path}"]) == 0
        second, after = capsys.readouterr().out, rows(path)
        assert first == expected(path)
        assert second == first.replace(
            "\n3 of 3 events are new.",
            "\n0 of 3 events are new: all were already stored.",
        )
        assert after == before
        assert len(after) == 5

    def test_a_store_with_some_of_the_events(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The events that were stored before are not new."""
        path = tmp_path / "events.db"
        assert main(["demo", "--to", f"sqlite:///{path}"]) == 0
        with closing(sqlite3.connect(path)) as store:
            store.execute("DELETE FROM event WHERE event_id = 'event-2'")
            store.commit()
        capsys.readouterr()
        assert main(["demo", "--to", f"sqlite:///{path}"]) == 0
        assert capsys.readouterr().out == expected(path).replace(
            "\n3 of 3 events are new.",
            "\n1 of 3 events are new; the others were already stored.",
        )

    def test_leaves_other_applications_alone(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """In a store that has events already, it shows and counts its own."""
        path = tmp_path / "events.db"
        event = '{"EventType": "tapped", "Timestamp": "2026-09-21T12:00:00Z"}'
        batch = f'{{"Endpoint": {{}}, "Events": {{"v": {event}}}}}'
        request = f'{{"BatchItem": {{"e-1": {batch}}}}}'
        to = ["--to", f"sqlite:///{path}"]
        assert main(["put-events", *to, "--events-request", request]) == 0
        capsys.readouterr()
        assert main(["demo", *to]) == 0
        assert capsys.readouterr().out == expected(path)

    @pytest.mark.parametrize("url", ["memory:", "pinpoint://my-app", "pinpoint:///"])
    def test_needs_sqlite(self, capsys: pytest.CaptureFixture[str], url: str) -> None:
        """What is in another place, it could not show."""
        code = main(["demo", "--to", url])
        message = (
            "argument --to: the demo shows what is in SQLite; pass sqlite:///FILE\n"
            "usage: pinpoint-events demo [-h] [--version] [--to URL]\n"
        )
        assert (code, *capsys.readouterr()) == (252, "", message)

    def test_of_a_store_that_cannot_be_opened(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The store's own message is shown, and nothing is said to be done."""
        path = tmp_path / "no such directory" / "events.db"
        with pytest.raises(StoreError) as caught:
            SqliteSender(path)
        code = main(["demo", "--to", f"sqlite:///{path}"])
        assert (code, *capsys.readouterr()) == (255, "", f"{caught.value}\n")
