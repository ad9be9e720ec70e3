"""SVG: the size of a drawing, from its root element alone."""

from contextlib import suppress
from xml.parsers import expat

from fal_cli.files.formats.source import Seen, Source

_HEAD_BYTES = 64 * 1024
_PIXELS = {"": 1.0, "px": 1.0, "pt": 96 / 72, "pc": 16.0, "in": 96.0, "cm": 96 / 2.54, "mm": 9.6 / 2.54}


class _Enough(Exception):
    """The root element was seen, or something that no drawing needs."""


def look(source: Source, head: bytes) -> Seen | None:
    """What a drawing says; None if the file is none."""
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<svg", b"<?xml", b"<!")):
        return None
    name, attributes = _root(source.up_to(0, _HEAD_BYTES))
    if name.rpartition("|")[2] != "svg":
        return None
    width, height = (_pixels(attributes.get(side, "")) for side in ("width", "height"))
    if width is None or height is None:
        # The box of the drawing's own coordinates is its size where it takes what room there is.
        box = [_number(text) for text in attributes.get("viewBox", "").replace(",", " ").split()]
        width, height = box[2:] if len(box) == 4 else (None, None)
    known = width is not None and height is not None and width >= 0.5 and height >= 0.5
    return Seen("image/svg+xml", *((round(width), round(height)) if known and width and height else ()))


def _root(data: bytes) -> tuple[str, dict[str, str]]:
    """Name and attributes of the first element. Entities are not taken: they could be made to grow."""
    found: list[tuple[str, dict[str, str]]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        found.append((name, attributes))
        raise _Enough

    def refuse(*_: object) -> None:
        raise _Enough

    parser = expat.ParserCreate(namespace_separator="|")
    parser.StartElementHandler = start
    parser.EntityDeclHandler = refuse
    with suppress(_Enough, expat.ExpatError, ValueError, LookupError):  # the last two: encodings that are not known
        parser.Parse(data, False)
    return found[0] if found else ("", {})


def _pixels(text: str) -> float | None:
    """A length in pixels; None for a share of the room, and for what is no length."""
    plain = text.strip()
    number = plain.rstrip("abcdefghijklmnopqrstuvwxyz%")
    scale = _PIXELS.get(plain[len(number) :])
    value = _number(number)
    return None if scale is None or value is None else value * scale


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < 1e9 else None
