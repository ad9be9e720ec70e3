"""What a file is, by its first bytes: a guess of two bytes is none."""

from pathlib import Path

import pytest

from fal_cli.files import content_type
from fal_cli.results import naming
from fal_cli.results.naming import Head

NOISE = bytes(range(7, 255)) * 8


@pytest.mark.parametrize("head", [b"\0\0" + NOISE, bytes(4) + NOISE, NOISE], ids=["two zeros", "four zeros", "noise"])
def test_bytes_that_are_nothing_known(head: bytes) -> None:
    assert content_type.by_content(head) == ""
    assert naming.truthful(Path("got.bin"), Head(head)) == Path("got.bin")


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\xfb\x90\x64" + bytes(100), "audio/mpeg"),
        (b"BM" + bytes(100), "image/bmp"),
        (b"GIF89a" + bytes(100), "image/gif"),
        (b"RIFF\x24\0\0\0WAVEfmt " + bytes(100), "audio/wav"),
        (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41" + bytes(100), "video/mp4"),
    ],
)
def test_bytes_that_are_known(head: bytes, kind: str) -> None:
    assert content_type.by_content(head) == kind


def test_a_kind_without_an_extension_takes_none_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_type, "by_content", lambda head: "video/x-nobody-knows")
    assert naming.truthful(Path("clip.mp4"), Head(b"x")) == Path("clip.mp4")
