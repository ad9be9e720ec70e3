"""What requests have cost, as a table on a terminal."""

from collections.abc import Sequence
from decimal import Decimal

from fal_cli.commands.cost.sums import By, Line, as_text
from fal_cli.terminal.table import Cell, Column, draw

_FEWEST_PLACES, _MOST_PLACES = 2, 6


def table(lines: Sequence[Line], totals: Sequence[Line], by: By, *, width: int, color: bool) -> list[str]:
    """The lines of a table, a total for each currency under them."""
    columns = (
        Column(by, 0, least=12, keeps_end=by == "endpoint"),
        Column("requests", 3, is_right=True),
        Column("units", 4, is_right=True),
        Column("cost", 1, is_right=True),
        Column("not known", 2, is_right=True),
        Column("source", 5, is_optional=True),
    )
    places = max((_places(line.amount) for line in (*lines, *totals)), default=0)
    is_mixed = len({line.source for line in lines if line.source}) > 1
    rows = [_cells(line, places, is_mixed=is_mixed) for line in lines]
    # Units of different kinds do not add up.
    rows += [_cells(line, places, is_mixed=False, has_units=False, style="bold") for line in totals]
    return draw(columns, rows, width=width, color=color)


def _cells(line: Line, places: int, *, is_mixed: bool, has_units: bool = True, style: str = "") -> tuple[Cell, ...]:
    return (
        Cell(line.key, style),
        Cell(str(line.requests), style),
        Cell(as_text(line.units) if has_units and line.units is not None else "", style),
        Cell("–" if line.amount is None else f"{line.amount:.{places}f} {line.currency}", style),
        Cell(str(line.not_known), "yellow" if line.not_known else "dim"),
        Cell(line.source if is_mixed else "", "dim"),
    )


def _places(amount: Decimal | None) -> int:
    """How many decimal places an amount needs; more than six only if it has nothing before them."""
    _, _, digits = as_text(amount or Decimal(0)).partition(".")
    first = len(digits) - len(digits.lstrip("0")) + 1
    return max(_FEWEST_PLACES, min(len(digits), max(_MOST_PLACES, first)))
