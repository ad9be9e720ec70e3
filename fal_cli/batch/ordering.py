"""From what was typed to the order of a batch: its list, its inputs, its names, and what it is called."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from fal_cli.api.call_options import CallOptions
from fal_cli.batch import endpoints, grid, sources
from fal_cli.batch.formats import FORMATS
from fal_cli.batch.names import Names
from fal_cli.batch.options import RowFlags
from fal_cli.batch.plan import Order
from fal_cli.batch.recipes import recipes
from fal_cli.batch.sources import Source
from fal_cli.calls import prepare, validate
from fal_cli.calls.endpoints import Named
from fal_cli.context import Context
from fal_cli.errors import UsageError
from fal_cli.identity.keys import batch_scope, outcome_of, scope_of
from fal_cli.inputs.gather import is_document
from fal_cli.inputs.stdin import Reread, Stdin
from fal_cli.ledger.batches import Batch
from fal_cli.options import CallFlags

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
    made = recipes(
        context, typed_.endpoints, typed_.words, typed_.source, typed_.stdin, rows, checks=not call.no_validate
    )
    account = scope_of(context.accounts.own)
    scope = "" if typed_.is_private else account if once else batch_scope(account, typed_.name)
    return Order(
        names,
        made,
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
