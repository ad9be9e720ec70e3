"""`--attach`: a second process watches what the first one does, and sends nothing."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.place import Place
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


def watch(place: Place, *more: str, **how: Any) -> "subprocess.Popen[bytes]":
    """A second one that watches it, once it does."""
    process = place.start("batch", "resume", *more, "--attach", stderr=subprocess.PIPE, env=BLIND, **how)
    assert process.stderr is not None
    assert b"watching rows" in process.stderr.readline()
    return process


def end(process: "subprocess.Popen[bytes]") -> tuple[int, str]:
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr.decode()


def manifest(place: Place) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (place.folder / "out" / "manifest.jsonl").read_text().splitlines()]


def test_it_prints_what_ends_and_ends_as_the_batch_does(place: Place) -> None:
    first = run(place, [{"run": 3}, {"run": 4}, {"run": 4, "fail": 422}])
    watching = watch(place, "rows")
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
    first = place.start(
        "batch", "fal-ai/flux/dev", "cats.csv", 'sandbox:={"queue":0,"run":4}', "--yes", "-d", "out/", "--name", "rows",
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: place.service.accepted)
    watching = watch(place, "--print", "files")
    stdout, _ = watching.communicate(timeout=60)
    assert (first.wait(60), watching.returncode) == (0, 0)
    assert stdout == b"out/1-0.jpg\n"
    assert (place.folder / stdout.decode().strip()).is_file()


def test_the_command_of_the_batch_itself_watches_too(place: Place) -> None:
    orders = [{"run": 4}]
    first = run(place, orders)
    done = place(*words(place, orders, "--attach"), env=BLIND)
    assert first.wait(60) == 0
    assert f"watching rows, which runs in process {first.pid}" in done.stderr
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
    first = run(place, [{"run": 6}])
    watching = watch(place)
    watching.send_signal(signal.SIGINT)
    code, stderr = end(watching)
    assert code == 130
    (line,) = stderr.splitlines()[-1:]
    assert line == f"process {first.pid} goes on with rows. To watch it again: fal batch resume rows --attach"
    assert first.wait(60) == 0


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
    first = run(place, [{"run": 6}])
    done = place("batch", "resume", "--attach", "--timeout", "1s", code=7, env=BLIND)
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
    orders = [{"run": 4}]
    first = run(place, orders)
    (plan,) = Path(place.ledger).parent.glob("batches/*/plan.db")
    before = plan.stat().st_ino
    for again in (words(place, orders), ("batch", "resume", "rows"), ("batch", "retry", "rows", "--yes")):
        done = place("--json", *again, code=8)
        error = json.loads(done.stderr.splitlines()[-1])
        assert error["next"] == ["fal", "batch", "resume", "rows", "--attach"]
        assert "plan" not in [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert plan.stat().st_ino == before
    assert first.wait(60) == 0
