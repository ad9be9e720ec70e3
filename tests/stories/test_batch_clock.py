"""The clock of the machine jumps by an hour while a batch runs: nothing is paid twice, and nothing waits for an hour.

The service lists exactly what it accepted, so that a call which is looked for at the wrong time would be sent again.
"""

import json
import os
import random
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.conftest import Service
from tests.support.fault_proxy import Exchange, lose_answer
from tests.support.full_run import FULL
from tests.support.place import Place, drop
from tests.support.waiting import soon, until

HOUR = 3600.0
JUMPS = (-HOUR, 0.0, HOUR)
KILLS = 40 if FULL else 5
ROWS = 5 * KILLS if FULL else 24
WORDS = ("batch", "sandbox/echo", "rows.jsonl", "n={{n}}", 'sandbox:={"queue":0,"run":0.2}', "--yes", "--print", "none")
Weather = Callable[[int, Exchange], None]


@pytest.fixture
def service(exact_service: Service) -> Service:
    return exact_service


def set_off(place: Place, seconds: float) -> None:
    """Has the clock jump, at once for whoever looks."""
    new = place.folder / "clock.new"
    new.write_text(str(seconds))
    os.replace(new, place.folder / "clock")


def env(place: Place) -> dict[str, str]:
    return {"FAL_TESTS_CLOCK": str(place.folder / "clock")}


def begin(place: Place, weather: Weather) -> None:
    """A list, and what happens to the submit of each number."""
    (place.folder / "rows.jsonl").write_text("".join(f"{json.dumps({'n': row})}\n" for row in range(ROWS)))
    set_off(place, 0.0)
    seen: list[Exchange] = []

    def numbered(exchange: Exchange) -> None:
        seen.append(exchange)
        weather(len(seen), exchange)

    place.proxy.fail("submit", numbered, times=10**6)


def each_was_paid_once(place: Place) -> None:
    assert sorted(place.service.stats["by_body"].values()) == [1] * ROWS
    assert {row.row_number for row in place.rows if row.state == "completed"} == set(range(1, ROWS + 1))


def no_time_is_negative(place: Place) -> None:
    """In what is shown, and in what other programs read."""
    told = [json.loads(line) for line in place("history", env=env(place)).text.splitlines()]
    told += [json.loads(line) for line in (place.folder / "rows" / "manifest.jsonl").read_text().splitlines()]
    seconds = [value for line in told for name, value in line.items() if "seconds" in name and value is not None]
    assert seconds
    assert min(seconds) >= 0
    assert max(seconds) < HOUR / 2


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_it_jumps_while_answers_are_lost(place: Place, jump: float) -> None:
    def weather(number: int, exchange: Exchange) -> None:
        if number == 7:
            set_off(place, jump)
            lose_answer(exchange)
        elif number == 15:
            drop(exchange)
        elif number in (8, 20):
            lose_answer(exchange)
        else:
            exchange.pass_on()

    begin(place, weather)
    place(*WORDS, env=env(place))
    each_was_paid_once(place)
    no_time_is_negative(place)
    seen = len(place.proxy.seen)
    set_off(place, 0.0)
    place(*WORDS, env=env(place))
    assert len(place.proxy.seen) == seen
    no_time_is_negative(place)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_it_is_set_right_after_a_kill(place: Place, jump: float) -> None:
    """The rows were written by a clock that is not the one that reads them."""

    def weather(number: int, exchange: Exchange) -> None:
        if number == 5:
            set_off(place, jump)
        if number in (9, 10, 11):
            exchange.forward()
            until(lambda: process.poll() is not None)
            return
        exchange.pass_on()

    begin(place, weather)
    process = place.start(*WORDS, env=env(place), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: place.service.accepted >= 11)
    process.kill()
    process.wait()
    set_off(place, 0.0)
    place(*WORDS, env=env(place))
    each_was_paid_once(place)
    no_time_is_negative(place)


def test_kills_and_a_clock_that_is_another_each_time(place: Place) -> None:
    """Whatever the clock says when a call is sent, and when it is looked for: none is lost, and none is sent twice."""
    chance = random.Random(os.environ.get("FAL_TESTS_SEED", "7"))
    begin(place, lambda number, exchange: exchange.pass_on())
    for _ in range(KILLS):
        set_off(place, chance.choice(JUMPS))
        process = place.start(*WORDS, env=env(place), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        at = place.service.accepted
        soon(lambda process=process, at=at: place.service.accepted > at or process.poll() is not None, 3)  # type: ignore[misc]
        time.sleep(chance.random() * 0.2)
        set_off(place, chance.choice(JUMPS))
        time.sleep(chance.random() * 0.2)
        process.kill()
        process.wait()
    set_off(place, chance.choice(JUMPS))
    place(*WORDS, env=env(place))
    each_was_paid_once(place)
    no_time_is_negative(place)


def test_another_process_does_not_take_it_over(place: Place) -> None:
    """Its last sign of life seems an hour old, but the process is there."""

    def weather(number: int, exchange: Exchange) -> None:
        if number == 5:
            set_off(place, HOUR)
        exchange.pass_on()

    begin(place, weather)
    slowly = (*WORDS, "--concurrency", "1")
    process = place.start(*slowly, env=env(place), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: place.service.accepted >= 6)
    done = place(*WORDS, env=env(place), code=None)
    assert process.wait(60) == 0
    assert (done.code, f"process {process.pid}" in done.stderr) == (8, True)
    each_was_paid_once(place)
