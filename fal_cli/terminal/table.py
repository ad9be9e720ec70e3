"""A table as wide as the terminal at most: what matters least is cut, then left out. Pure.

The columns of a table stand with the verb that shows it; `Output.rows` decides between table and JSON lines.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fal_cli.terminal.sanitize import visible

_GAP = "  "
_EMOJI_STYLE = "\ufe0f"  # asks for the character before it to be drawn as an emoji, which is wider
_RESET = "\x1b[0m"
_STYLES = {
    "bold": "\x1b[1m",
    "dim": "\x1b[2m",
    "red": "\x1b[31m",
    "green": "\x1b[32m",
    "yellow": "\x1b[33m",
    "cyan": "\x1b[36m",
}


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


def cells(text: str) -> int:
    """How many columns a terminal may give to a text.

    Some draw joined emoji as one, others each of its parts: what would fit only the former might wrap.
    """
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def cut(text: str, most: int, *, keeps_end: bool = False) -> str:
    """`text` in at most so many cells, an ellipsis for what is missing."""
    if cells(text) <= most:
        return text
    left, kept = most - 1, []
    for character in reversed(text) if keeps_end else text:
        left -= _cells_of(character)
        if left < 0:
            break
        kept.append(character)
    return "…" + "".join(reversed(kept)).lstrip() if keeps_end else "".join(kept).rstrip() + "…"


def paint(text: str, style: str) -> str:
    """`text` in a style; as it is without one."""
    return f"{_STYLES[style]}{text}{_RESET}" if style and text else text


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 1 if character == _EMOJI_STYLE else 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


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
