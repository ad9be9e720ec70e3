"""Who can read the ledger, what a private row holds, and what is left of a row that is forgotten."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fal_cli.api.body import Body
from fal_cli.api.events import Result
from fal_cli.ledger.journal import Journal
from fal_cli.ledger.rows import Call, State, fingerprint, stored_result
from fal_cli.ledger.store import Ledger
from tests.support.ledger_file import accepted, begun, handle, mode, stored
from tests.support.waiting import until

INPUT = {"prompt": "a cat that nobody is to know of"}
RESULT = b'{"text":"what nobody is to read"}'


def written(path: Path) -> bytes:
    """Every byte of the ledger's folder."""
    return b"".join(file.read_bytes() for file in path.parent.rglob("*") if file.is_file())


class TestFiles:
    @pytest.fixture(autouse=True)
    def _open_umask(self) -> Iterator[None]:
        before = os.umask(0o000)
        yield
        os.umask(before)

    def test_file_and_folder_are_the_owners_alone(self, path: Path) -> None:
        ledger = Ledger(path)
        begun(ledger)
        assert mode(path.parent) == 0o700
        assert {file.name: mode(file) for file in path.parent.iterdir()} == {
            "ledger.db": 0o600,
            "ledger.db-wal": 0o600,
            "ledger.db-shm": 0o600,
        }

    def test_the_folder_is_the_owners_alone_when_the_sandbox_came_first(self, path: Path) -> None:
        Ledger(path.parent / "sandbox" / "ledger.db")
        Ledger(path)
        assert mode(path.parent) == 0o700


class TestPrivateCalls:
    @pytest.fixture
    def journal(self, path: Path) -> Journal:
        journal = Journal(path, warn=pytest.fail)
        entry = journal.begin(Call("a/b", INPUT, is_private=True))
        entry.accepted(handle("id-1"))
        entry.completed(Result(Body(RESULT), "application/json", "id-1", "2"))
        journal.entry(entry.row()).completed(Result(Body(RESULT), "application/json", "id-1", "2"))
        return journal

    def test_neither_input_nor_result_nor_a_hash_is_kept(self, journal: Journal, path: Path) -> None:
        (row,) = stored(path)
        assert (row["input"], row["input_sha256"], row["has_result"], row["is_private"]) == (None, "", 0, 1)
        everything = written(path)
        for piece in ("nobody", "cat", fingerprint(INPUT), fingerprint(INPUT)[:16]):
            assert piece.encode() not in everything

    def test_what_it_cost_and_when_it_ended_is_kept(self, journal: Journal) -> None:
        row = journal.row(1)
        assert row is not None
        assert (row.state, row.billable_units, row.name) == (State.COMPLETED, "2", "id-1")
        assert row.ended_at is not None
        assert row.input_json is None
        assert not row.input_is_whole


REMOVER = """if True:
    import sys
    from pathlib import Path
    from fal_cli.ledger.store import Ledger
    Ledger(Path(sys.argv[1])).remove(map(int, sys.argv[2:]))
"""


def careless_deletes(*args: Any, **options: Any) -> sqlite3.Connection:
    """A connection as most builds of SQLite make one: what is deleted stays in the file. Debian's overwrites it."""
    db = sqlite3.Connection(*args, **options)
    db.execute("PRAGMA secure_delete = OFF")
    return db


class TestForgetting:
    def fill(self, ledger: Ledger) -> list[int]:
        numbers = []
        for number in range(40):
            local_id = accepted(ledger, f"{'gone' if number % 2 else 'here'}-{number}", input_json=self.about(number))
            ledger.ended(local_id, State.UNKNOWN, f"{self.about(number)}")
            body = f'{{"text":"{self.about(number)["prompt"] * 200}"}}'.encode()
            ledger.completed(local_id, size=len(body), kept=stored_result(Body(body), "application/json"))
            ledger.delivered(local_id, [f"/x/{self.about(number)['prompt']}.png"])
            numbers += [local_id] if number % 2 else []
        return numbers

    def about(self, number: int) -> dict[str, str]:
        return {"prompt": f"{'forget me' if number % 2 else 'remember me'} {number:04}"}

    @pytest.mark.parametrize("build", ["this build of SQLite", "other builds"])
    def test_the_bytes_of_removed_rows_are_overwritten(
        self, path: Path, build: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if build == "other builds":
            monkeypatch.setattr(sqlite3, "connect", careless_deletes)
        ledger = Ledger(path)
        ledger.remove(self.fill(ledger))
        everything = written(path)
        assert everything.count(b"remember me") > 200 * 20
        assert b"forget me" not in everything
        assert b"gone-" not in everything

    def test_their_results_go_with_them(self, path: Path) -> None:
        ledger = Ledger(path)
        gone = self.fill(ledger)
        ledger.remove(gone)
        assert len(stored(path)) == 20
        assert [ledger.result(local_id) for local_id in gone] == [None] * 20
        assert all(ledger.result(row["local_id"]) for row in stored(path))

    @pytest.mark.parametrize("gone", [1, 2], ids=["an older one", "the newest"])
    def test_a_removed_number_is_not_given_again(self, path: Path, gone: int) -> None:
        """The process that made the call may still be at it, and would write its end into another's row."""
        ledger = Ledger(path)
        accepted(ledger, "id-1", "id-2")
        ledger.remove([gone])
        assert accepted(ledger, "id-3") == 3

    def test_a_reader_does_not_keep_rows_from_being_removed(self, path: Path) -> None:
        """What it holds back of the file is overwritten when the next one is removed, at the latest."""
        ledger = Ledger(path)
        gone = self.fill(ledger)
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM requests").fetchone()
        remover = subprocess.Popen([sys.executable, "-c", REMOVER, str(path), *map(str, gone)])
        try:
            until(lambda: len(stored(path)) == 20)
        finally:
            reader.execute("COMMIT")
            reader.close()
        assert remover.wait(30) == 0
        ledger.remove([])
        assert b"forget me" not in written(path)
