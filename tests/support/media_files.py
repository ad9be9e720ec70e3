"""Media files, made here: pictures by Pillow, a WAV by the standard library, and the least that makes the others."""

import io
import struct
import wave
from typing import Any

from PIL import Image

ORIENTATION = 0x0112


def picture(
    kind: str, width: int = 30, height: int = 20, *, mode: str = "RGB", orientation: int = 0, **how: Any
) -> bytes:
    """A picture in one of Pillow's formats; `orientation` is what its Exif says."""
    image = Image.new(mode, (width, height), "red" if mode != "RGBA" else (255, 0, 0, 128))
    if orientation:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        how["exif"] = exif
    written = io.BytesIO()
    image.save(written, kind, **how)
    return written.getvalue()


def wav(seconds: float = 1.5, rate: int = 8000) -> bytes:
    """Silence."""
    written = io.BytesIO()
    with wave.open(written, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(bytes(2 * int(seconds * rate)))
    return written.getvalue()


def mp3(frames: int = 100, *, tag: bytes = b"") -> bytes:
    """Silent frames of MPEG 1, layer III, 128 kbit/s, 44.1 kHz: 1152 samples each. `tag` stands before them as ID3."""
    head = b"ID3\x04\0\0" + _synchsafe(len(tag)) + tag if tag else b""
    return head + (b"\xff\xfb\x90\x64" + bytes(413)) * frames


def flac(seconds: float = 3.5, rate: int = 44100) -> bytes:
    """A FLAC file's description; of its frames nothing."""
    samples = int(seconds * rate)
    packed = rate << 44 | 0 << 41 | 15 << 36 | samples
    return b"fLaC\x80\0\0\x22" + struct.pack(">HH6x", 4096, 4096) + packed.to_bytes(8, "big") + bytes(16)


def ogg(seconds: float = 2.5, rate: int = 44100) -> bytes:
    """The first pages of Vorbis and the last one, which says how many samples there were."""
    identification = b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 1, rate, 0, 64000, 0, 0xB8, 1)
    comment = b"\x03vorbis" + struct.pack("<I3sIB", 3, b"fal", 0, 1)
    pages = ((2, 0, identification), (0, 0, comment), (4, int(seconds * rate), bytes(50)))
    return b"".join(_page(kind, samples, number, data) for number, (kind, samples, data) in enumerate(pages))


def _page(kind: int, samples: int, number: int, data: bytes) -> bytes:
    return b"OggS" + struct.pack("<BBqIIIBB", 0, kind, samples, 1, number, 0, 1, len(data)) + data


def _synchsafe(count: int) -> bytes:
    return bytes(count >> shift & 0x7F for shift in (21, 14, 7, 0))


# -- boxes


def box(name: bytes, *parts: bytes) -> bytes:
    """A box of ISO's."""
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, name) + content


def mp4(
    seconds: float = 5.0,
    size: tuple[int, int] | None = (640, 360),
    *,
    brand: bytes = b"isom",
    turned: bool = False,
    late: bool = False,
    fragments: bool = False,
) -> bytes:
    """A film, or sound alone without `size`; `late` has its description behind the frames, as it is often written."""
    length = int(seconds * 1000)
    header = box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, 0 if fragments else length), bytes(80))
    extends = box(b"mvex", box(b"mehd", struct.pack(">II", 0, length))) if fragments else b""
    tracks = _track(b"soun", (0, 0), turned=False) + (_track(b"vide", size, turned=turned) if size else b"")
    parts = [box(b"moov", header, extends, tracks), box(b"mdat", bytes(1000))]
    return box(b"ftyp", brand, bytes(4), b"isommp42") + b"".join(reversed(parts) if late else parts)


def _track(kind: bytes, size: tuple[int, int], *, turned: bool) -> bytes:
    matrix = (
        (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30) if turned else (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    )
    header = box(b"tkhd", bytes(40), struct.pack(">9i", *matrix), struct.pack(">II", size[0] << 16, size[1] << 16))
    return box(b"trak", header, box(b"mdia", box(b"hdlr", bytes(8), kind, bytes(12))))


def heif(*sizes: tuple[int, int], brand: bytes = b"heic", turned: bool = False) -> bytes:
    """A picture in boxes, with the sizes of its parts."""
    found = [box(b"ispe", struct.pack(">III", 0, *size)) for size in sizes]
    properties = box(b"ipco", *found, *([box(b"irot", b"\x01")] if turned else []))
    return box(b"ftyp", brand, bytes(4), b"mif1", brand) + box(b"meta", bytes(4), box(b"iprp", properties))


# -- elements


def element(number: int, *parts: bytes, size: int | None = None) -> bytes:
    """An element of Matroska's; `size` instead of its true one."""
    content = b"".join(parts)
    length = len(content) if size is None else size
    return number.to_bytes((number.bit_length() + 7) // 8, "big") + (length | 1 << 56).to_bytes(8, "big") + content


def webm(
    seconds: float | None = 4.0,
    size: tuple[int, int] | None = (640, 360),
    *,
    doc_type: bytes = b"webm",
    endless: bool = False,
) -> bytes:
    """A film, or sound alone without `size`; `endless` as a live recording is written."""
    duration = [element(0x4489, struct.pack(">d", seconds * 1000))] if seconds else []
    info = element(0x1549A966, element(0x2AD7B1, (1_000_000).to_bytes(3, "big")), *duration)
    tracks = [element(0xAE, element(0x83, b"\x02"))]
    if size:
        sides = [element(0xB0, size[0].to_bytes(2, "big")), element(0xBA, size[1].to_bytes(2, "big"))]
        tracks.append(element(0xAE, element(0x83, b"\x01"), element(0xE0, *sides)))
    frames = element(0x1F43B675, bytes(100))
    segment = element(0x18538067, info, element(0x1654AE6B, *tracks), frames, size=2**56 - 1 if endless else None)
    return element(0x1A45DFA3, element(0x4282, doc_type)) + segment
