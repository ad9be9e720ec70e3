"""Many open requests, as a machine that was switched off leaves them: one look at the listing tells which have ended.

FAL_TESTS_FULL=1 has 10,000 of them.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing

import pytest

from fal_cli.config import paths
from tests.bench.measure import measure
from tests.conftest import Program, Service
from tests.support.full_run import FULL

OPEN = 10_000 if FULL else 300
PAGE = 100
MOST_MIB = 120.0
ECHO = "sandbox/echo"


def run(program: Program, *words: str) -> float:
    """Runs a command line to its end; the most memory that it took, in MiB."""
    return measure([*program.argv, *words], program.env, cwd=program.home).peak_mib


def reopen(program: Program, *, of_batch: bool) -> None:
    """Has the ledger know no more of any call than that it was accepted."""
    with closing(sqlite3.connect(paths.ledger(program.env, in_sandbox=True))) as db, db:
        db.execute(
            "UPDATE requests SET state = 'accepted', is_open = 1, has_result = 0, files = '[]', started_at = NULL,"
            " ended_at = NULL, expires_at = NULL, taken_by = NULL"
        )
        db.execute("DELETE FROM results")
        if not of_batch:
            db.execute("UPDATE requests SET batch = NULL, row_number = NULL")


@pytest.mark.parametrize("words", [("batch", "resume", "rows"), ("resume", "-d", "out"), ("wait",)], ids=" ".join)
def test_the_listing_tells_which_have_ended(served: Program, service: Service, words: Sequence[str]) -> None:
    (served.home / "rows.jsonl").write_text("".join(f"{json.dumps({'n': row})}\n" for row in range(OPEN)))
    first = ("batch", ECHO, "rows.jsonl", "n={{n}}", 'sandbox:={"queue":0,"run":0}', "--yes", "--print", "none")
    run(served, *first)
    reopen(served, of_batch=words[0] == "batch")
    before = service.stats["http"]
    names = service.stats["requests"] if words == ("wait",) else ()
    peak = run(served, *words, *names)
    asked = {route: count - before[route] for route, count in service.stats["http"].items() if count > before[route]}
    assert asked.pop("listing") <= OPEN / PAGE * 1.5
    assert asked == {"result": OPEN}
    assert peak <= MOST_MIB
    with closing(sqlite3.connect(paths.ledger(served.env, in_sandbox=True))) as db:
        assert db.execute("SELECT state, is_open, count(*) FROM requests GROUP BY 1, 2").fetchall() == [
            ("completed", 0, OPEN)
        ]
