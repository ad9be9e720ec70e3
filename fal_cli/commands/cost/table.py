"""What requests have cost, as a table on a terminal."""

from collections.abc import Sequence
from decimal import Decimal

from fal_cli.commands.cost.sums import By, Line, as_text
from fal_cli.results.money import signed
from fal_cli.terminal.table import Cell, Column, Columns

_FEWEST_PLACES, _MOST_PLACES = 2, 6


def columns(lines: Sequence[Line], totals: Sequence[Line], by: By) -> Columns[Line]:
    """The columns of a table of `lines`, with a total for each currency under them."""
    places = max((_places(line.amount) for line in (*lines, *totals)), default=0)
    of_all = {id(line) for line in totals}
    is_mixed = len({line.source for line in lines if line.source}) > 1

    def style(line: Line) -> str:
        return "bold" if id(line) in of_all else ""

    def units(line: Line) -> str:
        # Units of different kinds do not add up.
        return "" if line.units is None or id(line) in of_all else as_text(line.units)

    def amount(line: Line) -> str:
        return "–" if line.amount is None else signed(f"{line.amount:.{places}f}", line.currency)

    return {
        Column(by, 0, least=12, keeps_end=by == "endpoint"): lambda line: Cell(line.key, style(line)),
        Column("requests", 3, is_right=True): lambda line: Cell(str(line.requests), style(line)),
        Column("units", 4, is_right=True): lambda line: Cell(units(line), style(line)),
        Column("cost", 1, is_right=True): lambda line: Cell(amount(line), style(line)),
        Column("not known", 2, is_right=True): lambda line: Cell(
            str(line.not_known), "yellow" if line.not_known else "dim"
        ),
        Column("source", 5, is_optional=True): lambda line: Cell(
            line.source if is_mixed and id(line) not in of_all else "", "dim"
        ),
    }


def _places(amount: Decimal | None) -> int:
    """How many decimal places an amount needs; more than six only if it has nothing before them."""
    _, _, digits = as_text(amount or Decimal(0)).partition(".")
    first = len(digits) - len(digits.lstrip("0")) + 1
    return max(_FEWEST_PLACES, min(len(digits), max(_MOST_PLACES, first)))
