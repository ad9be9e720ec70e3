"""From a row to a call's input: which column is which input, and items whose `{{expressions}}` look into the row.

Columns whose names the schema knows are inputs, typed by it. Items say the rest: constants as `fal run` takes them, and
texts with `{{…}}` over the row. What comes out of a row is never looked into again: no `@`, no `{{`, no guess.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from fal_cli import media
from fal_cli.batch.endpoints import is_lacking
from fal_cli.batch.sources import FILE, Record, Source
from fal_cli.errors import MalformedInput, UsageError
from fal_cli.files.attachment import Attachment, holds_attachments
from fal_cli.inputs import items, nesting
from fal_cli.inputs.expressions import MEDIA
from fal_cli.inputs.items import Item
from fal_cli.schema import Problem, edits, find, placed, typed

if TYPE_CHECKING:
    from fal_cli.schema import Field, Schema

_EXPRESSION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNCHECKED = re.compile(r"(?:[a-z][a-z0-9+.-]*://|data:)", re.IGNORECASE)
Look = Callable[[Mapping[str, Any]], Any]


class Made(NamedTuple):
    """What a row comes to: the input that is sent and the one that was given, and what is wrong with it.

    Files are attachments in both. `columns` names the column that each input came from, to locate a problem.
    `left_out` are values for inputs that only other endpoints of the batch have.
    """

    input_json: dict[str, Any]
    given: dict[str, Any]
    problems: list[Problem]
    columns: Mapping[str, str]
    left_out: Mapping[str, Any] = MappingProxyType({})


class Files(NamedTuple):
    """Where a cell may name a file: `folder`, to which names are relative, and `root`, which they may not leave."""

    folder: Path
    root: Path

    @classmethod
    def below(cls, folder: Path) -> "Files":
        """The files under a folder."""
        return cls(folder.absolute(), folder.resolve())

    def named(self, text: str) -> Path:
        """The file that a cell names. Raises `ValueError` with the reason where there is none."""
        try:
            path = self.folder / text
            whole = path.resolve(strict=True)
            is_file = whole.is_file()
        except (OSError, ValueError, RuntimeError):
            raise ValueError(f"no file {text} in {self.folder}") from None
        if not whole.is_relative_to(self.root):
            raise ValueError(f"{text} is outside {self.folder}, the only folder that a list may read")
        if not is_file:
            raise ValueError(f"{text} is not a file")
        return path


class _Place(NamedTuple):
    """One input that is made of the row: `look` finds the value, `column` is the only column in it, "" for several."""

    key: str
    steps: tuple[nesting.Step, ...]
    field: "Field | None"
    look: Look
    column: str
    is_text: bool


class Mapper:
    """Makes inputs of the rows of one source."""

    def __init__(
        self,
        source: Source,
        schema: "Schema | None",
        words: Sequence[Item],
        base: Mapping[str, Any],
        given: Mapping[str, Any],
        *,
        files: Files,
        lacking: frozenset[str] = frozenset(),
    ) -> None:
        """`words` are the items with `{{…}}`; `base` holds all other inputs, as `given` does untyped.

        `lacking` are inputs of other endpoints in the batch. Raises `UsageError`.
        """
        self._files = files
        self._base = base
        self._base_given = given
        self._lacking = lacking
        self._left = [_written(item, None, source.is_text) for item in words if is_lacking(item.key, lacking)]
        written = [_written(item, schema, source.is_text) for item in words if not is_lacking(item.key, lacking)]
        taken = {place.steps[0].name for place in written} | set(base)
        self._given = taken
        self._by_column: dict[str, _Place | None] = {}
        self._all = schema
        self._is_text = source.is_text
        self._places = written
        self._sole_file = _sole_file(schema, taken) if source.columns and FILE in source.columns else ""
        if source.columns is not None:
            self._check_columns(source)

    @property
    def inputs(self) -> list[str]:
        """The inputs that rows give, as far as the header tells."""
        columns = [name for name, place in self._by_column.items() if place is not None]
        return [*columns, *(place.key for place in self._places)]

    def made(self, record: Record) -> Made:
        """The input of a row, not checked yet."""
        made = Made(_copied(self._base), _copied(self._base_given), [], {})
        columns: dict[str, str] = {}
        for place in self._of(record.cells):
            columns[place.steps[0].name] = place.column
            self._put(place, record, made)
        return made._replace(columns=columns, left_out=self._left_out(record.cells) if self._lacking else {})

    def _left_out(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        """What a row gives to inputs that this endpoint lacks."""
        found = {
            name: cell
            for name, cell in cells.items()
            if is_lacking(name, self._lacking) and not (self._is_text and cell == "")
        }
        for place in self._left:
            with suppress(ValueError, MalformedInput):  # the endpoints that have the input tell what is wrong
                found[place.key] = place.look(cells)
        return found

    def _put(self, place: _Place, record: Record, made: Made) -> None:
        try:
            cell = place.look(record.cells)
            value = self._value(place, cell)
            if value is _LEFT_OUT:
                return
            given = value if holds_attachments(value) else cell
            if len(place.steps) == 1:
                name = place.steps[0].name
                made.input_json[name], made.given[name] = value, given
                return
            nesting.assign(made.input_json, place.steps, value, place.key)
            nesting.assign(made.given, place.steps, given, place.key)
        except MalformedInput as error:
            made.problems.append(Problem(place.key, error.message))
        except ValueError as error:
            made.problems.append(Problem(place.key, str(error)))

    def _value(self, place: _Place, cell: Any) -> Any:
        """What a cell means for an input; `_LEFT_OUT` for an empty one of a table, which is a value not given."""
        if place.is_text and cell == "":
            return _LEFT_OUT
        field = place.field
        if field is None or not isinstance(cell, str):
            return self._files_in(place, field, cell) if isinstance(cell, list) else cell
        if field.takes_file:
            return self._file(place, field, cell)
        if field.takes_any_text or not place.is_text:
            return cell
        return typed(field, cell)

    def _file(self, place: _Place, field: "Field", cell: str) -> Any:
        if _UNCHECKED.match(cell):
            return typed(field, cell) if not field.takes_any_text else cell
        if cell[:1] == "[" and not field.takes_any_text and place.is_text:
            value = typed(field, cell)
            if isinstance(value, list):
                return self._files_in(place, field, value)
        return placed(field, Attachment(key=place.key, path=self._files.named(cell)))

    def _files_in(self, place: _Place, field: "Field | None", cells: list[Any]) -> list[Any]:
        """A list in which each text that names a file is one, where the schema wants files."""
        if field is None or not field.takes_file:
            return cells
        return [
            Attachment(key=place.key, path=self._files.named(cell))
            if isinstance(cell, str) and not _UNCHECKED.match(cell)
            else cell
            for cell in cells
        ]

    def _of(self, cells: Mapping[str, Any]) -> Iterator[_Place]:
        for name in cells:
            if name not in self._by_column:
                self._by_column[name] = self._column(name)
            place = self._by_column[name]
            if place is not None:
                yield place
        yield from self._places

    def _column(self, name: str) -> _Place | None:
        """The input that a column is; None for one that is row data alone."""
        if name == FILE and self._sole_file:
            return _Place(self._sole_file, *_found(self._all, self._sole_file), _cell(name), name, False)
        if self._all is None:
            return None
        try:
            steps, field = _found(self._all, name)
        except MalformedInput:
            return None
        if field is None or steps[0].name in self._given or not any(f.name == steps[0].name for f in self._all.inputs):
            return None
        return _Place(name, steps, field, _cell(name), name, self._is_text)

    def _check_columns(self, source: Source) -> None:
        """Raises `UsageError` for columns that surely are misspelt, and where no row would give anything."""
        assert source.columns is not None
        for name in source.columns:
            self._by_column[name] = self._column(name)
        known = [field.name for field in self._all.inputs] if self._all else []
        free = tuple(name for name in known if name not in self._given and name not in source.columns)
        for name in source.columns:
            is_known = self._by_column[name] is not None or is_lacking(name, self._lacking)
            meant = None if is_known else edits.slip(name, free)
            if meant:
                raise UsageError(
                    f'{source.name}, line 1, column "{name}": no such input; did you mean {meant!r}?',
                    hint=f"Rename the column, or say what it is: {meant}='{{{{{name}}}}}'",
                )


def check_any(source: Source, mappers: Sequence[Mapper]) -> None:
    """Raises `UsageError` for a list that gives no endpoint anything, as far as its header tells."""
    if source.columns is not None and not any(mapper.inputs for mapper in mappers):
        raise UsageError(
            f"no column of {source.name} is an input ({', '.join(source.columns)})",
            hint=f"Say which input it is, such as: prompt='{{{{{source.columns[0]}}}}}'",
        )


def _copied(value: Mapping[str, Any]) -> dict[str, Any]:
    return deepcopy(dict(value)) if value else {}


class _LeftOut:
    """Stands for an input that a row does not give."""


_LEFT_OUT = _LeftOut()


def _cell(name: str) -> Look:
    return lambda cells: cells[name]


def _found(schema: "Schema | None", key: str) -> "tuple[tuple[nesting.Step, ...], Field | None]":
    steps = nesting.steps(key, key)
    field = find(schema, tuple(step.name for step in steps)) if schema else None
    return steps, field if field is not None and field.kinds else None


def _sole_file(schema: "Schema | None", taken: set[str]) -> str:
    """The only input that a folder's files can be: the one that takes a file and has to be given."""
    wanted = [field for field in schema.inputs if field.takes_file] if schema else []
    needed = [field.name for field in wanted if field.is_required] or [field.name for field in wanted]
    free = [name for name in needed if name not in taken]
    return free[0] if len(free) == 1 and not taken & set(needed) else ""


