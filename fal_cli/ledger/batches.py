"""The batches that this machine made: what each is of, and which process runs it.

One process runs a batch at a time, and others may watch it by what it tells. It holds a lease: its host, the boot of
that host, its number and a sign of life. A lease whose process is surely gone is free at once; that of another host
when it has been silent for long.
"""

import json
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from fal_cli.ledger.rows import Search, State
from fal_cli.ledger.store import Ledger, conditions_of, moment_text

BEAT_SECONDS = 20.0
_SILENCE = timedelta(minutes=15)
_BETWEEN = ","


class Holder(NamedTuple):
    """The process that runs a batch."""

    host: str
    boot: str
    pid: int
    beat_at: datetime

    @property
    def is_here(self) -> bool:
        return self.host == socket.gethostname()

    def is_at_it(self, now: datetime) -> bool:
        """Whether it may still run."""
        if now - self.beat_at >= _SILENCE:
            return False  # its number may be another's by now
        return not self.is_here or (self.boot == boot_id() and _is_alive(self.pid))

    def __str__(self) -> str:
        return f"process {self.pid}" if self.is_here else f"process {self.pid} on {self.host}"


class Batch(NamedTuple):
    """A batch as recorded. `source` is where its list was, "" for a grid alone; `facts` are what it needs to go on.

    `endpoint` is the endpoint of its calls, or several with commas between them. `learned` is how many of its requests
    were seen running at once.
    """

    number: int
    name: str
    endpoint: str
    source: str
    made_at: datetime
    facts: Mapping[str, Any]
    learned: int
    holder: Holder | None

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Its endpoints, in the order in which they were named first."""
        return tuple(self.endpoint.split(_BETWEEN))

    @property
    def is_running(self) -> bool:
        """Whether a process may be at it."""
        return self.holder is not None and self.holder.is_at_it(datetime.now(UTC))


class Told(NamedTuple):
    """What the process that runs a batch says of it, for those who watch. `code` is how it ended; None until then."""

    facts: Mapping[str, Any]
    at: datetime
    code: int | None


class Tally(NamedTuple):
    """What came of the calls of a batch: how many are in each state, and what they cost as far as it is known."""

    states: Mapping[State, int]
    calls: int


def named(ledger: Ledger, name: str) -> Batch | None:
    """The batch of that name."""
    found = ledger.execute("SELECT * FROM batches WHERE name = ?", (name,)).fetchone()
    return _batch(found) if found else None


def all_of_them(ledger: Ledger) -> list[Batch]:
    """Every batch, the newest first."""
    return [_batch(found) for found in ledger.execute("SELECT * FROM batches ORDER BY number DESC", ()).fetchall()]


def make(ledger: Ledger, name: str, endpoints: Sequence[str], source: str, facts: Mapping[str, Any]) -> Batch:
    """Records a batch, or what a known one is of now."""

    def act() -> Batch:
        ledger.execute(
            "INSERT INTO batches (name, endpoint, source, made_at, facts) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET source = excluded.source, facts = excluded.facts",
            (name, _BETWEEN.join(endpoints), source, ledger.moment(), json.dumps(dict(facts))),
        )
        made = named(ledger, name)
        assert made is not None
        return made

    return ledger.at_once(act, durable=True)


def remove(ledger: Ledger, number: int) -> None:
    """Forgets a batch; its calls stay in the ledger."""
    for table in ("batches", "standings"):
        ledger.execute(f"DELETE FROM {table} WHERE number = ?", (number,))


def take(ledger: Ledger, number: int) -> Holder | None:
    """Takes the lease for this process. Answers who has it where it is taken."""

    def act() -> Holder | None:
        found = ledger.execute("SELECT * FROM batches WHERE number = ?", (number,)).fetchone()
        holder = _holder(found) if found else None
        if holder and holder.is_at_it(datetime.now(UTC)) and not _is_ours(holder):
            return holder
        ledger.execute("DELETE FROM standings WHERE number = ?", (number,))
        _beat(ledger, number)
        return None

    return ledger.at_once(act)


def beat(ledger: Ledger, number: int) -> None:
    """Gives a sign of life."""
    _beat(ledger, number)


def tell(ledger: Ledger, number: int, facts: Mapping[str, Any], code: int | None = None) -> None:
    """Says where a batch stands, and at its end with which code."""
    ledger.execute(
        "INSERT OR REPLACE INTO standings (number, told, told_at, code) VALUES (?, ?, ?, ?)",
        (number, json.dumps(dict(facts)), moment_text(datetime.now(UTC)), code),
    )


def told(ledger: Ledger, number: int) -> Told | None:
    """What was told last of a batch by the process that runs it, or ran it last."""
    found = ledger.execute("SELECT * FROM standings WHERE number = ?", (number,)).fetchone()
    if found is None:
        return None
    return Told(json.loads(found["told"]), datetime.fromisoformat(found["told_at"]), found["code"])


def leave(ledger: Ledger, number: int, learned: int, facts: Mapping[str, Any], code: int) -> None:
    """Gives the lease back, keeps what was learned, and says how it ended: all of it at once."""

    def act() -> None:
        tell(ledger, number, facts, code)
        ledger.execute(
            "UPDATE batches SET host = NULL, boot = NULL, pid = NULL, beat_at = NULL, learned = ? WHERE number = ?",
            (learned, number),
        )

    ledger.at_once(act)


def tally(ledger: Ledger, name: str) -> Tally:
    """What came of the calls of a batch; of several calls for one row the newest counts."""
    found = ledger.execute(
        "SELECT state, count(*) AS many FROM requests WHERE local_id IN"
        " (SELECT max(local_id) FROM requests WHERE batch = ? GROUP BY row_number) GROUP BY state",
        (name,),
    ).fetchall()
    states = {State(one["state"]): int(one["many"]) for one in found}
    return Tally(states, sum(states.values()))


def counted(ledger: Ledger, search: Search) -> list[tuple[str, int]]:
    """The batches that have requests which are asked for, and how many, the one with the newest first."""
    conditions, values = conditions_of(search)
    found = ledger.execute(
        f"SELECT batch, count(*) AS many FROM requests WHERE {' AND '.join([*conditions, 'batch IS NOT NULL'])}"
        " GROUP BY batch ORDER BY max(local_id) DESC",
        tuple(values),
    ).fetchall()
    return [(str(one["batch"]), int(one["many"])) for one in found]


def boot_id() -> str:
    """What tells one boot of this machine from another; "" where it does not say."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def _beat(ledger: Ledger, number: int) -> None:
    ledger.execute(
        "UPDATE batches SET host = ?, boot = ?, pid = ?, beat_at = ? WHERE number = ?",
        (socket.gethostname(), boot_id(), os.getpid(), moment_text(datetime.now(UTC)), number),
    )


def _is_ours(holder: Holder) -> bool:
    return holder.is_here and holder.pid == os.getpid() and holder.boot == boot_id()


def _batch(found: Any) -> Batch:
    facts = json.loads(found["facts"])
    return Batch(
        found["number"],
        found["name"],
        found["endpoint"],
        found["source"],
        datetime.fromisoformat(found["made_at"]),
        facts if isinstance(facts, dict) else {},
        found["learned"],
        _holder(found),
    )


def _holder(found: Any) -> Holder | None:
    if not found["host"] or not found["beat_at"]:
        return None
    return Holder(found["host"], found["boot"] or "", found["pid"] or 0, datetime.fromisoformat(found["beat_at"]))


def _is_alive(pid: int) -> bool:
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not is_dead_but_named(pid)


def is_dead_but_named(pid: int) -> bool:
    """Whether only its number is left, for a parent that has not asked how it ended: some containers never ask."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    return False
