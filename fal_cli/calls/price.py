"""What a call will cost, as far as that can be known before it, and what it did cost after it.

Before, in this order; the source is always named:

1. what like calls were billed here: the median of their units × the unit price;
2. unit price × count, where the unit is a plain count of what the input asks for: pictures, videos;
3. what calls to the endpoint cost on average, by the service's own history;
4. else it is not known. The word of a unit is no promise: `units`, `credits`, `compute seconds` say nothing before
   the call, and `megapixels` or `seconds` are often rounded, or those of a base resolution.

After it is exact whatever the unit is called: the units of the bill × the unit price.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Context as Precision
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, TypeVar, cast

from fal_cli.api import platform
from fal_cli.api.catalog import Estimate as ServicesEstimate
from fal_cli.api.catalog import usual_cost
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError
from fal_cli.api.wire import Wire
from fal_cli.calls import alike
from fal_cli.calls.model import Call
from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.identity.keys import scope_of
from fal_cli.ledger import claims, prices
from fal_cli.ledger.claims import CURRENCY
from fal_cli.ledger.journal import Entry
from fal_cli.ledger.prices import Known
from fal_cli.ledger.rows import Row
from fal_cli.results.money import Money

T = TypeVar("T")
PATIENCE_SECONDS = 3.0
NOT_KNOWN = "not known"
_EXACT = Precision(prec=60)
_MOST_PLACES = 36
_MOST_LIKE = 20
_FEWEST_LIKE = 3
_WITHIN = Decimal("0.1")
_PLAIN_COUNTS = {
    "image": ("num_images", "num_outputs", "n", "batch_size"),
    "video": ("num_videos", "num_outputs", "n"),
}
"""Units that count what comes back, and the inputs that ask for how many."""
_BY_SIZE = ("image", "video", "megapixel", "second", "minute")
"""Units that do not grow with a text: outputs are counted, or their size."""


class Estimate(NamedTuple):
    """What a call is expected to cost, and at most, as far as that is known; `source` says how, or why not."""

    amount: Decimal | None
    most: Decimal | None
    source: str
    price: Known | None = None

    @property
    def text(self) -> str:
        """As it is shown: `about $0.05 (…)`, `not known (…)`."""
        if self.amount is None:
            return f"{NOT_KNOWN} ({self.source})"
        return f"{Money(_rounded(self.amount), CURRENCY)} ({self.source})"

    @property
    def facts(self) -> dict[str, Any]:
        """As JSON; an amount is text, so that none is rounded."""
        known = self.amount is not None
        return {
            "amount": f"{self.amount:f}" if self.amount is not None else None,
            "currency": CURRENCY if known else None,
            "source": self.source if known else NOT_KNOWN,
            "why": None if known else self.source,
        }


class Told:
    """What the service told of endpoints, for the estimates of many calls: it is asked once, also where that failed."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], Any] = {}

    def answer(self, about: str, endpoint: str, ask: Callable[[], T]) -> T:
        """The answer to a question about an endpoint, by whoever asked first. Raises what that raised."""
        key = (about, endpoint)
        if key not in self._answers:
            try:
                self._answers[key] = ask()
            except (ApiError, CliError) as error:
                self._answers[key] = error
        found = self._answers[key]
        if isinstance(found, ApiError | CliError):
            raise found.with_traceback(None)
        return cast(T, found)


def estimate_of(context: Context, call: Call, mode: str) -> Estimate:
    """The expected cost of a call. Unknown for a session: each of its inputs is billed."""
    if mode == "realtime":
        return Estimate(None, None, "a session is billed by its inputs")
    return estimate(context, call)


