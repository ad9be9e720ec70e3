"""An endpoint's inputs and outputs as a readable table: in columns where there is room, else one below the other."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from fal_cli.schema.fields import Field, Number, Schema, required_first
from fal_cli.terminal import wrapping
from fal_cli.terminal.cells import cells
from fal_cli.terminal.sanitize import visible
from fal_cli.terminal.styles import paint

_BOLD, _DIM, _CYAN = "bold", "dim", "cyan"
_GAP = "  "
_DEFAULT = "default"
_LONGEST_DEFAULT = 16
_LONGEST_SHOWN = 300
_WIDEST_NAME = 30
_NARROWEST_TEXT = 30
_WIDEST_CHOICE = 50
_DEEPEST = 3
_KINDS = {
    "string": "text", "integer": "integer", "number": "number", "boolean": "true/false", "array": "list",
    "object": "object",
}  # fmt: skip
_PLURALS = {"file": "files", "integer": "integers", "number": "numbers", "list": "lists", "object": "objects"}


class Columns(NamedTuple):
    """How wide the columns before the texts are; `default` is 0 where there is none."""

    mark: int
    name: int
    kind: int
    default: int

    @property
    def before(self) -> int:
        """How many cells stand before the texts."""
        parts = [part for part in self[1:] if part]
        return self.mark + sum(parts) + len(_GAP) * len(parts)


class Row(NamedTuple):
    """One line of the table before it is laid out: `limits` and `text` may take several."""

    mark: str
    name: str
    kind: str
    default: str
    limits: str
    text: str


def lines(schema: Schema, *, width: int, color: bool) -> list[str]:
    """Both halves of the table, each under a heading; a half of which nothing is known is left out."""
    found: list[str] = []
    inputs, outputs = list(input_rows(schema)), list(output_rows(schema))
    for name, rows in (("inputs", inputs), ("outputs", outputs)):
        legend = _legend(rows) if rows is inputs else ""
        heading = f"{name} ({legend})" if legend else name
        if rows:
            found += ["", *(_painted(line, _DIM, color) for line in wrapped(heading, width))]
            found += table(rows, width=width, color=color)
    return found[1:]


def heading(endpoint: str, title: str, category: str, *, width: int, color: bool) -> list[str]:
    """What the table is about: the endpoint and, where there is room beside it, its title and category."""
    names = [visible(" ".join(text.split())) for text in (endpoint, title, category)]
    told = " · ".join(name for name in names[1:] if name)
    first = _painted(names[0], _BOLD, color)
    if not told:
        return [first]
    if cells(names[0] + _GAP + told) <= width:
        return [f"{first}{_GAP}{_painted(told, _DIM, color)}"]
    return [first, *(_painted(line, _DIM, color) for line in wrapped(told, width))]


def help_lines(schema: Schema, endpoint: str, *, width: int) -> list[str]:
    """The inputs as a section of a plain help text."""
    rows = list(input_rows(schema))
    if not rows:
        return []
    legend = f" ({told})" if (told := _legend(rows)) else ""
    heading = wrapped(f"Inputs of {visible(endpoint)}{legend}:", width)
    return [*heading, *table(rows, width=width, color=False)]


def input_rows(schema: Schema) -> Iterator[Row]:
    """The inputs by the names under which they are typed, those that are required first."""
    for field in required_first(schema.inputs):
        yield from _rows(field, field.name, "*" if field.is_required else " ", ".0")


def output_rows(schema: Schema) -> Iterator[Row]:
    """The outputs by the expressions that pick them (`--query`)."""
    for field in schema.outputs:
        yield from _rows(field._replace(has_default=False), field.name, "", "[]")


def table(rows: Sequence[Row], *, width: int, color: bool) -> list[str]:
    """The rows as lines of at most `width` cells. Where there is little room the defaults stand beside the limits."""
    rows = [Row(row.mark, *(visible(" ".join(part.split())) for part in row[1:])) for row in rows]
    for seen in (rows, [_with_default_in_limits(row) for row in rows]):
        columns = _columns(seen)
        room = width - columns.before
        if room >= max(_NARROWEST_TEXT, _longest_choice(seen)):
            laid = [line for row in seen for line in _in_columns(row, columns, room, color)]
            return [*_titles(columns, color), *laid]
    return [line for row in rows for line in _stacked(row, width, color)]


def kind_words(field: Field) -> str:
    """What a field takes, in words."""
    if field.is_media:
        return "list of files" if "array" in field.kinds and "string" not in field.kinds else "file"
    words = [_kind_of_shape(shape) for shape in field.shapes]
    return " or ".join(sorted(dict.fromkeys(words), key=lambda word: word != "text"))


def limits(field: Field) -> str:
    """The choices, range and lengths that a field allows, in words; "" if it allows all."""
    told = [*_choices(field), *(_limits_of(shape) for shape in field.shapes)]
    item = field.item
    if item is not None and not item.properties:
        inner = limits(item)
        told += [f"each {inner}"] if inner else []
    return "; ".join(text for text in told if text)


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most so many cells, none if it is empty; a word that is longer has its own."""
    return wrapping.wrapped(" ".join(text.split()), width) if text.strip() else []


def _rows(field: Field, name: str, mark: str, place: str, depth: int = 0) -> Iterator[Row]:
    told = limits(field)
    if depth and field.is_required and mark:
        told = f"required; {told}" if told else "required"
    default = _written(field.default) if field.has_default and field.default is not None else ""
    row = Row(mark if not depth else " " * len(mark), name, kind_words(field), default, told, field.description)
    yield _with_default_in_limits(row) if cells(default) > _LONGEST_DEFAULT else row
    inner = field.item if field.item is not None and "array" in field.kinds else None
    holder, here = (inner, f"{name}{place}") if inner is not None and inner.properties else (field, name)
    if depth < _DEEPEST and not holder.is_file:
        for part in holder.properties:
            yield from _rows(part, f"{here}.{part.name}", mark, place, depth + 1)


