"""Paths of this machine that stand as plain text where a file's URL is wanted: the `@` was forgotten.

A text of another kind is never looked at, and nothing is read: only whether there is such a file.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from fal_cli.inputs.reach import ANYWHERE, Reach
from fal_cli.schema.files import is_named_url

if TYPE_CHECKING:
    from fal_cli.schema import Field, Schema

_LONGEST = 1000
_FILE_URL = "file:"
_BEGINNINGS = ("./", "../", "~/", "/", ".\\", "..\\")
_FILE = re.compile(
    r"\S+\.(?:png|jpe?g|webp|gif|bmp|tiff?|svg|heic|avif|mp4|mov|webm|mkv|avi|wav|mp3|ogg|flac|m4a|aac|glb|obj|zip)",
    re.IGNORECASE,
)
_DEEPEST = 20


class Literal(NamedTuple):
    """A text at `path` that names something on this machine; a `file` is there, or "" if none is."""

    path: str
    text: str
    file: str

    @property
    def is_refused(self) -> bool:
        """Whether no service can make anything of it."""
        return bool(self.file) or self.text.lower().startswith(_FILE_URL)

    def __str__(self) -> str:
        if self.file:
            import shlex

            return f"{self.path}: {self.file} is a file here: {self.path}=@{shlex.quote(self.file)}"
        if self.is_refused:
            return f"{self.path}: {self.text} names a file on this machine, which the service cannot read"
        return f"{self.path}: {self.text} is neither a URL nor a file here; it is sent as it is"


def literals(schema: "Schema | None", given: Any, reach: Reach = ANYWHERE) -> list[Literal]:
    """The texts of an input that should be URLs of files and name something here, as far as `reach` allows to look.

    Where no schema knows an input, its name tells whether it takes a URL.
    """
    return list(_in(reach, schema.root if schema else None, "", given, "", 0))


def _in(reach: Reach, field: "Field | None", name: str, value: Any, path: str, depth: int) -> Iterator[Literal]:
    if isinstance(value, str):
        if _takes_url(field, name) and (found := _literal(reach, path, value)) and not _is_choice(field, value):
            yield found
    elif depth > _DEEPEST:
        return
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            is_alone = len(value) == 1 and isinstance(inner, str)
            yield from _in(reach, _part(field, None), name, inner, path if is_alone else f"{path}.{place}", depth + 1)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _in(reach, _part(field, key), key, inner, f"{path}.{key}" if path else key, depth + 1)


def _takes_url(field: "Field | None", name: str) -> bool:
    if field is None or not field.kinds:
        return is_named_url(name)
    return field.takes_file


def _is_choice(field: "Field | None", text: str) -> bool:
    return field is not None and text in field.choices


def _part(field: "Field | None", key: str | None) -> "Field | None":
    """The field of a key, or of a list's entries; None where nothing is known of it."""
    shapes = field.shapes if field is not None else ()
    found = (shape.item if key is None else shape.part(key) for shape in shapes)
    return next((one for one in found if one is not None), None)


def _literal(reach: Reach, path: str, text: str) -> Literal | None:
    """What a text names on this machine; None for a URL, and for what looks like no path."""
    if not text or len(text) > _LONGEST or "\n" in text:
        return None
    if text.lower().startswith(_FILE_URL):
        return Literal(path, text, reach.file_there(_path_of(text)))
    if "://" in text or text.lower().startswith("data:"):
        return None
    file = reach.file_there(text)
    return Literal(path, text, file) if file or text.startswith(_BEGINNINGS) or _FILE.fullmatch(text) else None


def _path_of(url: str) -> str:
    try:
        return unquote(urlsplit(url).path)
    except ValueError:
        return ""
