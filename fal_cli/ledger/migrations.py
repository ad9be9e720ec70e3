"""The ledger's file: made private, opened for many writers, brought up to date by `user_version`."""

import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BUSY_SECONDS = 30.0


class LedgerError(Exception):
    """The ledger cannot be read or written; the message says why."""


def open_database(path: Path) -> sqlite3.Connection:
    """Opens the ledger, made or migrated if need be. Raises sqlite3.Error, OSError.

    WAL where the file system allows it, so that readers never wait for a writer; a writer waits for its turn. One on
    a disk that cannot be written is opened for reading.
    """
    _create_private(path)
    db = _connected(str(path))
    try:
        _prepare(db)
    except sqlite3.OperationalError:
        if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
            raise
        db.close()
        # Immutable, because on such a disk not even the lock of a reader can be made.
        db = _connected(f"{path.absolute().as_uri()}?mode=ro&immutable=1")
        _check_version(db)
    return db


def _connected(address: str) -> sqlite3.Connection:
    db = sqlite3.connect(
        address, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=address.startswith("file:")
    )
    db.row_factory = sqlite3.Row
    db.create_function("holds", 2, lambda text, wanted: text is not None and wanted in text.casefold())
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """A block that is written as a whole or not at all, with the right to write from its beginning."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _create_private(path: Path) -> None:
    """Makes the folder 0700 and the file 0600 from their first moment, not by a chmod afterwards."""
    if not path.parent.exists():
        from fal_cli.files.atomic import make_private_folder

        make_private_folder(path.parent)
    # Not opened if it is there: closing it would drop the locks that this process may hold on it.
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    elif path.stat().st_mode & 0o077:
        with suppress(OSError):  # it is somebody else's, or on a disk that cannot be written
            path.chmod(0o600)


def _prepare(db: sqlite3.Connection) -> None:
    with suppress(sqlite3.OperationalError):  # network homes have no shared memory; DELETE mode works there
        db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA secure_delete = ON")
    if _version(db) < len(_MIGRATIONS):
        _bring_up_to_date(db)
    _check_version(db)
    if _missing(db, _COLUMNS) or _not_made(db):
        _bring_up_to_date(db)
    if lacking := _missing(db, _OWN_COLUMNS):
        raise sqlite3.DatabaseError(f"it lacks a column ({lacking[0]})")


def _check_version(db: sqlite3.Connection) -> None:
    if _version(db) > len(_MIGRATIONS):
        raise sqlite3.DatabaseError("it was written by a newer version of fal")


def _missing(db: sqlite3.Connection, columns: Iterable[str]) -> list[str]:
    """Those of these columns, with or without their types, that the table of requests lacks."""
    there = {str(found["name"]) for found in db.execute("PRAGMA table_info(requests)")}
    return [column for column in columns if column.partition(" ")[0] not in there]


def _not_made(db: sqlite3.Connection) -> list[str]:
    """Those of the later tables and indexes that are not there."""
    there = {str(found["name"]) for found in db.execute("SELECT name FROM sqlite_master")}
    return [name for name in _LATER if name not in there]


def _bring_up_to_date(db: sqlite3.Connection) -> None:
    """All that is missing, at once: whoever reads the file meanwhile sees the old one or the new one."""
    with transaction(db):  # one process does it, the others find it done
        for number in range(_version(db), len(_MIGRATIONS)):
            _MIGRATIONS[number](db)
            db.execute(f"PRAGMA user_version = {number + 1}")
        for column in _missing(db, _COLUMNS):
            db.execute(f"ALTER TABLE requests ADD COLUMN {column}")
        for name in _not_made(db):
            db.execute(_LATER[name].format(name))


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


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


def _whole_record(db: sqlite3.Connection) -> None:
    """What came of a request, what it cost, and what is still to be done about it."""
    for column in (
        "key_print TEXT NOT NULL DEFAULT ''",
        "input_is_whole INTEGER NOT NULL DEFAULT 0",
        "options TEXT",
        "is_private INTEGER NOT NULL DEFAULT 0",
        "is_open INTEGER NOT NULL DEFAULT 0",
        "pid INTEGER NOT NULL DEFAULT 0",
        "started_at TEXT",
        "ended_at TEXT",
        "inference_seconds REAL",
        "billable_units TEXT NOT NULL DEFAULT ''",
        "expires_at TEXT",
        "files TEXT NOT NULL DEFAULT '[]'",
        "has_result INTEGER NOT NULL DEFAULT 0",
    ):
        db.execute(f"ALTER TABLE requests ADD COLUMN {column}")
    # The first version cut `data:` URIs short and left a mark; what has none is whole.
    db.execute(
        "UPDATE requests SET input_is_whole = input IS NOT NULL AND instr(input, ' characters)') = 0,"
        " is_open = state = 'accepted' OR (mode IN ('queue', 'direct') AND state IN ('sending', 'unknown'))"
    )
    _never_again_the_same_number(db)
    db.execute(
        "CREATE TABLE results (local_id INTEGER PRIMARY KEY REFERENCES requests ON DELETE CASCADE,"
        " body BLOB NOT NULL, content_type TEXT NOT NULL, is_whole INTEGER NOT NULL)"
    )
    db.execute("CREATE INDEX requests_open ON requests (local_id) WHERE is_open")


def _never_again_the_same_number(db: sqlite3.Connection) -> None:
    """A number that was removed names nothing else later: the table is made anew with AUTOINCREMENT."""
    found = db.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'requests'").fetchone()[0]
    db.execute("ALTER TABLE requests RENAME TO earlier")
    db.execute("DROP INDEX requests_by_request_id")
    db.execute(re.sub(r"INTEGER PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT", found, count=1))
    db.execute("INSERT INTO requests SELECT * FROM earlier")
    db.execute("DROP TABLE earlier")
    db.execute("CREATE INDEX requests_by_request_id ON requests (request_id)")


# Append only: a migration's place in this list is the `user_version` that it leads to.
_MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_first_table, _whole_record)

# Columns that came later without a new `user_version`: a program that does not know them reads and writes the table
# all the same, while it refuses a higher version, and would then make paid calls that nobody records.
_COLUMNS = (
    "clock_skew REAL",
    "replaced_by INTEGER",
    "once_key TEXT",
    "content_key TEXT",
    "like_key TEXT",
    "scope TEXT",
    "mark TEXT",
    "sent_at TEXT",
    "reserved TEXT",
    "cost TEXT",
    "currency TEXT",
    "cost_source TEXT",
    "held INTEGER",
    "failure TEXT",
    "batch TEXT",
    "row_number INTEGER",
    "taken_by TEXT",
    "file_hashes TEXT NOT NULL DEFAULT '[]'",
    "began TEXT",
)
# Tables and indexes that came later in the same way, by their names.
_LATER = {
    "requests_by_once_key": "CREATE INDEX {} ON requests (once_key) WHERE once_key IS NOT NULL",
    "requests_by_content_key": "CREATE INDEX {} ON requests (content_key) WHERE content_key IS NOT NULL",
    "requests_by_like_key": "CREATE INDEX {} ON requests (like_key, local_id) WHERE like_key IS NOT NULL",
    "requests_by_batch": "CREATE INDEX {} ON requests (batch, row_number) WHERE batch IS NOT NULL",
    "requests_by_spending": "CREATE INDEX {} ON requests (scope, created_at, state, held)",
    "requests_by_spending_of_batch": "CREATE INDEX {} ON requests (batch, state, endpoint, cost, held)"
    " WHERE batch IS NOT NULL",
    "batches": "CREATE TABLE {} (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, endpoint TEXT NOT"
    " NULL, source TEXT NOT NULL, made_at TEXT NOT NULL, facts TEXT NOT NULL, learned INTEGER NOT NULL DEFAULT 0, host"
    " TEXT, boot TEXT, pid INTEGER, beat_at TEXT)",
    "standings": "CREATE TABLE {} (number INTEGER PRIMARY KEY, told TEXT NOT NULL, told_at TEXT NOT NULL,"
    " code INTEGER)",
    "uploads": "CREATE TABLE {} (sha256 TEXT NOT NULL, scope TEXT NOT NULL, url TEXT NOT NULL, expires TEXT,"
    " PRIMARY KEY (sha256, scope)) WITHOUT ROWID",
    "hashes": "CREATE TABLE {} (path TEXT NOT NULL PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,"
    " ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, sha256 TEXT NOT NULL) WITHOUT ROWID",
    "prices": "CREATE TABLE {} (endpoint TEXT NOT NULL, scope TEXT NOT NULL, amount TEXT, unit TEXT NOT NULL,"
    " currency TEXT NOT NULL, seen_at TEXT NOT NULL, PRIMARY KEY (endpoint, scope)) WITHOUT ROWID",
    "windows": "CREATE TABLE {} (endpoint TEXT NOT NULL, scope TEXT NOT NULL, running INTEGER NOT NULL,"
    " PRIMARY KEY (endpoint, scope)) WITHOUT ROWID",
}
# Those of the versions.
_OWN_COLUMNS = [
    "local_id",
    "created_at",
    "updated_at",
    "host",
    "profile",
    "mode",
    "endpoint",
    "input",
    "input_sha256",
    "state",
    "request_id",
    "urls",
    "error",
    "key_print",
    "input_is_whole",
    "options",
    "is_private",
    "is_open",
    "pid",
    "started_at",
    "ended_at",
    "inference_seconds",
    "billable_units",
    "expires_at",
    "files",
    "has_result",
]
