"""
A process that records 1,000 events, and ends: `python -m tests.recorder.ending WAY`.

Nothing is delivered before it ends: the recorder waits for more events than there are.
Settings are in the environment: `TO`, `SPOOL` (no file, if it is empty) and
`EXIT_SECONDS` (the default, if it is empty). The line `ends PID SECONDS` says when the
end of a process began, by the clock that all processes share; `ended PID SECONDS` says
when its last exit function ran, after that of the recorder. What follows is the
interpreter's own.
"""

import atexit
import logging
import os
import sys
import time

EVENTS = 1_000


def record(recorder: "Recorder", name: str) -> None:
    """Record the events of one process."""
    for number in range(EVENTS):
        recorder.record("user-1", Event("tapped"), event_id=f"{name}-{number}")


def made() -> "Recorder":
    """Make the recorder, whose log is not what standard error is looked at for."""
    logging.getLogger("pinpoint_events").addHandler(logging.NullHandler())
    exit_seconds = os.environ["EXIT_SECONDS"]
    make = (
        partial(Recorder, exit_seconds=float(exit_seconds))
        if exit_seconds
        else Recorder
    )
    return make(
        os.environ["TO"],
        spool=os.environ["SPOOL"] or None,
        flush_events=EVENTS * EVENTS,
        flush_seconds=3_600.0,
        on_dropped=dropped.append,  # keeps no module from being deleted
    )


def say(line: str) -> None:
    """Write a line at once, in one piece: several processes do."""
    os.write(1, f"{line}\n".encode())


def ends() -> None:
    """Say that the end begins."""
    say(f"ends {os.getpid()} {time.monotonic()}")


def ended() -> None:
    """Say that nothing of the recorder is left to run."""
    say(f"ended {os.getpid()} {time.monotonic()}")


dropped: list["DroppedItem"] = []


def say_dropped() -> None:
    """Say why events were dropped, if any were."""
    if dropped:
        say(f"dropped {len(dropped)} {' '.join({item.reason for item in dropped})}")


def record_at_exit() -> None:
    """Record in a handler of `atexit`, by a recorder that has done nothing else."""
    record(the_recorder, "parent")
    ends()


# Registered first, so they run last.
atexit.register(ended)
atexit.register(say_dropped)
if sys.argv[1:] == ["atexit_before"]:
    atexit.register(record_at_exit)

# After that handler was registered.
import json  # noqa: E402
import multiprocessing.util  # noqa: E402
import queue  # noqa: E402
import signal  # noqa: E402
from functools import partial  # noqa: E402
from types import SimpleNamespace  # noqa: E402

from pinpoint_events import (  # noqa: E402
    Event,
    EventsRequest,
    EventsResponse,
    MemorySender,
    Recorder,
)
from pinpoint_events.recorder import DroppedItem, flush_in_time  # noqa: E402
from pinpoint_events.senders._accepted import accepted  # noqa: E402

the_recorder: Recorder


def returns() -> None:
    """End in the usual way; the recorder is a local variable, and gone by then."""
    record(made(), "parent")
    ends()


def sys_exit() -> None:
    """Call `sys.exit`."""
    record(the_recorder, "parent")
    ends()
    sys.exit(3)


def raises() -> None:
    """Raise what nothing catches."""
    record(the_recorder, "parent")
    ends()
    raise LookupError("it fails")


def interrupted() -> None:
    """Get SIGINT, as by Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    record(the_recorder, "parent")
    ends()
    signal.raise_signal(signal.SIGINT)


def terminated() -> None:
    """Get SIGTERM."""
    record(the_recorder, "parent")
    ends()
    signal.raise_signal(signal.SIGTERM)


def terminated_handled() -> None:
    """Get SIGTERM, with the handler that most applications have."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    terminated()


def os_exit() -> None:
    """Leave without any handler."""
    record(the_recorder, "parent")
    ends()
    os._exit(3)


def killed() -> None:
    """Get SIGKILL."""
    record(the_recorder, "parent")
    ends()
    os.kill(os.getpid(), signal.SIGKILL)


def forks_before() -> None:
    """Fork before anything is recorded; both processes record."""
    child = os.fork()
    if not child:
        record(the_recorder, "child")
        ends()
        return
    record(the_recorder, "parent")
    os.waitpid(child, 0)
    ends()


def forks_after() -> None:
    """Fork while this process has the claim, and events wait."""
    record(the_recorder, "parent")
    if not os.fork():
        record(the_recorder, "child")
        ends()
        return
    record(the_recorder, "later")
    os.wait()
    ends()


def in_child() -> None:
    """Record in a child of `multiprocessing`, by a recorder of its own."""
    record(made(), "child")
    ends_in_child()


def in_child_of_fork() -> None:
    """Record in a child of `multiprocessing`, by the recorder of the parent."""
    record(the_recorder, "child")
    ends_in_child()


def ends_in_child() -> None:
    """Say that the end begins, in a process that skips the functions of `atexit`."""
    # After those of priority 0, such as the recorder's.
    multiprocessing.util.Finalize(None, ended, exitpriority=-1)
    ends()