# -- items with {{expressions}}


def is_of_row(item: Item) -> bool:
    """Whether an item's value looks into the row."""
    return item.operator == "=" and items.holds_template(item.value)


def _written(item: Item, schema: "Schema | None", is_text: bool) -> _Place:
    steps, field = _found(schema, item.key)
    whole = _EXPRESSION.fullmatch(item.value)
    if whole and "}}" not in whole[1]:
        name = whole[1].strip()
        column = name if _NAME.fullmatch(name) else ""
        return _Place(item.key, steps, field, _expression(item, whole[1], item.value_at + 2), column, is_text)
    return _Place(item.key, steps, field, _text(item), "", False)


def _text(item: Item) -> Look:
    """A text with expressions in it; each becomes text."""
    parts: list[str | Look] = []
    at = 0
    for match in _EXPRESSION.finditer(item.value):
        parts += [item.value[at : match.start()], _expression(item, match[1], item.value_at + match.start() + 2)]
        at = match.end()
    parts.append(item.value[at:])
    return lambda cells: "".join(part if isinstance(part, str) else _as_text(part(cells)) for part in parts)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _expression(item: Item, text: str, at: int) -> Look:
    """What an expression finds in a row. Raises `MalformedInput` for what is none."""
    name = text.strip()
    if _NAME.fullmatch(name) and name != MEDIA:
        return _named(name)
    import jmespath
    import jmespath.exceptions

    try:
        search = jmespath.compile(text)
    except (jmespath.exceptions.JMESPathError, RecursionError, ValueError) as error:
        reason = " ".join(str(error).split()) or "expected an expression here"
        raise MalformedInput(reason, item.word, at) from None

    def look(cells: Mapping[str, Any]) -> Any:
        try:
            found = search.search(_scope(cells))
        except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
            raise ValueError(f"{{{{{text}}}}}: {' '.join(str(error).split())}") from None
        if found is None:
            raise ValueError(f"{{{{{text}}}}} finds nothing in the row")
        return found

    return look


def _named(name: str) -> Look:
    def look(cells: Mapping[str, Any]) -> Any:
        if name not in cells or cells[name] is None:
            raise ValueError(f"{{{{{name}}}}} finds nothing in the row, which has {', '.join(list(cells)[:12])}")
        return cells[name]

    return look


def _scope(cells: Mapping[str, Any]) -> Mapping[str, Any]:
    if MEDIA in cells:
        return cells
    return {**cells, MEDIA: [file.url for file in media.find(dict(cells))]}
