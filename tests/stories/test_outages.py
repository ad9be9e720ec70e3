"""Interruptions: a person's, a network's, a sleeping machine's, a full disk's. What was accepted is had in the end.

The network is away for 8 seconds, and for three minutes with FAL_TESTS_FULL=1.
"""

import json
import os
import resource
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.full_run import FULL
from tests.support.place import Place
from tests.support.pseudo_terminal import Screen
from tests.support.summary_tables import FIGURES
from tests.support.waiting import until

AWAY_SECONDS = 180.0 if FULL else 8.0
JOB = ("sandbox/echo", "n=1", "sandbox.queue=0", "sandbox.run=2")


def lines_of(process: "subprocess.Popen[bytes]", word: bytes) -> list[bytes]:
    """stderr up to the first line with a word in it."""
    assert process.stderr is not None
    lines = [process.stderr.readline()]
    while word not in lines[-1]:
        assert lines[-1], lines
        lines.append(process.stderr.readline())
    return lines


def test_interrupted_in_a_terminal_and_resumed_in_another(place: Place) -> None:
    words = ("run", "fal-ai/flux/dev", "prompt=a cat", "sandbox.queue=0", "sandbox.run=2", "-d", "out/")
    first = Screen([*place.program.argv, *words], place.program.env, columns=100, cwd=place.folder)
    first.until(lambda text: "running" in text)
    first.press(b"\x03")
    assert first.finish() == 130
    (row,) = place.rows
    hint, cancel = first.text.splitlines()[-2:]
    assert hint == f"The request goes on. To pick it up: fal resume {row.request_id} -d out/"
    assert cancel == f"To cancel it: fal cancel {row.request_id}"
    assert not (place.folder / "out").exists()

    second = Screen([*place.program.argv, "resume", "-d", "out/"], place.program.env, columns=100, cwd=place.folder)
    assert second.finish() == 0
    (saved,) = (place.folder / "out").iterdir()
    assert saved.read_bytes()[:3] == b"\xff\xd8\xff"
    assert place.rows[0].files == (str(saved),)
    assert place.service.accepted == 1


@pytest.mark.parametrize("moment", ["in the queue", "while it runs", "before the result"])
def test_a_network_that_is_away_in_the_middle_of_run(
    place: Place, moment: str, record_property: Callable[[str, object], None]
) -> None:
    queue, run = {"in the queue": (4, 0), "while it runs": (0, 4), "before the result": (0, 1)}[moment]
    started = time.monotonic()
    process = place.start("run", "sandbox/echo", "n=1", f"sandbox.queue={queue}", f"sandbox.run={run}")
    if moment == "before the result":
        place.proxy.fail("result", lambda exchange: None, times=1000)
        until(lambda: place.proxy.count("result"))
    else:
        until(lambda: place.proxy.count("stream") == 1)
    place.proxy.go_away()
    away_since = time.monotonic()
    lines_of(process, b"offline")
    until(lambda: time.monotonic() - away_since > AWAY_SECONDS, AWAY_SECONDS + 5)  # that it is away is the test
    assert process.poll() is None
    place.proxy.forget_faults()
    place.proxy.come_back()
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert json.loads(stdout) == {"n": 1}
    assert place.service.accepted == 1
    assert (place.rows[0].state, place.rows[0].is_open) == ("completed", False)
    seconds = time.monotonic() - started
    record_property(
        FIGURES, f"a network away {moment} for {AWAY_SECONDS:.0f} s: ended with the result after {seconds:.0f} s"
    )


