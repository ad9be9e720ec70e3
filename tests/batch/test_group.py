"""Many threads write through one group: all of it is written, what fails fails alone, and closing ends it."""

import threading
from pathlib import Path

import pytest

from fal_cli.batch.group import Group
from fal_cli.ledger.journal import Journal
from fal_cli.ledger.migrations import LedgerError
from fal_cli.ledger.rows import Call
from fal_cli.ledger.store import Ledger


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "ledger.db", warn=pytest.fail)


def test_acts_of_many_threads_are_done(journal: Journal) -> None:
    group = Group(journal, pytest.fail)
    numbers: list[int] = []
    threads = [
        threading.Thread(
            target=lambda n=n: numbers.append(group.do(lambda ledger: ledger.begin(Call("a/b", {"n": n}))))
        )
        for n in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    group.close()
    assert sorted(numbers) == list(range(1, 51))
    assert len(journal.unfinished()) == 50


def test_what_fails_undoes_itself_alone(journal: Journal) -> None:
    def broken(ledger: Ledger) -> None:
        ledger.begin(Call("a/b", {}))
        raise KeyError("no")

    ledger = journal.open_ledger()
    good, bad, other = ledger.together([lambda one: one.begin(Call("a/b", {"n": 1})), broken, lambda one: 7])
    assert (good, other) == (1, 7)
    assert isinstance(bad, KeyError)
    assert [row.input_json for row in journal.unfinished()] == [{"n": 1}]


def test_nobody_waits_for_ever(journal: Journal) -> None:
    failures: list[LedgerError] = []
    group = Group(journal, failures.append)
    with pytest.raises(LedgerError):
        group.do(lambda ledger: ledger.execute("SELECT no_such", ()))
    group.post(lambda ledger: ledger.execute("SELECT no_such", ()))
    group.close()
    assert len(failures) == 2


def test_a_transaction_that_an_interruption_left_open_is_dropped(journal: Journal) -> None:
    ledger = journal.open_ledger()
    ledger._db.execute("BEGIN IMMEDIATE")
    number = ledger.begin(Call("a/b", {"n": 1}))
    assert not ledger._db.in_transaction
    assert ledger.row(number) is not None
