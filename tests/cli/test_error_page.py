"""The page of all errors is current, and holds them all."""

from pathlib import Path

import pytest

from docs import errors
from fal_cli.errors import EXIT_CODES


def test_it_is_current() -> None:
    assert errors.main(["--check"]) == 0, "run python -m docs.errors"


def test_a_changed_page_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "PAGE", tmp_path / "errors.md")
    assert errors.main(["--check"]) == 1
    errors.main([])
    assert errors.main(["--check"]) == 0


def test_it_has_errors_of_every_code_and_notes() -> None:
    text = errors.PAGE.read_text("utf-8")
    for codes, _, _ in EXIT_CODES:
        for code in codes.split(", "):
            assert (f"\n## Code {code}: " in text) == (code not in ("0", "130", "143"))
    assert "\n## Warning\n" in text
    # One of a named error, one of a table, one of a note, and one with a choice in it.
    for message in (
        "no such command {word}",
        "the account is locked: {error.message}",
        "a new signing key in {path}",
        "[no script for",
    ):
        assert f"| {message}" in text, message
