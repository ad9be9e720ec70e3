"""ISO's boxes: AVIF and HEIF pictures, MP4 and QuickTime films, and sound in the same wrapping.

A box is its size, a name of four letters, and its content, which for many is boxes again.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from fal_cli.files.formats.source import Seen, Source, Unreadable

_MOST_BOXES = 2000
_MOST_TRACKS = 64
_PICTURES = {
    b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic", b"heim": "image/heic",
    b"heis": "image/heic", b"hevc": "image/heic", b"mif1": "image/heif", b"msf1": "image/heif",
}  # fmt: skip
_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_UNTURNED = (0x00010000, 0, 0, 0, 0x00010000)


class _Box(NamedTuple):
    """A box of a name, and where its content is."""

    name: bytes
    start: int
    end: int


def look(source: Source, head: bytes) -> Seen | None:
    """What a file made of boxes says; None if it is none. Raises `Unreadable`, `struct.error`."""
    if head[4:8] not in _FIRST_BOXES:
        return None
    brand = head[8:12] if head[4:8] == b"ftyp" else b"qt  "
    picture = _picture_type(source, brand)
    return _picture(source, picture) if picture else _film(source, brand)


def _picture_type(source: Source, brand: bytes) -> str:
    """The content type that the brands of a file name, if they are a picture's."""
    first = next(_boxes(source, 0, source.size), None)
    if first is None or first.name != b"ftyp":
        return ""
    others = source.up_to(first.start + 8, min(first.end - first.start - 8, 256)) if brand in _PICTURES else b""
    brands = [brand, *(others[at : at + 4] for at in range(0, len(others), 4))]
    types = [_PICTURES[name] for name in brands if name in _PICTURES]
    # mif1 alone says no more than that it is one picture; the other brands say of which kind.
    return next((kind for kind in types if kind != "image/heif"), types[0] if types else "")


# -- pictures


def _picture(source: Source, content_type: str) -> Seen:
    """The largest picture of the file: tiles and thumbnails are smaller."""
    sizes, is_turned = [], False
    for box in _under(source, b"meta", b"iprp", b"ipco"):
        if box.name == b"ispe":
            sizes.append(struct.unpack(">II", source.at(box.start + 4, 8)))
        elif box.name == b"irot":
            is_turned = is_turned or bool(source.at(box.start, 1)[0] & 1)
    if not sizes:
        return Seen(content_type)
    seen = Seen(content_type, *max(sizes, key=lambda size: size[0] * size[1]))
    return seen.turned() if is_turned else seen


def _under(source: Source, *path: bytes) -> Iterator[_Box]:
    """The boxes in the box that a path leads to. `meta` has a version before its boxes."""
    start, end = 0, source.size
    for name in path:
        found = next((box for box in _boxes(source, start, end) if box.name == name), None)
        if found is None:
            return
        start, end = found.start + (4 if name == b"meta" else 0), found.end
    yield from _boxes(source, start, end)


# -- films and sound


def _film(source: Source, brand: bytes) -> Seen:
    seconds: float | None = None
    sizes, has_sound, tracks = [], False, 0
    for box in _under(source, b"moov"):
        if box.name == b"mvhd":
            seconds = _duration(source, box)
        elif box.name == b"mvex" and not seconds:
            seconds = _fragments_duration(source, box)
        elif box.name == b"trak" and tracks < _MOST_TRACKS:
            tracks += 1
            kind = _handler(source, box)
            has_sound = has_sound or kind == b"soun"
            sizes += [_shown_size(source, box)] if kind == b"vide" else []
    content_type = "video/quicktime" if brand == b"qt  " else "video/mp4"
    if not sizes and (has_sound or brand in (b"M4A ", b"M4B ")):
        return Seen("audio/mp4", seconds=seconds)
    width, height = max(sizes, key=lambda size: size[0] * size[1], default=(None, None))
    return Seen(content_type, width, height, seconds)


def _duration(source: Source, box: _Box) -> float | None:
    """Seconds by a movie's header; None where it names none, as a film in fragments does."""
    if source.at(box.start, 1) == b"\x01":
        scale, length = struct.unpack(">IQ", source.at(box.start + 20, 12))
        unknown = 2**64 - 1
    else:
        scale, length = struct.unpack(">II", source.at(box.start + 12, 8))
        unknown = 2**32 - 1
    return length / scale if scale and length not in (0, unknown) else None


def _fragments_duration(source: Source, extends: _Box) -> float | None:
    """Seconds of all fragments together, if the movie's header counts them."""
    header = next((box for box in _under(source, b"moov") if box.name == b"mvhd"), None)
    whole = next((box for box in _boxes(source, extends.start, extends.end) if box.name == b"mehd"), None)
    if header is None or whole is None:
        return None
    scale_at = 20 if source.at(header.start, 1) == b"\x01" else 12
    (scale,) = struct.unpack(">I", source.at(header.start + scale_at, 4))
    is_long = source.at(whole.start, 1) == b"\x01"
    (length,) = struct.unpack(">Q" if is_long else ">I", source.at(whole.start + 4, 8 if is_long else 4))
    return length / scale if scale else None


def _handler(source: Source, track: _Box) -> bytes:
    """What a track holds: `vide`, `soun`, …"""
    for media in _boxes(source, track.start, track.end):
        if media.name == b"mdia":
            for box in _boxes(source, media.start, media.end):
                if box.name == b"hdlr":
                    return source.at(box.start + 8, 4)
    return b""


def _shown_size(source: Source, track: _Box) -> tuple[int, int]:
    """A track's size as it is shown: its matrix may turn it by a quarter."""
    for box in _boxes(source, track.start, track.end):
        if box.name == b"tkhd":
            at = box.start + (52 if source.at(box.start, 1) == b"\x01" else 40)
            a, b, _, c, d, *_, width, height = struct.unpack(">11i", source.at(at, 44))
            shown = (width >> 16, height >> 16)
            return shown[::-1] if not a and not d and b and c else shown
    return (0, 0)


def _boxes(source: Source, start: int, end: int) -> Iterator[_Box]:
    """The boxes between two places, in their order; ends where one does not fit."""
    for _ in range(_MOST_BOXES):
        if start + 8 > end:
            return
        size, name = struct.unpack(">I4s", source.at(start, 8))
        content = start + 8
        if size == 1:
            (size,) = struct.unpack(">Q", source.at(content, 8))
            content += 8
        until = end if size == 0 else start + size
        if until < content:
            raise Unreadable("a box is smaller than its own head")
        yield _Box(name, content, min(until, end))
        start = until
