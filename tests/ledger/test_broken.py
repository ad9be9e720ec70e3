"""A ledger that cannot be used says so once, and never stops a call."""

import contextlib
import os
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fal_cli.api.body import Body
from fal_cli.api.events import InProgress, Result
from fal_cli.errors import CliError
from fal_cli.ledger.journal import Journal
from fal_cli.ledger.migrations import LedgerError
from fal_cli.ledger.rows import Search, State
from fal_cli.ledger.store import Ledger
from tests.support.ledger_file import accepted, call, handle, stored


def newer_version(path: Path) -> None:
    Ledger(path)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 999")


def folder_in_place(path: Path) -> None:
    path.mkdir(parents=True)


def file_as_parent(path: Path) -> None:
    path.parent.write_bytes(b"")


def no_database(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database at all\n" * 100)


def scribbled_over(path: Path) -> None:
    """The header is whole, so that the damage shows with the first row only."""
    accepted(Ledger(path), "id-1")
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))


def missing_table(path: Path) -> None:
    Ledger(path)
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE requests")


def read_only_folder(path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root writes into read-only folders")
    path.parent.mkdir(mode=0o500)


BREAKAGES = [
    newer_version,
    folder_in_place,
    file_as_parent,
    no_database,
    scribbled_over,
    missing_table,
    read_only_folder,
]


@pytest.mark.parametrize("breakage", BREAKAGES)
class TestBroken:
    def test_ledger_says_so(self, path: Path, breakage: Any) -> None:
        breakage(path)
        with pytest.raises(LedgerError) as caught:
            accepted(Ledger(path), "id-2")
        assert str(caught.value)

    def test_journal_warns_once_and_never_stops_a_call(self, path: Path, breakage: Any) -> None:
        breakage(path)
        warnings: list[str] = []
        journal = Journal(path, warn=warnings.append)
        entry = journal.begin(call({"prompt": "x"}))
        entry.accepted(handle("id-2"))
        entry.note(InProgress())
        entry.completed(Result(Body(b"{}"), "application/json", "id-2"))
        entry.ended(State.FAILED)
        entry.delivered(["/x"])
        assert entry.adopted(handle("id-3")) == ""
        assert (entry.ref, entry.row(), entry.inputs(), entry.kept()) == ("", None, {}, None)
        assert journal.newest(1) is None
        assert journal.row(1) is None
        assert journal.by_request_id("id") == []
        assert (journal.by_request_id("id"), journal.newest(1)) == ([], None)
        assert len(warnings) == 1
        for look in (journal.unfinished, lambda: list(journal.search(Search()))):
            with pytest.raises(CliError, match="the history cannot be used"):
                look()


def test_newer_version_is_named(path: Path) -> None:
    newer_version(path)
    with pytest.raises(LedgerError, match="newer version"):
        Ledger(path)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        pytest.param("state", "'unheard of'", id="state"),
        pytest.param("created_at", "'yesterday'", id="time"),
        pytest.param("expires_at", "'tomorrow'", id="expiry"),
        pytest.param("urls", "'{'", id="urls"),
        pytest.param("input", "'{'", id="input"),
        pytest.param("options", "'['", id="options"),
        pytest.param("files", "'{'", id="files"),
        pytest.param("files", "'7'", id="files no list"),
        pytest.param("created_at", "x'00ff'", id="bytes"),
        pytest.param("input", "x'ff'", id="no text"),
        pytest.param("pid", "'abc'", id="pid"),
        pytest.param("inference_seconds", "'abc'", id="seconds"),
    ],
)
def test_a_damaged_row_is_left_out_and_named(path: Path, column: str, value: str) -> None:
    ledger = Ledger(path)
    for request_id in ("id-1", "id-2", "id-3"):
        accepted(ledger, request_id)
    with sqlite3.connect(path) as db:
        db.execute(f"UPDATE requests SET {column} = {value} WHERE request_id = 'id-2'")
    warnings: list[str] = []
    journal = Journal(path, warn=warnings.append)
    assert [row.request_id for row in journal.search(Search())] == ["id-3", "id-1"]
    assert {row.request_id for row in journal.unfinished()} == {"id-1", "id-3"}
    assert warnings[0] == "row @2 of the history cannot be read and is left out"
    journal.begin(call({"prompt": "x"})).accepted(handle("id-4"))
    assert [row.request_id for row in journal.by_request_id("id-4")] == ["id-4"]