def _legend(rows: Sequence[Row]) -> str:
    """What the marks and words of the table mean, as far as they occur."""
    told = ["* required"] if any(row.mark == "*" for row in rows) else []
    told += ["file: a URL, or @FILE to upload"] if any("file" in row.kind for row in rows) else []
    return "; ".join(told)


def _with_default_in_limits(row: Row) -> Row:
    if not row.default:
        return row
    told = f"default {row.default}"
    return row._replace(default="", limits=f"{row.limits}; {told}" if row.limits else told)


def _longest_choice(rows: Sequence[Row]) -> int:
    """How many cells a column needs in which no choice is broken; very long ones may be."""
    return min(max((cells(word) for row in rows for word in row.limits.split()), default=0), _WIDEST_CHOICE)


def _columns(rows: Sequence[Row]) -> Columns:
    return Columns(
        max(len(row.mark) + 1 if row.mark else 0 for row in rows),
        min(max(cells(row.name) for row in rows), _WIDEST_NAME),
        max(cells(row.kind) for row in rows),
        max((max(cells(row.default), len(_DEFAULT)) for row in rows if row.default), default=0),
    )


def _titles(columns: Columns, color: bool) -> list[str]:
    """What the columns hold, where it does not go without saying."""
    if not columns.default:
        return []
    titles = [_filled("name", columns.name), _filled("type", columns.kind), _DEFAULT]
    return [_painted(" " * columns.mark + _GAP.join(titles), _DIM, color)]


def _in_columns(row: Row, columns: Columns, room: int, color: bool) -> list[str]:
    """The texts in the last column; a name that is too long for its own stands on a line before the others."""
    mark = _filled(row.mark, columns.mark)
    name = _painted(row.name, _style(row), color)
    facts = [_painted(row.kind, _DIM, color) + " " * (columns.kind - cells(row.kind))]
    facts += [_filled(row.default, columns.default)] if columns.default else []
    body = [_painted(line, _CYAN, color) for line in wrapped(row.limits, room)] + wrapped(row.text, room)
    first, *others = body or [""]
    rest = _GAP.join([*facts, first])
    below = [" " * columns.before + line for line in others]
    if cells(row.name) > columns.name:
        return [mark + name, (" " * (columns.mark + columns.name) + _GAP + rest).rstrip(), *below]
    return [(mark + name + " " * (columns.name - cells(row.name)) + _GAP + rest).rstrip(), *below]


def _stacked(row: Row, width: int, color: bool) -> list[str]:
    """The name and what it takes on a line, the texts below."""
    mark = f"{row.mark} " if row.mark else ""
    facts = f"{row.kind}, default {row.default}" if row.default else row.kind
    indent = " " * (len(mark) + 2)
    room = max(width - len(indent), 1)
    body = [_painted(line, _CYAN, color) for line in wrapped(row.limits, room)] + wrapped(row.text, room)
    if cells(mark + row.name + _GAP + facts) <= width:
        first = [f"{mark}{_painted(row.name, _style(row), color)}{_GAP}{_painted(facts, _DIM, color)}"]
    else:
        names = wrapped(row.name, max(width - len(mark), 1))
        first = [(mark if not at else " " * len(mark)) + _painted(n, _style(row), color) for at, n in enumerate(names)]
        first += [indent + _painted(line, _DIM, color) for line in wrapped(facts, room)]
    return [*first, *(indent + line for line in body)]


def _style(row: Row) -> str:
    return _BOLD if row.mark == "*" else ""


def _kind_of_shape(shape: Field) -> str:
    if shape.is_file:
        return "file"
    words = [f"list of {_plural(shape.item)}" if kind == "array" else _KINDS[kind] for kind in shape.kinds]
    return " or ".join(words) or "anything"


def _plural(item: Field | None) -> str:
    words = kind_words(item) if item is not None else "anything"
    return _PLURALS.get(words, words)


def _choices(field: Field) -> Iterator[str]:
    texts = [choice if isinstance(choice, str) else _written(choice) for choice in field.choices]
    if texts:
        yield ", ".join(text or '""' for text in texts)


def _limits_of(shape: Field) -> str:
    above, below, step = shape.exclusive_minimum, shape.exclusive_maximum, shape.multiple_of
    told = [
        "" if above is None else f"above {_number(above)}",
        _span(shape.minimum, shape.maximum, ""),
        "" if below is None else f"below {_number(below)}",
        "" if step is None else f"multiples of {_number(step)}",
        _span(shape.min_length, shape.max_length, " characters"),
        _span(shape.min_items, shape.max_items, " entries"),
    ]
    return ", ".join(text for text in told if text)


def _span(low: Number | None, high: Number | None, unit: str) -> str:
    if low is not None and high is not None:
        return f"{_number(low)} to {_number(high)}{unit}" if low != high else f"{_number(low)}{unit}"
    if low is not None:
        return f"at least {_number(low)}{unit}" if low or not unit else ""
    return f"at most {_number(high)}{unit}" if high is not None else ""


def _number(value: Number) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def _written(value: Any) -> str:
    try:
        text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return "…"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _filled(text: str, width: int) -> str:
    return text + " " * (width - cells(text))


def _painted(text: str, style: str, color: bool) -> str:
    return paint(text, style if color and text.strip() else "")
