"""`fal pricing`: what a unit of an endpoint costs, and with an input what that call will."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from fal_cli.context import Context
from fal_cli.errors import NotFound, UsageError

if TYPE_CHECKING:
    from fal_cli.api.catalog import Estimate
    from fal_cli.api.platform import Price
    from fal_cli.terminal.table import Columns

EXAMPLES = """\
  fal pricing fal-ai/flux/dev
  fal pricing fal-ai/flux/dev prompt="a cat" num_images=4    # the price of this call, and its source
  fal pricing fal-ai/flux/dev --estimate 40      # the price of 40 units
  fal pricing fal-ai/flux/dev fal-ai/flux/schnell --json | jq -r .unit_price"""


def units(text: str) -> Decimal:
    """A number of units. Raises `typer.BadParameter`."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal(-1)
    if not number.is_finite() or number <= 0 or number > 10**12:
        raise typer.BadParameter(f"{text!r} is not a number of units, such as 40 or 2.5")
    return number


def pricing(
    context: Context,
    endpoints: Annotated[
        list[str],
        typer.Argument(metavar="ENDPOINT…|ENDPOINT INPUT…", help="Endpoints, or one and an input: key=value, …"),
    ],
    estimate: Annotated[
        Decimal | None,
        typer.Option("--estimate", parser=units, metavar="N", help="Ask the service for the price of N units."),
    ] = None,
) -> None:
    """Show the price of a unit of an endpoint, or of a call.

    A table on a terminal; in a pipe one JSON object a line, decimals as text so that none is rounded. With an input it
    shows the price of that call and its source: like calls of yours, what the input asks for, or the service's
    average. Where none of them helps, the price is "not known". The bill of a call is in its result.
    """
    inputs = [word for word in endpoints if _is_input(word)]
    if inputs:
        _one_call(context, [word for word in endpoints if not _is_input(word)], inputs, estimate)
        return
    from fal_cli.api import catalog, platform
    from fal_cli.calls.endpoints import named

    names = list(dict.fromkeys(str(named(context, endpoint).target) for endpoint in endpoints))
    wire = context.wire()
    prices = platform.prices(wire, names)
    known = [prices[name] for name in names if name in prices]
    estimates = (
        {price.endpoint: catalog.estimate(wire, price.endpoint, estimate) for price in known} if estimate else {}
    )
    context.output.rows(
        _columns(estimates, estimate), known, lambda price: _facts(price, estimates.get(price.endpoint), estimate)
    )
    missing = [name for name in names if name not in prices]
    if missing:
        raise NotFound(f"the service has no price for {', '.join(missing)}")


def _is_input(word: str) -> bool:
    """An item, or a bare text; an endpoint has no blank."""
    return "=" in word or " " in word or word.startswith(("{", "@", "-")) or ("@" in word and "://" not in word)


def _one_call(context: Context, endpoints: list[str], inputs: list[str], estimate: Decimal | None) -> None:
    """What a call with these inputs will cost; nothing is checked, sent or uploaded."""
    if len(endpoints) != 1:
        raise UsageError("with an input, name one endpoint", hint='Such as: fal pricing fal-ai/flux/dev prompt="a cat"')
    if estimate is not None:
        raise UsageError("give either an input or --estimate")
    from fal_cli.calls import price
    from fal_cli.calls.prepare import prepare
    from fal_cli.options import CallFlags, InputWords

    call = prepare(context, endpoints[0], InputWords(items=inputs), CallFlags(no_validate=True), uploads=False)
    expected = price.estimate(context, call)
    facts = {"endpoint_id": str(call.endpoint), **price.unit_facts(expected.price), "estimate": expected.facts}
    context.output.record(lambda: facts, lambda screen: price.lines(str(call.endpoint), expected))


def _columns(estimates: "Mapping[str, Estimate | None]", quantity: Decimal | None) -> "Columns[Price]":
    from fal_cli.terminal.table import Cell, Column

    def estimated(price: "Price") -> Cell:
        found = estimates.get(price.endpoint)
        return Cell(_money(found.total, found.currency) if found else "")

    return {
        Column("endpoint", 1, least=12, keeps_end=True): lambda price: Cell(price.endpoint, "bold"),
        Column("price", 0, is_right=True): lambda price: Cell(_money(price.amount, price.currency)),
        Column("for one", 2): lambda price: Cell(price.unit, "dim"),
        Column(f"for {quantity:f}" if quantity else "", 0, is_right=True, is_optional=True): estimated,
    }


def _facts(price: "Price", found: "Estimate | None", quantity: Decimal | None) -> dict[str, str]:
    facts = {
        "endpoint_id": price.endpoint,
        "unit_price": f"{price.amount:f}",
        "unit": price.unit,
        "currency": price.currency,
    }
    if found is None or quantity is None:
        return facts
    return {**facts, "unit_quantity": f"{quantity:f}", "total_cost": f"{found.total:f}"}


def _money(amount: Decimal, currency: str) -> str:
    from fal_cli.results.money import signed

    return signed(f"{amount:f}", currency)


VERB = pricing
