"""A project's `fal.toml`, found in this folder or in one above it; it can be committed with what it belongs to.

    budget = "5/day"                              # holds beside one's own, so it can only lower that

    [aliases]
    poster = "fal-ai/flux/dev image_size=portrait_4_3"

    [output]                                      # where run saves if neither -o nor -d is given
    poster = "posters/{seed}.{ext}"               # of an alias, an endpoint, or default
    default = "renders/{date}/{id}-{index}.{ext}"

A stranger may have written it. So it holds nothing that decides whose key is used, where anything is sent, or which
file of this machine is read: whatever is not listed here is refused, and so are `@` and `{{` in any text. Files are
saved in the project's own folder alone.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from fal_cli.config import aliases, budgets, toml
from fal_cli.config.aliases import Alias
from fal_cli.config.paths import NO_PROJECT, PROJECT
from fal_cli.errors import UsageError
from fal_cli.urls import is_loopback

DEFAULT = "default"
_OUTPUT, _BUDGET = "output", "budget"
_KNOWN = (aliases.TABLE, _OUTPUT, _BUDGET)
_LARGEST_BYTES = 64 * 1024
_READS = {"@": "reads a file on this machine", "{{": "reads another result"}


class Project(NamedTuple):
    """What a project says. `outputs` are templates by alias, endpoint or `default`; `budget` is "" for none."""

    path: Path
    aliases: Mapping[str, Alias]
    outputs: Mapping[str, str]
    budget: str = ""

    @property
    def folder(self) -> Path:
        return self.path.parent

    def template(self, alias: str, endpoint: str) -> str:
        """Where files of such a call are saved, within the project's folder; "" if the project does not say."""
        return next((self.outputs[name] for name in (alias, endpoint, DEFAULT) if name in self.outputs), "")


def read(path: Path) -> Project:
    """What a file says. Raises `UsageError` for one with what it may not hold."""
    try:
        return _read(path)
    except UsageError as error:
        raise UsageError(error.message, lines=error.lines, hint=f"To ignore that file: {NO_PROJECT}=1 fal …") from None


def _read(path: Path) -> Project:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    if size > _LARGEST_BYTES:
        raise UsageError(f"{path} is too large for a {PROJECT} ({size:,} bytes)")
    values = toml.read(path).values
    for name in values:
        if name not in _KNOWN:
            raise UsageError(f"{path}: {name!r} is not allowed in a {PROJECT}; only {', '.join(_KNOWN)} are")
    for place, text in _texts(values, ""):
        for mark, what in _READS.items():
            if mark in text:
                raise UsageError(f"{path}: {place}: {mark!r} {what}, which a {PROJECT} must not do")
    found = aliases.read(values.get(aliases.TABLE, {}), str(path))
    for alias in found.values():
        _check_alias(path, alias)
    return Project(path, found, _outputs(path, values.get(_OUTPUT, {})), _budget(path, values.get(_BUDGET, "")))


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every text in a value, keys too, each with where it stands."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            where = f"{place}.{key}".lstrip(".")
            yield where, key
            yield from _texts(inner, where)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, place)
    elif isinstance(value, str):
        yield place, value


def _check_alias(path: Path, alias: Alias) -> None:
    if is_loopback(alias.endpoint) or "://" in alias.endpoint:
        raise UsageError(f"{path}: {alias.name}: {alias.endpoint} is an app on a host; name an endpoint of fal.ai")
    for word in alias.words:
        if "=" not in word:
            raise UsageError(f"{path}: {alias.name}: {word!r} is not KEY=VALUE, and only inputs are allowed there")


def _outputs(path: Path, table: Any) -> dict[str, str]:
    if not isinstance(table, Mapping) or not all(isinstance(text, str) and text for text in table.values()):
        raise UsageError(f"{path}: {_OUTPUT} is not a table of names and templates")
    for name, template in table.items():
        parts = PurePosixPath(template.replace("\\", "/")).parts
        if template.startswith(("~", "/", "\\", "-")) or ".." in parts or ":" in parts[0]:
            raise UsageError(f"{path}: {_OUTPUT}.{name}: {template!r} leaves the project's folder")
        # A stranger's endpoint decides what is in a file: git and shells obey some that they find there.
        if any(part.startswith(".") or "~" in part for part in parts):
            raise UsageError(f"{path}: {_OUTPUT}.{name}: {template!r} names a hidden file or folder")
    return dict(table)


def _budget(path: Path, text: Any) -> str:
    if not isinstance(text, str):
        raise UsageError(f"{path}: {_BUDGET} is not a string such as '5/day'")
    if text:
        budgets.limit(text, f"{path}: {_BUDGET}")
    return text
