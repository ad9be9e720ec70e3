"""The life of a row: on disk before the bytes leave, and what is known to be over stays over."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fal_cli.ledger.rows import Kept, Row, State
from fal_cli.ledger.store import Ledger
from tests.support.ledger_file import HOST, URLS, accepted, begun, call, stored

OVER = (State.COMPLETED, State.FAILED, State.CANCELLED, State.REFUSED, State.NOT_SENT, State.EXPIRED)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEPT = Kept(b'{"a":1}', "application/json", True)


class TestBegin:
    def test_a_row_is_there_before_the_service_answers(self, path: Path) -> None:
        options = {"priority": "low", "tags": {"team": "x"}}
        local_id = Ledger(path).begin(call({"prompt": "für"}, key_print="abcd", options=options))
        (row,) = stored(path)
        assert row["local_id"] == local_id
        assert (row["state"], row["request_id"], row["is_open"]) == ("sending", None, 1)
        assert (row["host"], row["profile"], row["key_print"]) == (HOST, "work", "abcd")
        assert (row["mode"], row["endpoint"], row["input"]) == ("queue", "a/b", '{"prompt":"für"}')
        seen = Ledger(path).row(local_id)
        assert seen is not None
        assert (seen.input_json, seen.input_is_whole, seen.options) == ({"prompt": "für"}, True, options)
        assert seen.tags == {"team": "x"}
        assert seen.name == f"@{local_id}"

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
            from fal_cli.ledger.rows import Call
            from fal_cli.ledger.store import Ledger
            ledger = Ledger(Path(sys.argv[1]))
            local_id = ledger.begin(Call("a/b", {"k": 1}))
            print(made[0].execute("PRAGMA synchronous").fetchone()[0], flush=True)
            ledger.accepted(local_id, "id-1", {})
            print(made[0].execute("PRAGMA synchronous").fetchone()[0], flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        """
        done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert done.stdout == "2\n2\n"
        assert [(row["state"], row["input"], row["request_id"]) for row in stored(path)] == [
            ("accepted", '{"k":1}', "id-1")
        ]

    def test_a_ledger_is_opened_again(self, path: Path) -> None:
        accepted(Ledger(path), "id-1")
        accepted(Ledger(path), "id-2")
        assert [row["request_id"] for row in stored(path)] == ["id-1", "id-2"]


class TestEnds:
    def test_accepted(self, path: Path) -> None:
        ledger = Ledger(path)
        local_id = accepted(ledger, "id-1")
        row = ledger.newest(1)
        assert row is not None
        assert (row.local_id, row.name, row.state, row.is_open) == (local_id, "id-1", State.ACCEPTED, True)
        assert (row.host, row.profile, row.urls) == (HOST, "work", URLS)
        assert timedelta(0) <= datetime.now(UTC) - row.created_at < timedelta(minutes=5)

    @pytest.mark.parametrize("state", list(State))
    def test_ended(self, path: Path, state: State) -> None:
        ledger = Ledger(path)
        accepted(ledger, "id-1", "id-2")
        ledger.ended(1, state, "it broke", billable_units="3")
        assert [(row["state"], row["error"], row["billable_units"]) for row in stored(path)] == [
            (state.value, "it broke", "3"),
            ("accepted", None, ""),
        ]

    @pytest.mark.parametrize(
        ("mode", "is_open"), [("queue", True), ("direct", True), ("stream", False), ("realtime", False)]
    )
    def test_what_is_unknown_stays_open_where_something_lives_on(self, path: Path, mode: str, is_open: bool) -> None:
        ledger = Ledger(path)
        ledger.ended(begun(ledger, mode=mode), State.UNKNOWN)
        assert bool(stored(path)[0]["is_open"]) is is_open

    @pytest.mark.parametrize("state", OVER)
    def test_an_end_closes_the_row(self, path: Path, state: State) -> None:
        ledger = Ledger(path)
        ledger.ended(accepted(ledger, "id-1"), state)
        assert ledger.unfinished() == []

    def test_a_result_stays_open_until_it_is_delivered(self, path: Path) -> None:
        ledger = Ledger(path)
        local_id = accepted(ledger, "id-1")
        ledger.completed(local_id, size=7, kept=KEPT, billable_units="2.5", inference_seconds=1.5)
        (row,) = ledger.unfinished()
        assert (row.state, row.has_result, row.billable_units) == (State.COMPLETED, True, "2.5")
        assert row.inference_seconds == 1.5
        assert ledger.result(local_id) == KEPT
        ledger.delivered(local_id, ["/x/a.png"])
        ledger.delivered(local_id, ["/x/a.png", "/x/b.png"])
        assert ledger.unfinished() == []
        assert stored(path)[0]["files"] == '["/x/a.png", "/x/b.png"]'

    def test_a_call_outside_the_queue_gets_its_id_with_its_result(self, path: Path) -> None:
        ledger = Ledger(path)
        local_id = begun(ledger, mode="direct")
        ledger.completed(local_id, size=7, kept=KEPT, request_id="id-1")
        row = ledger.row(local_id)
        assert row is not None
        assert (row.name, row.state) == ("id-1", State.COMPLETED)


