"""How a sandbox is set up for as long as it lives: words, such as `concurrency=2 exact-listing`.

They are what the account and the service are like; what is to go wrong is ordered by `faults`.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fal_cli.sandbox.replies.routes import parse_endpoint

MAX_SECONDS = 10 * 365 * 86_400.0
MAX_CONCURRENCY = 10_000
MAX_DOLLARS = 10**9
# Each account has one of its own, which differs from zero (§1.7).
USUAL_THRESHOLD = Decimal("0.5")


class SettingError(ValueError):
    """A malformed setting; the text names it and what is allowed."""


@dataclass(frozen=True)
class Settings:
    """How the account and the service are. Times in seconds, money in US dollars.

    `concurrency` is how many requests may run at once, None for any number. `keyless` is whether models can be called
    without a key (§13 #6), `deny` are endpoints outside of the account's access list. `price` are prices of a unit
    other than the usual. With a `balance` the account is locked when less than `lock_threshold` is left of it (§1.7).

    A result is there for `keep` after its end, one of 10 KB and more for `keep_big`; while its payloads are stored,
    for `keep_stored`, and one of more than 1 MB only then (§4.7).

    `exact_listing` is whether the listing of requests leaves nothing out; otherwise it shows things as they stood
    `listing_lag` ago (§11.2).
    """

    concurrency: int | None = None
    keyless: bool = False
    deny: tuple[str, ...] = ()
    price: Mapping[str, Decimal] = field(default_factory=dict)
    balance: Decimal | None = None
    lock_threshold: Decimal = USUAL_THRESHOLD
    keep: float = 3600.0
    keep_big: float = 360.0
    keep_stored: float = 30 * 86_400.0
    exact_listing: bool = False
    listing_lag: float = 0.0


def parse_settings(words: Iterable[str]) -> Settings:
    """Read `NAME` and `NAME=VALUE`. Raises SettingError."""
    values: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if name not in _READERS:
            raise SettingError(f"setting {word!r}: unknown {name!r}; one of {', '.join(_READERS)}")
        field = name.replace("-", "_")
        if field in values:
            raise SettingError(f"setting {word!r}: {name} is set twice")
        read, wanted = _READERS[name]
        try:
            values[field] = read(text if equals else None)
        except (ValueError, ArithmeticError):
            raise SettingError(f"setting {word!r}: expected {wanted}") from None
    return Settings(**values)


def _flag(text: str | None) -> bool:
    if text is not None:
        raise ValueError(text)
    return True


def _whole(text: str | None) -> int:
    number = int(text) if text and text.isascii() and text.isdigit() else 0
    if not 1 <= number <= MAX_CONCURRENCY:
        raise ValueError(text)
    return number


def _seconds(text: str | None) -> float:
    number = float(text or "")
    if not 0 <= number <= MAX_SECONDS or math.isnan(number):
        raise ValueError(text)
    return number


def _dollars(text: str | None) -> Decimal:
    number = Decimal(text or "")
    if not number.is_finite() or abs(number) > MAX_DOLLARS:
        raise ValueError(text)
    return number


def _endpoints(text: str | None) -> tuple[str, ...]:
    ids = (text or "").split(",")
    if not all(parse_endpoint(endpoint_id.split("/")) for endpoint_id in ids):
        raise ValueError(text)
    return tuple(ids)


def _prices(text: str | None) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for part in (text or "").split(","):
        endpoint_id, _, price = part.rpartition(":")
        (named,) = _endpoints(endpoint_id)
        found[named] = _dollars(price)
        if found[named] < 0:
            raise ValueError(text)
    return found


_READERS: dict[str, tuple[Callable[[str | None], Any], str]] = {
    "concurrency": (_whole, f"concurrency=N, 1 to {MAX_CONCURRENCY}"),
    "keyless": (_flag, "keyless alone"),
    "deny": (_endpoints, "deny=ENDPOINT[,ENDPOINT…]"),
    "price": (_prices, "price=ENDPOINT:DOLLARS[,ENDPOINT:DOLLARS…]"),
    "balance": (_dollars, "balance=DOLLARS"),
    "lock-threshold": (_dollars, "lock-threshold=DOLLARS"),
    "keep": (_seconds, "keep=SECONDS"),
    "keep-big": (_seconds, "keep-big=SECONDS"),
    "keep-stored": (_seconds, "keep-stored=SECONDS"),
    "exact-listing": (_flag, "exact-listing alone"),
    "listing-lag": (_seconds, "listing-lag=SECONDS"),
}
