"""The register of accepted requests: written once, and amended by what a cancel, a line or a stream's end changes.

Beside the record itself stands what listings and bills are sorted and summed by, so that none of them has to read
all records.
"""

import json
import math
import sqlite3
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from fal_cli.sandbox.state import line
from fal_cli.sandbox.state.record import Record, from_json, to_json
from fal_cli.sandbox.state.store import Store
from fal_cli.sandbox.state.timeline import State

NANO = 10**9
_AMEND = (
    "UPDATE requests SET known = ?, first = ?, began = ?, ended = ?, seconds = ?, code = ?, units = ?, price = ?,"
    " cost = ?"
)


class Facts(NamedTuple):
    """When a request is known of, its first and its last attempt begin, and it ends: Unix seconds, `line.NEVER`.

    `seconds` is how long the last attempt takes, `code` how it ends, `cost` nano US dollars.
    """

    known: float
    first: float
    began: float
    ended: float
    seconds: float
    code: int
    units: str
    price: str
    cost: int


def facts(record: Record) -> Facts:
    """What is known of a request beside its record."""
    ending = record.outcome if record.waits else record.ending
    units = ending.headers.get("X-Fal-Billable-Units", "0")
    cost = int(Decimal(units) * Decimal(record.price) * NANO)
    known = record.accepted + record.late
    if record.waits:
        never = line.NEVER
        return Facts(known, never, never, never, 0.0, ending.status, units, record.price, cost)
    life = record.life
    first = record.accepted + life.first_start
    began = first if math.isinf(first) else record.accepted + (life.begun_at(life.end) or 0.0)
    # To the microsecond, so that a moment read off an answer finds the request again.
    first, began, ended = (round(moment, 6) for moment in (first, began, record.accepted + life.end))
    seconds = 0.0 if math.isinf(began) else round(ended - began, 6)
    return Facts(known, first, began, ended, seconds, ending.status, units, record.price, cost)


def add(db: sqlite3.Connection, record: Record, *, kind: str, body_hash: str, given: str | None) -> None:
    """Write down an accepted request; `kind` is `queue`, `run` or `events`. In a transaction.

    `given` is its input as JSON, None if that is not to be kept.
    """
    db.execute(
        "INSERT INTO requests (id, kind, endpoint, app, body_hash, accepted, known, first, began, ended, seconds, code,"
        " units, price, cost, record, input) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            record.request_id, kind, record.endpoint, record.app, body_hash, record.accepted, *facts(record),
            json.dumps(to_json(record)), given,
        ),
    )  # fmt: skip
    db.execute("INSERT INTO http VALUES (?, ?, 1)", (record.request_id, "submit" if kind == "queue" else kind))


def amend(store: Store, record: Record) -> None:
    """Write down anew how a request goes."""
    store.db.execute(
        f"{_AMEND}, accepted = ?, record = ? WHERE id = ?",
        (*facts(record), record.accepted, json.dumps(to_json(record)), record.request_id),
    )


def erase(store: Store, record: Record) -> None:
    """Forget the stored input and output of a request; its result stays as long as it would without (§4.7)."""
    options = record.options | {"store_io": "0"}
    amend(store, replace(record, kept=record.kept_unstored, options=options))
    store.db.execute("UPDATE requests SET input = NULL WHERE id = ?", (record.request_id,))


def find(store: Store, request_id: str, now: float) -> Record | None:
    """A queue request as it stands at `now` (Unix seconds); None if unknown."""
    line.play(store, now)
    found = store.request(request_id)
    return _placed(store, from_json(*found), now) if found else None


def refresh(store: Store, record: Record, now: float) -> Record:
    """The same request later: cancelled, or begun, or further in line. Cheap enough to ask five times a second."""
    line.play(store, now)
    row = store.db.execute("SELECT cancelled, first FROM requests WHERE id = ?", (record.request_id,)).fetchone()
    if row is None:
        return record
    started = None if math.isinf(row[1]) else row[1]
    return _placed(store, replace(record, cancelled=row[0], started=started), now)


def cancel(store: Store, request_id: str, now: float) -> State:
    """Cancel a known request, unless it is too late; the state that it was in. Of several cancels the first counts."""
    with store.transaction() as db:
        line.advance(db, now)
        found = store.request(request_id)
        assert found is not None
        record = from_json(*found)
        state = record.life.at(now - record.accepted).state
        if state != "COMPLETED" and record.cancelled is None:
            ended = replace(record, cancelled=now)
            db.execute(f"{_AMEND}, cancelled = ? WHERE id = ?", (*facts(ended), now, request_id))
            if record.lined:
                line.stop(db, request_id, record.accepted + ended.life.end, now)
    return state


def _placed(store: Store, record: Record, now: float) -> Record:
    """A request that waits, with its place: behind those before it, and those of its own wait that were ordered."""
    if not record.waits:
        return record
    own = record.timeline.at(now - record.accepted).position or 0
    return replace(record, place=line.place(store, record.request_id) + own)
