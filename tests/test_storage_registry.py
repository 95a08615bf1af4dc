import gc
import subprocess
import sys
from itertools import islice
from pathlib import Path

from pinpoint_events.storage.registry import Registry
from tests.sender_contract import needs_fork


class Thing:
    """An object, perhaps with another one."""

    def __init__(self) -> None:
        self.other: Thing | None = None


class TestRegistry:
    """It knows the objects that are alive."""

    def test_add(self) -> None:
        """Each is there once, however often it was added."""
        registry = Registry[Thing]()
        things = [Thing(), Thing()]
        for thing in (*things, *things):
            registry.add(thing)
        assert sorted(registry, key=id) == sorted(things, key=id)

    def test_ends(self) -> None:
        """One that has ended is gone, also if it was in a cycle."""
        registry = Registry[Thing]()
        thing, one, two = Thing(), Thing(), Thing()
        one.other, two.other = two, one
        for each in (thing, one, two):
            registry.add(each)
        del each, one, two
        gc.collect()
        assert list(registry) == [thing]
        del thing
        assert list(registry) == []
        assert registry._references == set()

    def test_ends_meanwhile(self) -> None:
        """One that ends during an iteration is left out from then on."""
        registry = Registry[Thing]()
        things = [Thing(), Thing(), Thing()]
        for thing in things:
            registry.add(thing)
        del thing
        found = iter(registry)
        first = next(found)
        things = [first]
        assert list(found) == []
        assert list(registry) == things

    def test_add_meanwhile(self) -> None:
        """What is added during an iteration does not disturb it."""
        registry = Registry[Thing]()
        things = [Thing() for _ in range(5)]
        for thing in things:
            registry.add(thing)
        more = []
        for _ in registry:
            more += [Thing() for _ in range(50)]
            for thing in islice(reversed(more), 50):
                registry.add(thing)
        assert len(more) == 250
        assert set(registry) == {*things, *more}


class TestThreads:
    """Threads that open spools, while others do and while the process forks."""

    @staticmethod
    def run(code: str, *arguments: object) -> str:
        """Run a program in which threads take turns all the time."""
        begin = "import os, sys, threading\nsys.setswitchinterval(1e-6)\n"
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", begin + code, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout

    @needs_fork
    def test_locks(self) -> None:
        """A lock that is made while the process forks does not disturb the fork."""
        code = """
from pinpoint_events.storage.fork_lock import ForkLock
keep = [ForkLock() for _ in range(2_000)]
is_over = False
def make():
    while not is_over:
        keep[0] = ForkLock()
threads = [threading.Thread(target=make) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(20):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
is_over = True
for thread in threads:
    thread.join()
"""
        assert self.run(code) == ""

    def test_files(self, tmp_path: Path) -> None:
        """A file that is opened does not disturb the opening of another one."""
        code = """
from pathlib import Path
from pinpoint_events.storage.sqlite_file import Schema, SqliteFile
schema = Schema(application_id=1, version=1, statements=())
def opened(name):
    return SqliteFile(Path(sys.argv[1], name), schema, 5)
keep = [opened("kept") for _ in range(100)]
def work(name):
    for number in range(10):
        opened(f"{name}-{number}").close()
threads = [threading.Thread(target=work, args=(name,)) for name in "abcdefgh"]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
        assert self.run(code, tmp_path) == ""