def test_a_machine_that_sleeps(place: Place) -> None:
    """The process stands still while its request ends and its connections die; then the world goes on."""
    process = place.start("run", *JOB)
    until(lambda: place.proxy.count("stream") == 1)
    process.send_signal(signal.SIGSTOP)
    place.proxy.go_away()
    until(lambda: place.given_state(place.rows[0].request_id) == "COMPLETED")
    place.proxy.come_back()
    process.send_signal(signal.SIGCONT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert json.loads(stdout) == {"n": 1}


def test_a_limit_that_passes_while_the_network_is_away(place: Place) -> None:
    process = place.start("run", *JOB, "--timeout", "4s")
    until(lambda: place.proxy.count("stream") == 1)
    place.proxy.go_away()
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (7, b"")
    assert f"resume {place.rows[0].request_id}" in stderr.decode()
    place.proxy.come_back()
    assert json.loads(place("resume").stdout) == {"n": 1}


def unreadable(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database\n" * 1000)


def newer(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 999")


def in_the_way(path: Path) -> None:
    path.mkdir(parents=True)


@pytest.mark.parametrize(
    ("breakage", "words"),
    [
        pytest.param(unreadable, ("run",), id="unreadable, run"),
        pytest.param(unreadable, ("submit",), id="unreadable, submit"),
        pytest.param(unreadable, ("run", "--direct"), id="unreadable, run --direct"),
        pytest.param(unreadable, ("stream",), id="unreadable, stream"),
        pytest.param(newer, ("run",), id="newer"),
        pytest.param(in_the_way, ("run",), id="a folder in its place"),
    ],
)
def test_a_ledger_that_cannot_be_used_warns_before_sending_and_stops_no_call(
    place: Place, breakage: Callable[[Path], None], words: tuple[str, ...]
) -> None:
    breakage(place.ledger)
    done = place(*words, "sandbox/echo", "n=1", "sandbox.queue=0", "sandbox.run=0", loud=True)
    assert done.stdout
    lines = done.stderr.splitlines()
    (warning,) = [number for number, line in enumerate(lines) if "the history cannot be used" in line]
    sent = next(number for number, line in enumerate(lines) if line.startswith("> POST"))
    assert warning < sent
    assert place.service.accepted == 1


def test_without_a_ledger_the_id_is_told_at_once(place: Place) -> None:
    unreadable(place.ledger)
    process = place.start("run", "sandbox/echo", "n=1", "sandbox.run=60")
    until(lambda: place.service.accepted == 1)
    (request_id,) = place.service.stats["requests"]
    assert lines_of(process, request_id.encode())
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert f"fal resume {request_id}" in stderr.decode()


def test_without_a_ledger_a_request_is_found_by_its_endpoint(place: Place) -> None:
    request_id = place.queued(n=1)
    elsewhere = place.home / "elsewhere"
    unreadable(elsewhere / "state" / "ledger.db")
    env = {"FAL_CLI_HOME": str(elsewhere)}
    assert json.loads(place("resume", "sandbox/echo", request_id, env=env).stdout) == {"n": 1}
    assert "Name the endpoint before the id" in place("resume", request_id, code=1, env=env).stderr


@pytest.mark.parametrize("words", [("run",), ("run", "--direct")], ids=lambda words: " ".join(words))
def test_a_full_disk(place: Place, words: tuple[str, ...]) -> None:
    place("submit", "sandbox/echo", "n=0", "sandbox.queue=0", "sandbox.run=0")

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    process = place.start(*words, "sandbox/echo", "n=1", "sandbox.queue=0", "sandbox.run=0", preexec_fn=fill)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 0, stderr
    assert json.loads(stdout) == {"n": 1}
    assert b"the history cannot be used" in stderr
    assert [row.input_json["n"] for row in place.rows if row.input_json] == [0]
    assert json.loads(place("resume").stdout) == {"n": 0}


def test_a_disk_that_is_full_of_results_gives_its_result_all_the_same(place: Place) -> None:
    """The row is there before; what comes later no longer fits."""
    place("submit", "sandbox/echo", "n=0", "sandbox.queue=0", "sandbox.run=0")

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))

    (place.folder / "in.json").write_text(json.dumps({"text": "x" * 500_000}))
    process = place.start("run", "sandbox/echo", "@in.json", "sandbox.queue=0", "sandbox.run=0", preexec_fn=fill)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 0, stderr
    assert len(json.loads(stdout)["text"]) == 500_000
    assert b"the history cannot be used" in stderr
    assert place.row("@2").request_id in place.service.stats["requests"]


def test_a_read_only_ledger(place: Place) -> None:
    if os.geteuid() == 0:
        pytest.skip("root writes into read-only files")
    place.queued(n=0)
    for path in (place.ledger.parent, *place.ledger.parent.iterdir()):
        path.chmod(0o500 if path.is_dir() else 0o400)
    done = place("run", *JOB)
    assert json.loads(done.stdout) == {"n": 1}
    assert "the history cannot be used" in done.stderr