def estimate(context: Context, call: Call, deadline: Deadline | None = None, *, told: Told | None = None) -> Estimate:
    """What a call is expected to cost. Whatever fails on the way makes it not known, and is its reason.

    What is `told` of its endpoint is not asked again.
    """
    if call.is_local:
        return Estimate(Decimal(0), Decimal(0), "an app on this machine")
    deadline, told, endpoint = deadline or Deadline(PATIENCE_SECONDS), told or Told(), str(call.endpoint)
    try:
        wire = context.wire()
        price = told.answer("price", endpoint, lambda: unit_price(context, wire, endpoint, deadline))
    except (ApiError, CliError) as error:
        return Estimate(None, None, f"its unit price cannot be had: {error.message}")
    if price.amount is None:
        return Estimate(None, None, "the service has no price of it")
    if price.currency not in ("", CURRENCY):
        return Estimate(None, None, f"its price is in {price.currency}", price)
    found = _by_bills(context, call, price) or _by_count(context, call, price)
    if found := found or _more_than_one(call, price):
        return found
    return _by_history(price, lambda: told.answer("usual", endpoint, lambda: usual_cost(wire, endpoint, deadline)))


def unit_price(
    context: Context, wire: Wire, endpoint: str, deadline: Deadline | None = None, *, anew: bool = False
) -> Known:
    """The unit price of an endpoint, at most an hour old or told `anew`. Raises as `platform.prices`."""
    now, scope = datetime.now(UTC), _scope(context)
    known = None if anew else context.journal.glance(lambda ledger: prices.price_of(ledger, endpoint, scope, now))
    if known is not None:
        return known
    found = platform.prices(wire, [endpoint], deadline=deadline).get(endpoint)
    price = Known(found.amount, found.unit, found.currency) if found else Known(None)
    context.journal.soon(lambda ledger: prices.remember_price(ledger, endpoint, scope, price, now))
    return price


def settle(context: Context, wire: Wire, entry: Entry, endpoint: str, units: str) -> None:
    """Records what a call cost, where its bill names units and their price can be had; else it stays not known."""
    count = plausible(units)
    if count is None or "://" in endpoint:
        return
    if not count:
        entry.settle(Decimal(0), CURRENCY, "no units billed")
        return
    try:
        price = unit_price(context, wire, endpoint, Deadline(PATIENCE_SECONDS))
    except (ApiError, CliError):
        return
    if price.amount is not None:
        entry.settle(_EXACT.multiply(count, price.amount), price.currency or CURRENCY, "units × price")


def settle_past(context: Context, budget: claims.Budget) -> None:
    """Works out what calls of a budget cost that were billed while their price could not be had."""
    journal = context.journal
    for row in journal.glance(lambda ledger: claims.unsettled(ledger, budget)) or []:
        settle(context, context.wire(), journal.entry(row), row.endpoint, row.billable_units)


def plausible(units: str) -> Decimal | None:
    """Billed units as a number; None for what cannot be one that is paid for."""
    try:
        count = Decimal(units)
    except InvalidOperation:
        return None
    is_sane = count.is_finite() and count >= 0 and abs(count.adjusted()) <= _MOST_PLACES
    return count if is_sane and len(count.as_tuple().digits) <= _MOST_PLACES else None


def _scope(context: Context) -> str:
    return scope_of(context.accounts.own)


def _by_bills(context: Context, call: Call, price: Known) -> Estimate | None:
    """By what like calls were billed, if there are enough and they agree."""
    like_key = alike.key(str(call.endpoint), call.input_json)
    found = context.journal.glance(lambda ledger: claims.like(ledger, like_key, _MOST_LIKE)) or []
    rows = _with_texts_alike(found, call.input_json, price.unit)
    if len(rows) < _FEWEST_LIKE <= len(found):
        return Estimate(None, None, f"{len(found)} like calls had longer or shorter texts", price)
    bills = sorted(count for row in rows if (count := plausible(row.billable_units)) is not None)
    if len(bills) < _FEWEST_LIKE:
        return None
    middle = _median(bills)
    apart = sum(abs(units - middle) > middle * _WITHIN for units in bills)
    if apart > len(bills) // 10:
        return Estimate(None, times(bills[-1], price), f"{len(bills)} like calls were billed too differently", price)
    source = f"median of {len(bills)} like calls: {_plain(middle)} × {unit_text(price)}"
    return Estimate(times(middle, price), times(bills[-1], price), source, price)


