"""A price that changes while a batch runs under a budget: at most the calls that are on their way then cost more."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal

import pytest

from tests.support.fault_proxy import Exchange, answer
from tests.support.place import Place

FLUX = "fal-ai/flux/dev"
BEFORE, AFTER = Decimal("0.025"), Decimal("0.05")
AT_ONCE = 4
MOST_ON_THEIR_WAY = 3 * AT_ONCE
"""Those that run when the price changes, those whose results are fetched, and those that are sent meanwhile."""
ORDERS = ('sandbox:={"queue":0,"run":0.1}', 'image_size:={"width":32,"height":32}')


def charged(place: Place) -> dict[str, Decimal]:
    """What the service charges for each call that it has accepted, by its id."""
    with closing(sqlite3.connect(place.service.state / "fal.db")) as db:
        found = db.execute("SELECT id, units, price FROM requests").fetchall()
    return {request_id: Decimal(units) * Decimal(price) for request_id, units, price in found}


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
    assert f"the budget {budget} is used up: $" in done.stderr
    bills = charged(place)
    total = sum(bills.values())
    beyond = [bills[row.request_id] - (row.reserved or 0) for row in place.rows if row.request_id]
    dearer = [amount for amount in beyond if amount > 0]
    assert total <= budget + sum(dearer)
    assert len(dearer) <= MOST_ON_THEIR_WAY
    told = sum(row.cost for row in place.rows if row.cost is not None)
    assert total <= told <= total + MOST_ON_THEIR_WAY * (AFTER - BEFORE)
    assert told > budget - AFTER
    place(*words, "--budget", "10")
    assert sorted(place.service.stats["by_body"].values()) == [1] * rows
    assert set(charged(place).values()) == {BEFORE, AFTER}


def test_a_cost_that_nobody_knows_is_named_as_the_reason(place: Place) -> None:
    (place.folder / "rows.csv").write_text("n\n2\n3\n")
    words = ("batch", "sandbox/echo", "rows.csv", "n={{n}}", ORDERS[0], "--print", "none", "--budget", "10")
    told = place(*words, code=12).stderr
    assert (
        "the cost of a call is not known, and the budget is 10; to send it all the same: --allow-unknown-cost" in told
    )
    assert place.service.accepted == 0
    place(*words, "--allow-unknown-cost")
    assert place.service.accepted == 2


def test_the_service_is_asked_of_an_endpoint_and_not_of_each_row(place: Place) -> None:
    """Rows whose texts may be choices of a model's list may each cost something else; what is told of all is one."""
    (place.folder / "rows.csv").write_text("q\n" + "".join(f"word {row}\n" for row in range(40)))
    words = ("batch", "sandbox/echo", "rows.csv", "q={{q}}", "--dry-run")
    plan = json.loads(place(*words).text)
    assert (plan["estimate"]["amount"], plan["estimate"]["unknown_calls"]) == ("0.040", 0)
    asked = place.service.stats["http"]
    assert (asked["pricing"], asked["estimate"]) == (1, 1)
    place.proxy.fail("pricing", answer(500), times=99)
    place(*words, env={"FAL_CLI_HOME": str(place.folder / "fresh")})
    assert place.proxy.count("pricing") <= 20  # with the schema, and repetitions
