"""What calls may cost, as it is typed: `5/day`, `$20/month`. Days and months are UTC's; amounts are US dollars."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from fal_cli.errors import UsageError

PERIODS = ("hour", "day", "week", "month")
_AMOUNT = r"\$?([0-9]{1,12}(?:\.[0-9]{1,9})?)(?: ?USD)?"
_LIMIT = re.compile(rf"{_AMOUNT}/(?:an? |)({'|'.join(PERIODS)})", re.IGNORECASE)


class Limit(NamedTuple):
    """An amount for each period of time; `source` names who set it."""

    amount: Decimal
    period: str
    source: str

    def __str__(self) -> str:
        return f"{self.amount:f}/{self.period}"

    def since(self, now: datetime) -> datetime:
        """When the period began that a moment is in."""
        day = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        if self.period == "hour":
            return day
        day = day.replace(hour=0)
        if self.period == "week":
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self.period == "month" else day


def limit(text: str, source: str) -> Limit:
    """The limit that a text says. Raises `UsageError`, naming its `source`."""
    match = _LIMIT.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"{source}: {text!r} is not a budget",
            hint=f"Write an amount and one of {', '.join(PERIODS)}, such as 5/day",
        )
    return Limit(Decimal(match[1]), match[2].lower(), source)


def amount(text: str, source: str) -> Decimal:
    """An amount of US dollars: `0.50`, `$2`. Raises `UsageError`, naming its `source`."""
    match = re.fullmatch(_AMOUNT, text.strip())
    if match is None:
        raise UsageError(f"{source}: {text!r} is not an amount", hint=f"Write dollars: {source} 0.50")
    return Decimal(match[1])