def test_a_text_that_is_not_utf_8_keeps_no_row_from_being_read(path: Path) -> None:
    ledger = Ledger(path)
    for request_id in ("id-1", "id-2"):
        accepted(ledger, request_id)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE requests SET error = CAST(x'ff41' AS TEXT) WHERE request_id = 'id-1'")
    assert [row.error for row in Ledger(path).search(Search())] == ["", "\ufffdA"]


@pytest.mark.parametrize("column", ["pid", "files", "key_print", "options"])
def test_a_table_without_a_column_stops_no_call(path: Path, column: str) -> None:
    Ledger(path)
    with sqlite3.connect(path) as db:
        db.execute(f"ALTER TABLE requests DROP COLUMN {column}")
    warnings: list[str] = []
    journal = Journal(path, warn=warnings.append)
    journal.begin(call({"prompt": "x"})).accepted(handle("id-4"))
    assert len(warnings) == 1
    with pytest.raises(CliError, match="the history cannot be used"):
        journal.unfinished()


FULL_DISK = """if True:
    import resource, signal, sys
    from pathlib import Path
    from fal_cli.api.body import Body
    from fal_cli.api.events import Result
    from fal_cli.ledger.journal import Journal
    from tests.support.ledger_file import call, handle
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    warnings = []
    journal = Journal(Path(sys.argv[1]), warn=warnings.append)
    entry = journal.begin(call({"prompt": "x"}))
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    entry.accepted(handle("id-1"))
    entry.completed(Result(Body(b'"' + b"x" * 1_000_000 + b'"'), "application/json", "id-1"))
    entry.delivered()
    other = journal.begin(call({"prompt": "y" * 60_000}))
    other.accepted(handle("id-2"))
    print(len(warnings), *warnings)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="this system has no such limit")
@pytest.mark.parametrize("most", [0, 100_000])
def test_a_full_disk_warns_once_and_what_was_written_before_stays(path: Path, most: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(most)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 the history cannot be used ("), done.stdout
    rows = stored(path)
    assert [row["input"] for row in rows] == ['{"prompt":"x"}']
    assert rows[0]["state"] in ("sending", "accepted")


class TestJournal:
    def test_a_whole_life(self, path: Path) -> None:
        journal = Journal(path, warn=pytest.fail)
        entry = journal.begin(call(mode="direct"))
        assert entry.ref == "@1"
        entry.accepted(handle("id-1"))
        row = entry.row()
        assert row is not None
        assert dict(row.urls) == {
            "status_url": "https://q/s",
            "response_url": "https://q/r",
            "cancel_url": "https://q/c",
        }
        assert journal.by_request_id("id") == [row]
        entry.ended(State.FAILED, "why")
        assert [(entry["state"], entry["error"]) for entry in stored(path)] == [("failed", "why")]

    def test_the_request_of_another_process(self, path: Path) -> None:
        accepted(Ledger(path), "id-1", "id-12")
        journal = Journal(path, warn=pytest.fail)
        (row,) = journal.by_request_id("id-1")
        journal.entry(row).ended(State.CANCELLED)
        assert [row["state"] for row in stored(path)] == ["cancelled", "accepted"]

    def test_an_entry_of_no_row_remembers_nothing(self, path: Path) -> None:
        journal = Journal(path, warn=pytest.fail)
        entry = journal.entry(None)
        entry.accepted(handle("id-1"))
        entry.ended(State.COMPLETED)
        assert (entry.ref, entry.row(), entry.inputs()) == ("", None, {})
        assert not path.exists()

    def test_a_ledger_that_breaks_later_warns_once(self, path: Path) -> None:
        warnings: list[str] = []
        journal = Journal(path, warn=warnings.append)
        entry = journal.begin(call())
        with sqlite3.connect(path) as db:
            db.execute("DROP TABLE requests")
        entry.accepted(handle("id-1"))
        entry.ended(State.COMPLETED)
        assert entry.ref == "@1"
        assert len(warnings) == 1

    def test_nothing_is_made_before_the_first_use(self, path: Path) -> None:
        Journal(path, warn=pytest.fail)
        assert not path.parent.exists()
