import pytest

from pinpoint_events.server._open_connections import OpenConnections


class Client:
    """A connection that remembers whether it was closed."""

    is_closed = False

    def abort(self) -> None:
        """Close it."""
        assert not self.is_closed
        self.is_closed = True


@pytest.fixture
def clients() -> list[Client]:
    """Four connections."""
    return [Client() for _ in range(4)]


def closed(clients: list[Client], connections: OpenConnections) -> list[int]:
    """Make room until there is none to close; return which were, in order."""
    order = []
    while connections.close_one():
        order += [
            number
            for number, each in enumerate(clients)
            if each.is_closed and number not in order
        ]
    return order


class TestCloseOne:
    """The connection of least use makes room."""

    def test_none(self) -> None:
        """Where there is none, there is none to close."""
        assert not OpenConnections().close_one()

    def test_longest_idle(self, clients: list[Client]) -> None:
        """The one that has been idle longest is first; a busy one stays."""
        connections = OpenConnections()
        for each in clients:
            connections.set_idle(each)
        connections.set_busy(clients[2])
        connections.set_idle(clients[0])
        assert closed(clients, connections) == [1, 3, 0]

    def test_order(self, clients: list[Client]) -> None:
        """Those ahead are first, then idle ones, then those that do not read."""
        connections = OpenConnections()
        connections.set_ahead(clients[0], is_ahead=True)
        connections.set_unread(clients[1], 1)
        connections.set_unread(clients[2], 1)
        connections.set_idle(clients[3])
        assert closed(clients, connections) == [0, 3, 1, 2]

    def test_ended(self, clients: list[Client]) -> None:
        """One that has ended, or is of use again, is not closed."""
        connections = OpenConnections()
        for each in clients:
            connections.set_idle(each)
            connections.set_unread(each, 1)
            connections.set_ahead(each, is_ahead=True)
            connections.set_ahead(each, is_ahead=True)
        for each in clients[:2]:
            connections.remove(each)
        for each in clients[2:]:
            connections.set_busy(each)
            connections.set_read(each)
            connections.set_ahead(each, is_ahead=False)
        assert closed(clients, connections) == []


class TestUnread:
    """Answers that are not read take so many bytes, and no more."""

    def test_too_many(self, clients: list[Client]) -> None:
        """Beyond them, those that have waited longest are closed."""
        connections = OpenConnections(100)
        for each in clients[:3]:
            connections.set_unread(each, 33)
        assert not any(each.is_closed for each in clients)
        connections.set_unread(clients[3], 67)
        assert [each.is_closed for each in clients] == [True, True, False, False]

    def test_one(self, clients: list[Client]) -> None:
        """A single answer may have any size."""
        connections = OpenConnections(100)
        connections.set_unread(clients[0], 101)
        assert not clients[0].is_closed

    def test_again(self, clients: list[Client]) -> None:
        """What was read, or is told again, is not counted twice."""
        connections = OpenConnections(100)
        connections.set_unread(clients[0], 60)
        connections.set_unread(clients[0], 50)
        connections.set_unread(clients[1], 50)
        connections.set_read(clients[1])
        connections.set_unread(clients[2], 50)
        assert not any(each.is_closed for each in clients)
