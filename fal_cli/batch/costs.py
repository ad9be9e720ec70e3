"""What the calls of a batch are expected to cost, and what they did: asked for once for all calls that cost alike."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from fal_cli.api.call_options import CallOptions
from fal_cli.api.errors import ApiError
from fal_cli.calls import alike, price
from fal_cli.calls.model import Call
from fal_cli.calls.price import Estimate
from fal_cli.context import Context
from fal_cli.endpoint import EndpointId, parse
from fal_cli.errors import CliError
from fal_cli.ledger import claims
from fal_cli.ledger.journal import SERVERS_FAULT
from fal_cli.ledger.prices import Known
from fal_cli.ledger.store import Ledger

_FRESH_SECONDS = 10.0
_PRICE_SECONDS = 1800.0
MOST_KINDS = 1000


class Sum(NamedTuple):
    """What calls are expected to cost together. `unknown` of them cost nobody knows what; `how` is told of the rest.

    `parts` are those of each endpoint.
    """

    amount: Decimal
    unknown: int
    how: str
    parts: Mapping[str, "Sum"] = MappingProxyType({})


class Costs:
    """Expectations and bills of calls, for many threads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._estimates: dict[str, tuple[float, Estimate]] = {}
        self._prices: dict[EndpointId, tuple[float, Known | None]] = {}

    def expected(self, endpoint: EndpointId, input_json: Mapping[str, Any]) -> Estimate:
        """What a call is expected to cost, as bills had it a moment ago."""
        key = alike.key(str(endpoint), input_json)
        with self._lock:
            at, found = self._estimates.get(key, (0.0, None))
            if found is None or time.monotonic() - at > _FRESH_SECONDS:
                found = price.estimate(self._context, Call(endpoint, input_json, CallOptions()))
                if len(self._estimates) >= MOST_KINDS:
                    self._estimates.clear()
                self._estimates[key] = (time.monotonic(), found)
            return found

    def bill(self, endpoint: EndpointId, local_id: int, units: str) -> Callable[[Ledger], None] | None:
        """The act that records what a call cost; None where its bill does not tell."""
        count = price.plausible(units)
        if count is None:
            return None
        if not count:
            return lambda ledger: claims.settle(ledger, local_id, Decimal(0), source="no units billed")
        known = self._unit_price(endpoint)
        if known is None or known.amount is None:
            return None
        cost, currency = price.times(count, known), known.currency or claims.CURRENCY
        return lambda ledger: claims.settle(ledger, local_id, cost, currency=currency, source="units × price")

    def failure(self, endpoint: EndpointId, local_id: int, units: str, status: int) -> Callable[[Ledger], None] | None:
        """The same of a call that failed: the service's own failures are not billed."""
        if not units and status >= SERVERS_FAULT:
            told = "not billed: the service's own failure"
            return lambda ledger: claims.settle(ledger, local_id, Decimal(0), source=told)
        return self.bill(endpoint, local_id, units)

    def _unit_price(self, endpoint: EndpointId) -> Known | None:
        with self._lock:
            at, known = self._prices.get(endpoint, (0.0, None))
            if at and time.monotonic() - at < _PRICE_SECONDS:
                return known
            try:
                known = price.unit_price(self._context, self._context.wire(), str(endpoint))
            except (ApiError, CliError):
                known = None
            self._prices[endpoint] = (time.monotonic(), known)
            return known


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
