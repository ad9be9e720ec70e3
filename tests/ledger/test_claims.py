"""A call is taken by one process, sent by the one that has it, and fits its budget or is not taken at all."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.ledger import claims, uploads
from fal_cli.ledger.claims import Budget, Claimed, Leaving, OverBudget, Taken
from fal_cli.ledger.rows import Mark, State
from fal_cli.ledger.store import Ledger
from tests.support.ledger_file import URLS, begun, call

SCOPE = "scope"
KNOWN: dict[str, Any] = {"once_key": "key", "content_key": "content", "scope": SCOPE}


@pytest.fixture
def ledger(path: Path) -> Ledger:
    return Ledger(path)


def taken(ledger: Ledger, **values: Any) -> int:
    claimed = claims.claim(ledger, call({"a": "@x"}, **(KNOWN | values)))
    assert isinstance(claimed, Claimed)
    return claimed.local_id


def budget(limit: str, **values: Any) -> Budget:
    return Budget(Decimal(limit), limit, SCOPE, **values)


def test_a_claimed_call_has_not_left(ledger: Ledger) -> None:
    row = ledger.row(taken(ledger))
    assert row is not None
    assert (row.state, row.mark, row.sent_at, row.is_open) == (State.SENDING, Mark.CLAIMED, None, True)


def test_of_many_processes_one_takes_it(path: Path) -> None:
    ledgers = [Ledger(path) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda ledger: claims.claim(ledger, call({}, **KNOWN)), ledgers))
    assert sum(isinstance(one, Claimed) for one in found) == 1
    assert {one.row.local_id for one in found if isinstance(one, Taken)} == {1}


def test_what_was_seen_and_has_changed_is_looked_at_again(ledger: Ledger) -> None:
    local_id = taken(ledger)
    seen = claims.newest(ledger, "key")
    claims.mark_sending(ledger, [Leaving(local_id, call({"a": "url"}))])
    found = claims.claim(ledger, call({}, **KNOWN), seen=seen)
    assert isinstance(found, Taken)
    assert found.row.mark is Mark.SENDING


def test_a_claim_left_behind_is_closed_and_its_process_cannot_send(ledger: Ledger) -> None:
    first = taken(ledger)
    second = claims.claim(ledger, call({}, **KNOWN), seen=claims.newest(ledger, "key"))
    assert isinstance(second, Claimed)
    assert claims.mark_sending(ledger, [Leaving(first, call({})), Leaving(second.local_id, call({}))]) == {
        second.local_id
    }
    row = ledger.row(first)
    assert row is not None
    assert (row.state, row.is_open) == (State.NOT_SENT, False)


def test_what_leaves_is_recorded_as_it_is_sent(ledger: Ledger) -> None:
    local_id = taken(ledger)
    assert claims.mark_sending(ledger, [Leaving(local_id, call({"a": "https://x/y.png"}))]) == {local_id}
    row = ledger.row(local_id)
    assert row is not None
    assert (row.input_json, row.mark, row.input_is_whole) == ({"a": "https://x/y.png"}, Mark.SENDING, True)
    assert row.sent_at is not None
    assert row.input_sha256 == ledger.row(begun(ledger, {"a": "https://x/y.png"})).input_sha256  # type: ignore[union-attr]
    assert claims.mark_sending(ledger, [Leaving(local_id, call({}))]) == set()


def test_a_match_of_another_account_is_found_apart(ledger: Ledger) -> None:
    local_id = taken(ledger, once_key="theirs", scope="theirs")
    found = claims.elsewhere(ledger, "content", SCOPE)
    assert found is not None
    assert found.local_id == local_id
    assert claims.elsewhere(ledger, "content", "theirs") is None
    assert claims.newest(ledger, "key") is None
    assert claims.newest(ledger, "") is None


class TestBudget:
    def claim(self, ledger: Ledger, amount: str | None, *budgets: Budget, allows_unknown: bool = False) -> claims.Claim:
        one = call({}, scope=SCOPE)
        reserved = None if amount is None else Decimal(amount)
        return claims.claim(ledger, one, reserved=reserved, budgets=budgets, allows_unknown=allows_unknown)

    def test_what_is_reserved_counts_at_once(self, ledger: Ledger) -> None:
        results = [self.claim(ledger, "0.1", budget("0.3")) for _ in range(4)]
        assert [type(one) for one in results] == [Claimed] * 3 + [OverBudget]
        assert isinstance(results[-1], OverBudget)
        assert results[-1].spent == (Decimal(0), Decimal("0.3"), 0)

    def test_of_many_processes_as_many_pass_as_fit(self, path: Path) -> None:
        ledgers = [Ledger(path) for _ in range(10)]
        with ThreadPoolExecutor(10) as pool:
            found = list(pool.map(lambda ledger: self.claim(ledger, "0.025", budget("0.15")), ledgers))
        assert sum(isinstance(one, Claimed) for one in found) == 6

    @pytest.mark.parametrize(
        ("end", "left"),
        [
            pytest.param(lambda ledger, local_id: None, "1", id="left behind"),
            pytest.param(lambda ledger, local_id: ledger.ended(local_id, State.NOT_SENT), "0", id="never sent"),
            pytest.param(lambda ledger, local_id: ledger.ended(local_id, State.REFUSED), "0", id="refused"),
            pytest.param(lambda ledger, local_id: ledger.ended(local_id, State.UNKNOWN), "1", id="unknown"),
            pytest.param(lambda ledger, local_id: ledger.ended(local_id, State.CANCELLED), "1", id="cancelled"),
            pytest.param(lambda ledger, local_id: claims.settle(ledger, local_id, Decimal("0.4")), "0.4", id="settled"),
            pytest.param(
                lambda ledger, local_id: claims.settle(ledger, local_id, Decimal(9), currency="EUR"),
                "1",
                id="settled in another currency",
            ),
            pytest.param(lambda ledger, local_id: claims.settle(ledger, local_id, None), "1", id="never settled"),
        ],
    )
    def test_what_is_not_settled_stays_spent(
        self, ledger: Ledger, end: Callable[[Ledger, int], None], left: str
    ) -> None:
        claimed = self.claim(ledger, "1")
        assert isinstance(claimed, Claimed)
        end(ledger, claimed.local_id)
        assert claims.spent_of(ledger, budget("1")).total == Decimal(left)

    def test_what_is_not_known_is_refused_and_never_nothing(self, ledger: Ledger) -> None:
        assert isinstance(self.claim(ledger, None, budget("1")), OverBudget)
        assert isinstance(self.claim(ledger, None, budget("1"), allows_unknown=True), Claimed)
        refused = self.claim(ledger, "0.1", budget("1"))
        assert isinstance(refused, OverBudget)
        assert refused.spent.unknown == 1
        assert isinstance(self.claim(ledger, "0.1", budget("1"), allows_unknown=True), Claimed)

    def test_calls_of_an_older_program_count(self, ledger: Ledger) -> None:
        begun(ledger, profile="work")
        begun(ledger, profile="other")
        begun(ledger, profile="", key_print="mine")
        assert claims.spent_of(ledger, budget("1", profile="work")).unknown == 1
        assert claims.spent_of(ledger, budget("1", key_print="mine")).unknown == 1
        assert claims.spent_of(ledger, budget("1", key_print="other")).unknown == 0

    def test_a_day_begins_when_it_is_told(self, path: Path) -> None:
        now = datetime(2026, 5, 1, 23, 59, tzinfo=UTC)
        ledger = Ledger(path, now=lambda: now)
        self.claim(ledger, "1")
        assert claims.spent_of(ledger, budget("1", since=datetime(2026, 5, 1, tzinfo=UTC))).total == 1
        assert claims.spent_of(ledger, budget("1", since=datetime(2026, 5, 2, tzinfo=UTC))).total == 0

    def test_a_batch_has_its_own(self, ledger: Ledger) -> None:
        claims.claim(ledger, call({}, scope=SCOPE, batch="cats"), reserved=Decimal(1))
        assert claims.spent_of(ledger, budget("1", batch="cats")).total == 1
        assert claims.spent_of(ledger, budget("1", batch="dogs")).total == 0
        assert claims.spent_of(ledger, budget("1")).total == 1

    @settings(max_examples=15, deadline=None)
    @given(st.lists(st.decimals(min_value=0, max_value=10**6, places=9), max_size=6))
    def test_sums_are_exact(self, amounts: list[Decimal]) -> None:
        with TemporaryDirectory() as folder:
            ledger = Ledger(Path(folder) / "ledger.db")
            for amount in amounts:
                claims.claim(ledger, call({}, scope=SCOPE), reserved=amount)
            assert claims.spent_of(ledger, budget("1")).reserved == sum(amounts, Decimal(0))


def test_an_amount_finer_than_is_counted_counts_as_more() -> None:
    assert claims.held(Decimal("0.0000000001")) == 1
    assert claims.held(None) is None


def test_an_upload_is_known_until_it_expires(ledger: Ledger) -> None:
    now, later = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)
    uploads.remember_url(ledger, "sha", SCOPE, "https://x/y", later)
    assert uploads.url_of(ledger, "sha", SCOPE, now) == "https://x/y"
    assert uploads.url_of(ledger, "sha", "theirs", now) == ""
    assert uploads.url_of(ledger, "sha", SCOPE, later) == ""
    uploads.remember_url(ledger, "sha", SCOPE, "https://x/z")
    assert uploads.url_of(ledger, "sha", SCOPE, later) == "https://x/z"
    uploads.forget_url(ledger, "sha", SCOPE)
    assert uploads.url_of(ledger, "sha", SCOPE, now) == ""


def test_with_the_last_call_goes_what_was_known_of_files(ledger: Ledger) -> None:
    one, other = begun(ledger), begun(ledger)
    uploads.remember_url(ledger, "sha", SCOPE, "https://x/y")
    ledger.remove([one])
    assert uploads.url_of(ledger, "sha", SCOPE, datetime.now(UTC))
    ledger.remove([other])
    assert uploads.url_of(ledger, "sha", SCOPE, datetime.now(UTC)) == ""


def test_the_key_stays_with_its_request(ledger: Ledger) -> None:
    local_id = taken(ledger)
    claims.mark_sending(ledger, [Leaving(local_id, call({}))])
    ledger.accepted(local_id, "id-1", URLS)
    row = claims.newest(ledger, "key")
    assert row is not None
    assert (row.request_id, row.state, row.scope) == ("id-1", State.ACCEPTED, SCOPE)
