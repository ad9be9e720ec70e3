"""The sandbox's state on disk: requests, counters and files, shared by any number of processes."""

import json
import math
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from fal_cli.sandbox.state import private

# Raised whenever the tables change; state of another layout is wiped, since none of it is precious.
LAYOUT = 6
HTTP_COUNTERS = (
    "submit", "status", "status_stream", "result", "cancel", "run", "file",
    "token", "login", "upload", "part", "complete", "events", "realtime", "ws",
    "models", "openapi", "listing", "payloads", "pricing", "estimate", "billing", "analytics", "account", "jwks",
    "webhook",
)  # fmt: skip
_BUSY_SECONDS = 10.0
_LOCKED_PAUSE = 0.01

_TABLES = """
CREATE TABLE requests (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, endpoint TEXT NOT NULL, app TEXT NOT NULL,
    body_hash TEXT NOT NULL, accepted REAL NOT NULL, cancelled REAL, known REAL NOT NULL, first REAL NOT NULL,
    began REAL NOT NULL, ended REAL NOT NULL, seconds REAL NOT NULL, code INTEGER NOT NULL, units TEXT NOT NULL,
    price TEXT NOT NULL, cost INTEGER NOT NULL, record TEXT NOT NULL, input TEXT
);
CREATE INDEX requests_ended ON requests (endpoint, ended, seq, first, known);
CREATE INDEX requests_seconds ON requests (endpoint, seconds, seq);
CREATE INDEX requests_billed ON requests (ended, seq, cost) WHERE cost > 0;
CREATE TABLE line (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, low INTEGER NOT NULL, ready REAL NOT NULL,
    span REAL NOT NULL, tail REAL NOT NULL, deadline REAL NOT NULL, ended REAL NOT NULL
);
CREATE INDEX line_order ON line (state, low, seq, ready, deadline);
CREATE INDEX line_ready ON line (state, ready);
CREATE INDEX line_deadline ON line (state, deadline);
CREATE INDEX line_ended ON line (state, ended);
CREATE TABLE line_state (most INTEGER NOT NULL, clock REAL NOT NULL, due REAL NOT NULL);
CREATE TABLE http (request_id TEXT NOT NULL, route TEXT NOT NULL, n INTEGER NOT NULL,
                   PRIMARY KEY (request_id, route));
CREATE TABLE fault_uses (scope TEXT PRIMARY KEY, n INTEGER NOT NULL);
CREATE TABLE buckets (scope TEXT PRIMARY KEY, tokens REAL NOT NULL, at REAL NOT NULL);
CREATE TABLE logins (digest TEXT PRIMARY KEY, login TEXT NOT NULL, is_used INTEGER NOT NULL);
CREATE TABLE locks (kind TEXT NOT NULL, until REAL NOT NULL);
CREATE TABLE files (id TEXT PRIMARY KEY, request_id TEXT NOT NULL, name TEXT NOT NULL,
                    content_type TEXT NOT NULL, recipe TEXT NOT NULL, etag TEXT, expires REAL,
                    acl TEXT NOT NULL);
CREATE INDEX files_of ON files (request_id);
CREATE TABLE uploads (file_id TEXT PRIMARY KEY, upload_id TEXT NOT NULL, name TEXT NOT NULL,
                      content_type TEXT NOT NULL, seconds REAL, acl TEXT NOT NULL);
CREATE TABLE parts (file_id TEXT NOT NULL, number INTEGER NOT NULL, etag TEXT NOT NULL, size INTEGER NOT NULL,
                    PRIMARY KEY (file_id, number));
CREATE TABLE tallies (name TEXT PRIMARY KEY, n INTEGER NOT NULL);
INSERT INTO line_state VALUES (1000000000, 0.0, 9e999);
"""
CONNECTIONS = "connections"
UPLOAD_TALLIES = ("files", "parts", "bytes", "leaked_keys")


class Found(NamedTuple):
    """A recorded request, when it was cancelled, and if it had to wait in a line when it began (Unix seconds)."""

    record: dict[str, Any]
    cancelled: float | None
    started: float | None


