"""How many requests of a batch the service has at once: as many as the account runs, and few that wait.

The sandbox writes down when each request came, began and ended, so that what it had at a moment is read afterwards.
FAL_TESTS_FULL=1 waits for half a minute first, as acceptance has it, and for an account that runs 40.
"""

import json
import sqlite3
import subprocess
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import Program, Service
from tests.stories.conftest import Serve
from tests.support.full_run import FULL

ECHO = "sandbox/echo"
LIMITS = (2, 10, 40) if FULL else (2, 10)
RUNS_SECONDS = 2.0 if FULL else 1.0
SETTLES_SECONDS = 30.0 if FULL else 2.0
SECONDS = 40.0 if FULL else 5.0


class Seen(NamedTuple):
    """What the service had in the time that is looked at: the busy share of its places, the most that waited at once
    beyond what may, and the most that waited at all."""

    busy: float
    beyond: float
    waiting: int


def run(program: Program, folder: Path, name: str, count: int, *, queue: float, runs: float) -> None:
    """A batch of so many calls, to its end."""
    (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps({'n': number})}\n" for number in range(count)))
    orders = json.dumps({"queue": queue, "run": runs})
    words = ("batch", ECHO, f"{name}.jsonl", "n={{n}}", f"sandbox:={orders}", "--yes", "--print", "none")
    process = program.start(*words, cwd=folder, stdout=subprocess.DEVNULL)
    _, stderr = process.communicate(timeout=4 * SECONDS + 60)
    assert process.returncode == 0, stderr.decode()


def spans(service: Service) -> list[tuple[float, float, float]]:
    """When each request was accepted, began and ended, by the clock of the service."""
    with closing(sqlite3.connect(service.state / "fal.db")) as db:
        return db.execute("SELECT accepted, first, ended FROM requests ORDER BY accepted").fetchall()


def seen(service: Service, limit: int, *, after: float) -> Seen:
    """What the service had from so many seconds after the first request until the last one was accepted."""
    found = spans(service)
    begins, ends = found[0][0] + after, found[-1][0]
    changes = sorted(
        (moment, waits, runs)
        for accepted, first, ended in found
        for moment, waits, runs in ((accepted, 1, 0), (first, -1, 1), (ended, 0, -1))
    )
    busy = beyond = 0.0
    waiting = running = most = 0
    for (moment, waits, runs), (following, _, _) in pairwise(changes):
        waiting, running = waiting + waits, running + runs
        passed = min(following, ends) - max(moment, begins)
        if passed > 0:
            busy += running * passed
            most, beyond = max(most, waiting), max(beyond, waiting - max(4, running / 2))
    return Seen(busy / (limit * (ends - begins)), beyond, most)


@pytest.mark.parametrize("limit", LIMITS)
def test_every_place_is_busy_and_few_wait(serve: Serve, tmp_path: Path, limit: int) -> None:
    program, service = serve(f"concurrency={limit}")
    count = int(limit * SECONDS / RUNS_SECONDS) + 4
    run(program, tmp_path, "rows", count, queue=0, runs=RUNS_SECONDS)
    had = seen(service, limit, after=SETTLES_SECONDS)
    assert had.busy >= 0.95, had
    assert had.beyond <= 0, had


def test_the_next_batch_begins_where_the_last_one_was(serve: Serve, tmp_path: Path) -> None:
    """Calls that wait a second before they run: four are sent then, or as many as ran at once before."""
    program, service = serve("concurrency=100")
    run(program, tmp_path, "first", 6, queue=1.0, runs=0)
    assert sent_before_one_began(spans(service)) == 4
    run(program, tmp_path, "second", 12, queue=0, runs=2.0)
    before = len(spans(service))
    run(program, tmp_path, "third", 12, queue=1.0, runs=0)
    assert sent_before_one_began(spans(service)[before:]) > 4


def sent_before_one_began(found: list[tuple[float, float, float]]) -> int:
    """How many requests were accepted before the first of them began."""
    began = min(first for _, first, _ in found)
    return sum(accepted < began for accepted, _, _ in found)
