"""What the ledger knows of the cost of a call. One place, for every command that shows it."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from fal_cli.ledger.rows import Row

NOT_KNOWN = "cost not known"
USUAL = "USD"
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}
_FEWEST_PLACES = 2
_NO_UNITS = re.compile(r"0+(?:\.0+)?")


class Money(NamedTuple):
    """An amount in a currency."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        """As people write it: `$0.025`, `12.00 CHF`. All of its digits, two after the point at least."""
        whole, _, digits = format(self.amount, "f").partition(".")
        return signed(f"{whole}.{digits.rstrip('0').ljust(_FEWEST_PLACES, '0')}", self.currency)


def signed(amount: str, currency: str) -> str:
    """An amount that is written already, with its currency: `$0.050`, `-$1.00`, `0.050 CHF`."""
    sign = _SIGNS.get(currency)
    if sign is None:
        return f"{amount} {currency}".rstrip()
    return f"-{sign}{amount[1:]}" if amount.startswith("-") else f"{sign}{amount}"


def cost_of(row: Row | None) -> Money | None:
    """What a call cost, by its bill; None where the ledger does not know. No units were billed: it cost nothing."""
    if row is None:
        return None
    if row.cost is not None:
        return Money(row.cost, row.currency or USUAL)
    return Money(Decimal(0), USUAL) if _NO_UNITS.fullmatch(row.billable_units) else None


def facts_of(row: Row | None, units: str = "") -> dict[str, str | None]:
    """The cost of a call as JSON: amounts are text, so that none is rounded; null means unknown.

    `units` are those that a bill named which the ledger has not.
    """
    cost = cost_of(row)
    return {
        "amount": f"{cost.amount:f}" if cost else None,
        "currency": cost.currency if cost else None,
        "units": (row.billable_units if row else "") or units or None,
        "source": (row.cost_source if row and row.cost_source else "no units billed") if cost else "not known",
    }


def total(costs: Iterable[Money | None]) -> str:
    """The cost of calls together, a sum for each currency. Unknown costs are counted, never as 0."""
    sums: dict[str, Decimal] = {}
    unknown = 0
    for cost in costs:
        if cost is None:
            unknown += 1
        else:
            sums[cost.currency] = sums.get(cost.currency, Decimal(0)) + cost.amount
    if not sums:
        return NOT_KNOWN
    told = [str(Money(amount, currency)) for currency, amount in sums.items()]
    return " + ".join([*told, *([f"{unknown} not known"] if unknown else [])])
