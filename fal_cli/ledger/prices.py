"""Unit prices as the service told them, kept for a while: not each call that is billed is to ask for its price."""

from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from fal_cli.ledger.store import Ledger, moment_text

FRESH = timedelta(hours=1)


class Known(NamedTuple):
    """What a unit costs; `amount` is None of an endpoint that the service has no price of."""

    amount: Decimal | None
    unit: str = ""
    currency: str = ""


def price_of(ledger: Ledger, endpoint: str, scope: str, now: datetime) -> Known | None:
    """The price that an account was told, unless that is too long ago."""
    found = ledger.execute(
        "SELECT amount, unit, currency FROM prices WHERE endpoint = ? AND scope = ? AND seen_at > ? AND seen_at <= ?",
        (endpoint, scope, moment_text(now - FRESH), moment_text(now)),
    ).fetchone()
    if found is None:
        return None
    try:
        return Known(None if found["amount"] is None else Decimal(found["amount"]), found["unit"], found["currency"])
    except InvalidOperation:
        return None


def remember_price(ledger: Ledger, endpoint: str, scope: str, price: Known, now: datetime) -> None:
    """Records a price."""
    amount = None if price.amount is None else f"{price.amount:f}"
    ledger.execute(
        "INSERT OR REPLACE INTO prices (endpoint, scope, amount, unit, currency, seen_at) VALUES (?, ?, ?, ?, ?, ?)",
        (endpoint, scope, amount, price.unit, price.currency, moment_text(now)),
    )
