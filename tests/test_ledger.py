"""The ledger: a row is on disk before the bytes leave, many processes write at once, and no failure stops a call."""

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fal_cli import endpoint
from fal_cli.api.events import Handle
from fal_cli.inputs import documents
from fal_cli.journal import Journal
from fal_cli.ledger import STORED_INPUT_BYTES, Ledger, LedgerError, State

URLS = {"status_url": "https://queue.fal.run/a/b/requests/x/status"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.db"


def begun(ledger: Ledger, input_json: Mapping[str, Any] | None = None) -> int:
    return ledger.begin(
        host="https://queue.fal.run", profile="work", mode="queue", endpoint="a/b", input_json=input_json or {}
    )


def accepted(ledger: Ledger, *request_ids: str) -> None:
    for request_id in request_ids:
        ledger.accepted(begun(ledger), request_id, URLS)


def stored(path: Path) -> list[dict[str, Any]]:
    """Every row as another process sees it."""
    with sqlite3.connect(path) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute("SELECT * FROM requests ORDER BY local_id")]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def handle(request_id: str) -> Handle:
    return Handle(endpoint.parse("a/b"), request_id, "https://q/s", "https://q/r", "https://q/c")


class TestRows:
    def test_a_row_is_there_before_the_service_answers(self, path: Path) -> None:
        local_id = begun(Ledger(path), {"prompt": "für"})
        (row,) = stored(path)
        assert row["local_id"] == local_id
        assert (row["state"], row["request_id"]) == ("sending", None)
        assert (row["host"], row["profile"]) == ("https://queue.fal.run", "work")
        assert (row["mode"], row["endpoint"]) == ("queue", "a/b")
        assert json.loads(row["input"]) == {"prompt": "für"}

    def test_a_row_outlives_a_process_that_is_killed(self, path: Path) -> None:
        """`synchronous=FULL` (2) makes it outlive the power, too."""
        script = """if True:
            import os, signal, sqlite3, sys
            from pathlib import Path
            made, connect = [], sqlite3.connect
            def remembered(*args, **options):
                made.append(connect(*args, **options))
                return made[-1]
            sqlite3.connect = remembered
            from fal_cli.ledger import Ledger
            Ledger(Path(sys.argv[1])).begin(host="h", profile="", mode="queue", endpoint="a/b", input_json={"k": 1})
            print(made[0].execute("PRAGMA synchronous").fetchone()[0], flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        """
        done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert done.stdout == "2\n"
        assert [(row["state"], row["input"]) for row in stored(path)] == [("sending", '{"k":1}')]

    def test_accepted(self, path: Path) -> None:
        ledger = Ledger(path)
        local_id = begun(ledger)
        ledger.accepted(local_id, "id-1", URLS)
        row = ledger.newest(1)
        assert row is not None
        assert (row.local_id, row.request_id, row.state, row.endpoint) == (local_id, "id-1", State.ACCEPTED, "a/b")
        assert (row.host, row.profile, row.urls) == ("https://queue.fal.run", "work", URLS)
        assert timedelta(0) <= datetime.now(UTC) - row.created_at < timedelta(minutes=5)

    @pytest.mark.parametrize("state", list(State))
    def test_ended(self, path: Path, state: State) -> None:
        ledger = Ledger(path)
        accepted(ledger, "id-1", "id-2")
        ledger.ended(1, state, "it broke")
        assert [(row["state"], row["error"]) for row in stored(path)] == [(state.value, "it broke"), ("accepted", None)]

    def test_a_ledger_is_opened_again(self, path: Path) -> None:
        accepted(Ledger(path), "id-1")
        again = Ledger(path)
        accepted(again, "id-2")
        assert [row["request_id"] for row in stored(path)] == ["id-1", "id-2"]


class TestPrivacy:
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
            file.name: 0o600 for file in path.parent.iterdir()
        }

    def test_the_folder_is_the_owners_alone_when_the_sandbox_came_first(self, path: Path) -> None:
        Ledger(path.parent / "sandbox" / "ledger.db")
        Ledger(path)
        assert mode(path.parent) == 0o700


