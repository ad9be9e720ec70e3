"""What the calls of a batch are expected to cost, and what they did: asked for once for all calls that cost alike.

A bill names units, and no price. Under a budget it is worked out with a price that was told after its call was
accepted, so that a price which changes midway overdraws by no more than the calls that are on their way; one question
serves all of those. Where several prices were true since, the dearest counts.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

from fal_cli.api.call_options import CallOptions
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError
from fal_cli.calls import alike, price
from fal_cli.calls.model import Call
from fal_cli.calls.price import Estimate, Told
from fal_cli.context import Context
from fal_cli.endpoint import EndpointId, parse
from fal_cli.errors import CliError
from fal_cli.ledger import claims
from fal_cli.ledger.journal import SERVERS_FAULT
from fal_cli.ledger.prices import Known
from fal_cli.ledger.store import Ledger

_FRESH_SECONDS = 10.0
_PRICE_SECONDS = 1800.0
_AFTER_FAILURE_SECONDS = 30.0
_KEPT_PRICES = 16
MOST_KINDS = 1000


class Sum(NamedTuple):
    """What calls are expected to cost together. `unknown` of them cost nobody knows what; `how` is told of the rest.

    `parts` are those of each endpoint.
    """

    amount: Decimal
    unknown: int
    how: str
    parts: Mapping[str, "Sum"] = MappingProxyType({})


class _Price(NamedTuple):
    """A price, None where it could not be had, and from when until when it was told (monotonic)."""

    known: Known | None
    first: float
    last: float


class Costs:
    """Expectations and bills of calls, for many threads. Prices are watched where there is a budget."""

    def __init__(self, context: Context, *, has_budget: bool = False) -> None:
        self._context = context
        self._has_budget = has_budget
        self._lock = threading.Lock()
        self._estimates: dict[str, tuple[float, Estimate]] = {}
        self._told, self._told_at = Told(), 0.0
        self._prices: dict[EndpointId, deque[_Price]] = {}

    def expected(self, endpoint: EndpointId, input_json: Mapping[str, Any]) -> Estimate:
        """What a call is expected to cost, as bills had it a moment ago."""
        key = alike.key(str(endpoint), input_json)
        with self._lock:
            at, found = self._estimates.get(key, (0.0, None))
            if found is None or time.monotonic() - at > _FRESH_SECONDS:
                found = price.estimate(
                    self._context, Call(endpoint, input_json, CallOptions()), told=self._lately_told()
                )
                if len(self._estimates) >= MOST_KINDS:
                    self._estimates.clear()
                self._estimates[key] = (time.monotonic(), found)
            return found

    def _lately_told(self) -> Told:
        if time.monotonic() - self._told_at > _FRESH_SECONDS:
            self._told, self._told_at = Told(), time.monotonic()
        return self._told

    def bill(
        self, endpoint: EndpointId, local_id: int, units: str, accepted_at: float
    ) -> Callable[[Ledger], None] | None:
        """The act that records what a call cost; None where its bill does not tell. `accepted_at` is monotonic."""
        count = price.plausible(units)
        if count is None:
            return None
        if not count:
            return lambda ledger: claims.settle(ledger, local_id, Decimal(0), source="no units billed")
        known = self._unit_price(endpoint, accepted_at)
        if known is None or known.amount is None:
            return None
        cost, currency = price.times(count, known), known.currency or claims.CURRENCY
        return lambda ledger: claims.settle(ledger, local_id, cost, currency=currency, source="units × price")

    def failure(
        self, endpoint: EndpointId, local_id: int, units: str, accepted_at: float, status: int
    ) -> Callable[[Ledger], None] | None:
        """The same of a call that failed: the service's own failures are not billed."""
        if not units and status >= SERVERS_FAULT:
            told = "not billed: the service's own failure"
            return lambda ledger: claims.settle(ledger, local_id, Decimal(0), source=told)
        return self.bill(endpoint, local_id, units, accepted_at)

    def _unit_price(self, endpoint: EndpointId, accepted_at: float) -> Known | None:
        with self._lock:
            told = self._prices.setdefault(endpoint, deque(maxlen=_KEPT_PRICES))
            oldest = accepted_at if self._has_budget else time.monotonic() - _PRICE_SECONDS
            if not told or told[-1].last < oldest:
                self._ask(endpoint, told)
            return _dearest(told, accepted_at) if self._has_budget else told[-1].known

    def _ask(self, endpoint: EndpointId, told: deque[_Price]) -> None:
        """Has the service tell the price once more. One that cannot be had is the last one for a while."""
        at = until = time.monotonic()
        deadline = Deadline(price.PATIENCE_SECONDS) if self._has_budget else None
        try:
            known: Known | None = price.unit_price(
                self._context, self._context.wire(), str(endpoint), deadline, anew=self._has_budget
            )
        except (ApiError, CliError):
            known, until = told[-1].known if told else None, at + _AFTER_FAILURE_SECONDS
        if told and told[-1].known == known:
            told[-1] = told[-1]._replace(last=until)
        else:
            told.append(_Price(known, at, until))
            self._estimates.clear()
            self._told = Told()


def _dearest(told: Iterable[_Price], accepted_at: float) -> Known | None:
    """The dearest of the prices that may have been true from a moment on; of several currencies the last price."""
    prices = list(told)
    dearest = prices[-1].known
    for one, following in pairwise(prices):
        if following.first > accepted_at and _is_dearer(one.known, dearest):
            dearest = one.known
    return dearest


def _is_dearer(one: Known | None, other: Known | None) -> bool:
    if one is None or one.amount is None:
        return False
    return other is None or other.amount is None or (one.currency == other.currency and one.amount > other.amount)


class Expected:
    """Adds up, while a plan is made, what its calls are expected to cost: kinds of calls, not calls, are asked for."""

    def __init__(self, costs: Costs) -> None:
        self._costs = costs
        self._kinds: dict[str, _Alike] = {}
        self._others: Counter[str] = Counter()

    def add(self, endpoint: str, input_json: Mapping[str, Any]) -> None:
        """Takes a call in that is to be sent."""
        key = alike.key(endpoint, input_json)
        known = self._kinds.get(key)
        if known is None and len(self._kinds) >= MOST_KINDS:
            self._others[endpoint] += 1
            return
        self._kinds[key] = known._replace(many=known.many + 1) if known else _Alike(endpoint, 1, input_json)

    def sum(self) -> Sum:
        """What all of them are expected to cost. Asks the service for prices."""
        endpoints = dict.fromkeys([*(kind.endpoint for kind in self._kinds.values()), *self._others])
        parts = {endpoint: self._sum_of(endpoint) for endpoint in endpoints}
        return Sum(
            sum((part.amount for part in parts.values()), Decimal(0)),
            sum(part.unknown for part in parts.values()),
            "; ".join(dict.fromkeys(part.how for part in parts.values())),
            parts,
        )

    def _sum_of(self, endpoint: str) -> Sum:
        amount, unknown, how = Decimal(0), self._others[endpoint], ""
        for kind in self._kinds.values():
            if kind.endpoint != endpoint:
                continue
            found = self._costs.expected(parse(endpoint), kind.first)
            if found.amount is None:
                unknown += kind.many
                how = how or found.source
            else:
                amount += found.amount * kind.many
                how = found.source
        return Sum(amount, unknown, how)


class _Alike(NamedTuple):
    """Calls that cost alike: how many, and the input of the first."""

    endpoint: str
    many: int
    first: Mapping[str, Any]
