"""A ledger that the first version wrote is read by this one, and nothing of it is lost."""

import hashlib
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fal_cli.ledger.migrations import _MIGRATIONS, LedgerError, _first_table
from fal_cli.ledger.rows import Row, State, fingerprint
from fal_cli.ledger.store import Ledger
from tests.support.ledger_file import URLS, accepted, mode

CREATED = "2026-03-01T12:00:00.123+00:00"
STATES = ("sending", "accepted", "refused", "not_sent", "unknown", "completed", "failed", "cancelled")
MODES = ("queue", "direct", "stream", "realtime")


def first_version(path: Path) -> list[dict[str, Any]]:
    """Writes a database of the first version, with a row in each mode and state; returns the rows."""
    path.parent.mkdir(mode=0o700)
    path.touch(0o600)
    rows = [old_row(mode, state) for mode in MODES for state in STATES]
    rows.append(old_row("queue", "completed", input='{"image":"data:image/png;base64,AAAA… (9000 characters)"}'))
    rows.append(old_row("queue", "accepted", input=None))
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA journal_mode = WAL")
        _first_table(db)
        db.execute("PRAGMA user_version = 1")
        for number, row in enumerate(rows, 1):
            row["local_id"] = number
            names = ", ".join(row)
            db.execute(f"INSERT INTO requests ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
    db.close()
    return rows


def old_row(mode: str, state: str, **values: Any) -> dict[str, Any]:
    has_id = state not in ("sending", "refused", "not_sent", "unknown")
    text = json.dumps({"prompt": f"{mode} {state}", "a": 1}, separators=(",", ":"))
    return {
        "created_at": CREATED,
        "updated_at": CREATED,
        "host": "https://queue.fal.run",
        "profile": "work",
        "mode": mode,
        "endpoint": "a/b",
        "input": text,
        "input_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "state": state,
        "request_id": f"{mode}-{state}" if has_id else None,
        "urls": json.dumps(URLS) if has_id else None,
        "error": "why" if state in ("refused", "failed", "unknown") else None,
    } | values


@pytest.fixture
def old(path: Path) -> list[dict[str, Any]]:
    return first_version(path)


def rows_of(path: Path) -> list[Row]:
    ledger = Ledger(path)
    return [row for number in range(1, 100) if (row := ledger.row(number))]


def test_nothing_of_it_is_lost(path: Path, old: list[dict[str, Any]]) -> None:
    rows = rows_of(path)
    assert len(rows) == len(old)
    for row, before in zip(rows, old, strict=True):
        assert row.local_id == before["local_id"]
        assert row.created_at == datetime(2026, 3, 1, 12, 0, 0, 123_000, UTC)
        assert (row.host, row.profile, row.endpoint) == (before["host"], before["profile"], before["endpoint"])
        assert (row.mode, row.state) == (before["mode"], State(before["state"]))
        assert row.request_id == (before["request_id"] or "")
        assert row.urls == (URLS if before["urls"] else {})
        assert row.error == (before["error"] or "")
        assert row.input_json == (json.loads(before["input"]) if before["input"] else None)
    assert mode(path) == 0o600


def test_what_was_open_is_open(path: Path, old: list[dict[str, Any]]) -> None:
    is_open = {(row.mode, str(row.state)) for row in rows_of(path) if row.is_open}
    lost = {(mode, state) for mode in ("queue", "direct") for state in ("sending", "unknown")}
    assert is_open == lost | {(mode, "accepted") for mode in MODES}
    assert {row.local_id for row in Ledger(path).unfinished()} == {row.local_id for row in rows_of(path) if row.is_open}


def test_what_was_whole_can_be_sent_again(path: Path, old: list[dict[str, Any]]) -> None:
    *whole, shortened, missing = rows_of(path)
    assert all(row.input_is_whole for row in whole)
    assert not shortened.input_is_whole
    assert not missing.input_is_whole
    assert missing.is_open


def test_the_new_columns_have_what_an_old_row_knows_of_them(path: Path, old: list[dict[str, Any]]) -> None:
    for row in rows_of(path):
        assert (row.options, row.tags, row.key_print, row.files, row.billable_units) == ({}, {}, "", (), "")
        assert (row.is_private, row.has_result, row.pid) == (False, False, 0)
        assert (row.started_at, row.ended_at, row.expires_at, row.inference_seconds) == (None, None, None, None)


def test_it_goes_on_with_the_next_number(path: Path, old: list[dict[str, Any]]) -> None:
    assert accepted(Ledger(path), "new") == len(old) + 1


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path, old: list[dict[str, Any]]) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE results (x)")  # stands in the way of the second migration's last steps
    with pytest.raises(LedgerError, match="results"):
        Ledger(path)
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert "is_open" not in [name for _, name, *_ in db.execute("PRAGMA table_info(requests)")]
        assert db.execute("SELECT count(*) FROM requests").fetchone() == (len(old),)


def test_a_lost_input_too_long_to_be_kept_is_still_known_by_its_hash(path: Path, old: list[dict[str, Any]]) -> None:
    """It is the only thing by which the listing of the service can tell such a call from others."""
    big = {"z": "x" * 100_000, "a": 1}
    text = json.dumps(big, ensure_ascii=False, separators=(",", ":"))
    row = old_row("queue", "unknown", input=None, input_sha256=hashlib.sha256(text.encode()).hexdigest())
    with sqlite3.connect(path) as db:
        db.execute(f"INSERT INTO requests ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
    assert rows_of(path)[-1].input_sha256 in (fingerprint(big), hashlib.sha256(text.encode()).hexdigest())


def test_every_version_is_reached_from_nothing(path: Path) -> None:
    Ledger(path)
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(_MIGRATIONS),)
