"""Many processes at once: they race for the first migration, for their turn to write, and for a request to adopt."""

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fal_cli.concurrency import in_parallel
from fal_cli.ledger.rows import Call, State
from fal_cli.ledger.store import Ledger
from tests.ledger.test_migration import first_version
from tests.support.ledger_file import accepted, begun, stored

WRITER = """if True:
    import sys
    from pathlib import Path
    from fal_cli.ledger.rows import Call, State
    from fal_cli.ledger.store import Ledger
    who = sys.argv[2]
    sys.stdin.readline()
    ledger = Ledger(Path(sys.argv[1]))
    for number in range(10):
        local_id = ledger.begin(Call("a/b", {"n": number}))
        ledger.accepted(local_id, f"{who}-{number}", {})
        ledger.seen(local_id, State.RUNNING)
        ledger.completed(local_id, size=9, kept=None)
        ledger.delivered(local_id)
"""
ADOPTER = """if True:
    import sys
    from pathlib import Path
    from fal_cli.ledger.store import Ledger
    ledger = Ledger(Path(sys.argv[1]))
    sys.stdin.readline()
    print(ledger.adopt(int(sys.argv[2]), "found", {"status_url": "https://q/s"}) == "found")
"""
DELIVERER = """if True:
    import sys
    from pathlib import Path
    from fal_cli.ledger.store import Ledger
    ledger = Ledger(Path(sys.argv[1]))
    sys.stdin.readline()
    for number in range(50):
        ledger.delivered(1, [f"{sys.argv[2]}-{number}.png"])
"""


def at_once(script: str, arguments: Sequence[Sequence[object]]) -> list[str]:
    """Runs the script once with each arguments, all let go together; returns what each printed."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for words in arguments
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = [process.communicate() for process in processes]
    assert [talk for _, talk in ended] == [""] * len(processes)
    return [printed.strip() for printed, _ in ended]


@pytest.mark.parametrize("before", ["nothing", "the first version's file"])
def test_twenty_processes_lose_nothing(path: Path, before: str) -> None:
    """They also race for the migration of what is there."""
    old = first_version(path) if before != "nothing" else []
    at_once(WRITER, [(path, f"w{number}") for number in range(20)])
    rows = stored(path)[len(old) :]
    assert {row["request_id"] for row in rows} == {f"w{who}-{number}" for who in range(20) for number in range(10)}
    assert len(rows) == 200
    assert {(row["state"], row["is_open"]) for row in rows} == {("completed", 0)}


def test_a_request_is_adopted_by_one_row_only(path: Path) -> None:
    ledger = Ledger(path)
    for _ in range(10):
        ledger.ended(begun(ledger), State.UNKNOWN)
    answers = at_once(ADOPTER, [(path, number) for number in range(1, 11)])
    assert sorted(answers) == ["False"] * 9 + ["True"]
    (adopted,) = [row for row in stored(path) if row["request_id"]]
    assert adopted["local_id"] == answers.index("True") + 1
    assert (adopted["state"], adopted["is_open"], adopted["request_id"]) == ("accepted", 1, "found")
    assert {row["state"] for row in stored(path) if row != adopted} == {"unknown"}


def test_two_processes_that_deliver_one_request_lose_no_file(path: Path) -> None:
    accepted(Ledger(path), "r")
    at_once(DELIVERER, [(path, "a"), (path, "b")])
    row = Ledger(path).row(1)
    assert row is not None
    assert sorted(row.files) == sorted(f"{who}-{number}.png" for who in "ab" for number in range(50))


def test_threads_share_a_ledger(path: Path) -> None:
    ledger = Ledger(path)

    def work(who: int) -> None:
        for number in range(20):
            local_id = ledger.begin(Call("a/b", {"n": number}))
            ledger.accepted(local_id, f"{who}-{number}", {})
            ledger.completed(local_id, size=9, kept=None)
            ledger.delivered(local_id, [f"{who}-{number}"])

    in_parallel([partial(work, who) for who in range(8)], 8)
    rows = stored(path)
    assert {row["request_id"] for row in rows} == {f"{who}-{number}" for who in range(8) for number in range(20)}
    assert {(row["state"], row["is_open"]) for row in rows} == {("completed", 0)}


def test_what_has_a_row_is_not_adopted_by_another(path: Path) -> None:
    ledger = Ledger(path)
    accepted(ledger, "found")
    ledger.ended(begun(ledger), State.UNKNOWN)
    assert ledger.adopt(2, "found", {}) == ""
    assert ledger.adopt(2, "other", {}) == "other"


def test_a_row_that_was_adopted_meanwhile_keeps_its_request(path: Path) -> None:
    """Two `resume` look for the same call: the second may not give it another request of the same input."""
    ledger = Ledger(path)
    ledger.ended(begun(ledger), State.UNKNOWN)
    assert ledger.adopt(1, "first", {}) == "first"
    ledger.adopt(1, "second", {})
    assert stored(path)[0]["request_id"] == "first"


HOLDER = """if True:
    import sqlite3, sys, time
    db = sqlite3.connect(sys.argv[1], isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    print("held", flush=True)
    time.sleep(1)
    db.execute("COMMIT")
"""


def test_a_writer_waits_for_its_turn(path: Path) -> None:
    """Another process holds the right to write for a second."""
    ledger = Ledger(path)
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    accepted(ledger, "id-1")
    assert holder.wait(30) == 0
    assert [row["request_id"] for row in stored(path)] == ["id-1"]


VISITOR = """if True:
    import sqlite3, sys
    db = sqlite3.connect(sys.argv[1])
    print(*[request_id for (request_id,) in db.execute("SELECT request_id FROM requests ORDER BY local_id")])
    db.close()
"""


def test_opening_it_again_leaves_the_locks_of_this_process_alone(path: Path) -> None:
    """Closing any descriptor of a file drops all POSIX locks that a process has on it, SQLite's own among them:

    another process would then take itself for the last one, and remove what is still written to.
    """
    first = Ledger(path)
    accepted(first, "id-1")
    second = Ledger(path)
    assert at_once(VISITOR, [(path,)]) == ["id-1"]
    accepted(first, "id-2")
    accepted(second, "id-3")
    assert at_once(VISITOR, [(path,)]) == ["id-1 id-2 id-3"]


def test_the_row_names_the_process_that_sends(path: Path) -> None:
    row: Any = Ledger(path).row(begun(Ledger(path)))
    assert row.pid == os.getpid()