class FileRow(NamedTuple):
    """A registered file. `recipe` makes its bytes; `etag` is set for those that came from outside.

    `expires` is Unix seconds, None for never; `acl` what others than the owner get (§5.7).
    """

    request_id: str
    name: str
    content_type: str
    recipe: dict[str, Any]
    etag: str | None
    expires: float | None
    acl: str


class Store:
    """State in the folder `state`, for its owner alone: `fal.db` and `files/`. Usable from any thread."""

    def __init__(self, state: Path) -> None:
        """Raises OSError if the folder cannot be made, sqlite3.Error if the database cannot be opened."""
        self.state = state
        self.files = state / "files"
        for folder in (state, self.files):
            private.folder(folder)
        private.touch(state / "fal.db")  # what SQLite makes beside it has the same mode
        self._local = threading.local()
        self._prepare()

    # -- requests

    def request(self, request_id: str) -> Found | None:
        """A queue request; None if unknown."""
        row = self.db.execute(
            "SELECT record, cancelled, first FROM requests WHERE id = ? AND kind = 'queue'", (request_id,)
        ).fetchone()
        return Found(json.loads(row[0]), row[1], None if math.isinf(row[2]) else row[2]) if row else None

    def given(self, request_id: str) -> Any:
        """A request's input as it arrived, None if it was not kept."""
        row = self.db.execute("SELECT input FROM requests WHERE id = ?", (request_id,)).fetchone()
        return json.loads(row[0]) if row and row[0] is not None else None

    # -- counters

    def count(self, route: str, *request_ids: str) -> None:
        """Count an exchange on `route`: for each of these requests, with "" for all."""
        count = "INSERT INTO http VALUES (?, ?, 1) ON CONFLICT (request_id, route) DO UPDATE SET n = n + 1"
        if len(request_ids) == 1:
            self.db.execute(count, (request_ids[0], route))
            return
        with self.transaction() as db:
            db.executemany(count, [(request_id, route) for request_id in request_ids])

    def use_fault(self, scope: str, times: int) -> bool:
        """Use up one of a fault's `times` within `scope`; False if none is left."""
        with self.transaction() as db:
            row = db.execute("SELECT n FROM fault_uses WHERE scope = ?", (scope,)).fetchone()
            if row and row[0] >= times:
                return False
            db.execute("INSERT INTO fault_uses VALUES (?, 1) ON CONFLICT (scope) DO UPDATE SET n = n + 1", (scope,))
            return True

    def take_token(self, scope: str, rate: float, burst: int, now: float) -> float:
        """Take one of the tokens of a bucket that gets `rate` a second and holds `burst`.

        Returns 0 if it was taken, else the seconds until there is one. `now` is Unix seconds.
        """
        with self.transaction() as db:
            row = db.execute("SELECT tokens, at FROM buckets WHERE scope = ?", (scope,)).fetchone()
            tokens = min(burst, row[0] + max(now - row[1], 0.0) * rate) if row else float(burst)
            missing = max(1.0 - tokens, 0.0)
            left = tokens if missing else tokens - 1.0
            db.execute("INSERT OR REPLACE INTO buckets VALUES (?, ?, ?)", (scope, left, now))
        return missing / rate

    def lock(self, kind: str, until: float) -> None:
        """Lock the account until that Unix time, in place of any other lock; `kind` is one of `words.LOCKS`."""
        with self.transaction() as db:
            db.execute("DELETE FROM locks")
            db.execute("INSERT INTO locks VALUES (?, ?)", (kind, until))

    def unlock(self) -> None:
        """Lift the lock of the account, if there is one."""
        self.db.execute("DELETE FROM locks")

    def locked(self, now: float) -> str | None:
        """By which kind of lock the account is locked at that Unix time; None if by none."""
        row = self.db.execute("SELECT kind FROM locks WHERE until > ?", (now,)).fetchone()
        return row[0] if row else None

    # -- files

    def add_file(self, file_id: str, row: FileRow) -> None:
        """Register a file, or what replaces it; nothing is made yet."""
        self.db.execute(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                file_id, row.request_id, row.name, row.content_type, json.dumps(row.recipe),
                row.etag, row.expires, row.acl,
            ),
        )  # fmt: skip

    def file(self, file_id: str) -> FileRow | None:
        """A registered file; None if unknown."""
        row = self.db.execute(
            "SELECT request_id, name, content_type, recipe, etag, expires, acl FROM files WHERE id = ?", (file_id,)
        ).fetchone()
        return FileRow(row[0], row[1], row[2], json.loads(row[3]), row[4], row[5], row[6]) if row else None

    def tally(self, name: str, n: int = 1) -> None:
        """Add to a number of the uploads' (`UPLOAD_TALLIES`), or to `CONNECTIONS`."""
        self.db.execute(
            "INSERT INTO tallies VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET n = n + excluded.n", (name, n)
        )

    # -- the whole

    def reset(self) -> None:
        """Forget every request, counter and file."""
        with self.transaction() as db:
            self._make_tables(db)
        self._remove_files()

    def stats(self) -> dict[str, Any]:
        """What has arrived since the last reset.

        `accepted` counts submits, direct runs (`accepted_runs`: these alone) and streams that were really
        recorded, `by_endpoint` and `by_body` (SHA-256 of the raw body) split it; `http` counts every exchange
        that arrived, faulted or not, `webhook` every one that was sent out, and `requests` the same for each
        request. `connections` are those that brought an exchange over HTTP. Of `uploads`, `parts` are
        those stored, the same number again included, and `leaked_keys` the Authorization headers that
        arrived at a pre-signed URL.
        """
        rows = self.db.execute("SELECT id, kind, endpoint, body_hash FROM requests ORDER BY accepted")
        tallies = dict.fromkeys((CONNECTIONS, *UPLOAD_TALLIES), 0)
        tallies |= dict(self.db.execute("SELECT name, n FROM tallies"))
        stats: dict[str, Any] = {
            "accepted": 0, "accepted_runs": 0, "by_endpoint": {}, "by_body": {},
            "http": dict.fromkeys(HTTP_COUNTERS, 0), "requests": {},
            "connections": tallies.pop(CONNECTIONS), "uploads": tallies,
        }  # fmt: skip
        for request_id, kind, endpoint, body_hash in rows:
            stats["accepted"] += 1
            stats["accepted_runs"] += kind == "run"
            stats["by_endpoint"][endpoint] = stats["by_endpoint"].get(endpoint, 0) + 1
            stats["by_body"][body_hash] = stats["by_body"].get(body_hash, 0) + 1
            stats["requests"][request_id] = {"endpoint": endpoint, "http": dict.fromkeys(HTTP_COUNTERS, 0)}
        for request_id, route, n in self.db.execute("SELECT request_id, route, n FROM http"):
            if request_id == "":
                stats["http"][route] = n
            elif request_id in stats["requests"]:
                stats["requests"][request_id]["http"][route] = n
        return stats

    def close(self) -> None:
        """Close this thread's connection."""
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is not None:
            db.close()
            del self._local.db

    # -- inside

    @property
    def db(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = sqlite3.connect(self.state / "fal.db", timeout=_BUSY_SECONDS, isolation_level=None)
            db.execute("PRAGMA synchronous=OFF")
            self._local.db = db
        return db

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        db = self.db
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def _prepare(self) -> None:
        self._write_ahead()
        if self._layout() == LAYOUT:
            return
        with self.transaction() as db:
            if self._layout() == LAYOUT:  # another process was faster
                return
            self._make_tables(db)
            db.execute(f"PRAGMA user_version = {LAYOUT}")
        self._remove_files()

    def _remove_files(self) -> None:
        for path in self.files.iterdir():
            path.unlink(missing_ok=True)

    def _make_tables(self, db: sqlite3.Connection) -> None:
        """All tables, empty; whatever was there is gone."""
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            db.execute(f"DROP TABLE {table}")
        for statement in _TABLES.split(";"):
            db.execute(statement)

    def _layout(self) -> int:
        return int(self.db.execute("PRAGMA user_version").fetchone()[0])

    def _write_ahead(self) -> None:
        # Changing the journal mode does not wait for the busy timeout: two processes that start together
        # would otherwise see "database is locked".
        deadline = time.monotonic() + _BUSY_SECONDS
        while self.db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            try:
                self.db.execute("PRAGMA journal_mode=WAL")
                return  # where WAL cannot be had (some network homes) SQLite keeps the mode it has
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOCKED_PAUSE)
