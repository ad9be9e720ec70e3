"""Adds up costs. Decimal throughout; unknown costs are counted as unknown, never as 0. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from typing import Any, Literal

from fal_cli.ledger.rows import Row

By = Literal["endpoint", "day", "profile", "tag", "batch"]
Source = Literal["billing events", "list price"]
USUAL_CURRENCY = "USD"  # billing events name no other: their finest amount is in nano US dollars
WITHOUT = "(none)"

# More digits than any real number has, and few enough to be written out.
_UNITS = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,36})?(?:[eE][+-]?[0-9]{1,2})?")
_EXACT = Context(prec=100)


@dataclass(frozen=True)
class Cost:
    """What one request cost; `units` is None where only the amount is known."""

    units: Decimal | None
    amount: Decimal
    currency: str
    source: Source

    def joined(self, other: "Cost") -> "Cost":
        """This and another charge for the same request."""
        units = None if self.units is None or other.units is None else _EXACT.add(self.units, other.units)
        return replace(self, units=units, amount=_EXACT.add(self.amount, other.amount))


@dataclass
class Line:
    """Requests that belong together. `units` and `amount` are None as long as nothing of them is known."""

    key: str
    currency: str = ""
    source: str = ""
    requests: int = 0
    not_known: int = 0
    units: Decimal | None = None
    amount: Decimal | None = None

    def add(self, cost: Cost | None) -> None:
        """Counts one request."""
        self.requests += 1
        if cost is None:
            self.not_known += 1
            return
        self.amount = _EXACT.add(self.amount or Decimal(0), cost.amount)
        if cost.units is not None:
            self.units = _EXACT.add(self.units or Decimal(0), cost.units)

    def facts(self, by: By) -> dict[str, Any]:
        """The line for programs; numbers that must stay exact are text."""
        return {
            by: self.key,
            "requests": self.requests,
            "units": None if self.units is None else as_text(self.units),
            "cost": None if self.amount is None else as_text(self.amount),
            "currency": self.currency or None,
            "not_known": self.not_known,
            "source": self.source or None,
        }


Costs = Sequence[tuple[Row, Cost | None]]
"""Requests, each with what it cost, or None where that is not known."""


def units_of(row: Row) -> Decimal | None:
    """The billable units that the service reported of a request; None if it named none that can be read."""
    return Decimal(row.billable_units) if _UNITS.fullmatch(row.billable_units) else None


def times(units: Decimal, price: Decimal) -> Decimal:
    """What so many units cost."""
    return _EXACT.multiply(units, price)


def is_plausible(amount: Decimal) -> bool:
    """Whether a number from elsewhere can be added up and written out."""
    return amount.is_finite() and abs(amount.adjusted()) <= 36 and len(amount.as_tuple().digits) <= 36


def lines(costs: Costs, by: By) -> list[Line]:
    """A line for each endpoint, day, profile or tag, apart by currency and source.

    A request stands under each of its tags. Days are in their order, all else by what it cost.
    """
    found = _added(((key, cost) for row, cost in costs for key in _KEYS[by](row)), lambda cost: cost.source)
    if by == "day":
        return sorted(found, key=lambda line: (line.key, line.currency))
    return sorted(found, key=lambda line: (line.key == WITHOUT, -(line.amount or 0), line.key))


def totals(costs: Costs) -> list[Line]:
    """A line for each currency. Every request counts once in it."""
    found = _added((("total", cost) for _, cost in costs), lambda cost: "")
    return sorted(found, key=lambda line: line.currency)


def as_text(number: Decimal) -> str:
    """A number without an exponent and without trailing zeros."""
    text = format(number, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) if number else "0"


def _added(entries: Iterable[tuple[str, Cost | None]], source: Callable[[Cost], str]) -> list[Line]:
    """The lines by key, currency and source. What is not known stands in a line of its key, if it has one."""
    found: dict[tuple[str, str, str], Line] = {}
    unknown = []
    for key, cost in entries:
        if cost is None:
            unknown.append(key)
        else:
            place = (key, cost.currency, source(cost))
            found.setdefault(place, Line(*place)).add(cost)
    first = {line.key: line for line in reversed(found.values())}
    for key in unknown:
        first.setdefault(key, Line(key)).add(None)
    return list({id(line): line for line in (*found.values(), *first.values())}.values())


_KEYS: dict[By, Callable[[Row], Sequence[str]]] = {
    "endpoint": lambda row: (row.endpoint,),
    "day": lambda row: (f"{row.created_at.astimezone():%Y-%m-%d}",),
    "profile": lambda row: (row.profile or WITHOUT,),
    "tag": lambda row: [f"{key}={value}" for key, value in row.tags.items()] or (WITHOUT,),
    "batch": lambda row: (row.batch or WITHOUT,),
}
