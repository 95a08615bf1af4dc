"""Which calls a slow moment of the machine excuses."""

import pytest
from tests.server.machine_speed import MachineSpeed


class TestMachineSpeed:
    """Only calls that were due around a slow moment are left out."""

    @pytest.mark.parametrize(
        "due, answered, is_disturbed",
        [
            (9.8, 9.9, False),
            (9.95, 9.99, False),
            (9.95, 10.01, True),
            (10.05, 10.06, True),
            (10.2, 10.3, False),
            (9.5, 12.0, False),
        ],
        ids=["before", "over_before", "during", "after", "long_after", "overdue"],
    )
    def test_disturbed(
        self, due: float, answered: float, *, is_disturbed: bool
    ) -> None:
        """A call that took long without it is not excused by it."""
        speed = MachineSpeed([3.0, 10.0, 20.0])
        assert speed.has_disturbed(due, answered) == is_disturbed