class TestLookup:
    @pytest.mark.parametrize(
        ("prefix", "found"),
        [
            pytest.param("abc-1", ["abc-1"], id="exact"),
            pytest.param("abc-2", ["abc-2"], id="exact, though others begin with it"),
            pytest.param("abc-22", ["abc-22"], id="exact, the longer one"),
            pytest.param("x", ["x_y%z"], id="a unique beginning"),
            pytest.param("abc", ["abc-22", "abc-2", "abc-1"], id="several, newest first"),
            pytest.param("nothing", [], id="none"),
            pytest.param("%", [], id="a percent sign is itself"),
            pytest.param("_bc", [], id="an underscore is itself"),
            pytest.param("x_y%", ["x_y%z"], id="both, as they are in an id"),
            pytest.param("xxy", [], id="no wildcard in the row either"),
            pytest.param("\\", [], id="a backslash is itself"),
            pytest.param("abc-1'; DROP TABLE requests; --", [], id="no SQL"),
        ],
    )
    def test_by_request_id(self, path: Path, prefix: str, found: list[str]) -> None:
        ledger = Ledger(path)
        accepted(ledger, "abc-1", "abc-2", "abc-22", "x_y%z")
        begun(ledger)
        assert [row.request_id for row in ledger.by_request_id(prefix)] == found

    def test_the_exact_one_alone_however_many_newer_ones_begin_with_it(self, path: Path) -> None:
        ledger = Ledger(path)
        accepted(ledger, "id", "id1", "id2", "id3", "id4")
        assert [row.request_id for row in ledger.by_request_id("id")] == ["id"]

    @pytest.mark.parametrize(
        ("nth", "request_id"),
        [
            pytest.param(1, "id-3", id="newest"),
            pytest.param(2, "id-2", id="second"),
            pytest.param(3, "id-1", id="oldest"),
            pytest.param(4, None, id="beyond"),
            pytest.param(999_999, None, id="far beyond"),
        ],
    )
    def test_newest(self, path: Path, nth: int, request_id: str | None) -> None:
        ledger = Ledger(path)
        accepted(ledger, "id-1", "id-2")
        begun(ledger)  # has no id yet, so it is not counted
        accepted(ledger, "id-3")
        begun(ledger)
        row = ledger.newest(nth)
        assert (row and row.request_id) == request_id


