"""The cost of requests, from the service: the account's billing events, else its prices."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from fal_cli.api import platform
from fal_cli.api.errors import Refused
from fal_cli.api.platform import Price
from fal_cli.api.wire import Wire
from fal_cli.auth.accounts import Account
from fal_cli.calls import refs
from fal_cli.commands.cost.sums import USUAL_CURRENCY, Cost, is_plausible, times, units_of
from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.ledger.rows import Row, State

_FREE = (State.REFUSED, State.NOT_SENT)
_KEY_REFUSED = (401, 403)
_LIMITED = 429
_LONGEST_SPAN = timedelta(days=90)  # of billing events in one call
_MARGIN = timedelta(minutes=5)  # the service's clock is not ours


@dataclass
class Bill:
    """What requests have cost.

    `no_events` says why an account's billing events were not to be had, `failures` why nothing of one was, and
    of how many requests.
    """

    costs: list[tuple[Row, Cost | None]] = field(default_factory=list)
    no_events: list[Refused] = field(default_factory=list)
    failures: list[tuple[int, CliError | Refused]] = field(default_factory=list)

    def fail(self, rows: Sequence[Row], error: CliError | Refused) -> None:
        """Counts the requests of an account that cannot be asked."""
        self.failures.append((len(rows), error))
        self.costs += [(row, None) for row in rows]

    def origin(self) -> str:
        """Where the known costs come from, in words."""
        sources = [cost.source for _, cost in self.costs if cost is not None]
        by_price = sources.count("list price")
        if not sources:
            return f"not known yet: no units were reported, and {self._why_no_events()}"
        if by_price == len(sources):
            return f"units × list price: {self._why_no_events()}"
        others = f"; {by_price} missing there, units × list price" if by_price else ""
        return f"from the account's billing events{others}"

    def _why_no_events(self) -> str:
        if not self.no_events:
            return "the account's billing events do not show them"
        error = self.no_events[0]
        if error.status in _KEY_REFUSED:
            return "the key may not read the account's billing events"
        return f"the account's billing events cannot be fetched (HTTP {error.status}: {error.message})"


def may_cost(row: Row) -> bool:
    """Whether a request may have cost something: it reached the service, which did not refuse it."""
    return row.state not in _FREE and "://" not in row.endpoint


def ask(context: Context, rows: Sequence[Row]) -> Bill:
    """What these requests have cost, asked of the accounts that made them.

    Raises the request layer's errors. A key that is missing or refused only makes its requests unknown, unless
    there is no other.
    """
    bill = Bill()
    for account, group in _by_account(context, rows, bill):
        try:
            bill.costs += _costs(context.wire(account=account), group, bill)
        except Refused as error:
            if error.status not in _KEY_REFUSED:
                raise
            bill.fail(group, error)
    if sum(count for count, _ in bill.failures) == len(rows) > 0:
        raise bill.failures[0][1]
    return bill


def _by_account(context: Context, rows: Sequence[Row], bill: Bill) -> list[tuple[Account, list[Row]]]:
    makers: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in rows:
        makers.setdefault((row.profile, row.host, row.key_print, row.mode), []).append(row)
    found: dict[tuple[str, str], tuple[Account, list[Row]]] = {}
    for group in makers.values():
        try:
            account = refs.account_of(context, group[0])
        except CliError as error:
            bill.fail(group, error)
        else:
            place = (account.credential.authorization, account.hosts.api)
            found.setdefault(place, (account, []))[1].extend(group)
    return list(found.values())


def _costs(wire: Wire, rows: Sequence[Row], bill: Bill) -> list[tuple[Row, Cost | None]]:
    """What the requests of one account have cost."""
    try:
        events = _events(wire, rows)
    except Refused as error:
        if error.status == _LIMITED:
            raise
        events = {}
        bill.no_events.append(error)
    others = {row.endpoint for row in rows if row.request_id not in events and units_of(row) is not None}
    prices = platform.prices(wire, sorted(others)) if others else {}
    return [(row, events.get(row.request_id) or _by_price(row, prices)) for row in rows]


def _events(wire: Wire, rows: Sequence[Row]) -> dict[str, Cost]:
    """The billed amounts, by request id."""
    endpoints = sorted({row.endpoint for row in rows})
    found: dict[str, Cost] = {}
    for start, end in _spans(min(row.created_at for row in rows) - _MARGIN, datetime.now(UTC) + _MARGIN):
        for charge in platform.charges(wire, endpoints, start=start, end=end):
            if charge.request_id and is_plausible(charge.total) and is_plausible(charge.units or Decimal(0)):
                cost = Cost(charge.units, charge.total, USUAL_CURRENCY, "billing events")
                earlier = found.get(charge.request_id)
                found[charge.request_id] = earlier.joined(cost) if earlier else cost
    return found


def _spans(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        yield start, min(start + _LONGEST_SPAN, end)
        start += _LONGEST_SPAN


def _by_price(row: Row, prices: Mapping[str, Price]) -> Cost | None:
    units, price = units_of(row), prices.get(row.endpoint)
    if units is None:
        return None
    if price is None or not is_plausible(price.amount):
        return None if units else Cost(units, units, USUAL_CURRENCY, "list price")
    return Cost(units, times(units, price.amount), price.currency or USUAL_CURRENCY, "list price")
