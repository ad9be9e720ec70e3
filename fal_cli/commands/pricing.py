"""`fal pricing`: what a unit of an endpoint costs."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from fal_cli.context import Context
from fal_cli.errors import NotFound

if TYPE_CHECKING:
    from fal_cli.api.catalog import Estimate
    from fal_cli.api.platform import Price

EXAMPLES = """\
  fal pricing fal-ai/flux/dev
  fal pricing fal-ai/flux/dev --estimate 40      # what 40 units cost
  fal pricing fal-ai/flux/dev fal-ai/flux/schnell --json | jq -r .unit_price"""


def units(text: str) -> Decimal:
    """A number of units. Raises `typer.BadParameter`."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal(-1)
    if not number.is_finite() or number <= 0 or number > 10**12:
        raise typer.BadParameter(f"{text!r} is no number of units, such as 40 or 2.5")
    return number


def pricing(
    context: Context,
    endpoints: Annotated[list[str], typer.Argument(metavar="ENDPOINT…", help="Endpoints, e.g. fal-ai/flux/dev.")],
    estimate: Annotated[
        Decimal | None,
        typer.Option("--estimate", parser=units, metavar="N", help="Ask the service what N units cost."),
    ] = None,
) -> None:
    """Show what a unit of an endpoint costs.

    A table on a terminal; in a pipe a JSON object a line, its decimals as text, so that none is rounded. What
    a call takes in units its result tells (`fal run … --print envelope`).
    """
    from fal_cli.api import catalog, platform
    from fal_cli.calls.prepare import parse_target

    names = list(dict.fromkeys(str(parse_target(endpoint)) for endpoint in endpoints))
    wire = context.wire()
    prices = platform.prices(wire, names)
    known = [prices[name] for name in names if name in prices]
    estimates = (
        {price.endpoint: catalog.estimate(wire, price.endpoint, estimate) for price in known} if estimate else {}
    )
    if context.output.is_terminal and known:
        _write_table(context, known, estimates, estimate)
    elif known:
        for price in known:
            context.output.json(_facts(price, estimates.get(price.endpoint), estimate), one_line=True)
    missing = [name for name in names if name not in prices]
    if missing:
        raise NotFound(f"the service has no price of {', '.join(missing)}")


def _write_table(
    context: Context,
    prices: "Sequence[Price]",
    estimates: "Mapping[str, Estimate | None]",
    quantity: Decimal | None,
) -> None:
    from fal_cli.terminal.output import Screen
    from fal_cli.terminal.table import Cell, Column, draw

    columns = (
        Column("endpoint", 1, least=12, keeps_end=True),
        Column("price", 0, is_right=True),
        Column("for one", 2),
        Column(f"for {quantity:f}" if quantity else "", 0, is_right=True, is_optional=True),
    )
    rows = [
        (
            Cell(price.endpoint, "bold"),
            Cell(_money(price.amount, price.currency)),
            Cell(price.unit, "dim"),
            Cell(_money(found.total, found.currency) if (found := estimates.get(price.endpoint)) else ""),
        )
        for price in prices
    ]
    screen = Screen(context.output)
    screen.write(draw(columns, rows, width=screen.width, color=screen.color))


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
    return f"{amount:f} {currency}".rstrip()


VERB = pricing
