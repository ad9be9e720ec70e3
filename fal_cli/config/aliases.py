"""Aliases: short names of endpoints, each with inputs that are set beforehand. One's own stand in `config.toml`.

    [aliases]
    poster = "fal-ai/flux/dev image_size=portrait_4_3"

The text is read as a shell reads it: an endpoint, and items as they are typed after one.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fal_cli.config import toml
from fal_cli.config.paths import config_path
from fal_cli.endpoint import InvalidEndpoint, looks_like_endpoint, parse_target
from fal_cli.errors import UsageError

TABLE = "aliases"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_REFS = re.compile(r"last(?::\d+)?")


class Alias(NamedTuple):
    """A name and what it stands for. `source` is the file that says so."""

    name: str
    endpoint: str
    words: tuple[str, ...]
    source: str

    @property
    def text(self) -> str:
        """What it stands for, as it is typed."""
        import shlex

        return shlex.join((self.endpoint, *self.words))


def own(env: Mapping[str, str]) -> dict[str, Alias]:
    """One's own aliases by their names. Raises `UsageError` for a file that cannot be read."""
    path = config_path(env)
    return read(toml.read(path).values.get(TABLE, {}), str(path))


def read(table: Any, source: str) -> dict[str, Alias]:
    """The aliases of a table by their names. Raises `UsageError` for one that is none."""
    if not isinstance(table, Mapping):
        raise UsageError(f"{source}: {TABLE} is not a table of names and strings")
    return {name: _read(name, text, source) for name, text in table.items()}


def checked(name: str, endpoint: str, words: Sequence[str], source: str) -> Alias:
    """An alias. Raises `UsageError` for a name or an endpoint that it cannot have."""
    if looks_like_endpoint(name) or not _NAME.fullmatch(name) or _REFS.fullmatch(name):
        raise UsageError(
            f"{source}: {name!r} cannot be an alias",
            hint="Use letters, digits, '-', '_' and '.'. It must not look like an endpoint or a request.",
        )
    try:
        parse_target(endpoint)
    except InvalidEndpoint as error:
        raise UsageError(f"{source}: {name}: {error}") from None
    option = next((word for word in words if word.startswith("-")), "")
    if option:
        raise UsageError(f"{source}: {name}: {option} is an option; an alias holds only inputs")
    return Alias(name, endpoint, tuple(words), source)


def put(env: Mapping[str, str], alias: Alias) -> None:
    """Keeps an alias for good, in place of an earlier one. Raises `CliError`."""
    with toml.changing(config_path(env)) as values:
        table = values.setdefault(TABLE, {})
        if not isinstance(table, dict):
            raise UsageError(f"{config_path(env)}: {TABLE} is not a table of names and strings")
        table[alias.name] = alias.text


def drop(env: Mapping[str, str], name: str) -> bool:
    """Takes an alias away; False if there was none. Raises `CliError`."""
    with toml.changing(config_path(env)) as values:
        table = values.get(TABLE)
        was_there = isinstance(table, dict) and table.pop(name, None) is not None
        if not table:
            values.pop(TABLE, None)
    return was_there


def _read(name: str, text: Any, source: str) -> Alias:
    import shlex

    try:
        words = shlex.split(text) if isinstance(text, str) else []
    except ValueError as error:  # a quote that is not closed
        raise UsageError(f"{source}: {name}: {error}") from None
    if not words:
        raise UsageError(f"{source}: {name} is not a string with an endpoint, as in 'fal-ai/flux/dev num_images=2'")
    return checked(name, words[0], words[1:], source)
