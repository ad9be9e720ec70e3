"""The words by which programs know errors: none goes, none changes its code, and each is used."""

import re
from pathlib import Path

import pytest

import fal_cli
from fal_cli import kinds
from fal_cli.errors import EXIT_CODES, CliError, UsageError, report
from fal_cli.kinds import KINDS

PROMISED = {
    "failed": (1, "no"), "unexpected": (1, "no"), "request_failed": (1, "no"), "request_cancelled": (1, "later"),
    "start_timeout": (1, "later"), "refused": (1, "no"), "usage": (2, "fixed"), "unknown_command": (2, "fixed"),
    "unknown_option": (2, "fixed"), "malformed_input": (2, "fixed"), "outside_files": (2, "fixed"),
    "no_ledger": (2, "fixed"), "no_key": (3, "fixed"), "other_key": (3, "fixed"), "key_refused": (3, "fixed"),
    "no_permission": (3, "fixed"), "model_denied": (3, "fixed"),
    "input_refused": (4, "fixed"), "not_found": (5, "fixed"), "endpoint_not_found": (5, "fixed"),
    "request_not_found": (5, "fixed"), "network": (6, "later"), "service_unavailable": (6, "later"),
    "still_running": (7, "resume"), "not_finished": (8, "later"), "rate_limited": (9, "later"),
    "account_locked": (9, "later"), "answer_lost": (10, "resume"), "stream_cut": (10, "no"),
    "not_saved": (11, "resume"), "over_budget": (12, "fixed"),
    "interrupted": (130, "resume"), "interrupted_spent": (130, "no"),
    "interrupted_unsent": (130, "later"),
}  # fmt: skip
"""What programs were told. A line may be added here; none may be taken out or changed."""
SOURCES = [path for path in Path(fal_cli.__file__).parent.rglob("*.py") if path.name != "kinds.py"]


def _family(kind: type[CliError]) -> list[type[CliError]]:
    return [kind, *(one for inner in kind.__subclasses__() for one in _family(inner))]


@pytest.mark.parametrize(("word", "meaning"), PROMISED.items(), ids=PROMISED)
def test_a_word_that_was_given_is_kept(word: str, meaning: tuple[int, str]) -> None:
    assert (KINDS[word].code, KINDS[word].again) == meaning


def test_a_new_word_is_promised_too() -> None:
    assert list(KINDS) == list(PROMISED)


@pytest.mark.parametrize("word", KINDS)
def test_each_is_used(word: str) -> None:
    assert any(re.search(rf'"{word}"', path.read_text("utf-8")) for path in SOURCES)


def test_each_code_has_a_kind_and_each_answer_a_meaning() -> None:
    codes = {int(code) for codes, _, _ in EXIT_CODES for code in codes.split(", ")} - {0, 143}
    assert {kind.code for kind in KINDS.values()} == codes
    assert {kind.again for kind in KINDS.values()} == set(kinds.AGAIN)


@pytest.mark.parametrize("error", [one for one in _family(CliError) if "Retold" not in one.__name__])
def test_the_kind_of_an_error_has_its_code(error: type[CliError]) -> None:
    assert KINDS[error.kind].code == error.code


def test_a_command_that_helps_is_a_whole_one() -> None:
    told = report(UsageError("x", next=("schema", "a/b")), tool="fal --sandbox")
    assert (told.next, told.again) == (("fal", "--sandbox", "schema", "a/b"), "fixed")
