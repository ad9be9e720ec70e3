"""`kill -9` at random moments of `run`: what the service accepted has its row, and `fal resume` gets its result.

30 moments, and 200 with FAL_TESTS_FULL=1. FAL_TESTS_SEED repeats a run.
"""

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.support.fault_proxy import Exchange
from tests.support.full_run import FULL
from tests.support.place import Place
from tests.support.summary_tables import FIGURES
from tests.support.waiting import until

MOMENTS = 200 if FULL else 30
AT_ONCE = 4
AT_ONCE_SUBMITTING = 50


# How far a run has come, and the most seconds that it is left to go on from there.
PHASES = {"start": 0.5, "submit": 0.1, "accepted": 0.1, "stream": 0.6, "result": 0.1}


class Runs:
    """Runs of `n` on their way, as the proxy sees them."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._ids: dict[int, str] = {}
        self._sent: set[int] = set()
        place.proxy.fail("submit", self._submit, times=MOMENTS)

    def _submit(self, exchange: Exchange) -> None:
        number = json.loads(exchange.seen.request.body)["n"]
        self._sent.add(number)
        data = exchange.forward()
        self._ids[number] = json.loads(data.partition(b"\r\n\r\n")[2])["request_id"]
        exchange.reply(data)

    def has_come(self, number: int, phase: str) -> bool:
        """Whether a run has come so far."""
        if phase in ("start", "submit", "accepted"):
            return phase == "start" or number in (self._sent if phase == "submit" else self._ids)
        request_id = self._ids.get(number)
        return any(seen.route == phase and str(request_id) in seen.request.target for seen in self._place.proxy.seen)

    def killed(self, number: int, phase: str, seconds: float) -> str:
        """Begins a run, kills it so many seconds after it came so far, and says what it had printed by then."""
        words = ("run", "sandbox/echo", f"n={number}", "sandbox.queue=0", "sandbox.run=0.5")
        process = self._place.start(*words, stderr=subprocess.DEVNULL)
        until(lambda: process.poll() is not None or self.has_come(number, phase), 120)
        try:
            process.wait(seconds)  # the one thing here that is left to chance
        except subprocess.TimeoutExpired:
            process.kill()
        stdout, _ = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL)
        return "done" if process.returncode == 0 else f"killed after {phase}{' and its result' * bool(stdout)}"


def test_whatever_was_accepted_is_not_lost(place: Place, record_property: Callable[[str, object], None]) -> None:
    seed = int(os.environ.get("FAL_TESTS_SEED") or random.randrange(2**32))
    chance = random.Random(seed)
    phases = [chance.choice(list(PHASES)) for _ in range(MOMENTS)]
    moments = [(number, phase, chance.uniform(0, PHASES[phase])) for number, phase in enumerate(phases)]
    runs = Runs(place)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ways = list(pool.map(lambda moment: runs.killed(*moment), moments))

    before = Counter(str(row.state) for row in place.rows)
    accepted = place.service.stats
    rows = {row.input_json["n"]: row for row in place.rows if row.input_json}
    assert all(count == 1 for count in accepted["by_body"].values()), f"seed {seed}"
    given = {place.given(request_id)["n"]: request_id for request_id in accepted["requests"]}
    assert set(given) <= set(rows), f"accepted, but without a row; seed {seed}"
    assert len(given) == accepted["accepted"] == len(accepted["by_body"])

    done = place("resume", code=None)
    after = {row.input_json["n"]: row for row in place.rows if row.input_json}
    printed = {json.loads(line)["n"] for line in done.text.splitlines()}
    for number, request_id in given.items():
        row = after[number]
        told = f"n={number}, seed {seed}: {row}"
        assert (row.request_id, row.state, row.has_result, row.is_open) == (request_id, "completed", True, False), told
        assert number in printed or rows[number].state == "completed", told
    for number in set(after) - set(given):
        assert after[number].state in ("sending", "unknown"), f"n={number}, seed {seed}"
    assert done.code == (10 if set(after) - set(given) else 0), done.stderr
    assert place.service.accepted == len(given), "resume submitted something"
    record_property(
        FIGURES,
        f"kill -9 at {MOMENTS} moments (seed {seed}): {dict(sorted(Counter(ways).items()))};"
        f" accepted {len(given)}, bodies {len(accepted['by_body'])}, rows {len(after)}; states before resume"
        f" {dict(before)}; resume printed {len(printed)}, code {done.code}",
    )


def test_fifty_processes_submit_at_once(place: Place, record_property: Callable[[str, object], None]) -> None:
    started = time.monotonic()
    processes = [
        place.start("submit", "sandbox/echo", f"n={number}", "sandbox.queue=0", "sandbox.run=0")
        for number in range(AT_ONCE_SUBMITTING)
    ]
    ended = [process.communicate(timeout=120) for process in processes]
    seconds = time.monotonic() - started
    assert {process.returncode for process in processes} == {0}
    # Where so many wait for the ledger that its row of an id may come late, stderr has the id at once.
    assert all(stderr in (b"", b"request " + stdout) for stdout, stderr in ended)
    ids = {stdout.decode().strip() for stdout, _ in ended}
    rows = place.rows
    assert len(rows) == len(ids) == place.service.accepted == AT_ONCE_SUBMITTING
    assert {row.request_id for row in rows} == ids
    assert {row.state for row in rows} == {"accepted"}
    assert sorted(row.input_json["n"] for row in rows if row.input_json) == list(range(AT_ONCE_SUBMITTING))
    record_property(FIGURES, f"{AT_ONCE_SUBMITTING} processes submitted at once in {seconds:.1f} s: {len(rows)} rows")
