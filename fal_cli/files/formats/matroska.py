"""WebM and Matroska: elements of a number, a size and a content, which for some is elements again."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from fal_cli.files.formats.source import Seen, Source, Unreadable

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
_DOC_TYPE = 0x4282
_INFO, _SCALE, _DURATION = 0x1549A966, 0x2AD7B1, 0x4489
_TRACKS, _TRACK, _KIND = 0x1654AE6B, 0xAE, 0x83
_VIDEO, _WIDTH, _HEIGHT = 0xE0, 0xB0, 0xBA
_CLUSTER = 0x1F43B675
_USUAL_SCALE = 1_000_000  # nanoseconds
_MOST_ELEMENTS = 2000
_SIGHT, _SOUND = 1, 2


class _Element(NamedTuple):
    number: int
    start: int
    end: int


def look(source: Source, head: bytes) -> Seen | None:
    """What a WebM or Matroska file says; None if it is none. Raises `Unreadable`, `struct.error`."""
    if not head.startswith(b"\x1aE\xdf\xa3"):
        return None
    top = _elements(source, 0, source.size)
    header = next(top)
    doc_type = next((_data(source, one) for one in _inside(source, header) if one.number == _DOC_TYPE), b"")
    name = "webm" if doc_type.rstrip(b"\0") == b"webm" else "x-matroska"
    segment = next((one for one in top if one.number == _SEGMENT), None)
    return _segment(source, segment, name) if segment else Seen(f"video/{name}")


def _segment(source: Source, segment: _Element, name: str) -> Seen:
    seconds: float | None = None
    size: tuple[int, int] | None = None
    kinds: set[int] = set()
    for element in _inside(source, segment):
        if element.number == _INFO:
            seconds = _seconds(source, element)
        elif element.number == _TRACKS:
            for track in (one for one in _inside(source, element) if one.number == _TRACK):
                kind, found = _track(source, track)
                kinds.add(kind)
                size = size or found
        elif element.number == _CLUSTER:
            break  # the frames: what describes them stands before
    if _SOUND in kinds and _SIGHT not in kinds:
        return Seen(f"audio/{name}", seconds=seconds)
    width, height = size or (None, None)
    return Seen(f"video/{name}", width, height, seconds)


def _seconds(source: Source, info: _Element) -> float | None:
    scale, length = _USUAL_SCALE, 0.0
    for element in _inside(source, info):
        if element.number == _SCALE:
            scale = int.from_bytes(_data(source, element), "big")
        elif element.number == _DURATION:
            data = _data(source, element)
            (length,) = struct.unpack(">f" if len(data) == 4 else ">d", data)
    return length * scale / 1e9 if length else None


def _track(source: Source, track: _Element) -> tuple[int, tuple[int, int] | None]:
    """What a track holds, and its size if that is pictures."""
    kind, size = 0, None
    for element in _inside(source, track):
        if element.number == _KIND:
            kind = int.from_bytes(_data(source, element), "big")
        elif element.number == _VIDEO:
            inner = {one.number: one for one in _inside(source, element) if one.number in (_WIDTH, _HEIGHT)}
            if len(inner) == 2:
                width, height = (int.from_bytes(_data(source, inner[name]), "big") for name in (_WIDTH, _HEIGHT))
                size = (width, height)
    return kind, size


def _inside(source: Source, element: _Element) -> Iterator[_Element]:
    return _elements(source, element.start, element.end)


def _elements(source: Source, start: int, end: int) -> Iterator[_Element]:
    """The elements between two places; one without a size goes to the end, as a live recording's do."""
    for _ in range(_MOST_ELEMENTS):
        if start + 2 > end:
            return
        head = source.up_to(start, 12)
        number, at = _number(head, 0, keeps_mark=True)
        size, at = _number(head, at, keeps_mark=False)
        is_endless = size == 2 ** (7 * (at - _length(head[0]))) - 1
        until = end if is_endless else min(start + at + size, end)
        yield _Element(number, start + at, until)
        start = until


def _number(data: bytes, at: int, *, keeps_mark: bool) -> tuple[int, int]:
    """A number of a length that its first bits say, and where it ends."""
    if at >= len(data):
        raise Unreadable("it ends too early")
    length = _length(data[at])
    value = int.from_bytes(data[at : at + length], "big")
    if len(data) < at + length:
        raise Unreadable("it ends too early")
    return value if keeps_mark else value & (1 << 7 * length) - 1, at + length


def _length(first: int) -> int:
    if not first:
        raise Unreadable("a number is longer than there are any")
    return 9 - first.bit_length()


def _data(source: Source, element: _Element) -> bytes:
    """The content of an element that holds a value: never a long one."""
    return source.at(element.start, min(element.end - element.start, 64))
