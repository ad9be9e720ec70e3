"""The gate of a batch: closed for a reason, for a time, and open again with the first call that gets through."""

import pytest

from fal_cli.batch.gate import Gate
from fal_cli.terminal.progress.standing import LOCK, NETWORK, RATE


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_429_closes_it_for_as_long_as_is_asked_for() -> None:
    clock = Clock()
    gate = Gate(clock)
    gate.close_for_rate({"retry-after": "9"})
    assert (gate.why, gate.left, gate.lets_one_through) == (RATE, 9.0, False)
    clock.now += 9
    assert gate.lets_one_through
    assert gate.open()
    assert (gate.why, gate.left, gate.closed_for) == ("", 0.0, 0.0)


def test_those_that_were_on_their_way_together_count_once() -> None:
    clock = Clock()
    gate = Gate(clock)
    gate.close_for_lock("locked")
    first = gate.left
    clock.now += 0.1
    gate.close_for_lock("locked")
    assert gate.left == pytest.approx(first - 0.1)
    clock.now += 10
    gate.close_for_lock("locked")
    assert gate.left > first


def test_another_reason_counts_from_its_own_beginning() -> None:
    """A network that goes away under a lock has been away since then, and is tried as often as any other."""
    clock = Clock()
    gate, fresh = Gate(clock), Gate(clock)
    for _ in range(6):
        gate.close_for_lock("locked")
        clock.now += 40
    gate.close_for_network("refused")
    fresh.close_for_network("refused")
    assert (gate.why, gate.told, gate.closed_for) == (NETWORK, "refused", 0.0)
    assert gate.left == fresh.left
    clock.now += 3
    assert gate.closed_for == 3
    gate.close_for_lock("locked")
    assert (gate.why, gate.closed_for) == (LOCK, 0.0)
