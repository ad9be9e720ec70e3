"""Lost answers of a batch where the listing leaves nothing out: what cannot be told is not taken for new."""

import json

import pytest

from tests.conftest import Service
from tests.support.fault_proxy import lose_answer
from tests.support.place import Place

LONG = 70_000  # longer than what the ledger keeps of an input
WORDS = (
    "batch",
    "sandbox/echo",
    "rows.jsonl",
    "text={{text}}",
    'sandbox:={"queue":0,"run":0}',
    "--yes",
    "--print",
    "none",
)


@pytest.fixture
def service(exact_service: Service) -> Service:
    return exact_service


def rows(place: Place, *texts: str) -> None:
    (place.folder / "rows.jsonl").write_text("".join(f"{json.dumps({'text': text})}\n" for text in texts))


def accepted(place: Place) -> list[int]:
    return sorted(place.service.stats["by_body"].values())


def test_an_input_too_long_to_be_kept_is_known_by_its_hash(place: Place) -> None:
    rows(place, *(letter * LONG for letter in "abc"), "short")
    place.proxy.fail("submit", lose_answer, times=3)
    place(*WORDS)
    assert accepted(place) == [1] * 4


def test_a_private_one_is_named_and_not_sent_again(place: Place) -> None:
    rows(place, "a", "b", "c")
    place.proxy.fail("submit", lose_answer)
    done = place(*WORDS, "--private", code=10)
    assert "not known: row" in done.stderr
    assert accepted(place) == [1] * 3
    place(*WORDS, "--private", code=10)
    assert accepted(place) == [1] * 3


def test_what_never_arrived_is_sent(place: Place) -> None:
    rows(place, "a", "b", "c")
    place.proxy.fail("submit", lambda exchange: None, times=2)
    place(*WORDS)
    assert accepted(place) == [1] * 3
