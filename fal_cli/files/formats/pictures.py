"""PNG, GIF, BMP, WebP and JPEG: a picture's size from its first bytes, on its side where it is to be shown so."""

import struct

from fal_cli.files.formats.source import Seen, Source, Unreadable

_MOST_SEGMENTS = 1000
_NOT_SIZES = (0xC4, 0xC8, 0xCC)  # DHT, JPG, DAC stand among the markers of frames
_WITHOUT_LENGTH = (0x01, *range(0xD0, 0xD9))
_ENDS = (0xD9, 0xDA)  # the end, and the scan: no frame's size comes behind them
_LONGEST_EXIF = 64 * 1024
_MOST_TAGS = 512
_ORIENTATION = 0x0112
_ON_ITS_SIDE = (5, 6, 7, 8)


def look(source: Source, head: bytes) -> Seen | None:
    """What a picture says; None if it is none of these. Raises `Unreadable`, `struct.error`."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(head)
    if head.startswith((b"GIF87a", b"GIF89a")):
        return Seen("image/gif", *struct.unpack_from("<HH", head, 6))
    if head.startswith(b"BM"):
        return _bmp(head)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _webp(head)
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg(source)
    return None


def _png(head: bytes) -> Seen:
    return Seen("image/png", *struct.unpack_from(">II", head, 16)) if head[12:16] == b"IHDR" else Seen("image/png")


def _bmp(head: bytes) -> Seen | None:
    (header_size,) = struct.unpack_from("<I", head, 14)
    if header_size == 12:
        return Seen("image/bmp", *struct.unpack_from("<HH", head, 18))
    if not 16 <= header_size <= 1024:
        return None  # two letters are too few to go by
    width, height = struct.unpack_from("<ii", head, 18)
    return Seen("image/bmp", width, abs(height))  # a negative one is stored from the top


def _webp(head: bytes) -> Seen:
    form = head[12:16]
    if form == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        return Seen("image/webp", width, height) if len(head) >= 30 else Seen("image/webp")
    if form == b"VP8L" and head[20:21] == b"\x2f":
        (bits,) = struct.unpack_from("<I", head, 21)
        return Seen("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if form == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", head, 26)
        return Seen("image/webp", width & 0x3FFF, height & 0x3FFF)
    return Seen("image/webp")


def _jpeg(source: Source) -> Seen:
    """Walks the segments to the frame's, which holds the size; an Exif segment before it may turn the picture."""
    at, is_turned = 2, False
    for _ in range(_MOST_SEGMENTS):
        marker, at = _marker(source, at)
        if marker in _WITHOUT_LENGTH:
            continue
        if marker in _ENDS:
            break
        (length,) = struct.unpack(">H", source.at(at, 2))
        if 0xC0 <= marker <= 0xCF and marker not in _NOT_SIZES:
            height, width = struct.unpack(">HH", source.at(at + 3, 4))
            seen = Seen("image/jpeg", width, height)
            return seen.turned() if is_turned else seen
        if marker == 0xE1 and length > 16:
            is_turned = is_turned or _is_on_its_side(source.up_to(at + 2, min(length - 2, _LONGEST_EXIF)))
        at += max(length, 2)
    return Seen("image/jpeg")


def _marker(source: Source, at: int) -> tuple[int, int]:
    """The marker at a place, behind any number of fill bytes, and where its segment begins."""
    found = source.up_to(at, 64)
    if not found.startswith(b"\xff"):
        raise Unreadable("a segment does not begin where it should")
    plain = found.lstrip(b"\xff")
    if not plain:
        raise Unreadable("nothing but fill bytes")
    return plain[0], at + len(found) - len(plain) + 1


def _is_on_its_side(segment: bytes) -> bool:
    """Whether an Exif segment says that width and height are to be exchanged."""
    if not segment.startswith(b"Exif\0\0"):
        return False
    tiff = segment[6:]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return False
    try:
        (first,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, first)
        for number in range(min(count, _MOST_TAGS)):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, first + 2 + 12 * number)
            if tag == _ORIENTATION:
                return kind == 3 and value in _ON_ITS_SIDE
    except struct.error:  # a directory that is cut short turns nothing
        return False
    return False
