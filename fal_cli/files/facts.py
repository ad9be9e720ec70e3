"""What a media file is: picture, film, sound or text, how large and how long. By its bytes; its name may lie.

A stranger's file can be cut short, absurd or endless: what cannot be believed is not known (None), nothing raises,
and no more than a few megabytes are ever read.
"""

import io
import struct
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from fal_cli.files import content_type as types
from fal_cli.files.formats import audio, boxes, matroska, pictures, vector
from fal_cli.files.formats.source import Seen, Source, Unreadable

Kind = Literal["image", "video", "audio", "text", "other", "unknown"]

_HEAD_BYTES = 512
_LONGEST_SIDE = 1_000_000  # pixels
_LONGEST_SECONDS = 1_000_000
_TEXTS = ("application/json", "application/xml", "application/x-ndjson", "application/yaml")
_LOOKS = (pictures.look, boxes.look, matroska.look, vector.look, audio.look)


class MediaFacts(NamedTuple):
    """What is known of a file. Sizes in pixels as it is shown, `seconds` it plays, `bytes` it has; None: not known."""

    kind: Kind
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    bytes: int | None = None
    content_type: str = ""


def facts(file: Path | bytes | BinaryIO, *, name: str = "") -> MediaFacts:
    """What a file is: by its path, open, or by its first bytes, where the number of all is not known. Never raises.

    `name` is what it is called where there is no path; it decides only what the bytes themselves leave open.
    """
    if isinstance(file, bytes):
        return _facts(io.BytesIO(file), len(file), name)._replace(bytes=None)
    try:
        if not isinstance(file, Path):
            return _facts(file, file.seek(0, io.SEEK_END), name)
        with file.open("rb") as stream:
            return _facts(stream, file.stat().st_size, name or file.name)
    except (OSError, ValueError):  # ValueError: a path that no file can have
        return MediaFacts("unknown")


def _facts(stream: BinaryIO, size: int, name: str) -> MediaFacts:
    source = Source(stream, size)
    try:
        head = source.up_to(0, _HEAD_BYTES)
        seen = _seen(source, head) or Seen(_guessed(name, source.up_to(0, types.HEAD_BYTES)))
    except Unreadable:
        return MediaFacts("unknown", bytes=size)
    width, height = _side(seen.width), _side(seen.height)
    if width is None or height is None:
        width = height = None
    return MediaFacts(_kind(seen.content_type), width, height, _span(seen.seconds), size, seen.content_type)


def _seen(source: Source, head: bytes) -> Seen | None:
    """What the first of the formats says that knows the file; None for one that is broken behind its mark."""
    for look in _LOOKS:
        try:
            found = look(source, head)
        except (Unreadable, struct.error, StopIteration):
            return None
        if found is not None:
            return found
    return None


def _guessed(name: str, head: bytes) -> str:
    """By what the file is called and how it begins; text, where nothing else is known and it can be read."""
    found = types.guess(name, head)
    if found == types.UNKNOWN and head and b"\0" not in head and _is_text(head):
        return "text/plain"
    return "" if found == types.UNKNOWN else found


def _is_text(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3 and error.reason == "unexpected end of data"
    return True


def _kind(content_type: str) -> Kind:
    family = content_type.partition("/")[0]
    if content_type in _TEXTS:
        return "text"
    known: dict[str, Kind] = {"image": "image", "video": "video", "audio": "audio", "text": "text"}
    return known.get(family, "other" if content_type else "unknown")


def _side(pixels: int | None) -> int | None:
    return pixels if pixels is not None and 0 < pixels <= _LONGEST_SIDE else None


def _span(seconds: float | None) -> float | None:
    return seconds if seconds is not None and 0 < seconds <= _LONGEST_SECONDS else None
