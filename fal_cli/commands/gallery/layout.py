"""How results are laid out: a sheet for each day, or a grid with a column for each value of something. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import Any, NamedTuple

from fal_cli.commands.gallery.cards import Found, prompt_of
from fal_cli.commands.gallery.page import Card, Column, Grid, Line, Sheet
from fal_cli.ledger.rows import Row
from fal_cli.results.money import cost_of, total
from fal_cli.terminal.progress.tally import duration

ENDPOINT = "endpoint"
_NONE = "(none)"
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def by_day(found: Iterator[Found]) -> Iterator[Sheet]:
    """A sheet for each day here on which something was made. Each is read to its end before the next."""
    shown = ((one.row, one.card) for one in found if one.card is not None)
    for day, group in groupby(shown, key=lambda pair: day_of(pair[0])):
        yield Sheet(f"{_DAYS[day.weekday()]}, {written(day)}", (card for _, card in group))


class Plan(NamedTuple):
    """Which calls stand where in a grid: `lines` are a title and the calls of each column."""

    columns: Sequence[Column]
    lines: Sequence[tuple[str, Sequence[Sequence[Row]]]]

    @property
    def rows(self) -> list[Row]:
        """The calls in the order in which a page is written."""
        return [row for _, cells in self.lines for cell in cells for row in cell]


def plan(rows: Sequence[Row], key: str, *, is_free: bool) -> Plan:
    """A column for each value of `key`, which is `endpoint` or an input, and a line for each prompt.

    What a line's calls have in common beside the prompt: the seed, and unless `key` is one of them the endpoint.
    """
    values = _in_order({_value(row, key) for row in rows})
    lines: dict[tuple[str, ...], dict[str, list[Row]]] = {}
    for row in reversed(rows):  # the oldest first, as they were made
        lines.setdefault(_line(row, key), {}).setdefault(_value(row, key), []).append(row)
    columns = [Column(value, _sum([row for row in rows if _value(row, key) == value], is_free)) for value in values]
    titled = [(_title(names), [cells.get(value, []) for value in values]) for names, cells in lines.items()]
    return Plan([column._replace(title=_head(key, column.title)) for column in columns], titled)


def grid(title: str, plan: Plan, found: Iterator[Found]) -> Grid:
    """The grid of a plan; `found` are its calls in their order, with their cards."""

    def cell(rows: Sequence[Row]) -> Iterator[Card]:
        for _ in rows:
            card = next(found).card
            if card is not None:
                yield card

    return Grid(title, plan.columns, (Line(name, map(cell, cells)) for name, cells in plan.lines))


def span(rows: Sequence[Row]) -> str:
    """From when to when calls were made, the newest first among `rows`: `3 to 28 November 2026`."""
    if not rows:
        return ""
    first, last = day_of(rows[-1]), day_of(rows[0])
    if first == last:
        return written(last)
    if first.year != last.year:
        return f"{written(first)} to {written(last)}"
    if first.month != last.month:
        return f"{first.day} {_MONTHS[first.month - 1]} to {written(last)}"
    return f"{first.day} to {written(last)}"


def written(day: date) -> str:
    """A day as people write it, in the language of the page and not in that of the machine: `28 November 2026`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def day_of(row: Row) -> date:
    """The day on which a call was made, here."""
    return row.created_at.astimezone().date()


def _line(row: Row, key: str) -> tuple[str, ...]:
    """What tells the lines of a grid apart."""
    inputs = row.input_json or {}
    seed = f"seed {inputs['seed']}" if "seed" in inputs else ""
    parts = {"prompt": prompt_of(inputs), ENDPOINT: row.endpoint, "seed": seed}
    if key in ("prompt", ENDPOINT):
        del parts[ENDPOINT]
    parts.pop(key, None)
    return tuple(parts.values())


def _title(names: tuple[str, ...]) -> str:
    return " · ".join(filter(None, names)) or _NONE


def _value(row: Row, key: str) -> str:
    if key == ENDPOINT:
        return row.endpoint
    value: Any = (row.input_json or {}).get(key)
    return _NONE if value is None else value if isinstance(value, str) else str(value)


def _head(key: str, value: str) -> str:
    return value if key in (ENDPOINT, "prompt") else f"{key} {value}"


def _in_order(values: set[str]) -> list[str]:
    """Numbers by size, then texts, then what has no value."""

    def rank(value: str) -> tuple[int, float, str]:
        try:
            return 0, float(value), value
        except ValueError:
            return (2 if value == _NONE else 1), 0.0, value

    return sorted(values, key=rank)


def _sum(rows: Sequence[Row], is_free: bool) -> str:
    """Time and money of a column."""
    times = [row.inference_seconds for row in rows if row.inference_seconds is not None]
    parts = [f"{len(rows)} result{'' if len(rows) == 1 else 's'}"]
    parts += [duration(sum(times))] if times else []
    return " · ".join(parts if is_free else [*parts, total(map(cost_of, rows))])
