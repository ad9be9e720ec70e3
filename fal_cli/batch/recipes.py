"""What each endpoint of a batch makes of a row: its recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from fal_cli.batch import endpoints, grid
from fal_cli.batch.endpoints import is_lacking
from fal_cli.batch.grid import Axis
from fal_cli.batch.mapping import Files, Made, Mapper, check_any, is_of_row
from fal_cli.batch.options import RowFlags
from fal_cli.batch.sources import Record, Source
from fal_cli.calls import validate
from fal_cli.calls.endpoints import Named
from fal_cli.context import Context
from fal_cli.errors import UsageError
from fal_cli.files.attachment import written
from fal_cli.inputs import items, nesting
from fal_cli.inputs.gather import Gathered, gather, is_document
from fal_cli.inputs.stdin import Stdin
from fal_cli.inputs.typed import Typed, typed

if TYPE_CHECKING:
    from fal_cli.endpoint import EndpointId
    from fal_cli.schema import Schema


@dataclass(frozen=True)
class Recipe:
    """What one endpoint makes of a row. The axes of all recipes have the same lengths.

    `left_out` was given for all rows, and is an input of other endpoints alone.
    """

    endpoint: str
    mapper: Mapper | None
    base: Mapping[str, Any]
    given: Mapping[str, Any]
    axes: tuple[Axis, ...] = ()
    schema: "Schema | None" = None
    left_out: Mapping[str, Any] = field(default_factory=dict)

    def made(self, record: Record, values: Mapping[str, tuple[Axis, Any]]) -> Made:
        """The input for a row and a combination of values, not checked yet."""
        made = self.mapper.made(record) if self.mapper else Made(dict(self.base), dict(self.given), [], {})
        left_out = {**self.left_out, **made.left_out}
        for key, (axis, value) in values.items():
            if axis.is_input:
                nesting.assign(made.input_json, axis.steps, value, key)
                nesting.assign(made.given, axis.steps, value, key)
            else:
                left_out[key] = value
        return made._replace(left_out=left_out)


def recipes(
    context: Context,
    named: Sequence[Named],
    words: Sequence[str],
    source: Source | None,
    stdin: Stdin,
    rows: RowFlags,
    *,
    checks: bool,
) -> tuple[Recipe, ...]:
    """What each endpoint makes of a row, by its schema. Words are read once for all of them.

    Without `checks` its input is not validated. Raises `UsageError`, `NotFound`.
    """
    of_row, constants = _apart([*(rows.input or ()), *words])
    if of_row and source is None:
        raise UsageError(f"{of_row[0].word}: it has no list to read from")
    gathered = gather(constants, rows.text or (), stdin, base={}, reach=context.reach)
    schemas = [_schema(context, endpoints.target(one), checks=checks) for one in named]
    if source is not None:
        _check_schemas(context, named, schemas, source, has_items_of_rows=bool(of_row))
    maker = _Maker(context, source, stdin, rows, of_row, gathered, checks=checks)
    found = tuple(map(maker.recipe, named, schemas, endpoints.lacking(schemas)))
    if source is not None:
        check_any(source, [recipe.mapper for recipe in found if recipe.mapper])
    return found


def _check_schemas(
    context: Context,
    named: Sequence[Named],
    schemas: "Sequence[Schema | None]",
    source: Source,
    *,
    has_items_of_rows: bool,
) -> None:
    """Without a schema no column is an input by its name. Raises `UsageError` where nothing of a row would be sent."""
    unknown = [str(one.target) for one, schema in zip(named, schemas, strict=True) if schema is None]
    if not unknown:
        return
    whose = " and ".join(unknown)
    if not has_items_of_rows:
        raise UsageError(
            f"no schema of {whose} was found, so the columns of {source.name} cannot be matched to inputs",
            hint="Say which column is which input, such as prompt='{{prompt}}', or try again later.",
        )
    context.notify.warn(f"no schema of {whose} was found: only what KEY='{{{{…}}}}' names is sent of each row")


def _schema(context: Context, target: "EndpointId", *, checks: bool) -> "Schema | None":
    looked = validate.look(context, target)
    if checks:
        validate.check_endpoint(context, target, looked)
    return looked.known.schema if looked.known else None


class _Maker:
    """Makes the recipe of each endpoint from what was typed for all. A note about a word is printed once."""

    def __init__(
        self,
        context: Context,
        source: Source | None,
        stdin: Stdin,
        rows: RowFlags,
        of_row: Sequence[items.Item],
        gathered: Gathered,
        *,
        checks: bool,
    ) -> None:
        self._context = context
        self._source = source
        self._stdin = stdin
        self._rows = rows
        self._of_row = of_row
        self._gathered = gathered
        self._checks = checks
        self._note, self._decision = cache(context.notify.note), cache(context.notify.decision)

    def recipe(self, named: Named, schema: "Schema | None", lacking: frozenset[str]) -> Recipe:
        """That of one endpoint, which lacks these inputs. Raises `UsageError`."""
        own, others = _parted(self._gathered, lacking)
        said = self._said(own._replace(presets=tuple(map(items.split, named.words))), schema)
        axes = [grid.axis(word, schema) for word in self._rows.vary or ()]
        return Recipe(
            str(named.target),
            self._mapper(schema, said, lacking) if self._source else None,
            said.input_json,
            said.given,
            tuple(axis._replace(is_input=not is_lacking(axis.key, lacking)) for axis in axes),
            schema if self._checks else None,
            written(self._said(others, None).input_json) if lacking else {},
        )

    def _mapper(self, schema: "Schema | None", said: Typed, lacking: frozenset[str]) -> Mapper:
        assert self._source is not None
        files = Files.below(self._context.reach.folder or self._source.folder)
        return Mapper(self._source, schema, self._of_row, said.input_json, said.given, files=files, lacking=lacking)

    def _said(self, gathered: Gathered, schema: "Schema | None") -> Typed:
        return typed(gathered, self._stdin, schema=schema, tell=self._note, tell_guess=self._decision)


def _parted(gathered: Gathered, lacking: frozenset[str]) -> tuple[Gathered, Gathered]:
    """What is for an endpoint, and what it lacks the inputs for."""

    def part(*, is_own: bool) -> Gathered:
        return Gathered(
            {key: value for key, value in gathered.document.items() if (key in lacking) is not is_own},
            tuple(item for item in gathered.items if is_lacking(item.key, lacking) is not is_own),
            tuple(item for item in gathered.texts if is_lacking(item.key, lacking) is not is_own),
        )

    return part(is_own=True), part(is_own=False)


def _apart(words: Sequence[str]) -> tuple[list[items.Item], list[str]]:
    """The items that look into the row, and the words that do not."""
    of_row, constants = [], []
    for word in words:
        item = None if is_document(word) else items.split(word)
        if item is not None and is_of_row(item):
            of_row.append(item)
        else:
            constants.append(word)
    return of_row, constants
