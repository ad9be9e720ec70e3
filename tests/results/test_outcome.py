"""A result in memory: of large ones a process reads one at a time, however many threads have one."""

import json
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from fal_cli.api.body import Body
from fal_cli.api.events import Result
from fal_cli.errors import NotSaved
from fal_cli.ledger.journal import Entry, Journal
from fal_cli.results.outcome import Outcome

PICTURE = "data:image/png;base64," + "A" * 2_000_000


def outcome(value: object) -> Outcome:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    nowhere = Entry(Journal(Path("ledger.db"), warn=print), None)
    return Outcome(Result(Body(data), "application/json", "r-1"), "a/b", "r-1", nowhere)


def meet(results: list[Outcome]) -> int:
    """How many threads have met that read a result each."""
    together, met = threading.Barrier(len(results)), []

    def read(result: Outcome) -> None:
        with result.turn(), suppress(threading.BrokenBarrierError):
            result.outlined()
            met.append(together.wait(2.0))

    threads = [threading.Thread(target=read, args=(result,)) for result in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(met)


@pytest.mark.parametrize("value", [{"words": ["w"] * 30_000}, {"text": "t" * 2_000_000}], ids=["values", "text"])
def test_large_ones_are_read_one_at_a_time(value: object) -> None:
    assert meet([outcome(value), outcome(value)]) == 0


@pytest.mark.parametrize("value", [{"text": "t"}, {"images": [{"url": PICTURE}]}], ids=["short", "with a file in it"])
def test_others_wait_for_nobody(value: object) -> None:
    """A file inside of a result does not make it a large one: it is never parsed."""
    assert meet([outcome(value), outcome(value)]) == 2


def test_what_one_thread_reads_inside_of_its_turn_is_its_own() -> None:
    one = outcome({"words": ["w"] * 30_000})
    with one.turn(), one.turn():
        assert len(one.outlined()["words"]) == 30_000


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"text": "' + b"t" * 17 * 2**20 + b'"}', "16 MB without its files"),
        (b"[{}" + b",{}" * 900_000 + b"]", "800,000 values"),
    ],
    ids=["bytes", "values"],
)
def test_one_that_is_too_large_is_not_gathered(data: bytes, why: str) -> None:
    with pytest.raises(NotSaved, match=why):
        outcome(data).outlined()
