"""A file's content type: by its name, or by its first bytes."""

import mimetypes

UNKNOWN = "application/octet-stream"
TEXT = "text/plain"
PAGE = "text/html"
HEAD_BYTES = 8192

# Kinds that models take and that the standard library's table lacks on some systems.
_MORE = {
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".heic": "image/heic",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".glb": "model/gltf-binary",
    ".safetensors": "application/octet-stream",
    ".srt": "application/x-subrip",
    ".vtt": "text/vtt",
    ".md": "text/markdown",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}
_WEAK = 0.2  # two bytes: since 2.0 it finds a rare kind of sound in any file that begins with two zeros
_PACKED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
# What `puremagic` lacks or calls by another name.
_BEGINNINGS = (
    (b"ID3", "audio/mpeg"),
    # What it knows too, but finds by trying hundreds of others: most of all files are these.
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"glTF", "model/gltf-binary"),
    (b"OggS", "audio/ogg"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
)
_NAMES = {"audio/wave": "audio/wav", "audio/x-wav": "audio/wav", "image/x-ms-bmp": "image/bmp"}
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<body")
# One container has several names, and its bytes do not always tell which.
_FAMILIES = (
    {"video/mp4", "audio/mp4", "video/quicktime", "video/x-m4v", "audio/x-m4a", "audio/m4a"},
    {"video/webm", "audio/webm", "video/x-matroska"},
    {"audio/ogg", "video/ogg", "application/ogg", "audio/opus"},
    {"image/heic", "image/heif", "image/avif"},
    {"image/tiff", "image/x-adobe-dng"},
)


def guess(name: str, head: bytes) -> str:
    """The content type of a file called `name` that begins with `head` (up to `HEAD_BYTES`)."""
    return by_name(name) or by_content(head) or (TEXT if _is_text(head) else UNKNOWN)


def by_name(name: str) -> str:
    """The content type that a name promises, or ""."""
    extension = name[name.rfind(".") :].lower() if "." in name else ""
    kind, packed = mimetypes.guess_type(name)
    if packed:
        return _PACKED.get(packed, UNKNOWN)
    return _MORE.get(extension) or kind or ""


def by_content(head: bytes) -> str:
    """The content type that a file's first bytes tell, or ""."""
    if is_page(head):
        return PAGE
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning):
            return kind
    import puremagic

    try:
        found = puremagic.from_string(head, mime=True)
        found = _NAMES.get(found, found)
        if not extension_for(found) and puremagic.magic_string(head)[0].confidence <= _WEAK:
            return ""
    except (puremagic.PureError, ValueError):
        return ""
    return found


def is_page(head: bytes) -> bool:
    """Whether a file begins as a web page does."""
    return head[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGES)


def are_alike(one: str, other: str) -> bool:
    """Whether two content types may be those of one file."""
    one, other = (_NAMES.get(kind, kind) for kind in (_plain(one), _plain(other)))
    return one == other or any({one, other} <= family for family in _FAMILIES)


def extension_for(content_type: str) -> str:
    """The usual extension of a content type with its dot, or ""."""
    plain = _plain(content_type)
    usual = {
        "image/jpeg": ".jpg",
        "audio/mpeg": ".mp3",
        "audio/wav": ".wav",
        "audio/wave": ".wav",
        "text/plain": ".txt",
        "application/json": ".json",
    }
    by_type = {kind: extension for extension, kind in reversed(_MORE.items()) if kind != UNKNOWN}
    return usual.get(plain) or by_type.get(plain) or mimetypes.guess_extension(plain) or ""


def _plain(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _is_text(head: bytes) -> bool:
    """Whether bytes are text in UTF-8, the last character perhaps cut."""
    if not head or b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and error.start > len(head) - 4
    return True
