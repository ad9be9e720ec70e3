"""From what was typed to the order of a batch: its list, its inputs, its names, and what it is called."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fal_cli.api.call_options import CallOptions
from fal_cli.batch import grid, sources
from fal_cli.batch.formats import FORMATS
from fal_cli.batch.mapping import Files, Mapper, is_of_row
from fal_cli.batch.names import Names
from fal_cli.batch.options import RowFlags
from fal_cli.batch.plan import Order
from fal_cli.batch.sources import Source
from fal_cli.calls import endpoints, prepare, validate
from fal_cli.context import Context
from fal_cli.endpoint import EndpointId, LocalApp
from fal_cli.errors import UsageError
from fal_cli.identity.keys import batch_scope, outcome_of, scope_of
from fal_cli.inputs import items
from fal_cli.inputs.gather import gather, is_document
from fal_cli.inputs.typed import typed
from fal_cli.ledger.batches import Batch
from fal_cli.options import CallFlags

STDIN = "-"
_RENAME = "Choose another name: --name NAME"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Typed(NamedTuple):
    """What was typed of a batch, looked at as far as no list had to be read. `source` is where its list is, or ""."""

    endpoint: EndpointId
    options: CallOptions
    source: Source | None
    where: str
    name: str
    words: list[str]
    presets: tuple[str, ...]
    is_private: bool


def read(context: Context, endpoint: str, rows: RowFlags, call: CallFlags) -> Typed:
    """Reads the words. Raises `UsageError`."""
    named = endpoints.named(context, endpoint, call.path)
    endpoints.tell(context, named, aloud=call.dry_run)
    target = named.target
    if isinstance(target, LocalApp):
        raise UsageError(f"{target} is an app on this machine, which has no queue")
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
    name = rows.name or _usual_name(word, target, source)
    if not _NAME.fullmatch(name):
        raise UsageError(f"--name {name!r}: use letters, digits, dots, dashes and underscores")
    return Typed(target, options, source, where, name, words, named.words, prepare.is_private(context, call))


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


def _usual_name(word: str, target: EndpointId, source: Source | None) -> str:
    """The stem of the list; for a grid alone that of the endpoint."""
    if not word or word == STDIN:
        text = "stdin" if word else f"{target.alias}-grid"
    elif isinstance(source, sources.Manifest):
        text = f"{source.path.resolve().parent.name}-{target.alias}"
    else:
        path = Path(word)
        text = path.resolve().name if path.is_dir() else path.stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "batch"


def check_known(context: Context, typed_: Typed, known: Batch | None, rows: RowFlags) -> None:
    """Raises `UsageError` for a name that is another batch's."""
    if known is None:
        return
    if known.endpoint != str(typed_.endpoint):
        raise UsageError(f"the batch {known.name} exists already, for {known.endpoint}", hint=_RENAME)
    if not rows.name and known.source != typed_.where:
        raise UsageError(
            f"the batch {known.name} exists already, for {known.source or 'a grid'}",
            hint=f"Choose another name: --name NAME. If it is the same list, moved: --name {known.name}",
        )


def order(
    context: Context, typed_: Typed, rows: RowFlags, call: CallFlags, names: Names, again: frozenset[str], *, once: bool
) -> Order:
    """The order, by the schema that the endpoint has. Raises `UsageError`, `NotFound`."""
    looked = validate.look(context, typed_.endpoint)
    if not call.no_validate:
        validate.check_endpoint(context, typed_.endpoint, looked)
    schema = looked.known.schema if looked.known else None
    account = scope_of(context.accounts.own)
    scope = "" if typed_.is_private else account if once else batch_scope(account, typed_.name)
    of_row, constants = _apart([*(rows.input or ()), *typed_.words])
    said = typed(
        gather(constants, rows.text or (), context.stdin, base={}, reach=context.reach, presets=typed_.presets),
        context.stdin,
        schema=schema,
        tell=context.notify.note,
        tell_guess=context.notify.decision,
    )
    mapper = None
    if typed_.source is not None:
        mapper = Mapper(
            typed_.source, schema, of_row, said.input_json, said.given, files=_files(context, typed_.source)
        )
    elif of_row:
        raise UsageError(f"{of_row[0].word}: it has no list to read from")
    return Order(
        str(typed_.endpoint),
        names,
        mapper,
        said.input_json,
        said.given,
        typed_.source,
        tuple(grid.axis(word, schema) for word in rows.vary or ()),
        rows.repeat,
        rows.limit,
        grid.share(rows.shard) if rows.shard else None,
        schema if not call.no_validate else None,
        scope,
        outcome_of(typed_.options),
        again,
    )


def refreshed(context: Context, typed_: Typed) -> bool:
    """Has the schema asked for once more if the one at hand is not of today. Whether it was."""
    from fal_cli.catalog import schemas

    known = validate.known(context, typed_.endpoint)
    if known is None or known.age <= validate.NOT_OLD_SECONDS:
        return False
    schemas.schema_for(context, typed_.endpoint, refresh=True)
    return True


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
