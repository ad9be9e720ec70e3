"""Our own small TOML files: private from their first moment, whole at every moment, changed by one process at a time.

Texts, truth values and tables of them are all that is written; the standard library reads it back.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from fal_cli.errors import CliError, UsageError
from fal_cli.files import atomic

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_OTHERS = 0o077
_HEADER = "# Written by `fal auth` and `fal config`.\n"


class NotWritable(Exception):
    """A value that this program never writes; somebody else put it into the file."""


class Contents(NamedTuple):
    """What a file holds. `is_exposed`: the system lets others at it."""

    values: dict[str, Any]
    is_exposed: bool

    def __repr__(self) -> str:
        return f"Contents(is_exposed={self.is_exposed})"


def read(path: Path) -> Contents:
    """What the file holds; nothing if it is not there. Raises `UsageError` for what cannot be read."""
    try:
        with open(path, "rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            data = stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return Contents({}, False)
    except OSError as error:
        if isinstance(error, PermissionError) and _is_out_of_reach(path):
            return Contents({}, False)
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    import tomllib

    try:
        values = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        detail = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise UsageError(f"{path} is not TOML: {detail}", hint="Fix the file, or move it away.") from None
    return Contents(values, is_exposed=os.name != "nt" and bool(mode & _OTHERS))


@contextmanager
def changing(path: Path) -> Iterator[dict[str, Any]]:
    """A block that changes the file's values in place; they are written at its end, unless it raises.

    Raises `CliError` for what cannot be written, and as `read`.
    """
    target = Path(os.path.realpath(path))  # a link to a file of the user's own stays one
    try:
        atomic.make_private_folder(target.parent)
        with _alone(target.parent):
            values, is_exposed = read(target)
            before = dumps(values)
            yield values
            after = dumps(values)
            if after != before or is_exposed:
                atomic.write(target, (_HEADER + after).encode(), private=True, durable=True)
    except OSError as error:
        raise CliError(f"cannot write {path}: {error.strerror or error}") from None
    except NotWritable as error:
        raise CliError(f"cannot write {path}: {error}", hint="Change that file by hand.") from None


def dumps(values: Mapping[str, Any]) -> str:
    """TOML for texts, truth values and tables of them. Raises `NotWritable` for anything else."""
    return "".join(f"{line}\n" for line in _lines((), values))


def _lines(place: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[str]:
    """A table's own values, which come before the tables in it: its header ends with the next one."""
    tables = {name: value for name, value in table.items() if isinstance(value, Mapping)}
    if place and (not tables or len(tables) < len(table)):
        yield f"\n[{'.'.join(_key(name) for name in place)}]"
    for name, value in table.items():
        if name not in tables:
            yield f"{_key(name)} = {_value(name, value)}"
    for name, inner in tables.items():
        yield from _lines((*place, name), inner)


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _text(name)


def _value(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    raise NotWritable(f"{name} is not a string, true or false")


def _text(text: str) -> str:
    """A basic string: JSON's, whose escapes TOML shares, but for DEL, which JSON leaves bare."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """A block that one process enters at a time, where the system has locks: on the folder, which leaves no file."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network homes have none
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_out_of_reach(path: Path) -> bool:
    """Whether the folder is closed to us, as a service's home may be: then nothing of ours can be in it."""
    try:
        path.stat()
    except OSError as error:
        return isinstance(error, PermissionError)
    return False
