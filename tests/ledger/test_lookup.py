"""Finding rows: by a beginning of an id, by age, by urgency, by what is in them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fal_cli.ledger.rows import Row, Search, State
from fal_cli.ledger.store import Ledger
from tests.support.ledger_file import accepted, begun, completed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def names(rows: list[Row]) -> list[str]:
    return [row.name for row in rows]


class TestByRequestId:
    @pytest.mark.parametrize(
        ("prefix", "found"),
        [
            pytest.param("abc-1", ["abc-1"], id="exact"),
            pytest.param("abc-2", ["abc-2"], id="exact, though others begin with it"),
            pytest.param("abc-22", ["abc-22"], id="exact, the longer one"),
            pytest.param("x", ["x_y%z"], id="a unique beginning"),
            pytest.param("abc", ["abc-22", "abc-2", "abc-1"], id="several, newest first"),
            pytest.param("nothing", [], id="none"),
            pytest.param("ABC-1", [], id="case counts"),
            pytest.param("%", [], id="a percent sign is itself"),
            pytest.param("_bc", [], id="an underscore is itself"),
            pytest.param("x_y%", ["x_y%z"], id="both, as they are in an id"),
            pytest.param("xxy", [], id="no wildcard in the row either"),
            pytest.param("\\", [], id="a backslash is itself"),
            pytest.param("abc-1'; DROP TABLE requests; --", [], id="no SQL"),
        ],
    )
    def test_a_beginning(self, path: Path, prefix: str, found: list[str]) -> None:
        ledger = Ledger(path)
        accepted(ledger, "abc-1", "abc-2", "abc-22", "x_y%z")
        begun(ledger)
        assert names(ledger.by_request_id(prefix)) == found

    def test_the_exact_one_alone_however_many_newer_ones_begin_with_it(self, path: Path) -> None:
        ledger = Ledger(path)
        accepted(ledger, "id", "id1", "id2", "id3", "id4")
        assert names(ledger.by_request_id("id")) == ["id"]


class TestNewest:
    @pytest.fixture
    def ledger(self, path: Path) -> Ledger:
        ledger = Ledger(path)
        accepted(ledger, "id-1", "id-2")
        begun(ledger)  # has no id yet
        accepted(ledger, "id-3")
        ledger.completed(begun(ledger, mode="direct"), size=2, kept=None, request_id="direct-1")
        begun(ledger)
        return ledger

    @pytest.mark.parametrize(
        ("nth", "name"),
        [
            pytest.param(1, "id-3", id="newest"),
            pytest.param(2, "id-2", id="second"),
            pytest.param(3, "id-1", id="oldest"),
            pytest.param(4, None, id="beyond"),
            pytest.param(999_999, None, id="far beyond"),
        ],
    )
    def test_of_those_in_the_queue_with_an_id(self, ledger: Ledger, nth: int, name: str | None) -> None:
        row = ledger.newest(nth)
        assert (row and row.name) == name

    @pytest.mark.parametrize(("nth", "name"), [(1, "@6"), (2, "direct-1"), (3, "id-3"), (4, "@3")])
    def test_of_all(self, ledger: Ledger, nth: int, name: str) -> None:
        row = ledger.newest(nth, with_id=False)
        assert row is not None
        assert row.name == name


class TestUnfinished:
    def test_what_is_due_to_go_first_comes_first(self, path: Path) -> None:
        moments = [NOON]
        ledger = Ledger(path, now=lambda: moments[-1])
        accepted(ledger, "waits-1", "ends-late", "ends-early", "waits-2", "is-done")
        begun(ledger)
        for local_id, minutes, size in ((2, 50, 10), (3, 5, 10)):
            moments.append(NOON + timedelta(minutes=minutes))
            ledger.completed(local_id, size=size, kept=None)
        ledger.completed(5, size=10, kept=None)
        ledger.delivered(5)
        assert names(ledger.unfinished()) == ["ends-early", "ends-late", "waits-1", "waits-2", "@6"]

    def test_a_large_private_result_goes_before_a_small_older_one(self, path: Path) -> None:
        """It is kept for minutes, not for an hour."""
        moments = [NOON]
        ledger = Ledger(path, now=lambda: moments[-1])
        accepted(ledger, "small", is_private=True)
        accepted(ledger, "large", is_private=True)
        ledger.completed(1, size=100, kept=None)
        moments.append(NOON + timedelta(minutes=30))
        ledger.completed(2, size=20_000, kept=None)
        rows = ledger.unfinished()
        assert names(rows) == ["large", "small"]
        assert [row.expires_at for row in rows] == [NOON + timedelta(minutes=36), NOON + timedelta(minutes=60)]


class TestSearch:
    @pytest.fixture
    def ledger(self, path: Path) -> Ledger:
        moments = [NOON]
        ledger = Ledger(path, now=lambda: moments[-1])
        completed(ledger, "one")
        ledger.delivered(1)
        moments.append(NOON + timedelta(days=1))
        accepted(ledger, "two", endpoint="a/b/c", input_json={"prompt": "100% cat_food", "n": 7})
        moments.append(NOON + timedelta(days=2))
        accepted(ledger, "three", endpoint="a/bc", is_private=True)
        ledger.ended(3, State.FAILED, "the model\nbroke")
        moments.append(NOON + timedelta(days=3))
        begun(ledger, {"prompt": 'ein "großer" Hund', "path": "C:\\dogs"}, endpoint="a_b/c")
        return ledger

    @pytest.mark.parametrize(
        ("search", "found"),
        [
            pytest.param(Search(), ["@4", "three", "two", "one"], id="all, newest first"),
            pytest.param(Search(limit=2), ["@4", "three"], id="limit"),
            pytest.param(Search(states=("failed",)), ["three"], id="a state"),
            pytest.param(Search(states=("failed", "completed")), ["three", "one"], id="two states"),
            pytest.param(Search(only_open=True), ["@4", "two"], id="open"),
            pytest.param(Search(states=("failed",), only_open=True), ["@4", "three", "two"], id="failed or open"),
            pytest.param(Search(endpoint="a/b"), ["two", "one"], id="an endpoint and those under it"),
            pytest.param(Search(endpoint="a/b/c"), ["two"], id="an endpoint under it"),
            pytest.param(Search(endpoint="a%"), [], id="no wildcard in an endpoint"),
            pytest.param(Search(endpoint="a_b"), ["@4"], id="an underscore in an endpoint is itself"),
            pytest.param(Search(since=NOON + timedelta(days=2)), ["@4", "three"], id="since"),
            pytest.param(Search(before=NOON + timedelta(days=1)), ["one"], id="before"),
            pytest.param(
                Search(since=datetime(2026, 3, 2, 14, tzinfo=UTC).astimezone(), before=NOON + timedelta(days=3)),
                ["three"],
                id="between, in the time zone of this machine",
            ),
            pytest.param(Search(text="cat_"), ["two"], id="an underscore is itself"),
            pytest.param(Search(text="t_f"), ["two"], id="so it is in the middle"),
            pytest.param(Search(text="c_t"), [], id="it is no wildcard"),
            pytest.param(Search(text="0% "), ["two"], id="a percent sign is itself"),
            pytest.param(Search(text="1%cat"), [], id="nor is that a wildcard"),
            pytest.param(Search(text="CAT_FOOD"), ["two"], id="ASCII case does not count"),
            pytest.param(Search(text='ein "gro'), ["@4"], id="a quote, which JSON escapes"),
            pytest.param(Search(text="C:\\dogs"), ["@4"], id="a backslash, which JSON escapes"),
            pytest.param(Search(text="model\nbroke"), [], id="an error of a private call is not kept"),
            pytest.param(Search(text="hree"), ["three"], id="an id"),
            pytest.param(Search(text="a/bc"), ["three"], id="an endpoint's name"),
            pytest.param(Search(text="'; DROP TABLE requests; --"), [], id="no SQL"),
            pytest.param(Search(only_private=True), ["three"], id="private"),
            pytest.param(Search(states=("completed",), endpoint="a/bc"), [], id="all that is asked for"),
        ],
    )
    def test_what_is_found(self, ledger: Ledger, search: Search, found: list[str]) -> None:
        assert names(ledger.search(search)) == found
