"""A time machine: what two programs have on disk, as if it had been written earlier."""

import json
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

_LEDGER = ("created_at", "updated_at", "started_at", "ended_at", "expires_at", "sent_at")


def pass_time(passed: timedelta, *, ledger: Path, sandbox: Path | None = None) -> None:
    """Lets so much time pass for every request: for a ledger, and for the sandbox whose state is in a folder."""
    with closing(sqlite3.connect(ledger)) as db, db:
        for column in _LEDGER:
            found = db.execute(f"SELECT local_id, {column} FROM requests WHERE {column} IS NOT NULL").fetchall()
            for local_id, text in found:
                earlier = (datetime.fromisoformat(text) - passed).isoformat(timespec="milliseconds")
                db.execute(f"UPDATE requests SET {column} = ? WHERE local_id = ?", (earlier, local_id))
    if sandbox is None:
        return
    with closing(sqlite3.connect(sandbox / "fal.db")) as db, db:
        for request_id, text in db.execute("SELECT id, record FROM requests").fetchall():
            record = json.loads(text)
            record["accepted"] -= passed.total_seconds()
            db.execute("UPDATE requests SET record = ? WHERE id = ?", (json.dumps(record), request_id))
        seconds = passed.total_seconds()
        for column in ("accepted", "cancelled", "known", "first", "began", "ended"):
            db.execute(f"UPDATE requests SET {column} = {column} - ?", (seconds,))
        for column in ("ready", "deadline", "ended"):
            db.execute(f"UPDATE line SET {column} = {column} - ?", (seconds,))
        db.execute("UPDATE line_state SET clock = clock - ?, due = due - ?", (seconds, seconds))
        db.execute("UPDATE files SET expires = expires - ?", (seconds,))
