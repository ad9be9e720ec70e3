"""The window finds a limit of the account, and the gate keeps submits back where none can go well."""

import heapq

import pytest

from fal_cli.batch.gate import Gate
from fal_cli.batch.stops import Failures
from fal_cli.batch.window import CEILING, Window
from fal_cli.errors import UsageError
from fal_cli.terminal.progress.standing import LOCK, RATE


def play(
    limit: int,
    learned: int = 0,
    *,
    seconds: float = 60.0,
    runs: float = 2.0,
    trip: float = 0.05,
    waits: float = 0.0,
) -> tuple[float, int, Window]:
    """Plays an account that runs `limit` at once, each after it waited: the share of its places that were busy in the
    last half, and the most requests of ours that waited then."""
    events: list[tuple[float, int, str]] = []
    number = line = running = most = 0
    busy = now = 0.0
    window = Window(learned=learned)

    def put(at: float, what: str) -> None:
        nonlocal number
        number += 1
        heapq.heappush(events, (at, number, what))

    while now < seconds:
        while window.room:
            window.sends()
            put(now + trip, "accepted")
        at, _, what = heapq.heappop(events)
        if at > seconds / 2:
            busy += running * (at - max(now, seconds / 2))
        now = at
        if what == "accepted":
            window.is_accepted()
            put(now + waits, "ready")
        elif what == "ready":
            line += 1
        else:
            window.ends(was_running=True)
            running -= 1
        while line and running < limit:
            line -= 1
            running += 1
            window.begins()
            put(now + runs, "ended")
        if now > seconds / 2:
            most = max(most, window.waiting)
    return busy / (limit * seconds / 2), most, window


@pytest.mark.parametrize("limit", [1, 2, 10, 40])
def test_the_limit_is_found_and_kept_busy(limit: int) -> None:
    busy, waiting, _ = play(limit)
    assert busy >= 0.95
    assert waiting <= max(4, limit // 2)


def test_the_time_that_each_waits_for_a_runner_is_no_limit() -> None:
    """Calls that run for more than twice as long as they wait for a runner fill the window all the same."""
    busy, _, window = play(1000, waits=1.0, runs=2.5, seconds=120.0)
    assert window.in_flight == CEILING
    assert busy * 1000 > CEILING / 2


def test_a_number_that_is_asked_for_is_kept() -> None:
    window = Window(fixed=7)
    sent = 0
    while window.room:
        window.sends()
        window.is_accepted()
        sent += 1
    assert sent == 7


def test_what_was_learned_is_used_at_once_and_forgotten_at_a_429() -> None:
    window = Window(learned=30)
    for _ in range(30):
        assert window.room
        window.sends()
        window.is_accepted()
    assert not window.room
    window.slows()
    assert not window.room
    assert window.in_flight == 30


@pytest.mark.parametrize("limit", [1, 2, 10, 40])
def test_what_was_learned_hurts_nobody_where_it_is_not_true_any_more(limit: int) -> None:
    for learned in (1, 60):
        busy, waiting, window = play(limit, learned, seconds=300.0)  # what waits of the first ones is over
        assert busy >= 0.95
        assert waiting <= max(4, limit // 2)
        assert window.learned is not None
        assert limit <= window.learned <= limit + 4


def test_a_batch_of_a_few_rows_takes_nothing_back() -> None:
    window = Window(learned=30)
    for _ in range(3):
        window.sends()
        window.is_accepted()
        window.begins()
    for _ in range(3):
        window.ends(was_running=True)
    assert window.learned == 30
    window.slows()
    assert window.learned == 0


def test_a_number_that_is_asked_for_teaches_nothing() -> None:
    window = Window(fixed=2)
    window.sends()
    window.is_accepted()
    window.begins()
    assert window.learned is None


def test_there_is_an_end_to_it() -> None:
    window = Window()
    for _ in range(CEILING):
        window.sends()
        window.is_accepted()
        window.begins()
    assert not window.room


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_gate_closes_once_for_what_was_on_its_way_together() -> None:
    clock = Clock()
    gate = Gate(clock)
    for _ in range(4):
        gate.close_for_rate({"retry-after": "10"})
    assert (gate.why, gate.left) == (RATE, 10.0)
    clock.now += 10
    assert gate.lets_one_through
    assert gate.open()
    assert not gate.why


def test_a_lock_is_tried_ever_more_seldom() -> None:
    clock = Clock()
    gate = Gate(clock)
    waits = []
    for _ in range(7):
        gate.close_for_lock("locked")
        waits.append(gate.left)
        clock.now += gate.left
    assert waits == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert gate.why == LOCK


class TestFailures:
    def test_a_batch_whose_first_calls_all_fail_is_a_wrong_one(self) -> None:
        failures = Failures()
        assert [bool(failures.ended(well=False)) for _ in range(5)] == [False] * 4 + [True]

    def test_of_several_endpoints_each_has_its_own_first_calls(self) -> None:
        failures = Failures()
        told = [
            failures.ended(endpoint, well=endpoint == "a/good") for _ in range(5) for endpoint in ("a/bad", "a/good")
        ]
        assert [told.index(why) for why in told if why] == [8]
        assert told[8] == "the first 5 rows of a/bad all failed"

    def test_one_that_worked_once_is_not_wrong(self) -> None:
        failures = Failures()
        assert not any(failures.ended("a/b", well=number == 3) for number in range(6))

    def test_some_failures_are_no_reason_to_stop(self) -> None:
        failures = Failures()
        assert not any(failures.ended(well=number % 6 != 0) for number in range(600))

    def test_many_of_the_last_fifty_are(self) -> None:
        failures = Failures()
        assert not any(failures.ended(well=True) for _ in range(100))
        assert [bool(failures.ended(well=False)) for _ in range(11)] == [False] * 10 + [True]

    def test_a_number_of_ones_own(self) -> None:
        failures = Failures("2")
        assert [bool(failures.ended(well=False)) for _ in range(3)] == [False, False, True]
        with pytest.raises(UsageError):
            Failures("many")
