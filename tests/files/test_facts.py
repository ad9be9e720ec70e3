"""What a media file says of itself, and that no file makes a look at it fail, or take long."""

import io
import struct
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import features

from fal_cli.files.facts import MediaFacts, facts
from fal_cli.files.formats.source import MOST_BYTES, MOST_READS
from tests.support import media_files as made

SVG = '<svg xmlns="http://www.w3.org/2000/svg" {}><rect/></svg>'
NEEDS_AVIF = pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")

# By what it is called: its bytes, its kind and type, its size, and how long it plays.
KNOWN: dict[str, tuple[bytes, str, str, tuple[int, int] | None, float | None]] = {
    "png": (made.picture("PNG"), "image", "image/png", (30, 20), None),
    "gif": (made.picture("GIF"), "image", "image/gif", (30, 20), None),
    "bmp": (made.picture("BMP"), "image", "image/bmp", (30, 20), None),
    "bmp of OS/2": (b"BM" + bytes(12) + struct.pack("<IHHHH", 12, 30, 20, 1, 24), "image", "image/bmp", (30, 20), None),
    "bmp from the top": (
        b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 30, -20, 1, 24), "image", "image/bmp", (30, 20), None,
    ),
    "webp": (made.picture("WEBP"), "image", "image/webp", (30, 20), None),
    "webp, lossless": (made.picture("WEBP", lossless=True), "image", "image/webp", (30, 20), None),
    "webp, extended": (made.picture("WEBP", mode="RGBA", quality=50), "image", "image/webp", (30, 20), None),
    "jpeg": (made.picture("JPEG"), "image", "image/jpeg", (30, 20), None),
    "jpeg, progressive": (made.picture("JPEG", progressive=True), "image", "image/jpeg", (30, 20), None),
    "heic": (made.heif((300, 200), (512, 512), (100, 50)), "image", "image/heic", (512, 512), None),
    "heic, turned": (made.heif((300, 200), turned=True), "image", "image/heic", (200, 300), None),
    "svg": (SVG.format('width="30" height="20px"').encode(), "image", "image/svg+xml", (30, 20), None),
    "svg in inches": (SVG.format('width="2.54cm" height="1in"').encode(), "image", "image/svg+xml", (96, 96), None),
    "svg, its box": (SVG.format('width="100%" viewBox="0,0 30 20"').encode(), "image", "image/svg+xml", (30, 20), None),
    "wav": (made.wav(1.5), "audio", "audio/wav", None, 1.5),
    "mp3": (made.mp3(100), "audio", "audio/mpeg", None, 100 * 1152 / 44100),
    "mp3 with a tag": (made.mp3(100, tag=bytes(3000)), "audio", "audio/mpeg", None, 100 * 1152 / 44100),
    "flac": (made.flac(3.5), "audio", "audio/flac", None, 3.5),
    "ogg": (made.ogg(2.5), "audio", "audio/ogg", None, 2.5),
    "mp4": (made.mp4(5), "video", "video/mp4", (640, 360), 5.0),
    "mp4, turned": (made.mp4(5, turned=True), "video", "video/mp4", (360, 640), 5.0),
    "mp4, described at its end": (made.mp4(5, late=True), "video", "video/mp4", (640, 360), 5.0),
    "mp4 in fragments": (made.mp4(5, fragments=True), "video", "video/mp4", (640, 360), 5.0),
    "mov": (made.mp4(5, brand=b"qt  "), "video", "video/quicktime", (640, 360), 5.0),
    "m4a": (made.mp4(5, None, brand=b"M4A "), "audio", "audio/mp4", None, 5.0),
    "mp4 of sound alone": (made.mp4(5, None), "audio", "audio/mp4", None, 5.0),
    "webm": (made.webm(4), "video", "video/webm", (640, 360), 4.0),
    "webm, recorded live": (made.webm(None, endless=True), "video", "video/webm", (640, 360), None),
    "webm of sound alone": (made.webm(4, None), "audio", "audio/webm", None, 4.0),
    "mkv": (made.webm(4, doc_type=b"matroska"), "video", "video/x-matroska", (640, 360), 4.0),
}  # fmt: skip
BYTES = {name: data for name, (data, *_) in KNOWN.items()}


