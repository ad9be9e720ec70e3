"""A price that changes while a batch runs under a budget: at most the calls that are on their way then cost more."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal

import pytest

from tests.support.fault_proxy import Exchange
from tests.support.place import Place

FLUX = "fal-ai/flux/dev"
BEFORE, AFTER = Decimal("0.025"), Decimal("0.05")
AT_ONCE = 4
ORDERS = ('sandbox:={"queue":0,"run":0.1}', 'image_size:={"width":32,"height":32}')


def charged(place: Place) -> list[Decimal]:
    """What the service charges for each call that it has accepted."""
    with closing(sqlite3.connect(place.service.state / "fal.db")) as db:
        found = db.execute("SELECT units, price FROM requests ORDER BY seq").fetchall()
    return [Decimal(units) * Decimal(price) for units, price in found]


def at_call(number: int, then: Callable[[], None]) -> Callable[[Exchange], None]:
    """Lets every submit pass, and does something before the call of that number."""
    seen: list[Exchange] = []

    def weather(exchange: Exchange) -> None:
        seen.append(exchange)
        if len(seen) == number:
            then()
        exchange.pass_on()

    return weather


@pytest.mark.parametrize("doubles_at", [8, 17])
def test_the_price_doubles_midway(place: Place, doubles_at: int) -> None:
    """A budget for 20 calls at the first price."""
    rows, budget = 24, 20 * BEFORE
    (place.folder / "rows.csv").write_text("prompt\n" + "".join(f"picture {row}\n" for row in range(rows)))
    double = at_call(doubles_at, lambda: place.service.sandbox.set_price(FLUX, AFTER))
    place.proxy.fail("submit", double, times=10**6)
    words = ("batch", FLUX, "rows.csv", *ORDERS, "--print", "none", "--concurrency", str(AT_ONCE))
    done = place(*words, "--budget", f"{budget}", code=12)
    assert "budget" in done.stderr
    on_their_way = AT_ONCE * (AFTER - BEFORE)
    assert sum(charged(place)) <= budget + on_their_way
    assert sum(charged(place)) > budget - AFTER - on_their_way
    told = sum(row.cost for row in place.rows if row.cost is not None)
    assert sum(charged(place)) <= told <= sum(charged(place)) + on_their_way
    place(*words, "--budget", "10")
    assert sorted(place.service.stats["by_body"].values()) == [1] * rows
    assert set(charged(place)) == {BEFORE, AFTER}