class TestStoredInput:
    def test_an_input_of_the_most_that_is_stored(self, path: Path) -> None:
        frame = len('{"a":""}')
        ledger = Ledger(path)
        begun(ledger, {"a": "x" * (STORED_INPUT_BYTES - frame)})
        begun(ledger, {"a": "x" * (STORED_INPUT_BYTES - frame + 1)})
        begun(ledger, {"a": "ü" * ((STORED_INPUT_BYTES - frame) // 2 + 1)})
        assert [row["input"] is not None for row in stored(path)] == [True, False, False]

    def test_the_hash_is_of_the_input_as_it_was_sent(self, path: Path) -> None:
        long = {"a": "ü" * STORED_INPUT_BYTES, "b": "data:image/png;base64," + "A" * 5000}
        begun(Ledger(path), long)
        sent = json.dumps(long, ensure_ascii=False, separators=(",", ":")).encode()
        assert stored(path)[0]["input_sha256"] == hashlib.sha256(sent).hexdigest()

    def test_data_uris_are_shortened_wherever_they_stand(self, path: Path) -> None:
        uri = "data:image/png;base64," + "A" * 100_000
        begun(Ledger(path), {"image": uri, "list": [{"deep": uri}], "prompt": "data: " + "x", "short": "data:,x"})
        text = stored(path)[0]["input"]
        assert len(text) < 400
        kept = json.loads(text)
        assert kept["image"].startswith("data:image/png;base64,AAA")
        assert f"({len(uri)} characters)" in kept["image"]
        assert kept["list"] == [{"deep": kept["image"]}]
        assert (kept["prompt"], kept["short"]) == ("data: x", "data:,x")

    @pytest.fixture
    def usual_stack(self) -> Iterator[None]:
        """Python's own limit, which hypothesis raises for a while."""
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(1000)
        yield
        sys.setrecursionlimit(before)

    @pytest.mark.usefixtures("usual_stack")
    @pytest.mark.parametrize("depth", [100, 400, 600, 900])
    def test_any_document_that_is_read_can_be_recorded(self, path: Path, depth: int) -> None:
        """The limit is the strict reader's: what it accepts may not fail later."""
        nested = documents.loads_object('{"a":' * depth + "1" + "}" * depth, "x")
        begun(Ledger(path), nested)
        assert stored(path)[0]["endpoint"] == "a/b"


WRITER = """if True:
    import sys
    from pathlib import Path
    from fal_cli.ledger import Ledger, State
    who = sys.argv[2]
    sys.stdin.readline()
    ledger = Ledger(Path(sys.argv[1]))
    for number in range(10):
        local_id = ledger.begin(host="h", profile="", mode="queue", endpoint="a/b", input_json={"n": number})
        ledger.accepted(local_id, f"{who}-{number}", {})
        ledger.ended(local_id, State.COMPLETED)
"""


def test_twenty_processes_lose_nothing(path: Path) -> None:
    """The file does not exist yet, so they also race for its first migration."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), f"w{number}"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(20)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    troubles = [writer.communicate()[1] for writer in writers]
    assert troubles == [""] * 20
    rows = stored(path)
    assert {row["request_id"] for row in rows} == {f"w{who}-{number}" for who in range(20) for number in range(10)}
    assert len(rows) == 200
    assert {row["state"] for row in rows} == {"completed"}


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
        local_id = journal.begin(host="h", profile="", mode="queue", endpoint="a/b", input_json={"prompt": "x"})
        assert local_id is None
        journal.accepted(local_id, handle("id-2"))
        journal.ended(local_id, State.COMPLETED)
        journal.request_ended("id-2", State.COMPLETED)
        assert journal.newest(1) is None
        assert journal.by_request_id("id") == []
        assert len(warnings) == 1


def test_newer_version_is_named(path: Path) -> None:
    newer_version(path)
    with pytest.raises(LedgerError, match="newer version"):
        Ledger(path)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        pytest.param("state", "'unheard of'", id="state"),
        pytest.param("created_at", "'yesterday'", id="time"),
        pytest.param("urls", "'{'", id="urls"),
    ],
)
def test_a_damaged_row_is_a_ledger_error(path: Path, column: str, value: str) -> None:
    ledger = Ledger(path)
    accepted(ledger, "id-1")
    with sqlite3.connect(path) as db:
        db.execute(f"UPDATE requests SET {column} = {value}")
    with pytest.raises(LedgerError):
        ledger.newest(1)


class TestJournal:
    def test_a_whole_life(self, path: Path) -> None:
        journal = Journal(path, warn=pytest.fail)
        local_id = journal.begin(host="h", profile="", mode="direct", endpoint="a/b", input_json={})
        journal.accepted(local_id, handle("id-1"))
        row = journal.newest(1)
        assert row is not None
        assert dict(row.urls) == {
            "status_url": "https://q/s",
            "response_url": "https://q/r",
            "cancel_url": "https://q/c",
        }
        assert journal.by_request_id("id") == [row]
        journal.ended(local_id, State.FAILED, "why")
        assert [(entry["state"], entry["error"]) for entry in stored(path)] == [("failed", "why")]

    def test_the_end_of_a_request_of_another_process(self, path: Path) -> None:
        accepted(Ledger(path), "id-1", "id-12")
        Journal(path, warn=pytest.fail).request_ended("id-1", State.CANCELLED)
        assert [row["state"] for row in stored(path)] == ["cancelled", "accepted"]

    def test_a_beginning_of_an_id_ends_nothing(self, path: Path) -> None:
        accepted(Ledger(path), "id-12")
        Journal(path, warn=pytest.fail).request_ended("id-1", State.CANCELLED)
        assert [row["state"] for row in stored(path)] == ["accepted"]

    def test_a_ledger_that_breaks_later_warns_once(self, path: Path) -> None:
        warnings: list[str] = []
        journal = Journal(path, warn=warnings.append)
        local_id = journal.begin(host="h", profile="", mode="queue", endpoint="a/b", input_json={})
        with sqlite3.connect(path) as db:
            db.execute("DROP TABLE requests")
        journal.accepted(local_id, handle("id-1"))
        journal.ended(local_id, State.COMPLETED)
        assert local_id == 1
        assert len(warnings) == 1

    def test_nothing_is_made_before_the_first_use(self, path: Path) -> None:
        Journal(path, warn=pytest.fail)
        assert not path.parent.exists()
