"""From what was typed to the order of a batch: its list, its inputs, its names, and what it is called."""

import os
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fal_cli.api.call_options import CallOptions
from fal_cli.batch import endpoints, grid, sources
from fal_cli.batch.endpoints import is_lacking
from fal_cli.batch.formats import FORMATS
from fal_cli.batch.mapping import Files, Mapper, check_any, is_of_row
from fal_cli.batch.names import Names
from fal_cli.batch.options import RowFlags
from fal_cli.batch.plan import Order, Recipe
from fal_cli.batch.sources import Source
from fal_cli.calls import prepare, validate
from fal_cli.calls.endpoints import Named
from fal_cli.context import Context
from fal_cli.errors import UsageError
from fal_cli.files.attachment import written
from fal_cli.identity.keys import batch_scope, outcome_of, scope_of
from fal_cli.inputs import items
from fal_cli.inputs.gather import Gathered, gather, is_document
from fal_cli.inputs.stdin import Reread, Stdin
from fal_cli.inputs.typed import typed
from fal_cli.ledger.batches import Batch
from fal_cli.options import CallFlags

if TYPE_CHECKING:
    from fal_cli.endpoint import EndpointId
    from fal_cli.inputs.typed import Typed as Said
    from fal_cli.schema import Schema

STDIN = "-"
_RENAME = "Choose another name: --name NAME"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Typed(NamedTuple):
    """What was typed of a batch, looked at as far as no list had to be read. `source` is where its list is, or ""."""

    endpoints: tuple[Named, ...]
    options: CallOptions
    source: Source | None
    where: str
    name: str
    words: list[str]
    is_private: bool
    stdin: Stdin

    @property
    def text(self) -> str:
        """Its endpoints as the ledger has them."""
        return endpoints.SEPARATOR.join(str(one.target) for one in self.endpoints)


def read(context: Context, endpoint: str, rows: RowFlags, call: CallFlags) -> Typed:
    """Reads the words. Raises `UsageError`."""
    named = endpoints.read(context, endpoint, call.path, aloud=call.dry_run)
    call = call.but(priority=call.priority or "low")
    options = prepare.wire_options(context, call)
    word, words = _source_word(rows)
    source = _opened(context, word, rows)
    if source is None and not rows.vary and rows.repeat == 1:
        raise UsageError(
            "name a list, or make one with --vary or --repeat",
            hint=f"Such as: {context.tool} batch {endpoint} cats.csv, or --vary seed=1..10",
        )
    where = os.path.realpath(word) if word and word != STDIN else word
    name = rows.name or _usual_name(word, endpoints.stem([endpoints.target(one) for one in named]), source)
    if not _NAME.fullmatch(name):
        raise UsageError(f"--name {name!r}: use letters, digits, dots, dashes and underscores")
    is_private = prepare.is_private(context, call)
    return Typed(named, options, source, where, name, words, is_private, Reread(context.stdin))


def _source_word(rows: RowFlags) -> tuple[str, list[str]]:
    """The word that names the list, and the others."""
    words = list(rows.items or ())
    if rows.rows:
        return rows.rows, words
    if words and (words[0] == STDIN or not (is_document(words[0]) or {"=", "@"} & set(words[0]))):
        return words[0], words[1:]
    if words and is_document(words[0]) and words[0].endswith(".json") and not words[0].startswith(("@", "{")):
        return words[0], words[1:]
    return "", words


def _opened(context: Context, word: str, rows: RowFlags) -> Source | None:
    if not word:
        return None
    if word != STDIN:
        return sources.opened(word, rows.format or "")
    if not rows.format:
        raise UsageError("a list on stdin needs --format", hint=f"One of {', '.join(FORMATS)}")
    source = sources.of_file(context.stdin.spool_something(STDIN, "the list"), "stdin", rows.format)
    source.folder = Path()
    return source


def _usual_name(word: str, stem: str, source: Source | None) -> str:
    """The stem of the list; for a grid alone `stem`, which its endpoints have."""
    if not word or word == STDIN:
        text = "stdin" if word else f"{stem}-grid"
    elif isinstance(source, sources.Manifest):
        text = f"{source.path.resolve().parent.name}-{stem}"
    else:
        path = Path(word)
        text = path.resolve().name if path.is_dir() else path.stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "batch"


def of_known(context: Context, typed_: Typed, known: Batch | None, rows: RowFlags) -> Typed:
    """What was typed, its endpoints in the order that the batch began with: a private one knows its rows by number.

    Raises `UsageError` for a name that is another batch's.
    """
    if known is None:
        return typed_
    if set(known.endpoints) != {str(one.target) for one in typed_.endpoints}:
        whose = " and ".join(known.endpoints)
        raise UsageError(f"the batch {known.name} exists already, for {whose}", hint=_RENAME)
    if not rows.name and known.source != typed_.where:
        raise UsageError(
            f"the batch {known.name} exists already, for {known.source or 'a grid'}",
            hint=f"Choose another name: --name NAME. If it is the same list, moved: --name {known.name}",
        )
    return typed_._replace(
        endpoints=tuple(sorted(typed_.endpoints, key=lambda one: known.endpoints.index(str(one.target))))
    )


