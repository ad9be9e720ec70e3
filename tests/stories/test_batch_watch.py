"""`--attach`: a second process watches what the first one does, and sends nothing."""

import json
import signal
import sqlite3
import subprocess
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.fault_proxy import Exchange
from tests.support.place import Place
from tests.support.pseudo_terminal import Screen
from tests.support.waiting import until

ECHO = "sandbox/echo"
NOWHERE = "http://127.0.0.1:9"
BLIND = {
    "FAL_KEY": "",
    "FAL_RUN_HOST": NOWHERE,
    "FAL_QUEUE_RUN_HOST": NOWHERE,
    "FAL_API_HOST": NOWHERE,
    "FAL_REST_HOST": NOWHERE,
    "FAL_CDN_HOST": NOWHERE,
}
"""Who only watches needs no key and reaches no service."""


def words(place: Place, orders: list[dict[str, Any]], *more: str) -> tuple[str, ...]:
    lines = [{"n": number, "sandbox": {"queue": 0, "run": 0} | order} for number, order in enumerate(orders)]
    (place.folder / "rows.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return ("batch", ECHO, "rows.jsonl", "n={{n}}", "sandbox={{sandbox}}", "--yes", "-d", "out/", *more)


def run(place: Place, orders: list[dict[str, Any]], *more: str) -> "subprocess.Popen[bytes]":
    """A batch in a process of its own, once it is at work."""
    process = place.start(*words(place, orders, *more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: place.service.accepted)
    return process


def held(place: Place) -> threading.Event:
    """What lets results through: none comes before."""
    release = threading.Event()

    def wait(exchange: Exchange) -> None:
        release.wait(60)
        exchange.pass_on()

    place.proxy.fail("result", wait, times=99)
    return release


def watch(place: Place, *typed: str) -> "subprocess.Popen[bytes]":
    """A second one that watches it, once it does."""
    process = place.start(*typed or ("batch", "resume", "--attach"), stderr=subprocess.PIPE, env=BLIND)
    assert process.stderr is not None
    assert b"watching rows" in process.stderr.readline()
    return process


def end(process: "subprocess.Popen[bytes]") -> tuple[int, str]:
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr.decode()


def manifest(place: Place) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (place.folder / "out" / "manifest.jsonl").read_text().splitlines()]


def test_it_prints_what_ends_and_ends_as_the_batch_does(place: Place) -> None:
    release = held(place)
    first = run(place, [{}, {}, {"fail": 422}])
    watching = watch(place, "batch", "resume", "rows", "--attach")
    release.set()
    stdout, stderr = watching.communicate(timeout=60)
    assert first.wait(60) == 1
    assert watching.returncode == 1, stderr
    told = [json.loads(line) for line in stdout.splitlines()]
    assert {row["row"]: row["state"] for row in told} == {1: "done", 2: "done", 3: "failed"}
    assert told == manifest(place)
    assert "rows: 2 of 3 rows are done · 1 failed" in stderr.decode()
    assert sorted(place.service.stats["by_body"].values()) == [1, 1, 1]


def test_files_are_named_from_where_the_watcher_stands(place: Place) -> None:
    (place.folder / "cats.csv").write_text("prompt\na cat\n")
    release = held(place)
    first = place.start(
        "batch", "fal-ai/flux/dev", "cats.csv", 'sandbox:={"queue":0,"run":0}', "--yes", "-d", "out/", "--name", "rows",
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: place.service.accepted)
    watching = watch(place, "batch", "resume", "--attach", "--print", "files")
    release.set()
    stdout, _ = watching.communicate(timeout=60)
    assert (first.wait(60), watching.returncode) == (0, 0)
    assert stdout == b"out/1-0.jpg\n"
    assert (place.folder / stdout.decode().strip()).is_file()


def test_the_command_of_the_batch_itself_watches_too(place: Place) -> None:
    orders: list[dict[str, Any]] = [{}]
    release = held(place)
    first = run(place, orders)
    watching = watch(place, *words(place, orders, "--attach"))
    release.set()
    assert end(watching)[0] == first.wait(60) == 0
    assert place.service.accepted == 1


@pytest.mark.parametrize(
    ("signum", "told"),
    [(signal.SIGKILL, "is gone"), (signal.SIGINT, "was interrupted"), (signal.SIGTERM, "was interrupted")],
)
def test_one_that_dies_is_not_taken_over(place: Place, signum: int, told: str) -> None:
    first = run(place, [{"run": 600}])
    watching = watch(place)
    first.send_signal(signum)
    first.wait(60)
    code, stderr = end(watching)
    assert code == 7, stderr
    assert f"process {first.pid} {told}" in stderr
    assert "To continue it: fal batch resume rows" in stderr
    assert place.service.accepted == 1
    assert [row.is_open for row in place.rows] == [True]


def test_ctrl_c_only_stops_watching(place: Place) -> None:
    release = held(place)
    first = run(place, [{}])
    watching = watch(place)
    watching.send_signal(signal.SIGINT)
    code, stderr = end(watching)
    assert code == 130
    (line,) = stderr.splitlines()[-1:]
    assert line == f"process {first.pid} goes on with rows. To watch it again: fal batch resume rows --attach"
    release.set()
    assert first.wait(60) == 0


def stopped_long_ago(place: Place, process: "subprocess.Popen[bytes]") -> bool:
    """Stops it, unless it is writing, and has its last sign of life be old."""
    process.send_signal(signal.SIGSTOP)
    try:
        with closing(sqlite3.connect(place.ledger, timeout=0.2)) as db, db:
            db.execute("UPDATE batches SET beat_at = ?", ((datetime.now(UTC) - timedelta(seconds=95)).isoformat(),))
    except sqlite3.OperationalError:
        process.send_signal(signal.SIGCONT)
        return False
    return True


def test_one_that_is_stopped_is_told_of(place: Place) -> None:
    first = run(place, [{"run": 600}])
    until(lambda: stopped_long_ago(place, first))
    watching = watch(place)
    assert watching.stderr is not None
    while b"no sign of life from process %d for 1 min" % first.pid not in (line := watching.stderr.readline()):
        assert line
    first.kill()  # nobody asks how it ended while it is watched: its number lives on
    assert end(watching)[0] == 7
    first.wait(60)


def test_a_program_that_watches_is_told_in_json(place: Place) -> None:
    first = run(place, [{"run": 600}])
    watching = place.start("--json", "batch", "resume", "--attach", stderr=subprocess.PIPE, env=BLIND)
    assert watching.stderr is not None
    event = json.loads(watching.stderr.readline())
    while not (event["event"] == "batch" and event["rows"]):
        event = json.loads(watching.stderr.readline())
    watching.send_signal(signal.SIGINT)
    code, stderr = end(watching)
    told = json.loads(stderr.splitlines()[-1])
    assert (code, told["kind"], told["again"]) == (130, "interrupted", "resume")
    assert told["next"] == ["fal", "batch", "resume", "rows", "--attach"]
    first.send_signal(signal.SIGINT)
    first.wait(60)


def test_its_own_time_ends_before_the_batch(place: Place) -> None:
    release = held(place)
    first = run(place, [{}])
    done = place("batch", "resume", "--attach", "--timeout", "1s", code=7, env=BLIND)
    release.set()
    assert f"--timeout has passed, and process {first.pid} goes on" in done.stderr
    assert first.wait(60) == 0


def test_where_there_is_nothing_to_watch(place: Place) -> None:
    orders: list[dict[str, Any]] = [{}]
    assert "no batch is running" in place("batch", "resume", "--attach", code=5).stderr
    assert "no batch 'rows'" in place(*words(place, orders, "--attach"), code=5).stderr
    assert place.service.accepted == 0
    place(*words(place, orders))
    told = place("batch", "resume", "rows", "--attach", code=5).stderr
    assert "no process runs the batch rows" in told
    assert "fal batch resume rows" in told
    assert place(*words(place, orders, "--attach", "--dry-run"), code=2).stderr


def test_a_second_one_says_how_to_watch_before_it_asks_or_plans(place: Place) -> None:
    orders: list[dict[str, Any]] = [{}]
    release = held(place)
    first = run(place, orders)
    (plan,) = Path(place.ledger).parent.glob("batches/*/plan.db")
    before = plan.stat().st_ino
    for again in (words(place, orders), ("batch", "resume", "rows"), ("batch", "retry", "rows", "--yes")):
        done = place("--json", *again, code=8)
        error = json.loads(done.stderr.splitlines()[-1])
        assert error["next"] == ["fal", "batch", "resume", "rows", "--attach"]
        assert "plan" not in [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert plan.stat().st_ino == before
    release.set()
    assert first.wait(60) == 0


def test_the_status_of_one_that_runs_is_its_board(place: Place) -> None:
    release = held(place)
    first = run(place, [{}] * 2)
    argv = [*place.program.argv, "batch", "status"]
    until(lambda: "rows  ░░░░░░░░░░ 0/2 · 2 " in shown(place, argv))
    told = shown(place, argv)
    release.set()
    assert f"runs in process {first.pid}; to watch it: fal batch resume rows --attach" in told
    assert "manifest: out/manifest.jsonl" in told
    assert first.wait(60) == 0
    assert "  2 done" in shown(place, argv)


def shown(place: Place, argv: list[str]) -> str:
    screen = Screen(argv, place.program.env, columns=100, cwd=place.folder)
    assert screen.finish() == 0
    return screen.text
