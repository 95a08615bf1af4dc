"""
Tasks of Celery that record 50 events each; run as a program, it sends them.

The broker is the directory `BROKER`. With `CLOSE_SECONDS`, a process of the pool closes
the recorder when Celery says that it ends. The other settings are those of
`recording_app`.
"""

import os
from pathlib import Path

from celery import Celery
from celery.signals import worker_process_shutdown
from tests.interop.recording_app import EVENTS_EACH, record, recorder
from tests.recorder.ending import EVENTS

NAME = "record events"

_broker = Path(os.environ["BROKER"])

app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {
    "control_folder": str(_broker / "control"),
    "data_folder_in": str(_broker),
    "data_folder_out": str(_broker),
}


def record_events(first: int) -> None:
    """Record the events of one task."""
    record(f"first={first}")


app.task(name=NAME, ignore_result=True)(record_events)


def close(**_: object) -> None:
    """Close the recorder of this process."""
    recorder.close(float(os.environ["CLOSE_SECONDS"]))


if "CLOSE_SECONDS" in os.environ:
    worker_process_shutdown.connect(close)


if __name__ == "__main__":
    for number in range(0, EVENTS, EVENTS_EACH):
        app.send_task(NAME, [number])
