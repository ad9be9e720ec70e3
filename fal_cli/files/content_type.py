"""A file's content type: by its name, then by its first bytes."""

import mimetypes

UNKNOWN = "application/octet-stream"
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
}


def guess(name: str, head: bytes) -> str:
    """The content type of a file called `name` that begins with `head` (up to `HEAD_BYTES`)."""
    extension = name[name.rfind(".") :].lower() if "." in name else ""
    known = _MORE.get(extension) or mimetypes.guess_type(name)[0]
    return known or _by_content(head)


def extension_for(content_type: str) -> str:
    """The usual extension of a content type with its dot, or ""."""
    plain = content_type.partition(";")[0].strip().lower()
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


def _by_content(head: bytes) -> str:
    import puremagic

    try:
        return puremagic.from_string(head, mime=True) or UNKNOWN
    except (puremagic.PureError, ValueError):
        return UNKNOWN