def with_child(method: str) -> None:
    """Record in this process, and in a child by a start method."""
    context = multiprocessing.get_context(method)
    record(the_recorder, "parent")
    target = in_child_of_fork if method == "fork" else in_child
    process = context.Process(target=target)  # type: ignore[attr-defined]
    process.start()
    process.join()
    ends()


def fork() -> None:
    """Use a child by fork."""
    with_child("fork")


def forkserver() -> None:
    """Use a child by forkserver."""
    with_child("forkserver")


def spawn() -> None:
    """Use a child by spawn."""
    with_child("spawn")


def atexit_before() -> None:
    """Record in a handler that was registered before the import."""


def atexit_after() -> None:
    """Record in a handler that was registered after the import."""
    atexit.register(record_at_exit)


class Finalized:
    """Records when it is deleted: at the end of the interpreter, as a global."""

    def __init__(self, recorder: Recorder) -> None:
        # The globals of this module may be gone by then.
        self.recorder = recorder
        self.event = Event("tapped")
        self.numbers = range(EVENTS)
        self.pid = os.getpid()
        self.write = os.write
        self.monotonic = time.monotonic

    def __del__(self) -> None:
        for number in self.numbers:
            self.recorder.record("user-1", self.event, event_id=f"parent-{number}")
        began = self.monotonic()
        is_done = self.recorder.flush(60)  # which returns at once
        lines = (
            f"ends {self.pid} {began}\nended {self.pid} {self.monotonic()}\n{is_done}\n"
        )
        self.write(1, lines.encode())


finalized: list[Finalized] = []


def finalizer_alone() -> None:
    """Record in a `__del__`, by a recorder that has done nothing else."""
    finalized.append(Finalized(the_recorder))


def finalizer() -> None:
    """Record in a `__del__`, by a recorder whose thread has stopped where it was."""
    the_recorder.start()
    finalizer_alone()


class Interrupted(BaseException):
    """What the handler of a signal raises."""


def interrupt(*_: object) -> None:
    """Raise in the middle of whatever the main thread does."""
    raise Interrupted


def interrupted_often() -> None:
    """Record while a handler raises again and again; say how many are acknowledged."""
    the_recorder.start()
    signal.signal(signal.SIGALRM, interrupt)
    count = 0
    for seconds in range(1, 301):
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds / 300_000)
            for _ in range(EVENTS):  # more than there is time for, usually
                the_recorder.record("user-1", Event("tapped"), event_id=f"{count}")
                count += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupted:
            continue
    ends()
    say(f"{count}")


def accept(
    arrived: "queue.SimpleQueue[bool]", request: EventsRequest
) -> EventsResponse:
    """Accept a request, and tell whether it has the last event."""
    types = {event.event_type for _, _, event in request.events()}
    arrived.put("last" in types)
    return accepted(request)


def interrupted_at_first() -> None:
    """Let a handler raise while the first event is recorded; say how often it fails."""
    signal.signal(signal.SIGALRM, interrupt)
    failures = 0
    for number in range(1, 101):
        arrived: queue.SimpleQueue[bool] = queue.SimpleQueue()
        sender = MemorySender(answer=partial(accept, arrived))
        recorder = Recorder(sender, spool=None, flush_events=1)
        try:
            signal.setitimer(signal.ITIMER_REAL, number / 200_000)
            recorder.record("user-1", Event("tapped"))
            signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupted:
            pass
        recorder.record("user-1", Event("last"))
        try:
            while not arrived.get(timeout=5):
                pass
        except queue.Empty:
            failures += 1
        recorder.close()
    ends()
    say(f"{failures}")


def waits() -> None:
    """End while the server is slow, or away."""
    record(the_recorder, "parent")
    ends()


def several() -> None:
    """End with several recorders."""
    for recorder in [made() for _ in range(3)]:
        record(recorder, "parent")
    ends()


def handler() -> None:
    """Wait for a word after each invocation of a handler; then leave nothing to do."""
    recorder = Recorder(os.environ["TO"], spool=os.environ["SPOOL"], flush_seconds=0.2)
    record(recorder, "parent")
    say("returned")
    sys.stdin.readline()
    os._exit(0)


def flushes() -> None:
    """Flush within the time that an invocation has left, as its last act."""
    record(the_recorder, "parent")
    milliseconds = int(os.environ["MILLISECONDS"])
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: milliseconds)
    ends()
    is_done = flush_in_time(the_recorder, context)
    ended()
    say(json.dumps(is_done))
    os._exit(0)  # as good as frozen for ever


def next_one() -> None:
    """Record nothing, and deliver what other processes left."""
    the_recorder.start()
    is_done = the_recorder.flush(60)
    stats = the_recorder.stats()
    say(json.dumps([is_done, stats.recorded, stats.delivered, stats.pending]))


if __name__ == "__main__":
    the_recorder = made()
    globals()[sys.argv[1]]()