def _median(ordered: Sequence[Decimal]) -> Decimal:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _with_texts_alike(rows: Sequence[Row], input_json: Mapping[str, Any], unit: str) -> list[Row]:
    """Those whose texts are about as long as this call's, unless the unit is one that no text makes more of."""
    if _singular(unit) in _BY_SIZE:
        return list(rows)
    wanted = alike.letters(input_json)
    slack = max(wanted * _WITHIN, Decimal(1))
    return [row for row in rows if row.input_json and abs(alike.letters(row.input_json) - wanted) <= slack]


def _by_count(context: Context, call: Call, price: Known) -> Estimate | None:
    """By the requested number, if that is the unit."""
    names = _PLAIN_COUNTS.get(_singular(price.unit))
    count = _count(context, call, names) if names else None
    if count is None:
        return None
    amount = times(Decimal(count), price)
    return Estimate(amount, amount, f"{count} × {unit_text(price)}", price)


def _count(context: Context, call: Call, names: Sequence[str]) -> int | None:
    """How many an input asks for: what it says, else what the schema says happens then; None if neither is known."""
    given = next((call.input_json[name] for name in names if name in call.input_json), None)
    if given is not None:
        return given if isinstance(given, int) and not isinstance(given, bool) and given > 0 else None
    from fal_cli.catalog.schemas import schema_for

    known = schema_for(context, call.endpoint)
    if known is None:
        return None
    field = next((field for field in known.schema.inputs if field.name in names), None)
    if field is None:
        return 1
    default = field.default
    return default if isinstance(default, int) and not isinstance(default, bool) and default > 0 else None


def _more_than_one(call: Call, price: Known) -> Estimate | None:
    """An average over calls that mostly ask for one says nothing of a call that asks for more."""
    for name in dict.fromkeys(name for names in _PLAIN_COUNTS.values() for name in names):
        asked = call.input_json.get(name)
        if asked is not None and str(asked) != "1":
            return Estimate(None, None, f"no like calls here, and the service's average does not know of {name}", price)
    return None


def _by_history(price: Known, ask: Callable[[], ServicesEstimate | None]) -> Estimate:
    """By what the service says that calls cost on average, or nothing."""
    unit = f"no like calls here, and a unit is {_article(price.unit)}"
    try:
        usual = ask()
    except (ApiError, CliError) as error:
        return Estimate(None, None, f"{unit}; the service's history cannot be had: {error.message}", price)
    if usual is None or usual.currency not in ("", CURRENCY):
        return Estimate(None, None, f"{unit}; the service has no history of it", price)
    return Estimate(usual.total, usual.total, "the service's average over all calls", price)


def unit_text(price: Known) -> str:
    """A unit price as it is read: `$0.025 per image`."""
    amount = price.amount if price.amount is not None else Decimal(0)
    one = _singular(price.unit)
    return f"{Money(amount, price.currency or CURRENCY)} per {one if one in _BY_SIZE else price.unit or 'unit'}"


def unit_facts(price: Known | None) -> dict[str, str | None]:
    """A unit price as JSON; null means unknown."""
    amount = price.amount if price else None
    return {
        "unit_price": None if amount is None else f"{amount:f}",
        "unit": price.unit if price and amount is not None else None,
        "currency": (price.currency or CURRENCY) if price and amount is not None else None,
    }


def lines(endpoint: str, expected: Estimate) -> list[str]:
    """An estimate as a person reads it."""
    price = expected.price
    unit = unit_text(price) if price is not None and price.amount is not None else NOT_KNOWN
    return [endpoint, f"  price      {unit}", f"  this call  {expected.text}"]


def times(units: Decimal, price: Known) -> Decimal:
    """So many units at their price, exactly."""
    return _EXACT.multiply(units, price.amount or Decimal(0))


def _rounded(amount: Decimal) -> Decimal:
    """An expectation with no more digits than it deserves: three, or cents."""
    places = max(2, 3 - amount.adjusted() - 1) if amount else 2
    return round(amount, min(places, 9))


def _plain(units: Decimal) -> str:
    text = f"{units:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _singular(unit: str) -> str:
    word = unit.strip().lower()
    return word.removesuffix("s")


def _article(unit: str) -> str:
    return f"'{unit or 'unit'}'"