class Counted(io.BytesIO):
    """Bytes that count what is read of them."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def is_believable(found: MediaFacts) -> bool:
    """Whether every number is one that a file can have."""
    sides = (found.width is None) == (found.height is None)
    sizes = all(side is None or 0 < side <= 1_000_000 for side in (found.width, found.height))
    return sides and sizes and (found.seconds is None or 0 < found.seconds <= 1_000_000)


class TestKnownFiles:
    @pytest.mark.parametrize("name", KNOWN)
    def test_each_says_what_it_is(self, tmp_path: Path, name: str) -> None:
        data, kind, content_type, size, seconds = KNOWN[name]
        path = tmp_path / "named.bin"  # a name that says nothing
        path.write_bytes(data)
        found = facts(path)
        assert (found.kind, found.content_type, found.bytes) == (kind, content_type, len(data))
        assert (found.width, found.height) == (size or (None, None))
        assert found.seconds == (pytest.approx(seconds, rel=0.02) if seconds else None)

    @NEEDS_AVIF
    def test_avif(self) -> None:
        found = facts(made.picture("AVIF", 300, 200))
        assert (found.kind, found.content_type, found.width, found.height) == ("image", "image/avif", 300, 200)

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_a_photograph_has_the_size_that_it_is_shown_in(self, orientation: int) -> None:
        found = facts(made.picture("JPEG", 30, 20, orientation=orientation))
        assert (found.width, found.height) == ((20, 30) if orientation > 4 else (30, 20))

    def test_the_bytes_decide_and_not_the_name(self, tmp_path: Path) -> None:
        path = tmp_path / "cat.png"
        path.write_bytes(BYTES["jpeg"])
        assert facts(path).content_type == "image/jpeg"

    def test_a_name_decides_what_the_bytes_leave_open(self) -> None:
        assert facts(b"v 0 0 0", name="cat.glb").kind == "other"
        assert facts(b"v 0 0 0", name="cat.glb").content_type == "model/gltf-binary"
        assert facts(b'{"a": 1}', name="a.json").kind == "text"
        assert facts("grüße".encode()[:3]).kind == "text"  # cut within a character
        assert facts(b"\x00\xf9\xfa\x80").kind == "unknown"

    def test_of_a_beginning_the_number_of_bytes_is_not_known(self) -> None:
        found = facts(BYTES["jpeg"][:400])
        assert (found.kind, found.bytes) == ("image", None)

    def test_an_open_file(self) -> None:
        stream = io.BytesIO(BYTES["png"])
        stream.read()
        assert facts(stream)[:3] == ("image", 30, 20)

    @pytest.mark.parametrize("path", ["missing", ".", "a\0b"])
    def test_a_path_that_is_no_file_is_unknown(self, tmp_path: Path, path: str) -> None:
        assert facts(tmp_path / path) == MediaFacts("unknown")


class TestHostileFiles:
    @pytest.mark.parametrize("name", KNOWN)
    def test_cut_anywhere_it_is_no_trouble(self, name: str) -> None:
        data = BYTES[name]
        for end in {*range(min(len(data), 300)), *range(300, len(data), 97)}:
            assert is_believable(facts(io.BytesIO(data[:end]))), end

    @settings(max_examples=120, deadline=None)
    @given(st.sampled_from(sorted(BYTES)), st.integers(0, 400), st.binary(min_size=1, max_size=12))
    def test_overwritten_anywhere_it_is_no_trouble(self, name: str, at: int, other: bytes) -> None:
        data = BYTES[name]
        stream = Counted(data[:at] + other + data[at + len(other) :])
        assert is_believable(facts(stream))
        assert stream.count <= MOST_BYTES

    @settings(max_examples=100, deadline=None)
    @given(
        st.sampled_from([data[:16] for data in BYTES.values()] + [b"", b"BM", b"\xff\xfb", b"<svg ", b"<?xml"]),
        st.binary(max_size=2000),
    )
    def test_anything_behind_a_known_mark_is_no_trouble(self, mark: bytes, rest: bytes) -> None:
        assert is_believable(facts(io.BytesIO(mark + rest)))

    @pytest.mark.parametrize(
        ("name", "data"),
        {
            "a picture of four billion pixels a side": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\xff" * 8,
            "no pixels": b"GIF89a" + bytes(20),
            "a film of ages": made.mp4(4_294_967.0),
            "a box smaller than its head": made.box(b"ftyp", b"isom") + struct.pack(">I4s", 4, b"moov") + bytes(100),
            "a box within itself": made.box(b"ftyp", b"isom") + struct.pack(">I4s", 0, b"moov") * 500,
            "a number without end": b"\x1aE\xdf\xa3" + bytes(100),
            "not a number": made.webm(float("nan")),
            "an infinite one": made.webm(float("inf")),
            "entities that grow": b'<!DOCTYPE a [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]><svg width="&b;" height="1"/>',
            "a size that is no number": SVG.format('width="1e999" height="nan"').encode(),
            "an encoding that is none": b'<?xml version="1.0" encoding="no-such"?><svg width="1" height="1"/>',
        }.items(),
    )
    def test_what_cannot_be_believed_is_not_known(self, name: str, data: bytes) -> None:
        found = facts(data)
        assert (found.width, found.seconds) in ((None, None), (640, None)), name

    @pytest.mark.parametrize(
        "unit",
        [
            pytest.param(made.box(b"free"), id="boxes"),
            pytest.param(b"\xff\xe0\x00\x02", id="segments"),
            pytest.param(made.element(0xEC), id="elements"),
            pytest.param(b"\xff\xfb\x00\x00", id="frames that are none"),
            pytest.param(made.ogg()[:28] + b"\0", id="pages"),
        ],
    )
    def test_however_much_of_it_there_is_no_more_than_the_limit_is_read(self, unit: bytes) -> None:
        heads = (b"\xff\xd8", made.box(b"ftyp", b"isom"), made.element(0x1A45DFA3), b"\xff\xfb", made.ogg()[:58])
        for head in heads:
            stream = Counted(head + unit * 2_000_000)
            assert is_believable(facts(stream))
            assert stream.count <= MOST_BYTES

    def test_a_file_of_a_terabyte_is_looked_at_as_fast(self, tmp_path: Path) -> None:
        path = tmp_path / "large.mp4"
        with path.open("wb") as stream:
            stream.write(made.box(b"ftyp", b"isom") + struct.pack(">I4sQ", 1, b"mdat", 2**40))
            stream.truncate(2**40)
        found = facts(path)
        assert (found.kind, found.seconds, found.bytes) == ("video", None, 2**40)

    def test_a_disk_that_fails_is_no_trouble(self) -> None:
        class Failing(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                raise OSError("the disk is gone")

        failing: BinaryIO = Failing(BYTES["png"])
        assert facts(failing) == MediaFacts("unknown", bytes=len(BYTES["png"]))


def test_the_limits_let_real_files_through() -> None:
    """Ten minutes of Ogg have some 600 pages, an hour of film some 20 boxes before its description."""
    assert MOST_READS >= 20_000
    assert MOST_BYTES >= 2**20
