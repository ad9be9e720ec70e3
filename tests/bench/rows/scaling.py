"""Many processes and a long ledger: what grows, and whether anything is lost."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

from tests.bench.measure import Sample, measure
from tests.bench.peers import Argv
from tests.bench.place import Maker, Place, program
from tests.bench.row import FAL, FEW_RUNS, RUNS, Limit, Missing, Program, Row
from tests.bench.rows.queue import APP, HOUR, job, submitters

COUNTS = (1, 10, 100, 1000)
AT_ONCE = 8
LEDGER_ROWS = 100_000
LEDGER = "ledger.db"
EMPTY = "fal, empty ledger"
_RUNS = {100: FEW_RUNS, 1000: 1}
_ENOUGH = Missing("a thousand show that nothing is lost; the ratios are those of a hundred")
_PREFIX = 13
_NO_LOSS = (Limit("errors"), Limit("lost"))


def submits(times: int, at_once: int, place: Place) -> Row:
    """So many `submit` processes: their errors, and what the service accepted and the ledger holds."""
    programs: dict[str, Program | Missing] = {}
    for name, argv in submitters(place).items():
        if isinstance(argv, Missing) or (name != FAL and times >= max(COUNTS)):
            programs[name] = argv if isinstance(argv, Missing) else _ENOUGH
        else:
            programs[name] = partial(_submits, place, argv, times, at_once, recorded=name == FAL)
    return Row(_submits_name(times, at_once), programs, _NO_LOSS, runs=_RUNS.get(times, RUNS))


def status_by_prefix(place: Place) -> Row:
    """`fal status PREFIX` of the oldest request in a long ledger."""
    programs: dict[str, Program | Missing] = {}
    for name, rows in ((FAL, LEDGER_ROWS), (EMPTY, 0)):
        home, request_id = _home(place, rows)
        words = ("status", request_id[:_PREFIX])
        argv = place.ours(*words)
        programs[name] = program(argv, place.tls(argv, home))
    return Row(f"ledger-{LEDGER_ROWS}-status", programs)


def submit(place: Place) -> Row:
    """`fal submit` with a long ledger."""
    programs: dict[str, Program | Missing] = {}
    for name, rows in ((FAL, LEDGER_ROWS), (EMPTY, 0)):
        home, _ = _home(place, rows)
        argv = place.ours("submit", APP, "-i", job(0.0))
        programs[name] = program(argv, place.tls(argv, home))
    return Row(f"ledger-{LEDGER_ROWS}-submit", programs)


def _submits_name(times: int, at_once: int) -> str:
    return f"submits-{times}" + (f"-by-{at_once}" if at_once > 1 else "")


def _submits(place: Place, argv: Argv, times: int, at_once: int, *, recorded: bool) -> Sample:
    env = place.tls(argv)
    home = Path(env["HOME"])
    accepted, rows = place.sandbox.accepted, _rows(home)
    finished = measure(argv, env, times=times, at_once=at_once, may_fail=True)
    counts = {"errors": float(finished.failures), "accepted": float(place.sandbox.accepted - accepted)}
    counts["lost"] = abs(times - counts["accepted"])
    if recorded:
        counts["rows"] = float(_rows(home) - rows)
        counts["lost"] += abs(times - counts["rows"])
    return finished.sample | counts


def _home(place: Place, rows: int) -> tuple[str, str]:
    """A home whose ledger holds a submitted request and then so many others; its name, and the request's id."""
    name = f"home-{rows}"
    argv = place.ours("submit", APP, "-i", job(HOUR))
    env = place.tls(argv, name)
    home = Path(env["HOME"])
    if not list(home.rglob(LEDGER)):
        measure(argv, env)
        _fill(next(home.rglob(LEDGER)), rows)
    with closing(sqlite3.connect(next(home.rglob(LEDGER)))) as db:
        return name, str(db.execute("SELECT request_id FROM requests ORDER BY local_id").fetchone()[0])


def _fill(ledger: Path, rows: int) -> None:
    """Copies the first row, whatever its columns, under random ids."""
    with closing(sqlite3.connect(ledger)) as db:
        columns = [column for _, column, _, _, _, key in db.execute("PRAGMA table_info(requests)") if not key]
        names = ", ".join(columns)
        values = ", ".join("lower(hex(randomblob(16)))" if name == "request_id" else name for name in columns)
        db.execute(
            "WITH RECURSIVE counter (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < ?)"
            f" INSERT INTO requests ({names}) SELECT {values} FROM counter, requests WHERE n <= ?",
            (rows, rows),
        )
        db.commit()


def _rows(home: Path) -> int:
    """Requests in all ledgers of a home: those of the sandbox's key have one of their own."""
    return sum(_rows_of(ledger) for ledger in home.rglob(LEDGER))


def _rows_of(ledger: Path) -> int:
    with closing(sqlite3.connect(ledger)) as db:
        return int(db.execute("SELECT count(*) FROM requests").fetchone()[0])


ROWS: dict[str, Maker] = {
    **{_submits_name(n, by): partial(submits, n, by) for by in (1, AT_ONCE) for n in COUNTS if n > 1 or by == 1},
    f"ledger-{LEDGER_ROWS}-status": status_by_prefix,
    f"ledger-{LEDGER_ROWS}-submit": submit,
}