class TestSeen:
    @pytest.mark.parametrize("over", OVER)
    @pytest.mark.parametrize("seen", [State.RUNNING, State.ENDED])
    def test_never_undoes_an_end(self, path: Path, over: State, seen: State) -> None:
        ledger = Ledger(path)
        local_id = accepted(ledger, "id-1")
        ledger.ended(local_id, over, "why")
        before = stored(path)
        ledger.seen(local_id, seen)
        assert stored(path) == before

    def test_running_and_then_at_its_end(self, path: Path) -> None:
        moments = [NOON]
        ledger = Ledger(path, now=lambda: moments[-1])
        local_id = accepted(ledger, "id-1")
        for state in (State.RUNNING, State.ENDED, State.ENDED):
            moments.append(moments[-1] + timedelta(seconds=5))
            ledger.seen(local_id, state)
        row = ledger.row(local_id)
        assert row is not None
        assert (row.state, row.is_open) == (State.ENDED, True)
        assert (row.started_at, row.ended_at) == (NOON + timedelta(seconds=5), NOON + timedelta(seconds=10))
        assert row.expires_at == NOON + timedelta(hours=1, seconds=10)
        ledger.seen(local_id, State.RUNNING)
        again = ledger.row(local_id)
        assert again is not None
        assert again.state is State.ENDED

    @pytest.mark.parametrize("seen", [State.RUNNING, State.ENDED])
    def test_never_undoes_an_end_that_another_process_writes_meanwhile(self, path: Path, seen: State) -> None:
        """The other is at it while the clock is asked: after our look and before our change, or held up by us."""
        local_id = accepted(Ledger(path), "id-1")
        other = threading.Thread(target=_complete, args=(path, local_id))

        def meanwhile() -> datetime:
            if other.ident is None:
                other.start()
                other.join(1.0)
            return datetime.now(UTC)

        Ledger(path, now=meanwhile).seen(local_id, seen)
        other.join()
        assert stored(path)[0]["state"] == "completed"


def _complete(path: Path, local_id: int) -> None:
    ledger = Ledger(path)
    ledger.completed(local_id, size=7, kept=KEPT)
    ledger.delivered(local_id)


@pytest.mark.parametrize(("later", "took"), [(7, 7.0), (-3600, None)])
def test_what_a_clock_that_went_back_says_of_a_span_is_not_told(path: Path, later: int, took: float | None) -> None:
    moments = iter([NOON, NOON + timedelta(seconds=later)])
    row = _of_a_span(path, lambda: next(moments, NOON + timedelta(seconds=later)))
    assert row.took == took


def _of_a_span(path: Path, now: Callable[[], datetime]) -> Row:
    """A row that began at the first moment of a clock and ended at the next one."""
    number = begun(Ledger(path))
    Ledger(path).accepted(number, "id-1", URLS)
    ledger = Ledger(path, now=now)
    ledger.seen(number, State.RUNNING)
    ledger.completed(number, size=1, kept=None)
    row = ledger.row(number)
    assert row is not None
    return row
