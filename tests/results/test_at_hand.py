"""Which saved file is which of a result, and which is no longer that of its call."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from fal_cli.media import MediaFile
from fal_cli.results import at_hand
from fal_cli.results.at_hand import AtHand
from tests.support.ledger_rows import NOON, row

TWO = {"images": [{"url": "https://x.test/a.png"}, {"url": "https://x.test/b.png"}]}


@pytest.fixture
def saved(tmp_path: Path) -> list[str]:
    """Four files that were saved a moment before noon, of two deliveries."""
    paths = [tmp_path / name for name in ("a.png", "b.png", "a_1.png", "b_1.png")]
    for path in paths:
        path.write_bytes(b"x")
        touch(path, -1)
    return [str(path) for path in paths]


def touch(path: Path, seconds: float) -> None:
    moment = (NOON + timedelta(seconds=seconds)).timestamp()
    os.utime(path, (moment, moment))


def names(found: list[AtHand]) -> list[str | None]:
    return [one.path.name if one.path else None for one in found]


def test_files_are_saved_in_the_order_of_the_result(saved: list[str]) -> None:
    found = at_hand.files(row(files=tuple(saved[:2])), TWO)
    assert names(found) == ["a.png", "b.png"]
    assert [one.file.url for one in found] == ["https://x.test/a.png", "https://x.test/b.png"]


def test_of_several_deliveries_the_last_that_is_there(saved: list[str]) -> None:
    assert names(at_hand.files(row(files=tuple(saved)), TWO)) == ["a_1.png", "b_1.png"]
    Path(saved[2]).unlink()
    assert names(at_hand.files(row(files=tuple(saved)), TWO)) == ["a.png", "b_1.png"]


def test_the_result_itself_is_no_file_of_it(saved: list[str], tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text("{}")
    files = (str(tmp_path / "result.json"), *saved[:2])
    assert names(at_hand.files(row(files=files), TWO)) == ["a.png", "b.png"]


def test_without_a_result_the_saved_files_are_what_there_is(saved: list[str]) -> None:
    assert names(at_hand.files(row(files=(*saved[:2], "/no/such.png")), None)) == ["a.png", "b.png"]


def test_what_was_not_saved_has_no_path() -> None:
    assert names(at_hand.files(row(), TWO)) == [None, None]
    assert names(at_hand.files(None, TWO)) == [None, None]


def test_a_name_that_stands_for_several_files_is_none_of_them(saved: list[str]) -> None:
    assert names(at_hand.files(row(files=(saved[0], saved[0])), TWO)) == [None, None]


def test_a_file_that_a_later_call_has_overwritten_is_that_ones(saved: list[str]) -> None:
    first, second = row(1, files=(saved[0],)), row(2, files=(saved[0],))
    owned = at_hand.owners([second, first])
    one = {"images": TWO["images"][:1]}
    assert names(at_hand.files(first, one, owned)) == [None]
    assert names(at_hand.files(second, one, owned)) == ["a.png"]


def test_a_file_that_was_written_to_since_is_told(saved: list[str]) -> None:
    touch(Path(saved[0]), 60)
    found = at_hand.files(row(files=tuple(saved[:2])), TWO)
    assert [one.is_changed for one in found] == [True, False]


def test_files_within_a_result_that_was_cut_are_not_there() -> None:
    data = {"images": [{"url": "data:image/png;base64,iVBOR… (9999 characters)"}, {"url": "https://x.test/b.png"}]}
    found = at_hand.files(None, data, is_whole=False)
    assert [one.file for one in found] == [MediaFile("", "image/png"), MediaFile("https://x.test/b.png")]
    assert at_hand.files(None, data)[0].file.url.startswith("data:")


@pytest.mark.parametrize("name", ["a\0b.png", "x" * 5000, "."])
def test_a_name_that_no_file_can_have_is_not_there(name: str) -> None:
    assert names(at_hand.files(row(files=(name,)), {"images": TWO["images"][:1]})) == [None]
