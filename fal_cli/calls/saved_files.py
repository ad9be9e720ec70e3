"""A saved file for the request that made it: found by its content in the ledger, or by the sidecar beside it."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from fal_cli import endpoint
from fal_cli.context import Context
from fal_cli.endpoint import InvalidEndpoint
from fal_cli.errors import NotFound, UsageError
from fal_cli.files.digest import sha256
from fal_cli.inputs import documents
from fal_cli.ledger.rows import Row
from fal_cli.results import sidecar

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Beside(NamedTuple):
    """What a sidecar says of the call that made a file."""

    name: str
    endpoint: str
    mode: str
    input_json: Mapping[str, Any] | None
    input_is_whole: bool
    options: Mapping[str, Any] = _NOTHING
    is_private: bool = False


def row(context: Context, word: str) -> Row:
    """The call of this machine that made a file. Raises `NotFound`, `UsageError` for one that cannot be read."""
    found = _row(context, _path(word))
    if found is not None:
        return found
    path = sidecar.path_of(_path(word))
    by = f"It may have been changed since it was saved{'' if context.in_sandbox else ', or made with --sandbox'}."
    if path.is_file():
        by = f"{path} says how it was made. To make it again: {context.tool} rerun {word}"
    raise NotFound(f"no request in your history made {word}", hint=by)


def earlier(context: Context, word: str) -> Row | Beside:
    """The call that made a file: of this machine, else as its sidecar says, which may be named itself.

    Raises as `row`.
    """
    path = _path(word)
    found = _row(context, path)
    if found is not None:
        return found
    beside = path if path.suffix == sidecar.SUFFIX and _is_sidecar(path) else sidecar.path_of(path)
    if not beside.is_file():
        raise NotFound(
            f"no request in your history made {word}, and it has no {beside.name} beside it",
            hint="To save one next time: run … --sidecar",
        )
    made = _read(beside)
    if beside != path and documents.loads_object(beside.read_bytes(), str(beside)).get("sha256") != _digest(path):
        context.notify.warn(f"{word} was changed since {beside.name} was written")
    context.notify.note(f"{word} was made by {made.endpoint}, as {beside.name} says")
    return made


def _row(context: Context, path: Path) -> Row | None:
    """The newest call that saved this content, one that saved it under this name before others."""
    rows = context.journal.by_content(_digest(path))
    here = str(path.absolute())
    found = next((row for row in rows if here in row.files), rows[0] if rows else None)
    if found is not None:
        context.notify.note(f"{path} was made by {found.endpoint} request {found.name}")
    return found


def _read(path: Path) -> Beside:
    """What a sidecar says. It is untrusted: it may name only an endpoint of the service, and values."""
    facts = documents.loads_object(documents.read_file(str(path)), str(path))
    given, named = facts.get("input"), facts.get("endpoint")
    if facts.get(sidecar.MARK) != sidecar.FORMAT or not isinstance(named, str):
        raise UsageError(f"{path} is not a sidecar that this version can read")
    try:
        target = endpoint.parse(named)
    except InvalidEndpoint as error:
        raise UsageError(f"{path}: {error}") from None
    is_whole = facts.get("input_is_whole") is True and isinstance(given, dict)
    mode = "direct" if facts.get("mode") == "direct" else "queue"
    return Beside(path.name, str(target), mode, given if isinstance(given, dict) else None, is_whole)


def _is_sidecar(path: Path) -> bool:
    try:
        return sidecar.is_one(path)
    except OSError:
        return False


def _digest(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None


def _path(word: str) -> Path:
    path = Path(os.path.expanduser(word))
    if not path.is_file():
        raise UsageError(f"no file {word}")
    return path
