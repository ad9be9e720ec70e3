"""The line of an account whose concurrency is limited: who waits, who runs, and since when (§4.10, §16 #2).

What happens in it is decided by the clock alone, but not all of it when a request is accepted: a cancel lets others
start earlier. So it is played, in steps, up to the moment of whoever looks: each request that has a turn by then
starts at the very moment of its turn, and that is written down and never changed. Any process may play, and all come
to the same. A request starts once, whatever the number of those that wait, and a step costs no more than a look into
an index.

Only what runs counts. The first in line is the first that was accepted, of low priority after all others, and it waits
for nobody whose own wait for a runner is not over yet. All times are Unix seconds.
"""

import heapq
import math
import sqlite3
from typing import NamedTuple

from fal_cli.sandbox.state.store import Store

NEVER = math.inf
_FIELDS = "id, state, low, ready, span, tail, deadline, ended"
_ROW = "seq, id, ready, span, tail, deadline"


class Turn(NamedTuple):
    """A request in line: when it is ready, how long it runs (with its last attempt alone), and its start deadline."""

    seq: int
    request_id: str
    ready: float
    span: float
    tail: float
    deadline: float


def set_limit(store: Store, limit: int, now: float) -> None:
    """So many may run at once from now on."""
    with store.transaction() as db:
        advance(db, now)
        db.execute("UPDATE line_state SET most = ?, due = ?", (limit, now))
        advance(db, now)


def enter(
    db: sqlite3.Connection, request_id: str, *, ready: float, span: float, tail: float, deadline: float, low: bool,
    now: float,
) -> None:  # fmt: skip
    """Join the line, and start at once if it is one's turn. In a transaction."""
    advance(db, now)
    db.execute(
        f"INSERT INTO line ({_FIELDS}) VALUES (?, 'waits', ?, ?, ?, ?, ?, ?)",
        (request_id, low, ready, span, tail, deadline, NEVER),
    )
    db.execute("UPDATE line_state SET due = min(due, ?)", (max(ready, now),))
    advance(db, now)


def occupy(store: Store, request_id: str, *, seconds: float, now: float) -> bool:
    """Run for so long without having waited, as a direct run does; False if too many run (§8.3)."""
    with store.transaction() as db:
        advance(db, now)
        most = db.execute("SELECT most FROM line_state").fetchone()[0]
        if len(_running(db, now)) >= most:
            return False
        db.execute(
            f"INSERT INTO line ({_FIELDS}) VALUES (?, 'began', 0, ?, ?, ?, ?, ?)",
            (request_id, now, seconds, seconds, NEVER, now + seconds),
        )
    return True


def vacate(store: Store, request_id: str, now: float) -> None:
    """End now what has occupied a place."""
    with store.transaction() as db:
        stop(db, request_id, now, now)


def stop(db: sqlite3.Connection, request_id: str, end: float, now: float) -> None:
    """Leave the line, or end at `end` what runs. In a transaction."""
    advance(db, now)
    db.execute("UPDATE line SET state = 'gone' WHERE id = ? AND state = 'waits'", (request_id,))
    db.execute("UPDATE line SET ended = min(ended, ?) WHERE id = ? AND state = 'began'", (end, request_id))
    db.execute("UPDATE line_state SET due = ?", (now,))
    advance(db, now)


def place(store: Store, request_id: str) -> int:
    """How many wait before it."""
    mine = store.db.execute("SELECT low, seq FROM line WHERE id = ?", (request_id,)).fetchone()
    before = "SELECT count(*) FROM line WHERE state = 'waits' AND (low, seq) < (?, ?)"
    return int(store.db.execute(before, mine).fetchone()[0])


def length(store: Store) -> int:
    """How many wait."""
    return int(store.db.execute("SELECT count(*) FROM line WHERE state = 'waits'").fetchone()[0])


def due(store: Store) -> float:
    """When something may happen in the line next."""
    return float(store.db.execute("SELECT due FROM line_state").fetchone()[0])


