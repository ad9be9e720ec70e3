"""Names for files, made of strangers' words: safe on every system, inside the folder that was named. Pure."""

import string
import unicodedata
from collections.abc import Mapping

MOST_BYTES = 200
_LONGEST_SEGMENT = 240  # file systems allow 255; a number may be added
_LONGEST_EXTENSION = 16

_FORBIDDEN = set('<>:"|?*\\/')
_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in "123456789¹²³")}


class UnknownField(ValueError):
    """A template names a field that there is none of."""


def safe(text: str, otherwise: str = "file") -> str:
    """One path segment of any text: no separators, no control or direction characters, no device's name.

    At most `MOST_BYTES` bytes long, its extension kept. Never empty, never hidden.
    """
    plain = "".join(_plain(character) for character in unicodedata.normalize("NFC", text)).rstrip(". ")
    stem, dot, extension = plain.rpartition(".")
    if not dot or not stem or len(extension) > _LONGEST_EXTENSION or not extension.isalnum():
        stem, dot, extension = plain, "", ""
    stem = " ".join(stem.split())
    ending = dot + extension
    stem = _cut(stem.lstrip(" .-~").rstrip(". "), MOST_BYTES - len(ending.encode())).rstrip(". ") or otherwise
    if stem.partition(".")[0].rstrip().upper() in _DEVICES:
        stem = f"_{stem}"
    return stem + ending


def as_sent(text: str) -> str:
    """A file's name as it is told to the service: what no header, URL or terminal can carry is replaced.

    At most `MOST_BYTES` bytes long, its extension kept. Never empty.
    """
    plain = "".join(
        "_" if unicodedata.category(character)[0] == "C" or character in "/\\" else character
        for character in unicodedata.normalize("NFC", text)
    ).strip()
    stem, dot, extension = plain.rpartition(".")
    ending = dot + extension if stem and len(extension) <= _LONGEST_EXTENSION else ""
    return (_cut(plain.removesuffix(ending), MOST_BYTES - len(ending.encode())) + ending) or "file"


def base_name(text: str) -> str:
    """The last segment of a name or path as any system writes it, made safe."""
    return safe(text.replace("\\", "/").rstrip("/").rpartition("/")[2])


def fields_of(template: str) -> list[str]:
    """The fields that a template names. Raises `ValueError` for unbalanced braces."""
    return [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template with each `{field}` replaced by its value, made safe. Raises `UnknownField`."""
    parts = []
    for text, name, _, _ in string.Formatter().parse(template):
        parts.append(text)
        if name is not None:
            if name not in values:
                raise UnknownField(name)
            parts.append(safe(values[name].replace("/", "-"), otherwise="_") if values[name] else "_")
    return "/".join(_short_enough(segment) for segment in "".join(parts).split("/"))


def with_number(name: str, number: int) -> str:
    """`cat.png` as `cat_1.png`; 0 leaves it."""
    if number == 0:
        return name
    stem, dot, extension = name.rpartition(".")
    return f"{stem}_{number}.{extension}" if dot and stem else f"{name}_{number}"


def _short_enough(segment: str) -> str:
    """A segment that file systems take, shortened before its extension."""
    if len(_bytes(segment)) <= _LONGEST_SEGMENT:
        return segment
    stem, dot, extension = segment.rpartition(".")
    if not dot or len(extension) > _LONGEST_EXTENSION:
        return _cut(segment, _LONGEST_SEGMENT)
    return _cut(stem, _LONGEST_SEGMENT - len(_bytes(dot + extension))) + dot + extension


def _cut(text: str, most: int) -> str:
    return _bytes(text)[:most].decode("utf-8", "ignore")


def _bytes(text: str) -> bytes:
    """A folder's name may hold bytes that are not UTF-8."""
    return text.encode("utf-8", "surrogateescape")


def _plain(character: str) -> str:
    if character in _FORBIDDEN:
        return "_"
    return " " if unicodedata.category(character)[0] in "CZ" else character
