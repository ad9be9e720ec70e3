"""The plan in words, and the question behind it."""

from collections import Counter
from decimal import Decimal

import pytest

from fal_cli.batch import planning
from fal_cli.batch.costs import Sum
from fal_cli.batch.plan import Found
from fal_cli.batch.planned import Fate


@pytest.mark.parametrize(
    ("count", "expected", "told"),
    [
        (40, Sum(Decimal("1.000"), 0, "list price"), "Send 40 calls for about $1.00? [y/N] "),
        (1, Sum(Decimal("0.025"), 0, "list price"), "Send 1 call for about $0.025? [y/N] "),
        (3, Sum(Decimal("0.05"), 1, "list price"), "Send 3 calls for about $0.05, 1 of them of unknown cost? [y/N] "),
        (3, Sum(Decimal(0), 3, "no price"), "Send 3 calls of unknown cost? [y/N] "),
        (3, None, "Send 3 calls of unknown cost? [y/N] "),
    ],
)
def test_the_question(count: int, expected: Sum | None, told: str) -> None:
    assert planning.question(count, expected) == told


def test_one_is_not_many() -> None:
    found = Found(Counter({Fate.SEND: 1, Fate.DONE: 1}), 2, new=1, gone=1, others=1)
    told = planning.lines("cats", found, Sum(Decimal("0.1"), 1, "list price"))
    assert told[1:] == [
        "  new in the list: 1",
        "  not in the list any more, and left alone: 1 row",
        "  of other shards: 1 row",
        "  cost: about $0.10 (list price), and 1 call of unknown cost",
    ]
    assert planning.brief("cats", found) == "cats: 2 rows: 1 done, 1 to send"
