"""WAV, MP3, Ogg, FLAC and AIFF: how long they are, by tinytag."""

from typing import BinaryIO, cast

from fal_cli.files.formats.source import Seen, Source

_OTHERS = ((b"ID3", "audio/mpeg"), (b"fLaC", "audio/flac"), (b"OggS", "audio/ogg"))


def look(source: Source, head: bytes) -> Seen | None:
    """What a file of sound says; None if it is none."""
    content_type = _type(head)
    return Seen(content_type, seconds=_seconds(source)) if content_type else None


def _type(head: bytes) -> str:
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    # Eleven set bits, a version and a layer that exist: the head of a frame of MPEG audio.
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 and head[1] & 0x18 != 0x08:
        return "audio/mpeg"
    return next((kind for mark, kind in _OTHERS if head.startswith(mark)), "")


def _seconds(source: Source) -> float | None:
    from tinytag import TinyTag, TinyTagException

    source.seek(0)
    try:
        # Tags are read too: without them the package reads every page of an Ogg file whole.
        return TinyTag.get(file_obj=cast(BinaryIO, source)).duration
    except TinyTagException:  # whatever it came upon, the limit of `Source` too
        return None
