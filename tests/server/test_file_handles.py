import importlib
import subprocess
import sys

import pytest
from tests.server.clients import SECONDS

from pinpoint_events.server import file_handles
from pinpoint_events.server._applications import _MAX_OPEN
from pinpoint_events.server.file_handles import fitting_connections, needed_files

NAME = "pinpoint_events.server.file_handles"


def limits(soft: str, hard: str) -> list[str]:
    """Return what raises the limit to, and what it is then, in a process."""
    program = f"""if True:
        import resource
        from {NAME} import raised_limit
        before = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        hard = {hard}
        resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, hard))
        print(raised_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))
    """
    ran = subprocess.run(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    return ran.stdout.split()


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
class TestRaisedLimit:
    """The limit of open files is as high as it may be, and as helps."""

    def test_raised(self) -> None:
        """It is raised to what the system allows."""
        assert limits("100", "300") == ["300", "300", "300"]

    def test_here(self) -> None:
        """It is this process's limit."""
        import resource

        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, before[1]))
        try:
            raised = file_handles.raised_limit()
            assert raised > 100
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (raised, before[1])
            assert file_handles.raised_limit() == raised
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)

    def test_high(self) -> None:
        """One that is as high is left alone."""
        assert limits("300", "300") == ["300", "300", "300"]

    def test_enough(self) -> None:
        """More than helps is not asked for."""
        _, hard = limits("100", "before")[1:]
        wanted = str(min(int(hard), 10_240))
        assert limits("100", "before") == [wanted, wanted, hard]


class TestWithoutLimit:
    """Where the system has no limit, all fits."""

    def test_windows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Windows has no module for it."""
        monkeypatch.delitem(sys.modules, NAME)
        monkeypatch.setitem(sys.modules, "resource", None)
        found = importlib.import_module(NAME).raised_limit()
        assert found == sys.maxsize
        assert fitting_connections(500, found) == 500

    def test_unlimited(self) -> None:
        """Elsewhere, a number stands for no limit."""
        resource = pytest.importorskip("resource")
        assert file_handles._number(resource.RLIM_INFINITY) == sys.maxsize


class TestFittingConnections:
    """So many connections are allowed that stores can be opened, too."""

    @pytest.mark.parametrize(
        "limit, fitting", [(850, 500), (849, 499), (700, 350), (256, 128)]
    )
    def test_limits(self, limit: int, fitting: int) -> None:
        """All if they fit; else what the rest leaves, or half."""
        assert fitting_connections(500, limit) == fitting

    def test_needed(self) -> None:
        """A sender has three files, and so many may be open."""
        assert needed_files(500) == 500 + 3 * _MAX_OPEN + 50
