"""A table as wide as the terminal at most: what matters least is cut, then left out. Pure.

The columns of a table stand with the verb that shows it; `Output.rows` decides between table and JSON lines.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fal_cli.terminal.cells import cells, cut
from fal_cli.terminal.sanitize import visible
from fal_cli.terminal.styles import paint

_GAP = "  "


@dataclass(frozen=True)
class Column:
    """A column. Where not all have room, the one with the highest `rank` is left out first.

    `least` is to how many cells its texts may be cut, None if they may not, and `enough` what it has before all
    others have what they need; `keeps_end` cuts the beginnings. An `is_optional` one is left out where it is empty.
    """

    title: str
    rank: int
    least: int | None = None
    enough: int | None = None
    is_right: bool = False
    is_optional: bool = False
    keeps_end: bool = False


@dataclass(frozen=True)
class Cell:
    """A text, which may be a stranger's, and the name of its style."""

    text: str
    style: str = ""


T = TypeVar("T")
Columns = Mapping[Column, Callable[[T], Cell]]
"""The columns of a table of records, each with what it shows of one: `Output.rows` takes them."""


def draw(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, width: int, color: bool) -> list[str]:
    """The table as lines of at most `width` cells, the titles first."""
    titles = [Cell(column.title, "dim") for column in columns]
    texts = [[visible(cell.text).replace("\t", " ") for cell in row] for row in (titles, *rows)]
    shown = [at for at, column in enumerate(columns) if not column.is_optional or any(row[at] for row in texts[1:])]
    natural = {at: max(cells(row[at]) for row in texts) for at in shown}
    widths = _fitted(columns, natural, width)
    lines = []
    for given, row in zip((titles, *rows), texts, strict=True):
        parts = [_cell(columns[at], row[at], room, given[at].style if color else "") for at, room in widths.items()]
        lines.append(_GAP.join(parts).rstrip())
    return lines


def _fitted(columns: Sequence[Column], natural: dict[int, int], width: int) -> dict[int, int]:
    """The widths of the columns that have room, by their places."""
    least = {at: min(columns[at].least or wanted, wanted) for at, wanted in natural.items()}
    while len(least) > 1 and sum(least.values()) + len(_GAP) * (len(least) - 1) > width:
        del least[max(least, key=lambda at: columns[at].rank)]
    widths = {at: min(needed, width) for at, needed in least.items()}
    spare = width - sum(widths.values()) - len(_GAP) * (len(widths) - 1)
    by_rank = sorted(widths, key=lambda at: columns[at].rank)
    enough = [(at, min(columns[at].enough or natural[at], natural[at])) for at in by_rank]
    for at, wanted in (*enough, *((at, natural[at]) for at in by_rank)):
        more = max(0, min(wanted - widths[at], spare))
        widths[at] += more
        spare -= more
    return widths


def _cell(column: Column, text: str, room: int, style: str) -> str:
    text = cut(text, room, keeps_end=column.keeps_end)
    padding = " " * (room - cells(text))
    painted = paint(text, style)
    return padding + painted if column.is_right else painted + padding
