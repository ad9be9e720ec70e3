"""The local record of every request that this machine made. SQLite; the row exists before the bytes leave.

Many processes write at once, so the database is in WAL mode where the file system allows it, and a writer
waits for its turn. A row is durable before the submit goes out (`synchronous=FULL`): if the power fails
afterwards, the row is there to look the request up by.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

BUSY_SECONDS = 30.0
STORED_INPUT_BYTES = 64 * 1024
_SHORT_DATA_URI = 64


class State(StrEnum):
    """What is known of a row's request."""

    SENDING = "sending"  # written before the call; still there after a crash
    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"  # sent, and the answer was lost
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class LedgerError(Exception):
    """The ledger cannot be read or written; the message says why."""


@dataclass(frozen=True)
class Row:
    """One request as recorded. `created_at` is UTC."""

    local_id: int
    created_at: datetime
    endpoint: str
    state: State
    request_id: str
    host: str
    profile: str
    urls: Mapping[str, str]


def _first_table(db: sqlite3.Connection) -> None:
    db.execute(
        """
        CREATE TABLE requests (
            local_id     INTEGER PRIMARY KEY,
            created_at   TEXT NOT NULL,
            updated_at   TEXT NOT NULL,
            host         TEXT NOT NULL,
            profile      TEXT NOT NULL,
            mode         TEXT NOT NULL,
            endpoint     TEXT NOT NULL,
            input        TEXT,
            input_sha256 TEXT NOT NULL,
            state        TEXT NOT NULL,
            request_id   TEXT,
            urls         TEXT,
            error        TEXT
        )
        """
    )
    db.execute("CREATE INDEX requests_by_request_id ON requests (request_id)")


# Append only: a migration's place in this list is the `user_version` that it leads to.
_MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_first_table,)


class Ledger:
    """One open ledger. Every method raises `LedgerError` where SQLite or the disk fails."""

    def __init__(self, path: Path) -> None:
        try:
            _create_private(path)
            self._db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            _prepare(self._db)
        except (sqlite3.Error, OSError) as error:
            raise LedgerError(f"{path}: {error}") from error

    def begin(self, *, host: str, profile: str, mode: str, endpoint: str, input_json: Mapping[str, Any]) -> int:
        """Records a call that is about to be sent and returns its local id; on disk when this returns.

        `mode` is `queue` or `direct`.
        """
        text = json.dumps(input_json, ensure_ascii=False, separators=(",", ":"))
        now = _now()
        cursor = self._execute(
            "INSERT INTO requests (created_at, updated_at, host, profile, mode, endpoint, input, input_sha256, state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(now, now, host, profile, mode, endpoint),
                _stored(input_json),
                hashlib.sha256(text.encode()).hexdigest(),
                State.SENDING,
            ),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def accepted(self, local_id: int, request_id: str, urls: Mapping[str, str]) -> None:
        """Records the request id that the service gave."""
        self._execute(
            "UPDATE requests SET state = ?, request_id = ?, urls = ?, updated_at = ? WHERE local_id = ?",
            (State.ACCEPTED, request_id, json.dumps(dict(urls)), _now(), local_id),
        )

    def ended(self, local_id: int, state: State, error: str = "") -> None:
        """Records how a call ended, or that it never began."""
        self._execute(
            "UPDATE requests SET state = ?, error = ?, updated_at = ? WHERE local_id = ?",
            (state, error or None, _now(), local_id),
        )

    def by_request_id(self, prefix: str, most: int = 3) -> list[Row]:
        """Rows whose request id begins with `prefix`, newest first; the exact one alone if it is there."""
        pattern = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        return self._rows("request_id = ?", (prefix,), 1) or self._rows(
            "request_id LIKE ? ESCAPE '\\'", (pattern,), most
        )

    def newest(self, nth: int) -> Row | None:
        """The nth newest row that has a request id, from 1."""
        rows = self._rows("request_id IS NOT NULL", (), nth)
        return rows[nth - 1] if len(rows) >= nth else None

    def _rows(self, condition: str, values: tuple[object, ...], most: int) -> list[Row]:
        cursor = self._execute(
            "SELECT local_id, created_at, endpoint, state, request_id, host, profile, urls FROM requests"
            f" WHERE {condition} ORDER BY local_id DESC LIMIT ?",
            (*values, most),
        )
        try:
            return [_row(values) for values in cursor.fetchall()]
        except (sqlite3.Error, ValueError) as error:
            raise LedgerError(str(error)) from error

    def _execute(self, statement: str, values: tuple[object, ...]) -> sqlite3.Cursor:
        try:
            return self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise LedgerError(str(error)) from error


def _create_private(path: Path) -> None:
    """Makes the folder 0700 and the file 0600 from their first moment, not by a chmod afterwards."""
    for folder in (*reversed(path.parent.parents), path.parent):
        if not folder.exists():
            folder.mkdir(exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _prepare(db: sqlite3.Connection) -> None:
    with suppress(sqlite3.OperationalError):  # network homes have no shared memory; DELETE mode works there
        db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    if _version(db) < len(_MIGRATIONS):
        _migrate(db)
    if _version(db) > len(_MIGRATIONS):
        raise sqlite3.DatabaseError("it was written by a newer version of fal")


def _migrate(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")  # one process migrates, the others find it done
    try:
        for number in range(_version(db), len(_MIGRATIONS)):
            _MIGRATIONS[number](db)
            db.execute(f"PRAGMA user_version = {number + 1}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _row(values: tuple[Any, ...]) -> Row:
    local_id, created_at, endpoint, state, request_id, host, profile, urls = values
    return Row(
        local_id,
        datetime.fromisoformat(created_at),
        endpoint,
        State(state),
        request_id or "",
        host,
        profile,
        json.loads(urls) if urls else {},
    )


def _stored(input_json: Mapping[str, Any]) -> str | None:
    """The input as the ledger keeps it; None if it is too long, or nested deeper than can be walked."""
    try:
        text = json.dumps(_shortened(input_json), ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return None
    return text if len(text.encode()) <= STORED_INPUT_BYTES else None


def _shortened(value: Any) -> Any:
    """The input with each `data:` URI cut to its beginning: they are files, and the ledger is no file store."""
    if isinstance(value, dict):
        return {key: _shortened(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shortened(inner) for inner in value]
    if isinstance(value, str) and value.startswith("data:") and len(value) > _SHORT_DATA_URI:
        return f"{value[:_SHORT_DATA_URI]}… ({len(value)} characters)"
    return value


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
