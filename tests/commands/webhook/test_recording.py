"""`fal webhook listen --record`: a verified result goes into the history once, and only for a request made here."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fal_cli.commands.webhook.recording import record
from fal_cli.context import Context
from fal_cli.ledger.journal import Journal
from fal_cli.ledger.rows import Call, State

URLS = {"status_url": "https://x/s", "response_url": "https://x", "cancel_url": "https://x/c"}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path / "ledger.db", warn=pytest.fail)
    number = journal.required(lambda ledger: ledger.begin(Call("a/b", {"n": 1})))
    journal.required(lambda ledger: ledger.accepted(number, "id-1", URLS))
    return journal


def told(journal: Journal, body: Any) -> bool:
    return record(cast(Context, SimpleNamespace(journal=journal)), body)


def test_a_result_is_recorded_once(journal: Journal) -> None:
    assert told(journal, {"request_id": "id-1", "status": "OK", "payload": {"images": ["ü"]}})
    row = journal.by_request_id("id-1")[0]
    assert (row.state, row.is_open, row.has_result) == (State.COMPLETED, True, True)
    kept = journal.entry(row).kept()
    assert kept is not None
    assert kept.body == '{"images": ["ü"]}'.encode()
    assert not told(journal, {"request_id": "id-1", "status": "OK", "payload": {"images": []}})
    assert journal.entry(row).kept() == kept


def test_a_failure_is_only_over(journal: Journal) -> None:
    assert not told(journal, {"request_id": "id-1", "status": "ERROR", "payload": None, "error": "no"})
    assert journal.by_request_id("id-1")[0].state is State.ENDED


@pytest.mark.parametrize("body", [None, [], {}, {"request_id": 1}, {"request_id": "id"}, {"request_id": "other"}])
def test_what_is_about_nothing_here_is_left_alone(journal: Journal, body: Any) -> None:
    assert not told(journal, body)
    assert journal.by_request_id("id-1")[0].state is State.ACCEPTED
