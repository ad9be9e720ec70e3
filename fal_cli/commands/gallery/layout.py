"""How results are laid out: a sheet for each day, or a grid with a column for each value of something. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any, NamedTuple

from fal_cli.commands.gallery.cards import NOTHING_MADE, OWN_INPUTS, Found, prompt_of
from fal_cli.commands.gallery.page import Card, Column, Grid, Line, Sheet
from fal_cli.ledger.rows import Row
from fal_cli.results.money import cost_of, total
from fal_cli.terminal.progress.tally import duration

ENDPOINT = "endpoint"
_NONE = "(none)"
_LONGEST_VALUE = 60
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


class Planned(NamedTuple):
    """A line of a grid and the calls of each of its columns."""

    title: str
    subtitle: str
    cells: Sequence[Sequence[Row]]


class Plan(NamedTuple):
    """Which calls stand where in a grid."""

    columns: Sequence[Column]
    lines: Sequence[Planned]

    @property
    def rows(self) -> list[Row]:
        """The calls in the order in which a page is written."""
        return [row for line in self.lines for cell in line.cells for row in cell]


def plan(rows: Sequence[Row], key: str, *, is_free: bool) -> Plan:
    """A column for each value of `key`, which is `endpoint` or an input, and a line for each prompt.

    What else a line's calls have in common: their seed, and unless `key` is `endpoint` or `prompt` that too. A
    prompt's lines stand together.
    """
    by_value: dict[str, list[Row]] = {}
    by_prompt: dict[str, dict[str, dict[str, list[Row]]]] = {}
    for row in reversed(rows):  # the oldest first, as they were made
        value, (title, subtitle) = _value(row, key), _line(row, key)
        by_value.setdefault(value, []).append(row)
        by_prompt.setdefault(title, {}).setdefault(subtitle, {}).setdefault(value, []).append(row)
    values = _in_order(by_value)
    columns = [Column(_head(key, value), _sum(by_value[value], is_free)) for value in values]
    lines = [
        Planned(title, subtitle, [cells.get(value, []) for value in values])
        for title, group in by_prompt.items()
        for subtitle, cells in group.items()
    ]
    return Plan(columns, lines)


def comparison(rows: Sequence[Row], endpoints: Sequence[str], lines: Mapping[int, int], *, is_free: bool) -> Plan:
    """A column for each endpoint of a batch, and a line for each row of its list.

    `lines` tells for the number of a call which row of the list it is of. Calls of no such row stand after them, by
    what their inputs have in common. A call without a result stands where nothing else came of its row, the last one.
    """
    by_line: dict[tuple[int, str, str], dict[str, list[Row]]] = {}
    for row in reversed(rows):  # the oldest first
        number = lines.get(row.row_number or 0)
        place = (len(rows) + len(lines), *_line(row, ENDPOINT)) if number is None else (number, "", "")
        by_line.setdefault(place, {}).setdefault(row.endpoint, []).append(row)
    cells = [
        {endpoint: _worth_showing(calls) for endpoint, calls in by_line[place].items()} for place in sorted(by_line)
    ]
    inputs = [_inputs(line[endpoint] for endpoint in endpoints if endpoint in line) for line in cells]
    varied = _varied(inputs)
    columns = [
        Column(endpoint, _sum([row for line in cells for row in line.get(endpoint, ())], is_free))
        for endpoint in endpoints
    ]
    planned = [
        Planned(
            prompt_of(given) or f"row {number}",
            " · ".join(f"{name} {_short(given[name])}" for name in varied if name in given),
            [line.get(endpoint, []) for endpoint in endpoints],
        )
        for number, (line, given) in enumerate(zip(cells, inputs, strict=True), 1)
    ]
    return Plan(columns, planned)


def _worth_showing(calls: Sequence[Row]) -> Sequence[Row]:
    return [row for row in calls if row.state not in NOTHING_MADE] or calls[-1:]


def _inputs(calls: Iterable[Sequence[Row]]) -> Mapping[str, Any]:
    """What the calls of one line were given, all of them together."""
    found: dict[str, Any] = {}
    for rows in calls:
        for name, value in (rows[0].input_json or {}).items():
            found.setdefault(name, value)
    return found


def _varied(inputs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The inputs that tell the lines apart, beside the prompt, which is shown anyway."""
    names = dict.fromkeys(name for given in inputs for name in given if name not in ("prompt", *OWN_INPUTS))
    return [name for name in names if any(given.get(name) != inputs[0].get(name) for given in inputs)]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def grid(title: str, plan: Plan, found: Iterator[Found]) -> Grid:
    """The grid of a plan; `found` are its calls in their order, with their cards."""

    def cell(rows: Sequence[Row]) -> Iterator[Card]:
        for _ in rows:
            card = next(found).card
            if card is not None:
                yield card

    lines = (Line(line.title, line.subtitle, map(cell, line.cells)) for line in plan.lines)
    return Grid(title, plan.columns, lines)


def span(rows: Sequence[Row]) -> str:
    """From when to when calls were made: `3 to 28 November 2026`."""
    if not rows:
        return ""
    days = [day_of(row) for row in rows]  # a clock that was set back leaves them in no order
    first, last = min(days), max(days)
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


def _line(row: Row, key: str) -> tuple[str, str]:
    """What tells the lines of a grid apart: the prompt, and what else its calls have in common."""
    inputs = row.input_json or {}
    common = {ENDPOINT: row.endpoint, "seed": f"seed {inputs['seed']}" if "seed" in inputs else ""}
    if key == "prompt":
        return common["seed"] or _NONE, ""
    common.pop(key, None)
    return prompt_of(inputs) or _NONE, " · ".join(filter(None, common.values()))


def _value(row: Row, key: str) -> str:
    if key == ENDPOINT:
        return row.endpoint
    value: Any = (row.input_json or {}).get(key)
    return _NONE if value is None else value if isinstance(value, str) else str(value)


def _head(key: str, value: str) -> str:
    return value if key in (ENDPOINT, "prompt") else f"{key} {value}"


def _in_order(values: Iterable[str]) -> list[str]:
    """Numbers by size, then texts, then what has no value."""

    def rank(value: str) -> tuple[int, float, str]:
        try:
            return 0, float(value), value
        except ValueError:
            return (2 if value == _NONE else 1), 0.0, value

    return sorted(values, key=rank)


def _sum(rows: Sequence[Row], is_free: bool) -> str:
    """Time and money of a column. Of what failed only a known cost counts."""
    made = [row for row in rows if row.state not in NOTHING_MADE]
    costs = [cost for row in rows if (cost := cost_of(row)) or row.state not in NOTHING_MADE]
    times = [row.inference_seconds for row in made if row.inference_seconds is not None]
    count = f"{len(made)}" if len(made) == len(rows) else f"{len(made)} of {len(rows)}"
    parts = [f"{count} result{'' if count == '1' else 's'}", *([duration(sum(times))] if times else [])]
    return " · ".join(parts if is_free else [*parts, total(costs)])