def order(
    context: Context, typed_: Typed, rows: RowFlags, call: CallFlags, names: Names, again: frozenset[str], *, once: bool
) -> Order:
    """The order, by the schemas that the endpoints have. Raises `UsageError`, `NotFound`."""
    recipes = _recipes(context, typed_, rows, call)
    account = scope_of(context.accounts.own)
    scope = "" if typed_.is_private else account if once else batch_scope(account, typed_.name)
    return Order(
        names,
        recipes,
        typed_.source,
        rows.repeat,
        rows.limit,
        grid.share(rows.shard) if rows.shard else None,
        scope,
        outcome_of(typed_.options),
        again,
    )


def refreshed(context: Context, typed_: Typed) -> bool:
    """Has the schemas asked for once more that are not of today. Whether any was."""
    from fal_cli.catalog import schemas

    targets = [endpoints.target(one) for one in typed_.endpoints]
    known = [(target, validate.known(context, target)) for target in targets]
    old = [target for target, one in known if one is not None and one.age > validate.NOT_OLD_SECONDS]
    for target in old:
        schemas.schema_for(context, target, refresh=True)
    return bool(old)


def _recipes(context: Context, typed_: Typed, rows: RowFlags, call: CallFlags) -> tuple[Recipe, ...]:
    """What each endpoint makes of a row. Words are read once, whoever of them gets what they give."""
    of_row, constants = _apart([*(rows.input or ()), *typed_.words])
    if of_row and typed_.source is None:
        raise UsageError(f"{of_row[0].word}: it has no list to read from")
    gathered = gather(constants, rows.text or (), typed_.stdin, base={}, reach=context.reach)
    schemas = [_schema(context, endpoints.target(one), checks=not call.no_validate) for one in typed_.endpoints]
    if typed_.source is not None:
        _check_known_inputs(context, typed_, schemas, bool(of_row))
    lacking = endpoints.lacking(schemas)
    cook = _Cook(context, typed_, rows, of_row, gathered, checks=not call.no_validate)
    recipes = tuple(map(cook.recipe, typed_.endpoints, schemas, lacking))
    if typed_.source is not None:
        check_any(typed_.source, [recipe.mapper for recipe in recipes if recipe.mapper])
    return recipes


def _check_known_inputs(
    context: Context, typed_: Typed, schemas: "Sequence[Schema | None]", has_items_of_rows: bool
) -> None:
    """Without a schema no column is an input by its name. Raises `UsageError` where nothing of a row would be sent."""
    unknown = [str(one.target) for one, schema in zip(typed_.endpoints, schemas, strict=True) if schema is None]
    if not unknown or typed_.source is None:
        return
    whose = f"the inputs of {' and '.join(unknown)} are not known (there is no schema)"
    if not has_items_of_rows:
        raise UsageError(
            f"{whose}, so no column of {typed_.source.name} can be one",
            hint="Say which column is which input, such as: prompt='{{prompt}}'. Or try again later.",
        )
    context.notify.warn(f"{whose}: of each row only what KEY='{{{{…}}}}' names is sent")


def _schema(context: Context, target: "EndpointId", *, checks: bool) -> "Schema | None":
    looked = validate.look(context, target)
    if checks:
        validate.check_endpoint(context, target, looked)
    return looked.known.schema if looked.known else None


class _Cook:
    """Makes recipes of what was typed for all of them. What is to be told of a word is told once."""

    def __init__(
        self,
        context: Context,
        typed_: Typed,
        rows: RowFlags,
        of_row: Sequence[items.Item],
        gathered: Gathered,
        *,
        checks: bool,
    ) -> None:
        self._context = context
        self._typed = typed_
        self._rows = rows
        self._of_row = of_row
        self._gathered = gathered
        self._checks = checks
        self._note, self._decision = cache(context.notify.note), cache(context.notify.decision)

    def recipe(self, named: Named, schema: "Schema | None", lacking: frozenset[str]) -> Recipe:
        """That of one endpoint, which lacks these inputs. Raises `UsageError`."""
        own, others = _parted(self._gathered, lacking)
        said = self._said(own._replace(presets=tuple(map(items.split, named.words))), schema)
        source = self._typed.source
        mapper = (
            None
            if source is None
            else Mapper(
                source,
                schema,
                self._of_row,
                said.input_json,
                said.given,
                files=_files(self._context, source),
                lacking=lacking,
            )
        )
        axes = [grid.axis(word, schema) for word in self._rows.vary or ()]
        return Recipe(
            str(named.target),
            mapper,
            said.input_json,
            said.given,
            tuple(axis._replace(is_input=not is_lacking(axis.key, lacking)) for axis in axes),
            schema if self._checks else None,
            written(self._said(others, None).input_json) if lacking else {},
        )

    def _said(self, gathered: Gathered, schema: "Schema | None") -> "Said":
        return typed(gathered, self._typed.stdin, schema=schema, tell=self._note, tell_guess=self._decision)


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


def _files(context: Context, source: Source) -> Files:
    """Where the list may name files: in its own folder, or in that of `--files`."""
    return Files.below(context.reach.folder or source.folder)