def play(store: Store, now: float) -> None:
    """Let happen what has its time by now. Costs one look where nothing has."""
    if due(store) <= now:
        with store.transaction() as db:
            advance(db, now)


def advance(db: sqlite3.Connection, now: float) -> None:
    """The same within a transaction."""
    most, clock, when = db.execute("SELECT most, clock, due FROM line_state").fetchone()
    if when > now:
        return
    # From where it was left: a clock that went back changes nothing that has happened.
    moment, now = max(clock, when), max(clock, now)
    running = _running(db, moment)
    heapq.heapify(running)
    while True:
        while running and running[0] <= moment:
            heapq.heappop(running)
        turn = _next(db, moment) if len(running) < most else None
        if turn is not None:
            end = _start(db, turn, moment)
            heapq.heappush(running, end)
            continue
        following = _ready_after(db, moment) if len(running) < most else running[0]
        if following > now:
            break
        moment = following
    _drop_late(db, now)
    db.execute("UPDATE line_state SET clock = ?, due = ?", (now, min(following, _first_deadline(db))))


def _running(db: sqlite3.Connection, moment: float) -> list[float]:
    """The ends of all that runs at that moment."""
    return [end for (end,) in db.execute("SELECT ended FROM line WHERE state = 'began' AND ended > ?", (moment,))]


def _next(db: sqlite3.Connection, moment: float) -> Turn | None:
    """Whose turn it is: the first that is ready and whose start deadline is not over."""
    row = db.execute(
        f"SELECT {_ROW} FROM line INDEXED BY line_order WHERE state = 'waits' AND ready <= ? AND deadline >= ?"
        " ORDER BY low, seq LIMIT 1",
        (moment, moment),
    ).fetchone()
    return Turn(*row) if row else None


def _ready_after(db: sqlite3.Connection, moment: float) -> float:
    """When the next one is ready."""
    row = db.execute(
        "SELECT ready FROM line INDEXED BY line_ready WHERE state = 'waits' AND ready > ? ORDER BY ready LIMIT 1",
        (moment,),
    ).fetchone()
    return float(row[0]) if row else NEVER


def _start(db: sqlite3.Connection, turn: Turn, moment: float) -> float:
    """Write down that its turn has come; when it ends."""
    began, ended = moment + turn.span - turn.tail, moment + turn.span
    db.execute("UPDATE line SET state = 'began', ended = ? WHERE seq = ?", (ended, turn.seq))
    db.execute(
        "UPDATE requests SET first = ?, began = ?, ended = ?, seconds = ? WHERE id = ?",
        (moment, began, ended, turn.tail, turn.request_id),
    )
    db.execute(
        "UPDATE files SET expires = expires + ? WHERE request_id = ? AND expires IS NOT NULL",
        (moment - turn.ready, turn.request_id),
    )
    if began > turn.deadline:  # a further attempt comes too late
        _miss(db, turn.request_id, ended)
    return ended


def _drop_late(db: sqlite3.Connection, now: float) -> None:
    """Those whose start deadline is over are no longer in line."""
    late = "FROM line WHERE state = 'waits' AND deadline < ?"
    for seq, request_id, deadline in db.execute(f"SELECT seq, id, deadline {late}", (now,)).fetchall():
        db.execute("UPDATE line SET state = 'gone' WHERE seq = ?", (seq,))
        _miss(db, request_id, deadline)


def _first_deadline(db: sqlite3.Connection) -> float:
    row = db.execute(
        "SELECT deadline FROM line INDEXED BY line_deadline WHERE state = 'waits' ORDER BY deadline LIMIT 1"
    ).fetchone()
    return float(row[0]) if row else NEVER


def _miss(db: sqlite3.Connection, request_id: str, ended: float) -> None:
    db.execute("UPDATE requests SET ended = ?, code = 504, units = '0', cost = 0 WHERE id = ?", (ended, request_id))
